"""Rules applied to the state once all turns of a step are played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from jaxgan.typing import Array, Logs

if TYPE_CHECKING:
  from jaxgan.game import Nets, TrainState

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
    network: its name; the game must list it in `averaged`.
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
        f'no average is kept of {network!r}, only of {sorted(state.ema)}: add it to Game.averaged'
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


def adapt(
  *, target: float, images: float, cap: float, images_per_step: int, interval: int = 4
) -> Callable[[TrainState], TrainState]:
  """Move the probability of augmentation with how sure the critic is of real images.

  p <- p + sign(r - target) interval images_per_step / images, kept in [0, cap], every `interval`
  steps; r is the mean sign of the logits of real images since the last time. All of it lives in
  `state.memory['ada']`, which the critic's loss adds to (`observed`). The authors have no cap:
  beyond 0.8 generators learn to draw augmented images.

  Karras et al. 2020 (StyleGAN2-ADA).
  """

  def rule(state: TrainState) -> TrainState:
    ada = state.memory['ada']
    r = ada['signs'] / jnp.maximum(ada['count'], 1)
    move = jnp.sign(r - target) * interval * images_per_step / images
    moved = {'p': jnp.clip(ada['p'] + move, 0, cap), 'signs': 0.0, 'count': 0.0}
    due = (state.step + 1) % interval == 0
    choose = lambda new, old: jnp.where(due, new, old).astype(old.dtype)
    return replace(state, memory={**state.memory, 'ada': jax.tree.map(choose, moved, ada)})

  return rule


def observed(nets: Nets, real_logits: Array) -> tuple[Nets, Logs]:
  """Count signs of real logits for `adapt`, and log its p."""
  ada = nets.memory['ada']
  signs = jnp.sign(real_logits).mean().astype(ada['signs'].dtype)
  ada = {**ada, 'signs': ada['signs'] + signs, 'count': ada['count'] + 1}
  return replace(nets, memory={**nets.memory, 'ada': ada}), {'p': ada['p']}


def _decay(step: Array, half_life: HalfLife, images: int, rampup: float | None) -> Array:
  life = half_life(step) if callable(half_life) else half_life
  seen = step.astype(jnp.float32) * images  # an int32 would overflow at 2 ** 31 images
  limit = jnp.inf if rampup is None else rampup * seen
  return 0.5 ** (images / jnp.maximum(jnp.minimum(life, limit), _TINY))
