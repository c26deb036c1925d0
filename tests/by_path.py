"""States as plain arrays by path, to compare them leaf by leaf, and their size."""

import jax
import numpy as np


def leaves(tree):
  """Every leaf under its path; typed keys as their numbers."""
  is_key = lambda x: jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
  pairs = jax.tree_util.tree_leaves_with_path(tree)
  return {
    jax.tree_util.keystr(path): np.asarray(jax.random.key_data(x) if is_key(x) else x)
    for path, x in pairs
  }


def count(tree):
  """How many numbers its arrays hold, or would hold."""
  return sum(x.size for x in jax.tree.leaves(tree))
