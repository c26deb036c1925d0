"""A GAN as a game: named networks, players who own some of them, and turns.

In a turn one player takes one optimizer step on its own loss. All other networks stay fixed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan.core import guard, parts
from jaxgan.core.nets import Nets, known, parted
from jaxgan.core.network import Network
from jaxgan.core.state import Played, TrainState
from jaxgan.core.typing import Array, Batch, Key, Logs, Memory, Tree, Value, Variables

Rule = Callable[[TrainState], TrainState]
"""A change of the state after all turns of a step."""


class Player(NamedTuple):
  """Networks that are trained together, and the optimizer that trains them.

  `constraint` keeps their parameters in bounds after each step. `average(network)` returns the rule
  that keeps an average of their parameters, which samples use (`averaging.ema`); None: no average.
  Several players may own one network: each has its own optimizer state for it.
  """

  networks: tuple[str, ...]
  optimizer: optax.GradientTransformation
  constraint: Callable[[Tree], Tree] = lambda params: params
  average: Callable[[str], Rule] | None = None


class Turn(NamedTuple):
  """One player's steps on one loss: `repeats` steps, each on its own microbatch.

  The turn is played when the step is a multiple of `every`. Two turns of one player need different
  names. Turns with the same non-empty `draws` and the same `repeats` draw the same random numbers.
  """

  player: str
  loss: 'Loss'
  name: str = ''
  repeats: int = 1
  every: int = 1
  draws: str = ''

  @property
  def label(self) -> str:
    """Return the name under which the turn is logged."""
    return self.name or self.player

  @property
  def stream(self) -> str:
    """Return the name of the turn's stream of random numbers."""
    return self.draws or self.label


@dataclass(frozen=True, eq=False)  # a game equals only itself, so it can be the key of a cache
class Game:
  """Networks, the players who train them, and the turns of one step, in their order.

  `memory` holds the first values of state that belongs to no network. `after` are rules that change
  the state after all turns. `frozen` holds variables of networks that are never trained: constants,
  not part of the state. `parts` splits batches (`core.parts`). Raises ValueError for names that do
  not exist or that turns share, a player of a frozen network, and unequal `repeats` of draws.
  """

  networks: Mapping[str, Network]
  players: Mapping[str, Player]
  turns: Sequence[Turn]
  memory: Memory = field(default_factory=dict)
  after: Sequence[Rule] = ()
  frozen: Mapping[str, Variables] = field(default_factory=dict)
  parts: int = 1

  def __post_init__(self) -> None:
    known('there are variables of the network', self.frozen, self.networks)
    for name, player in self.players.items():
      known(f'player {name!r} owns the network', player.networks, self.networks)
      for network in self.frozen.keys() & player.networks:
        raise ValueError(f'player {name!r} cannot move the frozen network {network!r}')
    known('a turn is played by', [turn.player for turn in self.turns], self.players)
    for stream in {turn.stream for turn in self.turns}:
      repeats = {turn.repeats for turn in self.turns if turn.stream == stream}
      if len(repeats) > 1:
        raise ValueError(f'turns of draws {stream!r} need equal repeats, got {sorted(repeats)}')
    labels = [turn.label for turn in self.turns]
    if repeated := sorted({label for label in labels if labels.count(label) > 1}):
      raise ValueError(f'turns need names of their own, give Turn(name=...): {repeated}')

  @property
  def averages(self) -> dict[str, Rule]:
    """Return the rules that keep averages, by network."""
    kept = [(name, p.average) for p in self.players.values() if p.average for name in p.networks]
    return {name: average(name) for name, average in kept}

  @property
  def microbatches(self) -> int:
    """Return the number of batches that one step needs: the largest `repeats` of its turns."""
    return max(turn.repeats for turn in self.turns)


Loss = Callable[[Nets, Batch, Key], tuple[Array, Nets, Logs]]
"""A pure function `(nets, batch, key) -> (loss, nets, logs)`; `nets` comes back updated."""


def init(game: Game, key: Key, example: Mapping[str, Sequence[Array]]) -> TrainState:
  """Return the state before the first step; `example` holds inputs to initialize networks with."""
  moving = [name for name in game.networks if name not in game.frozen]
  known('there is no example for the network', moving, example)
  play, *keys = jax.random.split(key, len(game.networks) + 1)
  key_of = dict(zip(game.networks, keys, strict=True))
  made = {name: game.networks[name].init(key_of[name], *example[name]) for name in moving}
  params = {name: variables['params'] for name, variables in made.items()}
  for player in game.players.values():
    params |= player.constraint({name: params[name] for name in player.networks})
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    key=play,
    params=params,
    variables={n: {k: v for k, v in made[n].items() if k != 'params'} for n in made},
    memory=jax.tree.map(jnp.array, dict(game.memory)),  # arrays, copied: for donation
    opt={n: p.optimizer.init({k: params[k] for k in p.networks}) for n, p in game.players.items()},
    ema={n: jax.tree.map(jnp.copy, params[n]) for n in game.averages},  # copied: for donation
    skipped=jnp.zeros(4, jnp.int32),
  )


