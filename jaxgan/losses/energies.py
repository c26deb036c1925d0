"""Losses of critics that are energies: the logit of an image is its negative energy, at most 0."""

import jax.numpy as jnp
from jax.nn import relu

from jaxgan.core.parts import couples
from jaxgan.core.typing import Array
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
