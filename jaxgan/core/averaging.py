"""Rules that average parameters once all turns of a step are played."""

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array

HalfLife = float | Callable[[Array], Array]
"""In images: constant, or a function of the step."""

_TINY = 1e-8  # images; a half-life of 0 is a decay of 0


def ema(
  network: str, *, half_life: HalfLife, images_per_step: int, rampup: float | None = 0.05
) -> Callable[[TrainState], TrainState]:
  """Keep an exponential moving average of a network's parameters in `state.ema`.

  average <- theta + beta (average - theta),  beta = 0.5^(images_per_step / h)

  With `rampup` h is at most that fraction of the images seen before this step, so the first step
  copies, and the average of a young run is no older than the run warrants. Statistics that are not
  parameters are not averaged.

  Args:
    network: its name; its player must have this rule as its `average`.
    half_life: images after which a parameter's share has halved, or a function of the step that
      gives them; 0 copies at every step.
    images_per_step: the global batch, over all devices.
    rampup: a fraction, or None for h = `half_life` from the start.

  Raises:
    ValueError: a negative half-life or ramp-up, no images in a step; when called, a network of
      which no average is kept.

  Karras et al. 2020 (StyleGAN2-ADA).
  """
  fixed = 0.0 if callable(half_life) else half_life
  if fixed < 0 or images_per_step < 1 or (rampup is not None and rampup < 0):
    raise ValueError(
      'ema needs half_life >= 0, images_per_step >= 1 and rampup >= 0 or None, '
      f'got {fixed}, {images_per_step} and {rampup}'
    )

  def rule(state: TrainState) -> TrainState:
    if network not in state.ema:
      raise ValueError(
        f'no average is kept of {network!r}, only of {sorted(state.ema)}: '
        'give its Player an average'
      )
    beta = _decay(state.step, half_life, images_per_step, rampup)
    # In this order a constant parameter stays, and a decay of 0 copies, to the last bit.
    lerp = lambda mean, theta: (theta + beta * (mean - theta)).astype(mean.dtype)
    average = jax.tree.map(lerp, state.ema[network], state.params[network])
    return replace(state, ema={**state.ema, network: average})

  return rule


def history(*networks: str) -> Callable[[TrainState], TrainState]:
  """Keep the mean of all that networks' parameters have been in `memory['history']`, by network.

  mean <- mean + (theta - mean) / t after step number t, counted from 1

  The memory must hold arrays of their shapes from the start; of what value does not matter.

  Salimans et al. 2016.
  """

  def rule(state: TrainState) -> TrainState:
    share = 1 / (state.step.astype(jnp.float32) + 1)
    lerp = lambda mean, theta: mean + (share * (theta - mean)).astype(mean.dtype)
    old = state.memory['history']
    means = {name: jax.tree.map(lerp, old[name], state.params[name]) for name in networks}
    return replace(state, memory={**state.memory, 'history': {**old, **means}})

  return rule


def _decay(step: Array, half_life: HalfLife, images: int, rampup: float | None) -> Array:
  life = half_life(step) if callable(half_life) else half_life
  seen = step.astype(jnp.float32) * images  # an int32 would overflow at 2 ** 31 images
  limit = jnp.inf if rampup is None else rampup * seen
  return 0.5 ** (images / jnp.maximum(jnp.minimum(life, limit), _TINY))