def train_step(game: Game, state: TrainState, batches: Batch) -> tuple[TrainState, Logs]:
  """Play every turn once; leaves of `batches` are `[microbatches, B, ...]`. For `jax.jit`."""
  before, key = state, jax.random.fold_in(state.key, state.step)
  streams = [turn.stream for turn in game.turns]
  logs: Logs = {}
  for turn, stream in zip(game.turns, streams, strict=True):
    draws = jax.random.fold_in(key, streams.index(stream))
    state, turn_logs = _play(game, turn, state, batches, draws)
    logs |= {f'{turn.label}/{name}': value for name, value in turn_logs.items()}
  for rule in (*game.averages.values(), *game.after):
    state = rule(state)
  return guard.count(before, replace(state, step=state.step + 1), logs)


def played(game: Game, step: int, logs: Mapping[str, Value]) -> dict[str, Value]:
  """Return the logs of the turns that were played at that step; the others have no value."""
  skipped = tuple(f'{turn.label}/' for turn in game.turns if step % turn.every)
  return {name: value for name, value in logs.items() if not name.startswith(skipped)}


def nets(game: Game, state: TrainState, *, train: bool = False) -> Nets:
  """Return the networks for use after training, with averaged parameters where there are any."""
  return _bound(game, state, state.ema, train)


def _bound(game: Game, state: TrainState, other: Mapping[str, Tree], train: bool = True) -> Nets:
  """Return the networks with their current parameters; `other` replaces those of some networks."""
  params, variables = parted(game.frozen)
  params, variables = {**params, **state.params, **other}, {**variables, **state.variables}
  return Nets(game.networks, params, variables, state.memory, state.opt, state.step, train)


def _play(game: Game, turn: Turn, state: TrainState, batches: Batch, key: Key) -> Played:
  if turn.every == 1:
    return _repeat(game, turn, state, batches, key)
  play = jax.jit(lambda *x: _repeat(game, turn, *x), inline=True)  # traced once for both uses
  logs = jax.eval_shape(play, state, batches, key)[1]
  skip = lambda state, *_: (state, jax.tree.map(lambda x: jnp.full_like(x, jnp.nan), logs))
  return lax.cond(state.step % turn.every == 0, play, skip, state, batches, key)


def _repeat(game: Game, turn: Turn, state: TrainState, batches: Batch, key: Key) -> Played:
  if turn.repeats == 1:  # no loop: XLA:CPU compiles the bodies of loops less well
    return _move(game, turn, state, jax.tree.map(lambda x: x[0], batches), key)
  keys = jax.random.split(key, turn.repeats)
  batches = jax.tree.map(lambda x: x[: turn.repeats], batches)
  state, logs = lax.scan(lambda s, x: _move(game, turn, s, *x), state, (batches, keys))
  return state, jax.tree.map(lambda x: x.mean(0), logs)


def _move(game: Game, turn: Turn, state: TrainState, batch: Batch, key: Key) -> Played:
  """Take one optimizer step; it changes only what the player owns, and the memory."""
  player = game.players[turn.player]
  own = {name: state.params[name] for name in player.networks}

  def loss(own: Mapping[str, Tree], batch: Batch, key: Key) -> tuple[Array, tuple[Tree, ...]]:
    value, bound, logs = turn.loss(_bound(game, state, own), batch, key)
    logs = jax.tree.map(jnp.float32, {'loss': value, **logs})
    return value, ({name: bound.variables[name] for name in own}, dict(bound.memory), logs)

  grads, (moved, memory, logs) = parts.gradients(loss, game.parts, own, batch, key)
  updates, opt = player.optimizer.update(guard.clean(grads), state.opt[turn.player], own)
  params = {**state.params, **player.constraint(optax.apply_updates(own, updates))}
  variables, opts = {**state.variables, **moved}, {**state.opt, turn.player: opt}
  new = replace(state, params=params, variables=variables, memory=memory, opt=opts)
  return guard.keep(state, new, logs['loss'], moved, grads), logs
