import numpy as np
import pytest

from jaxgan.evaluation.metrics import checks, memorization, modes, neighbors, retrieval


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


@pytest.mark.parametrize(
  ('call', 'words'),
  [
    (lambda a, b: memorization.memorization(a, b, b), 'train has 3 features and fake 2'),
    (lambda a, b: modes.mixture(a, b, 1.0), 'samples has 2 features and means 3'),
    (lambda a, b: neighbors.outliers(a, b, 2), 'known has 2 features and asked 3'),
    (
      lambda a, b: retrieval.r_precision(a, b, np.zeros(9, int)),
      'images has 2 features and texts 3',
    ),
  ],
)
def test_a_message_calls_them_as_the_metric_does(call, words):
  with pytest.raises(ValueError, match=words):
    call(np.ones((9, 2)), np.ones((9, 3)))
