"""The recipe of most GANs: a critic and a generator, each with its turn.

Example:
  >>> from jaxgan.losses import hinge, r1
  >>> from jaxgan.networks import mlp
  >>> from jaxgan.recipes.config import Config
  >>> recipe = two_player(
  ...   Config(),
  ...   Spec(size=8, channels=1),
  ...   generator=mlp.Generator((8, 8, 1), widths=(8,)),
  ...   critic=mlp.Critic(widths=(8,)),
  ...   objective=hinge(),
  ...   penalty=[r1(0.1)],
  ... )
  >>> [turn.player for turn in recipe.stages[0].game.turns]
  ['critic', 'generator']
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core import freezing
from jaxgan.core.game import Game, Loss, Player, Rule, Turn
from jaxgan.core.network import Network, linen, with_features
from jaxgan.core.typing import Array, Batch, Key, Latent, Memory, Spec, Tree
from jaxgan.losses import adversarial, gradient_penalties, regularizers, unrolled
from jaxgan.losses.adversarial import Term, Terms
from jaxgan.losses.gradient_penalties import Penalty
from jaxgan.losses.objectives import Objective
from jaxgan.losses.regularizers import Regularizer
from jaxgan.recipes import codes, labels, tricks
from jaxgan.recipes.codes import Code
from jaxgan.recipes.config import Common, Pair, Players, part
from jaxgan.recipes.optimizers import Schedules, average, configured, lazily_corrected
from jaxgan.recipes.types import Recipe, Stage, from_latents


class Extra(NamedTuple):
  """Describe what a game of two players has beside its generator and its critic.

  Args:
    codes: named parts of the latent, such as `{'code': categorical(10)}`; the generator is given
      them behind the latent, and `jaxgan sample --code=3` chooses one.
    heads: networks on the critic's features, by name, which the critic's player moves.
    networks: other networks by name, each with the inputs that it is initialized with.
    critic_owns: which of `networks` the critic's player moves; the generator's moves the others.
    critic_terms: terms to add to the critic's loss, each seeing the fakes of the turn.
    generator_terms: terms to add to the generator's loss.

  Example:
    >>> from jaxgan.recipes.codes import categorical
    >>> Extra(codes={'code': categorical(10)}).codes['code'].size
    10
  """

  codes: Mapping[str, Code] = MappingProxyType({})
  heads: Mapping[str, nn.Module] = MappingProxyType({})
  networks: Mapping[str, tuple[nn.Module, tuple[Array, ...]]] = MappingProxyType({})
  critic_owns: tuple[str, ...] = ()
  critic_terms: Sequence[Term] = ()
  generator_terms: Sequence[Term] = ()

  def terms(self, latent: Latent) -> Terms:
    """Return the terms, with how they learn of which latents the fakes are made."""

    def drawn(batch: Batch, key: Key) -> tuple[Array, Mapping[str, Array]]:
      z = adversarial.latents_of(latent, batch, key)
      return z, codes.parts(z, self.codes)

    return Terms(self.critic_terms, self.generator_terms, drawn)

  def made(
    self, critic: Network, images: Sequence[Array]
  ) -> tuple[dict[str, Network], dict[str, tuple[Array, ...]]]:
    """Return its networks, and inputs to initialize each with."""
    added = {name: linen(module) for name, (module, _) in self.networks.items()}
    example = {name: inputs for name, (_, inputs) in self.networks.items()}
    if self.heads:
      seen = features_like(critic, *images)
      added |= {name: linen(module) for name, module in self.heads.items()}
      example |= dict.fromkeys(self.heads, (seen,))
    return added, example


def features_like(network: Network, *inputs: Array) -> Any:
  """Return zeros in the shape of the features that a network shows of inputs."""

  def first(key: Key) -> Any:
    variables = network.init(key, *inputs)
    return with_features(network)(variables, *inputs, train=True, key=key)[0][1]

  return jax.tree.map(jnp.zeros_like, jax.eval_shape(first, jax.random.key(0)))


def two_player(
  config: Pair,
  spec: Spec,
  *,
  generator: nn.Module,
  critic: nn.Module,
  objective: Objective,
  penalty: Sequence[Penalty] = (),
  conditional: bool = False,
  constraint: Callable[[Tree], Tree] = lambda params: params,
  regularizer: Regularizer | None = None,
  schedules: Schedules | None = None,
  unroll: int = 0,
  extra: Extra | None = None,
) -> Recipe:
  """Return the recipe of most GANs: the critic's turn, `n_critic` times, then the generator's.

  The `regularizer` is of the generator's parameters; without `schedules` they are the config's.
  With `unroll` the generator meets the critic as it will be so many steps ahead, and the critic is
  exact: bfloat16 would round there what Adam's steps make large. `extra` has codes, further
  networks and terms of the losses.

  Raises:
    ValueError: as `labels.classes_of`, and as `tricks`.
  """
  labels.classes_of(config, spec, conditional)  # refuses
  more, plan = extra or Extra(), schedules or configured(config)
  latent = codes.with_codes(latents(config), more.codes)
  networks, example = pair_of(config, spec, generator, critic, latent, conditional)
  added, inputs = more.made(networks['critic'], example['critic'])
  make = partial(tricks.losses_of, config, objective, latent=latent, conditional=conditional)
  critic_loss, generator_loss = adversarial.at_step(
    lambda step: make([*penalty, *penalties(config, plan.strength(step))], terms=more.terms(latent))
  )
  if regularizer:
    term = regularizers.of_parameters('generator', regularizer)
    generator_loss = adversarial.together(generator_loss, term)
  game = duel(
    config,
    {**networks, **added},
    (critic_loss, generator_loss),
    owned=('critic', *more.heads, *more.critic_owns),
    constraint=constraint,
    schedules=plan,
    differentiable=bool(unroll),
    memory=tricks.memory(config, networks, example),
    rules=tricks.after_steps(config),
  )
  if unroll:  # the critic ahead has the same frozen layers as that of the game
    game = freezing.frozen(game, {**example, **inputs}, config.freeze)
  game = looking_ahead(game, unroll)
  recipe = from_latents(
    (Stage(game, {**example, **inputs}),), latent, conditional, parts=more.codes
  )
  return recipe._replace(exact=('critic',) if unroll else ())


def looking_ahead(game: Game, steps: int) -> Game:
  """Return the game whose generator meets the critic as it will be `steps` of its moves ahead."""
  if not steps:
    return game
  critic, generator, *others = game.turns
  player = game.players[critic.player]
  loss = unrolled.unrolled(critic.loss, generator.loss, player, steps)
  return replace(game, turns=(critic, generator._replace(loss=loss), *others))


def pair_of(
  config: Pair,
  spec: Spec,
  generator: nn.Module,
  critic: nn.Module,
  latent: Latent,
  conditional: bool,
) -> tuple[dict[str, Network], dict[str, tuple[Array, ...]]]:
  """Return the networks of both players with their tricks, and inputs to initialize them with."""
  label = (jnp.zeros(2, jnp.int32),) if conditional else ()
  networks = {
    'generator': tricks.generator(config, generator, latent, spec.classes if conditional else 0),
    'critic': tricks.critic(config, critic, conditional),
  }
  example = {
    'generator': (latent(jax.random.key(0), 2), *label),
    'critic': (jnp.zeros((2, *spec.shape)), *label),
  }
  return networks, example


def duel(
  config: Players,
  networks: Mapping[str, Network],
  pair: tuple[Loss, Loss],
  *,
  owned: Collection[str] = ('critic',),
  lazy: Sequence[Turn] = (),
  constraint: Callable[[Tree], Tree] = lambda params: params,
  schedules: Schedules | None = None,
  differentiable: bool = False,
  memory: Memory = MappingProxyType({}),
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
  whole, draws = part(config, Common), 'shared' if config.share_generator else ''
  plan = schedules or configured(whole)

  def player(name: str, names: Iterable[str], rate: float, updates: int, **options: Any) -> Player:
    of_player = [turn for turn in lazy if turn.player == name]
    make = partial(plan.optimizer, differentiable=differentiable and name == 'critic')
    return Player(tuple(names), lazily_corrected(make, rate, updates, of_player), **options)

  drawing = [name for name in networks if name not in owned]
  averaged = average(whole, plan.half_life)
  return Game(
    networks=networks,
    players={
      'generator': player('generator', drawing, whole.generator_lr, 1, average=averaged),
      'critic': player('critic', owned, whole.critic_lr, config.n_critic, constraint=constraint),
    },
    turns=(
      Turn('critic', pair[0], repeats=config.n_critic, draws=draws),
      Turn('generator', pair[1], draws=draws),
      *lazy,
    ),
    memory=memory,
    after=rules,
  )


def latents(config: Pair) -> Latent:
  """N(0, 1) or U(-1, 1), `latent_size` of them."""
  draw = {
    'normal': jax.random.normal,
    'uniform': lambda k, s: jax.random.uniform(k, s, minval=-1.0),
  }
  return lambda key, n: draw[config.latent](key, (n, config.latent_size))


def penalties(config: Players, strength: Array | float = 1.0) -> list[Penalty]:
  """The configured penalties R1 and R2, times a strength."""
  weights = ((gradient_penalties.r1, config.r1), (gradient_penalties.r2, config.r2))
  return [penalty(weight * strength) for penalty, weight in weights if weight]
