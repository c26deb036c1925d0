"""Options of tables."""

from jaxgan import variants
from jaxgan.data.csv_files import Kinds


def test_what_is_decided_about_columns():
  config = variants.configure('ctgan', categorical=['a'], numeric=('b',), drop=('c', 'd'))
  assert config.kinds == Kinds(('a',), ('b',), ('c', 'd'))
  assert variants.configure('ctgan').kinds == Kinds()
