"""Optimizers and their schedules, as the config asks."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import optax

from jaxgan.core import averaging
from jaxgan.core.game import Rule, Turn
from jaxgan.core.typing import Array, Step
from jaxgan.recipes.config import Algorithm, Common, Scheduled, part

Optimizer = Callable[..., optax.GradientTransformation]


class Schedules(NamedTuple):
  """What changes over a run.

  `optimizer(rate, updates, differentiable=False, power=1)` steps a player that makes so many
  updates in one step of the run, with Adam's decays to that power. `strength(step)` is a factor of
  R1 and R2, `half_life` that of the average, in images.
  """

  optimizer: Optimizer
  strength: Callable[[Step], Array | float]
  half_life: averaging.HalfLife


def configured(config: Common) -> Schedules:
  """The schedules that options of every variant ask for."""
  return Schedules(partial(optimizer, config), lambda step: 1.0, config.ema_images)


def lazily_corrected(
  make: Optimizer, rate: float, updates: int, lazy: Sequence[Turn]
) -> optax.GradientTransformation:
  """Return the optimizer that moves as far in a step with lazy turns as in one without.

  Of n updates and those of lazy turns, every k steps, the rate is multiplied by
  c = n / (n + sum 1 / k), and Adam's decays become beta^c.

  References: Karras et al., 2020 (StyleGAN2).
  """
  if not lazy:
    return make(rate, updates)
  total = updates + sum(1 / turn.every for turn in lazy)
  c = updates / total
  return make(rate * c, total, power=c)


def optimizer(
  config: Common,
  rate: float,
  updates: float = 1,
  *,
  steps: int | None = None,
  differentiable: bool = False,
  power: float = 1.0,
) -> optax.GradientTransformation:
  """The configured optimizer; `updates` is how many it makes in one step of the run.

  Its schedule is over the run's length, or over `steps` where it plays in a stage of that length.
  Adam's decays are those of the config to the given power.

  Raises:
    ValueError: RMSProp, or a bound of updates, where it is to be `differentiable`: neither is where
      gradients are 0.
  """
  kind, clip = part(config, Algorithm).optimizer, part(config, Scheduled).update_clip
  if differentiable and kind == 'rmsprop':
    raise ValueError('--optimizer=rmsprop cannot be looked ahead at: give adam or sgd')
  if differentiable and clip:
    raise ValueError(f'--update-clip={clip} cannot be looked ahead at: give --update-clip=0')
  # Under the root, where gradients are 0, so that it has a slope: 1e-8 beside the rest, as eps is.
  root = 1e-16 if differentiable else 0.0
  length = max(round((config.length if steps is None else steps) * updates), 1)
  betas = config.beta1**power, config.beta2**power
  schedule: dict[str, optax.ScalarOrSchedule] = {
    'constant': rate,
    'linear': optax.linear_schedule(rate, 0.0, length),
    'constant_linear': optax.linear_schedule(rate, 0.0, length - length // 2, length // 2),
    'cosine': optax.cosine_decay_schedule(rate, length),
    'tenth': optax.piecewise_constant_schedule(rate, {length // 2: 0.1}),
    'halves': optax.piecewise_constant_schedule(rate, {length * i // 8: 0.5 for i in (1, 2, 4, 6)}),
  }
  make: dict[str, Callable[[optax.ScalarOrSchedule], optax.GradientTransformation]] = {
    'adam': lambda lr: stepping(optax.scale_by_adam(*betas, eps_root=root), lr, clip),
    # Outside the root, as the authors of WGAN have it: inside, it hides gradients below 1e-4.
    'rmsprop': lambda lr: optax.rmsprop(lr, decay=0.99, eps=1e-8, eps_in_sqrt=False),
    'sgd': lambda lr: momentum_sgd(rate),
  }
  return make[kind](schedule[part(config, Scheduled).schedule])


def stepping(
  scaling: optax.GradientTransformation, rate: optax.ScalarOrSchedule, clip: float
) -> optax.GradientTransformation:
  """Scale gradients, then bound the root mean square of each array's update, then take the rate.

  u / max(1, rms(u) / clip). Adam without a mean of gradients moves up to 1 / sqrt(1 - beta2) rates
  in a step when gradients grow suddenly, since its mean of squares is still that of before.

  References: Shazeer and Stern, Adafactor, 2018, section 5.
  """
  bound = (optax.clip_by_block_rms(clip),) if clip else ()
  return optax.chain(scaling, *bound, optax.scale_by_learning_rate(rate))


def between_ends(shape: str, start: float, end: float, length: int) -> Callable[[Step], Array]:
  """From start to end over `length` steps, and no further: 'linear', 'cosine', or 'constant'.

  cosine: start + (end - start) (1 - cos(pi step / length)) / 2;  constant: start
  """
  shapes: dict[str, Callable[[Array], Array]] = {
    'constant': jnp.zeros_like,
    'linear': lambda t: t,
    'cosine': lambda t: (1 - jnp.cos(jnp.pi * t)) / 2,
  }
  share = lambda step: shapes[shape](jnp.minimum(step / max(length, 1), 1.0))
  return lambda step: start + (end - start) * share(step)


def scale_by_adam(
  beta1: float, beta2: Callable[[Array], Array], eps_root: float = 0.0
) -> optax.GradientTransformation:
  """Adam's scaling with a beta2 that is a function of how many updates were made before."""

  def update(
    grads: optax.Updates, state: optax.ScaleByAdamState, params: optax.Params | None = None
  ) -> tuple[optax.Updates, optax.OptState]:
    return optax.scale_by_adam(beta1, beta2(state.count), eps_root=eps_root).update(
      grads, state, params
    )

  return optax.GradientTransformation(optax.scale_by_adam(beta1).init, update)


def momentum_sgd(
  rate: float, decay: float = 1.000004, saturate: int = 125_000
) -> optax.GradientTransformation:
  """SGD of the first GANs: the rate divided by `decay` at every update, momentum from 0.5 to 0.7.

  The rate ends at 1e-6; the momentum rises linearly over `saturate` updates (250 epochs of 500).

  References: Goodfellow et al., 2014, the authors' configuration for MNIST.
  """
  # Not optax.exponential_decay: 1 / decay rounded to float32 is 0.3 % off after 500 000 updates.
  anneal = lambda count: jnp.maximum(rate * jnp.exp(-math.log(decay) * count), 1e-6)
  return optax.inject_hyperparams(optax.sgd)(
    learning_rate=anneal, momentum=optax.linear_schedule(0.5, 0.7, saturate)
  )


def average(
  config: Common, half_life: averaging.HalfLife | None = None
) -> Callable[[str], Rule] | None:
  """Return the rule by which a player's networks are averaged, or None without `--ema-images`.

  The half-life is the config's if not given.
  """
  if not config.ema_images:
    return None
  return partial(
    averaging.ema,
    half_life=config.ema_images if half_life is None else half_life,
    images_per_step=config.images_per_step,
    rampup=config.ema_rampup,
  )
