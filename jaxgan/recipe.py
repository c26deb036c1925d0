"""A recipe is what a variant builds: the games of its stages, and how to draw samples."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxgan import after, losses, network, penalties, tricks
from jaxgan.config import Config
from jaxgan.data.source import Source
from jaxgan.game import Game, Loss, Nets, Player, TrainState, Turn
from jaxgan.network import Network
from jaxgan.objectives import Objective
from jaxgan.penalties import Penalty, Regulariser
from jaxgan.typing import Array, Batch, Key, Latent, Spec, Step, Tree


class Stage(NamedTuple):
  """A game, inputs to initialise its networks with, and its length in steps (None: to the end).

  `fresh` are fields of the state that do not come over from the stage before, such as `opt`.
  """

  game: Game
  example: Mapping[str, Sequence[Array]]
  steps: int | None = None
  fresh: tuple[str, ...] = ()


class Styles(NamedTuple):
  """Where images are made of styles w `[n, layers, d]`, one a layer, that follow from latents.

  `map(nets, latents, labels) -> w`; `synthesise(nets, w, key) -> images [n, H, W, C]`, a little
  beyond [-1, 1] here and there, where the key draws the noise and None leaves it fixed;
  `mean(nets) -> [d]`, the average style.
  """

  map: Callable[[Nets, Array, Array], Array]
  synthesise: Callable[[Nets, Array, Key | None], Array]
  mean: Callable[[Nets], Array]


class Translation(NamedTuple):
  """`apply(nets, images, key)`: `[n, H, W, C]` in [-1, 1] to `[n, scale H, scale W, C]`.

  H and W must be multiples of `multiple`, and `smallest` pixels or more.
  """

  apply: Callable[[Nets, Array, Key], Array]
  multiple: int = 1
  smallest: int = 1
  scale: int = 1


class Recipe(NamedTuple):
  """Stages in order, and `sample(nets, key, labels) -> images [n, H, W, C]` in [-1, 1].

  `labels` are int32 `[n]`, or zeros of no meaning where the recipe is not `conditional`. Where
  images are a function of latents, `latent(key, n)` draws these and `generate(nets, latents,
  labels)` makes images of them, so that one can walk among them. `styles` is for networks that do
  so by way of styles.

  Where images are made of images, `sample` is None, `translate` has the ways to do so by name, and
  `show(nets, batch, key) -> [n, k, H, W, C]` gives k pictures of each image of a batch, such as
  source, translation and reconstruction. `needs` says what data must have: a second domain
  ('target'), which may have to be partners of the first ('pairs').

  Networks named in `exact` are computed in float32 whatever the precision of the others.

  `prepare(recipe, source)` is the recipe as it is trained, with what comes from files or from the
  data set in the stages' examples; ValueError where that is not to be had. A run at rest does
  without.
  """

  stages: tuple[Stage, ...]
  sample: Callable[[Nets, Key, Array], Array] | None
  conditional: bool = False
  latent: Latent | None = None
  generate: Callable[[Nets, Array, Array], Array] | None = None
  styles: Styles | None = None
  translate: Mapping[str, Translation] = MappingProxyType({})
  show: Callable[[Nets, Batch, Key], Array] | None = None
  needs: Literal['', 'target', 'pairs'] = ''
  exact: tuple[str, ...] = ()
  prepare: Callable[[Any, Source], Any] = lambda recipe, source: recipe


class Schedules(NamedTuple):
  """What changes over a run.

  `optimizer(rate, updates, differentiable=False)` steps a player that makes so many updates in one
  step of the run, `strength(step)` is a factor of R1 and R2, `half_life` that of the average, in
  images.
  """

  optimizer: Callable[..., optax.GradientTransformation]
  strength: Callable[[Step], Array | float]
  half_life: after.HalfLife


def configured(config: Config) -> Schedules:
  """The schedules that options of every variant ask for."""
  return Schedules(partial(optimizer, config), lambda step: 1.0, config.ema_images)


def classes_of(config: Any, spec: Spec) -> int:
  """How many classes a variant with --conditional draws by; 0: none.

  Raises:
    ValueError: no labels where classes are asked for.
  """
  if config.conditional and not spec.classes:
    raise ValueError(f'{config.dataset!r} has no labels: give --conditional=False, or one that has')
  return spec.classes if config.conditional else 0


def two_player(
  config: Config,
  spec: Spec,
  *,
  generator: nn.Module,
  critic: nn.Module,
  objective: Objective,
  penalty: Sequence[Penalty] = (),
  conditional: bool = False,
  constraint: Callable[[Tree], Tree] = lambda params: params,
  regulariser: Regulariser | None = None,
  schedules: Schedules | None = None,
  unroll: int = 0,
) -> Recipe:
  """The recipe of most GANs: the critic's turn, `n_critic` times, then the generator's.

  The `regulariser` is of the generator's parameters; without `schedules` they are the config's.
  With `unroll` the generator meets the critic as it will be so many steps ahead, and the critic is
  exact: what bfloat16 rounds there, slopes of Adam's steps enlarge.

  Raises:
    ValueError: a conditional recipe for data without labels; as `tricks`.
  """
  if conditional and not spec.classes:
    raise ValueError(
      f'{config.variant} draws by class and {config.dataset!r} has no labels: '
      'give a data set that has, or class subfolders'
    )
  latent, plan = latents(config), schedules or configured(config)
  labels = lambda n: (jnp.zeros(n, jnp.int32),) if conditional else ()
  networks = {
    'generator': tricks.generator(config, generator, latent, spec.classes if conditional else 0),
    'critic': tricks.critic(config, critic, conditional),
  }
  example = {
    'generator': (latent(jax.random.key(0), 2), *labels(2)),
    'critic': (jnp.zeros((2, *spec.shape)), *labels(2)),
  }
  make = partial(tricks.losses_of, config, objective, latent=latent, conditional=conditional)
  critic_loss, generator_loss = losses.at_step(
    lambda step: make([*penalty, *slopes(config, plan.strength(step))])
  )
  if regulariser:
    term = losses.of_parameters('generator', regulariser)
    generator_loss = losses.together(generator_loss, term)
  moves = plan.optimizer(config.critic_lr, config.n_critic, differentiable=bool(unroll))
  generator_loss = losses.unrolled(critic_loss, generator_loss, moves, unroll, constraint)
  game = duel(
    config,
    networks,
    (critic_loss, generator_loss),
    constraint=constraint,
    schedules=plan,
    differentiable=bool(unroll),
    memory=tricks.memory(config, networks, example),
    rules=tricks.after_steps(config),
  )
  recipe = from_latents((Stage(game, example),), latent, conditional)
  return recipe._replace(exact=('critic',) if unroll else ())


def duel(
  config: Config,
  networks: Mapping[str, Network],
  pair: tuple[Loss, Loss],
  *,
  lazy: Sequence[Turn] = (),
  constraint: Callable[[Tree], Tree] = lambda params: params,
  schedules: Schedules | None = None,
  differentiable: bool = False,
  memory: Mapping[str, Any] = MappingProxyType({}),
  rules: Sequence[Callable[[TrainState], TrainState]] = (),
) -> Game:
  """The critic's turn, `n_critic` times, then the generator's, then those of `lazy`.

  The player `critic` owns the network of that name, the player `generator` all others; these are
  averaged. `pair` are their losses, `rules` are played after the averages. With `differentiable`
  the critic's updates have a derivative.
  """
  drawing = tuple(name for name in networks if name != 'critic')
  plan, draws = schedules or configured(config), 'shared' if config.share_generator else ''
  of = lambda player: [turn for turn in lazy if turn.player == player]
  moves = partial(plan.optimizer, differentiable=differentiable)
  return Game(
    networks=networks,
    players={
      'generator': Player(
        drawing, _corrected(config, plan.optimizer, config.generator_lr, 1, of('generator'))
      ),
      'critic': Player(
        ('critic',),
        _corrected(config, moves, config.critic_lr, config.n_critic, of('critic')),
        constraint,
      ),
    },
    turns=(
      Turn('critic', pair[0], repeats=config.n_critic, draws=draws),
      Turn('generator', pair[1], draws=draws),
      *lazy,
    ),
    memory=memory,
    after=(*averages(config, *drawing, half_life=plan.half_life), *rules),
    averaged=drawing if config.ema_images else (),
  )


def computed_in(precision: str, recipe: Recipe) -> Recipe:
  """The recipe with networks, but for the exact, computed in 'float32' or 'bfloat16'."""
  if precision == 'float32':
    return recipe

  def lowered(stage: Stage) -> Stage:
    networks = {
      name: whole if name in recipe.exact else network.computed_in(whole, jnp.dtype(precision))
      for name, whole in stage.game.networks.items()
    }
    return stage._replace(game=dataclasses.replace(stage.game, networks=networks))

  return recipe._replace(stages=tuple(map(lowered, recipe.stages)))


def latents(config: Config) -> Latent:
  """N(0, 1) or U(-1, 1), `latent_size` of them."""
  draw = {
    'normal': jax.random.normal,
    'uniform': lambda k, s: jax.random.uniform(k, s, minval=-1.0),
  }
  return lambda key, n: draw[config.latent](key, (n, config.latent_size))


Generator = Callable[[Nets, Array, Array], Array]
"""Images of latents and labels, which mean nothing where the recipe is not conditional."""


def from_latents(
  stages: tuple[Stage, ...],
  latent: Latent,
  conditional: bool,
  generate: Generator | None = None,
) -> Recipe:
  """The recipe whose network `generator`, or `generate`, makes images of latents (and labels)."""

  def network(nets: Nets, latents: Array, labels: Array) -> Array:
    return nets('generator', latents, *((labels,) if conditional else ()))[0]

  made = generate or network

  def sample(nets: Nets, key: Key, labels: Array) -> Array:
    return made(nets, latent(key, len(labels)), labels)

  return Recipe(stages, sample, conditional, latent, made)


def _corrected(
  config: Config,
  make: Callable[..., optax.GradientTransformation],
  rate: float,
  updates: int,
  lazy: Sequence[Turn],
) -> optax.GradientTransformation:
  """The optimizer that takes as long a way in a step with lazy turns as in one without.

  Of n updates and those of lazy turns, every k steps, the rate is multiplied by
  c = n / (n + sum 1 / k), and Adam's decays become beta^c.

  References: Karras et al., 2020 (StyleGAN2).
  """
  if not lazy:
    return make(rate, updates)
  total = updates + sum(1 / turn.every for turn in lazy)
  c = updates / total
  decays = dataclasses.replace(config, beta1=config.beta1**c, beta2=config.beta2**c)
  return optimizer(decays, rate * c, total)


def optimizer(
  config: Config,
  rate: float,
  updates: float = 1,
  *,
  steps: int | None = None,
  differentiable: bool = False,
) -> optax.GradientTransformation:
  """The configured optimizer; `updates` is how many it makes in one step of the run.

  Its schedule is over the run's length, or over `steps` where it plays in a stage of that length.

  Raises:
    ValueError: RMSProp where it is to be `differentiable`, which it is not where gradients are 0.
  """
  if differentiable and config.optimizer == 'rmsprop':
    raise ValueError('--optimizer=rmsprop cannot be looked ahead at: give adam or sgd')
  # Under the root, where gradients are 0, so that it has a slope: 1e-8 beside the rest, as eps is.
  root = 1e-16 if differentiable else 0.0
  length = max(round((config.length if steps is None else steps) * updates), 1)
  schedule: dict[str, optax.ScalarOrSchedule] = {
    'constant': rate,
    'linear': optax.linear_schedule(rate, 0.0, length),
    'constant_linear': optax.linear_schedule(rate, 0.0, length - length // 2, length // 2),
    'cosine': optax.cosine_decay_schedule(rate, length),
    'tenth': optax.piecewise_constant_schedule(rate, {length // 2: 0.1}),
    'halves': optax.piecewise_constant_schedule(rate, {length * i // 8: 0.5 for i in (1, 2, 4, 6)}),
  }
  make: dict[str, Callable[[optax.ScalarOrSchedule], optax.GradientTransformation]] = {
    'adam': lambda lr: optax.adam(lr, config.beta1, config.beta2, eps_root=root),
    # Outside the root, as the authors of WGAN have it: inside, it hides gradients below 1e-4.
    'rmsprop': lambda lr: optax.rmsprop(lr, decay=0.99, eps=1e-8, eps_in_sqrt=False),
    'sgd': lambda lr: momentum_sgd(rate),
  }
  return make[config.optimizer](schedule[config.schedule])


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

  def update(grads, state, params=None):
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


def slopes(config: Config, strength: Array | float = 1.0) -> list[Penalty]:
  """The configured penalties R1 and R2, times a strength."""
  weights = ((penalties.r1, config.r1), (penalties.r2, config.r2))
  return [penalty(weight * strength) for penalty, weight in weights if weight]


def averages(
  config: Config, *networks: str, half_life: after.HalfLife | None = None
) -> tuple[Callable[[TrainState], TrainState], ...]:
  """The rules that keep an average of these networks, or none where the config wants none.

  The half-life is the config's if not given.
  """
  if not config.ema_images:
    return ()
  average = lambda name: after.ema(
    name,
    half_life=config.ema_images if half_life is None else half_life,
    images_per_step=config.images_per_step,
    rampup=config.ema_rampup,
  )
  return tuple(map(average, networks))
