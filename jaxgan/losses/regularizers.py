"""Regularizers: terms of parameters or of their history, and averages of logits for LeCam."""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Logs, Tree
from jaxgan.losses.adversarial import Observe
from jaxgan.losses.gradient_penalties import _wide

Regularizer = Callable[[Tree], Array]
"""A function from the parameters of one network to a scalar."""


def orthogonal(weight: float = 1e-4, skip: Collection[str] = ()) -> Regularizer:
  """Return the regularizer that makes filters orthogonal to each other, of any length.

  weight sum |W W' (1 - I)|_F^2, over every W = w as [out, rest] with two or more axes

  The authors' code adds half of the gradient of this term.

  Args:
    weight: the weight, >= 0.
    skip: names of layers; their parameters are not regularized.

  Reference: Brock et al., Large Scale GAN Training, 2018 (BigGAN).
  """

  def regularizer(params: Tree) -> Array:
    leaves = jax.tree_util.tree_leaves_with_path(params)
    kept = [w for path, w in leaves if w.ndim > 1 and not {key.key for key in path} & set(skip)]
    return weight * sum(map(_crossings, kept), start=jnp.zeros(()))

  return regularizer


def _crossings(w: Array) -> Array:
  """Return |W W' (1 - I)|_F^2 with W = w as [out, rest], by the smaller of W W' and W' W."""
  w = w.reshape(-1, w.shape[-1]).astype(_wide(w))
  product = partial(jnp.matmul, precision=lax.Precision.HIGHEST)
  if w.shape[0] < w.shape[1]:
    return (product(w, w.T) ** 2).sum() - ((w * w).sum(0) ** 2).sum()
  return (product(w.T, w) ** 2 * (1 - jnp.eye(w.shape[1], dtype=w.dtype))).sum()


def remembering(start: int = 1000, decay: float = 0.99) -> Observe:
  """Return the function that averages real and fake logits in `memory['logits']`, for `lecam`.

  mean <- now + decay (mean - now), where `now` is the mean of the batch

  Args:
    start: before this step the averages are the means of the batch.
    decay: the share of the old average that each update keeps, in [0, 1].
  """

  def observe(nets: Nets, real: Array, fake: Array) -> tuple[Nets, Logs]:
    left = jnp.where(nets.step < start, 0.0, decay)
    old, now = nets.memory['logits'], {'real': real.mean(), 'fake': fake.mean()}
    means = {side: now[side] + left * (old[side] - now[side]) for side in now}
    return replace(nets, memory={**nets.memory, 'logits': means}), {}

  return observe


# Losses to add to other losses.


def of_parameters(name: str, regularizer: Regularizer) -> Loss:
  """Return the loss of a network's parameters only; it is logged as `regularizer`."""

  def loss(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    value = regularizer(nets.params[name])
    return value, nets, {'regulariser': value}

  return loss


def historical(name: str, weight: float) -> Loss:
  """Return the loss that pulls a network towards the mean of its past parameters.

  weight |theta - mean|^2, over all its parameters; 0 at the first step, which has no past

  Args:
    name: the name of the network. The rule `averaging.history` must keep its mean.
    weight: the weight, >= 0.

  Reference: Salimans et al., Improved Techniques for Training GANs, 2016.
  """

  def loss(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    apart = jax.tree.map(jnp.subtract, nets.params[name], nets.memory['history'][name])
    square = sum(jnp.vdot(x, x, precision=lax.Precision.HIGHEST) for x in jax.tree.leaves(apart))
    value = jnp.where(nets.step > 0, weight, 0.0) * square
    return value, nets, {'history': value}

  return loss
