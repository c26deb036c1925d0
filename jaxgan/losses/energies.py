"""Losses of critics that are energies: the logit of an image is its negative energy, at most 0."""

from dataclasses import replace

import jax.numpy as jnp
from jax.nn import relu

from jaxgan.core.nets import Nets
from jaxgan.core.parts import couples
from jaxgan.core.typing import Array, Logs
from jaxgan.losses.adversarial import Observe
from jaxgan.losses.objectives import Objective, of_losses
from jaxgan.networks.heads import unit


def margin(size: float) -> Objective:
  """Return the objective of EBGAN: the critic raises the energy of fakes up to a margin m.

  critic: -E r + E relu(m + f);  generator: -E f

  At the optimum fakes have the distribution of real images. The critic's loss is then m, and the
  mean energy of both is some constant between 0 and m.

  Args:
    size: the margin m, above 0.

  Raises:
    ValueError: the margin is not above 0.

  Example:
    >>> import jax.numpy as jnp
    >>> float(margin(2.0).critic(-jnp.array([0.5]), -jnp.array([1.5])))
    1.0

  Reference: Zhao et al., Energy-based Generative Adversarial Network, 2017.
  """
  if not size > 0:
    raise ValueError(f'the margin must be above 0, it is {size}')
  return of_losses(lambda r, f: relu(size + f).mean() - r.mean(), lambda r, f: -f.mean())


def pulling_away(codes: Array) -> Array:
  """Return the pulling-away term, the mean squared cosine of all pairs of different codes.

  PT = sum over i != j of cos(s_i, s_j)^2 / (B (B - 1))

  It is 0 where all are orthogonal, and 1 where all are parallel.

  Args:
    codes: s, `[B, ...]`, two or more.

  Raises:
    ValueError: the batch is given in parts, as `couples`.

  Example:
    >>> import jax.numpy as jnp
    >>> float(pulling_away(jnp.array([[1.0, 0.0], [0.0, 2.0]])))
    0.0

  Reference: Zhao et al., Energy-based Generative Adversarial Network, 2017.
  """
  couples('the pulling-away term')
  rows = codes.reshape(len(codes), -1)
  rows = rows.astype(jnp.promote_types(rows.dtype, jnp.float32))
  directions = unit(rows)
  cosines = directions @ directions.T
  return (jnp.sum(cosines**2) - jnp.sum(jnp.diagonal(cosines) ** 2)) / (len(rows) * (len(rows) - 1))


def boundary(k: Array | float) -> Objective:
  """Return the objective of BEGAN, whose critic weighs the energy of fakes by k.

  critic: -E r + k E f;  generator: -E f

  Args:
    k: from 0, where the critic restores real images and no more, to 1.

  Example:
    >>> import jax.numpy as jnp
    >>> float(boundary(0.5).critic(-jnp.array([2.0]), -jnp.array([1.0])))
    1.5

  Reference: Berthelot et al., BEGAN: Boundary Equilibrium Generative Adversarial Networks, 2017.
  """
  made = of_losses(lambda r, f: k * f.mean() - r.mean(), lambda r, f: -f.mean())
  return made._replace(opposed=False)  # in balance fakes have the smaller energy


def balancing(gamma: float, rate: float) -> Observe:
  """Return what changes the k of `boundary` so that fakes have gamma times the energy of images.

  k <- clip(k + rate (gamma L(x) - L(G(z))), 0, 1), where L is the mean energy

  k is in the memory as `k`. Logged are k and the measure of convergence, which falls while images
  get better and energies come into balance: M = L(x) + |gamma L(x) - L(G(z))|.

  Args:
    gamma: the ratio L(G(z)) / L(x) to reach, above 0. The article: the smaller, the less diverse.
    rate: how fast k changes, 0 or above.

  Reference: Berthelot et al., BEGAN: Boundary Equilibrium Generative Adversarial Networks, 2017.
  """

  def observe(nets: Nets, real_logits: Array, fake_logits: Array) -> tuple[Nets, Logs]:
    k = nets.memory['k']
    real, fake = (-logits.astype(k.dtype).mean() for logits in (real_logits, fake_logits))
    off = gamma * real - fake
    moved = jnp.clip(k + rate * off, 0, 1)
    return replace(nets, memory={**nets.memory, 'k': moved}), {
      'k': k,
      'measure': real + jnp.abs(off),
    }

  return observe
