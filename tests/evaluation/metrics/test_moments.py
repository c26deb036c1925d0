import functools

import chex
import numpy as np
import pytest

from jaxgan.evaluation.metrics import moments

X = np.random.default_rng(0).normal(size=(101, 7)) + 100


@pytest.mark.parametrize('size', [1, 7, 50, 101])
def test_any_batches_any_order_are_the_whole(size):
  parts = [moments.of(X[i : i + size]) for i in range(0, len(X), size)]
  for chosen in (parts, parts[::-1]):
    whole = functools.reduce(moments.merge, chosen)
    assert whole.n == 101
    chex.assert_trees_all_close(whole.mean, X.mean(0), rtol=1e-13)
    chex.assert_trees_all_close(whole.covariance, np.cov(X.T), rtol=1e-9, atol=1e-12)


def test_associative():
  a, b, c = (moments.of(part) for part in np.split(X[:99], 3))
  left, right = moments.merge(moments.merge(a, b), c), moments.merge(a, moments.merge(b, c))
  chex.assert_trees_all_close(left, right, rtol=1e-12)


def test_what_does_not_fit_is_refused():
  with pytest.raises(ValueError, match='7 and 3 features'):
    moments.merge(moments.of(X), moments.of(X[:, :3]))
  with pytest.raises(ValueError, match='2 rows or more, got 1'):
    _ = moments.of(X[:1]).covariance
