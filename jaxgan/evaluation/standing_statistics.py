"""Standing statistics: the statistics of batch norm, measured again for other latents.

A generator with batch norm that is given latents unlike those of its training meets maps unlike
those whose statistics it keeps. Standing statistics are measured on the latents that it will see.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.network import Network
from jaxgan.core.typing import Array, Variables

STATISTICS = 'batch_stats'


def statistics(
  network: Network,
  variables: Variables,
  inputs: Callable[[Array], Sequence[Array]],
  batches: int = 16,
) -> Variables:
  """The variables with batch norm's running statistics replaced by means over fresh batches.

  mean = 1/N sum_i mean_i,  variance = 1/N sum_i variance_i,  i = 0 .. N - 1

  Nothing else changes, and the old statistics count for nothing. Pure; for `jax.jit` N is static.

  Args:
    network: one that keeps its running statistics as the layers of this library do, in the
      collection `batch_stats`, each moving as r <- m r + (1 - m) statistic with an m of its own.
    variables: `{'params': ..., 'batch_stats': ..., ...}`.
    inputs: `inputs(i)` is batch number i of what the network takes, such as (latents, labels).
    batches: N, of 16 or more; the authors took 100.

  Raises:
    ValueError: no batches, or a network without batch norm.

  References: Brock et al., 2018 (BigGAN).
  """
  if batches < 1:
    raise ValueError(f'standing statistics need 1 batch or more, got {batches}')
  if not variables.get(STATISTICS):
    raise ValueError('standing statistics are of batch norm, and this network has none')

  def moved(i: Any, start: float) -> Variables:
    begun = jax.tree.map(lambda x: jnp.full_like(x, start), variables[STATISTICS])
    return network.apply({**variables, STATISTICS: begun}, *inputs(i), train=True)[1][STATISTICS]

  # Running statistics are linear in where they start: from 0 they move to (1 - m) statistic, from
  # 1 to m more.
  zero = moved(0, 0.0)
  share = jax.tree.map(lambda one, zero: 1 - (one - zero), moved(0, 1.0), zero)
  add = lambda i, total: jax.tree.map(jnp.add, total, moved(i, 0.0))
  total = lax.fori_loop(1, batches, add, zero)
  return {**variables, STATISTICS: jax.tree.map(lambda x, s: x / (s * batches), total, share)}
