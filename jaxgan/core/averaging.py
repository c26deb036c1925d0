"""Rules that update averages of parameters after all turns of a step."""

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array

HalfLife = float | Callable[[Array], Array]
"""A half-life in images: a constant, or a function of the step."""

_TINY = 1e-8  # the smallest half-life in images; with it the decay is 0


def ema(
  network: str, *, half_life: HalfLife, images_per_step: int, rampup: float | None = 0.05
) -> Callable[[TrainState], TrainState]:
  """Return the rule that keeps an exponential moving average of a network in `state.ema`.

  average <- theta + beta (average - theta),  beta = 0.5^(images_per_step / h)

  With `rampup`, h is at most that fraction of the images seen before this step. So the first step
  copies the parameters, and an average early in a run covers only a short time. Only parameters are
  averaged, not batch statistics.

  Args:
    network: the name of the network; its player must have this rule as its `average`.
    half_life: h, the number of images after which the weight of old parameters has halved, or a
      function of the step that returns it; >= 0; 0 copies the parameters at every step.
    images_per_step: the global batch size, over all devices; >= 1.
    rampup: a fraction >= 0, or None for h = `half_life` from the first step on.

  Returns:
    The rule, a function from state to state.

  Raises:
    ValueError: a negative half-life or ramp-up, or no images in a step. The rule raises it where
      `state.ema` holds no average of the network.

  Reference: Karras et al., Training Generative Adversarial Networks with Limited Data, 2020
  (StyleGAN2-ADA).
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
    # In this order a constant parameter stays equal, and a decay of 0 copies, to the last bit.
    lerp = lambda mean, theta: (theta + beta * (mean - theta)).astype(mean.dtype)
    average = jax.tree.map(lerp, state.ema[network], state.params[network])
    return replace(state, ema={**state.ema, network: average})

  return rule


def history(*networks: str) -> Callable[[TrainState], TrainState]:
  """Return the rule that keeps the mean over all steps of networks' parameters.

  mean <- mean + (theta - mean) / t after step number t, counted from 1

  The means are `memory['history'][network]`. The game's memory must hold arrays of the same shapes
  there from the start; their first values do not matter.

  Args:
    networks: the names of the networks.

  Returns:
    The rule, a function from state to state.

  Reference: Salimans et al., Improved Techniques for Training GANs, 2016.
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
