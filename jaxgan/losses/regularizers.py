"""Terms added to losses: of parameters, of their history, of the history of logits."""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.game import Loss, Nets
from jaxgan.core.typing import Array, Batch, Key, Logs, Tree
from jaxgan.losses.adversarial import Observe
from jaxgan.losses.gradient_penalties import _wide

Regulariser = Callable[[Tree], Array]
"""`params -> scalar`, of one network."""


def orthogonal(weight: float = 1e-4, skip: Collection[str] = ()) -> Regulariser:
  """Filters at right angles to each other, of any length.

  weight sum |W W' (1 - I)|_F^2, over every W = w as [out, rest] of two axes or more

  Parameters below one of the names `skip` are left out. The authors' code adds half of this term's
  gradient. Brock et al. 2018 (BigGAN).
  """

  def regulariser(params: Tree) -> Array:
    leaves = jax.tree_util.tree_leaves_with_path(params)
    kept = [w for path, w in leaves if w.ndim > 1 and not {key.key for key in path} & set(skip)]
    return weight * sum(map(_crossings, kept), start=jnp.zeros(()))

  return regulariser


def _crossings(w: Array) -> Array:
  """|W W' (1 - I)|_F^2 with W = w as [out, rest]; by the smaller of W W' and W' W."""
  w = w.reshape(-1, w.shape[-1]).astype(_wide(w))
  product = partial(jnp.matmul, precision=lax.Precision.HIGHEST)
  if w.shape[0] < w.shape[1]:
    return (product(w, w.T) ** 2).sum() - ((w * w).sum(0) ** 2).sum()
  return (product(w.T, w) ** 2 * (1 - jnp.eye(w.shape[1], dtype=w.dtype))).sum()


def remembering(start: int = 1000, decay: float = 0.99) -> Observe:
  """Return what averages the means of real and fake logits in `memory['logits']`, for `lecam`.

  mean <- now + decay (mean - now); until step number `start` it is the batch's own.
  """

  def observe(nets: Nets, real: Array, fake: Array) -> tuple[Nets, Logs]:
    left = jnp.where(nets.step < start, 0.0, decay)
    old, now = nets.memory['logits'], {'real': real.mean(), 'fake': fake.mean()}
    means = {side: now[side] + left * (old[side] - now[side]) for side in now}
    return replace(nets, memory={**nets.memory, 'logits': means}), {}

  return observe


# Terms to be added to them.


def of_parameters(name: str, regulariser: Regulariser) -> Loss:
  """A term of a network's parameters alone, which is logged as `regulariser`."""

  def loss(nets: Nets, batch: Batch, key: Key):
    value = regulariser(nets.params[name])
    return value, nets, {'regulariser': value}

  return loss


def historical(name: str, weight: float) -> Loss:
  """A network is drawn to the mean of what it has been, which `after.history` keeps.

  weight |theta - mean|^2, of all its parameters; at the first step, which has no past, 0.

  References: Salimans et al., Improved Techniques for Training GANs, 2016.
  """

  def loss(nets: Nets, batch: Batch, key: Key):
    apart = jax.tree.map(jnp.subtract, nets.params[name], nets.memory['history'][name])
    square = sum(jnp.vdot(x, x, precision=lax.Precision.HIGHEST) for x in jax.tree.leaves(apart))
    value = jnp.where(nets.step > 0, weight, 0.0) * square
    return value, nets, {'history': value}

  return loss
