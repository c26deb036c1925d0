"""The recipe of most GANs: a critic and a generator, each with its turn."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.game import Game, Loss, Player, Rule, Turn
from jaxgan.core.network import Network
from jaxgan.core.typing import Array, Latent, Spec, Tree
from jaxgan.losses import adversarial, gradient_penalties, regularizers, unrolled
from jaxgan.losses.gradient_penalties import Penalty
from jaxgan.losses.objectives import Objective
from jaxgan.losses.regularizers import Regulariser
from jaxgan.recipes import tricks
from jaxgan.recipes.config import Config
from jaxgan.recipes.optimizers import Schedules, average, configured, lazily_corrected
from jaxgan.recipes.types import Recipe, Stage, from_latents


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
  critic_loss, generator_loss = adversarial.at_step(
    lambda step: make([*penalty, *slopes(config, plan.strength(step))])
  )
  if regulariser:
    term = regularizers.of_parameters('generator', regulariser)
    generator_loss = adversarial.together(generator_loss, term)
  moves = plan.optimizer(config.critic_lr, config.n_critic, differentiable=bool(unroll))
  generator_loss = unrolled.unrolled(critic_loss, generator_loss, moves, unroll, constraint)
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
  owned: Collection[str] = ('critic',),
  lazy: Sequence[Turn] = (),
  constraint: Callable[[Tree], Tree] = lambda params: params,
  schedules: Schedules | None = None,
  differentiable: bool = False,
  memory: Mapping[str, Any] = MappingProxyType({}),
  rules: Sequence[Rule] = (),
) -> Game:
  """Return the game of a critic's turn, `n_critic` times, then a generator's, then those of `lazy`.

  Args:
    config: rates, optimizers, averages and the number of the critic's updates.
    networks: all networks by name.
    pair: the losses of the players `critic` and `generator`.
    owned: the networks that the critic moves; the generator moves all others, and they are
      averaged.
    lazy: turns that are played every few steps, by either player.
    constraint: keeps the critic's parameters in bounds.
    schedules: what changes over the run; the config's if not given.
    differentiable: whether the critic's updates have a derivative.
    memory: the game's memory.
    rules: rules for the state after each step.
  """
  plan, draws = schedules or configured(config), 'shared' if config.share_generator else ''

  def player(name: str, names: Iterable[str], rate: float, updates: int, **options: Any) -> Player:
    of_player = [turn for turn in lazy if turn.player == name]
    make = partial(plan.optimizer, differentiable=differentiable and name == 'critic')
    return Player(tuple(names), lazily_corrected(make, rate, updates, of_player), **options)

  drawing = [name for name in networks if name not in owned]
  averaged = average(config, plan.half_life)
  return Game(
    networks=networks,
    players={
      'generator': player('generator', drawing, config.generator_lr, 1, average=averaged),
      'critic': player('critic', owned, config.critic_lr, config.n_critic, constraint=constraint),
    },
    turns=(
      Turn('critic', pair[0], repeats=config.n_critic, draws=draws),
      Turn('generator', pair[1], draws=draws),
      *lazy,
    ),
    memory=memory,
    after=rules,
  )


def latents(config: Config) -> Latent:
  """N(0, 1) or U(-1, 1), `latent_size` of them."""
  draw = {
    'normal': jax.random.normal,
    'uniform': lambda k, s: jax.random.uniform(k, s, minval=-1.0),
  }
  return lambda key, n: draw[config.latent](key, (n, config.latent_size))


def slopes(config: Config, strength: Array | float = 1.0) -> list[Penalty]:
  """The configured penalties R1 and R2, times a strength."""
  weights = ((gradient_penalties.r1, config.r1), (gradient_penalties.r2, config.r2))
  return [penalty(weight * strength) for penalty, weight in weights if weight]
