"""The controller of adaptive augmentation, which follows the signs of logits of real images."""

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxgan.core.game import Nets
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Logs


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


def observed(nets: Nets, real_logits: Array, fake_logits: Array) -> tuple[Nets, Logs]:
  """Count signs of real logits for `adapt`, and log its p."""
  ada = nets.memory['ada']
  signs = jnp.sign(real_logits).mean().astype(ada['signs'].dtype)
  ada = {**ada, 'signs': ada['signs'] + signs, 'count': ada['count'] + 1}
  return replace(nets, memory={**nets.memory, 'ada': ada}), {'p': ada['p']}
