import numpy as np
import pytest

from jaxgan.evaluation.metrics import checks


@pytest.mark.parametrize(
  ('x', 'words'),
  [
    (np.zeros(3), r'\[N, d\], got float64\[3\]'),
    (np.zeros((2, 3, 4)), r'\[2, 3, 4\]'),
    (np.array([['a']]), 'real numbers'),
    (np.zeros((2, 2), complex), 'real numbers'),
    (np.zeros((0, 2)), 'x has 0 rows'),
    (np.array([[0.0], [np.nan], [np.inf]]), 'not finite in 2 rows, first 1'),
  ],
)
def test_wrong_features_are_named(x, words):
  with pytest.raises(ValueError, match=words):
    checks.features('x', x)


def test_features_become_float64():
  assert checks.features('x', np.ones((2, 3), np.uint8)).dtype == np.float64


def test_widths_must_agree():
  with pytest.raises(ValueError, match='real has 2 features and fake 3'):
    checks.pair(np.ones((4, 2)), np.ones((4, 3)))
