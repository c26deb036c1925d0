"""Standing statistics: batch statistics that are measured again, for other latents.

The running statistics of a generator with batch norm belong to the latents of its training. They
are wrong for other latents, such as truncated ones. Standing statistics are measured on the latents
that the generator will get.
"""

from collections.abc import Callable, Sequence

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
  """Replace the running statistics of batch norm by means over N new batches.

  mean = 1/N sum_i mean_i,  variance = 1/N sum_i variance_i,  i = 0 .. N - 1

  The old statistics have no influence. The function is pure; under `jax.jit` N is static.

  Args:
    network: a network that keeps running statistics as the layers of this library do: in the
      collection `batch_stats`, each updated as r <- m r + (1 - m) statistic with its own m.
    variables: `{'params': ..., 'batch_stats': ..., ...}`.
    inputs: `inputs(i)` returns batch number i of the network's inputs, such as (latents, labels).
    batches: N, 1 or more; 16 or more is recommended, and the authors took 100.

  Returns:
    The variables with new `batch_stats`; all other collections are unchanged.

  Raises:
    ValueError: `batches` is below 1, or the network has no batch norm.

  References: Brock et al., 2018 (BigGAN).
  """
  if batches < 1:
    raise ValueError(f'standing statistics need 1 batch or more, got {batches}')
  if not variables.get(STATISTICS):
    raise ValueError('standing statistics need a network with batch norm, and this one has none')

  def moved(i: Array, start: float) -> Variables:
    begun = jax.tree.map(lambda x: jnp.full_like(x, start), variables[STATISTICS])
    return network.apply({**variables, STATISTICS: begun}, *inputs(i), train=True)[1][STATISTICS]

  # An update is linear in the old value: it maps 0 to (1 - m) statistic, and 1 to m more.
  first = jnp.asarray(0)
  zero = moved(first, 0.0)
  share = jax.tree.map(lambda one, zero: 1 - (one - zero), moved(first, 1.0), zero)
  add = lambda i, total: jax.tree.map(jnp.add, total, moved(i, 0.0))
  total = lax.fori_loop(1, batches, add, zero)
  return {**variables, STATISTICS: jax.tree.map(lambda x, s: x / (s * batches), total, share)}
