"""A process in which jaxgan cannot be imported, and how far images are apart."""

import numpy as np
import pytest

from jaxgan.apps import elsewhere


def test_the_other_process_reads_file_and_arrays_and_has_no_jaxgan():
  code = """
import sys
import numpy as np
try:
  import jaxgan
except ImportError:
  print(open(sys.argv[1]).read(), int(np.load(sys.argv[2])['a'].sum()), sys.argv[3])
"""
  assert elsewhere.run(code, b'data', {'a': np.arange(4)}, 'more') == 'data 6 more'


def test_its_failure_is_one_sentence():
  with pytest.raises(ValueError, match='cannot be used without jaxgan: KeyError: 1$'):
    elsewhere.run('{}[1]', b'', {})


def test_a_difference_is_a_share_of_the_largest_number():
  assert elsewhere.difference(np.array([3.0, -4.0]), np.array([3.0, -5.0])) == pytest.approx(0.2)
  assert elsewhere.difference(np.zeros(2), np.zeros(2)) == 0
