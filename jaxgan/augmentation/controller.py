"""The controller of adaptive augmentation, which uses the signs of the logits of real images."""

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxgan.core.nets import Nets
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Logs


def adapt(
  *, target: float, images: float, cap: float, images_per_step: int, interval: int = 4
) -> Callable[[TrainState], TrainState]:
  """Return the rule that adapts the probability p of augmentation to how much the critic overfits.

  p <- p + sign(r - target) interval images_per_step / images, clipped to [0, cap]

  every `interval` steps. r is the mean sign of the logits of real images since the last change. The
  values are in `state.memory['ada']`; the critic's loss updates them by `observed`. The authors
  have no cap, but with p above 0.8 generators learn to draw augmented images.

  Args:
    target: the value of r to reach, in [-1, 1].
    images: the number of images in which p can change by 1.
    cap: the largest p, in [0, 1].
    images_per_step: the global batch size.
    interval: the number of steps between two changes.

  Returns:
    The rule, a function from state to state.

  Reference: Karras et al., Training Generative Adversarial Networks with Limited Data, 2020
  (StyleGAN2-ADA).
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
  """Count the signs of real logits for `adapt`, and log p."""
  ada = nets.memory['ada']
  signs = jnp.sign(real_logits).mean().astype(ada['signs'].dtype)
  ada = {**ada, 'signs': ada['signs'] + signs, 'count': ada['count'] + 1}
  return replace(nets, memory={**nets.memory, 'ada': ada}), {'p': ada['p']}
