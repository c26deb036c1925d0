"""Freezing: the first layers of networks get no update, and all others train."""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import optax
from flax.traverse_util import flatten_dict

from jaxgan.core.game import Game
from jaxgan.core.network import Network
from jaxgan.core.state import path_name
from jaxgan.core.typing import Array, Tree

TABLE = 'Embed_'
"""Begins the name of a table of classes: it sees no image and is no layer."""
BODY = 'body'
"""Where `network_transforms.with_head` keeps the network below the head."""


def layers(network: Network, *inputs: Array) -> list[list[str]]:
  """Return the names of the parameters of each layer, in the order in which they are made.

  A network makes its parameters where it first uses them, so this is the order from the input to
  the output. A layer is a module directly inside of the network. One that has vectors alone, such
  as a normalization, belongs to the layer before it. Tables of classes belong to none.

  Args:
    network: the network.
    inputs: what it is initialized with.

  Returns:
    A list for each layer, of names such as 'Conv_0/weight/kernel'.

  Example:
    >>> from jaxgan.core.network import linen
    >>> from jaxgan.networks import mlp
    >>> layers(linen(mlp.Critic(widths=(8,))), jnp.zeros((2, 4, 4, 1)))
    [['Dense_0/weight/kernel', 'Dense_0/bias'], ['Dense_1/weight/kernel', 'Dense_1/bias']]
  """
  made: dict[tuple[str, ...], Array] = {}

  def look() -> Tree:
    params = network.init(jax.random.key(0), *inputs)['params']
    made.update(flatten_dict(params))  # before JAX sorts the names
    return params

  jax.eval_shape(look)
  found: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
  for path in made:
    module = path[: 1 + (path[0] == BODY)]
    if not module[-1].startswith(TABLE):
      found.setdefault(module, []).append(path)
  ordered: list[list[str]] = []
  for paths in found.values():
    names = ['/'.join(path) for path in paths]
    if any(made[path].ndim > 1 for path in paths):
      ordered.append(names)
    elif ordered:
      ordered[-1] += names
  return ordered


def first(game: Game, example: Mapping[str, Sequence[Array]], count: int) -> list[str]:
  """Return the names of the parameters in the first layers of each critic of a game.

  Args:
    game: the game; its critics are the networks whose names begin with 'critic'.
    example: what the networks are initialized with.
    count: how many layers.

  Returns:
    Names such as 'critic/Conv_0/kernel'.

  Raises:
    ValueError: a critic has no more layers than these.
  """
  names = []
  for name, ordered in _critics(game, example).items():
    if count >= len(ordered):
      raise ValueError(
        f'--freeze={count} leaves nothing to train of the network {name!r}, which has '
        f'{len(ordered)} layers: give a smaller number'
      )
    names += [f'{name}/{one}' for layer in ordered[:count] for one in layer]
  return names


def most(game: Game, example: Mapping[str, Sequence[Array]]) -> int:
  """Return how many layers of a game's critics can be frozen at most; 0 where it has no critic."""
  return min((len(ordered) - 1 for ordered in _critics(game, example).values()), default=0)


def _critics(game: Game, example: Mapping[str, Sequence[Array]]) -> dict[str, list[list[str]]]:
  """Return the layers of each critic of a game, by its name."""
  names = [name for name in game.networks if name.startswith('critic')]
  return {name: layers(game.networks[name], *example[name]) for name in names}


def frozen(game: Game, example: Mapping[str, Sequence[Array]], count: int) -> Game:
  """Return the game in which the first layers of each critic are never updated (FreezeD).

  Their parameters and the optimizer's numbers for them stay as they are, to the bit. Statistics,
  such as those of batch norm, still follow the data.

  Args:
    game: the game.
    example: what its networks are initialized with.
    count: how many layers; 0: none.

  Raises:
    ValueError: as `first`.

  Reference: Mo et al., Freeze the Discriminator: a Simple Baseline for Fine-Tuning GANs, 2020.
  """
  if not count:
    return game
  names = first(game, example, count)
  players = {
    name: player._replace(optimizer=without(player.optimizer, names))
    if any(network.startswith('critic') for network in player.networks)
    else player
    for name, player in game.players.items()
  }
  return dataclasses.replace(game, players=players)


def without(
  optimizer: optax.GradientTransformation, names: Sequence[str]
) -> optax.GradientTransformation:
  """Return the optimizer that leaves the parameters of these names, and its state of them."""
  ends = tuple(f'/{name}' for name in names)

  def held(path: tuple[object, ...]) -> bool:
    return f'/{path_name(path)}'.endswith(ends)

  # Minus zero is the one number that changes no other when it is added.
  nothing = lambda path, x: -jnp.zeros_like(x) if held(path) else x
  still = lambda path, new, old: old if held(path) else new

  def update(grads: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
    grads = jax.tree_util.tree_map_with_path(nothing, grads)
    updates, after = optimizer.update(grads, state, params)
    updates = jax.tree_util.tree_map_with_path(nothing, updates)
    return updates, jax.tree_util.tree_map_with_path(still, after, state)

  return optax.GradientTransformation(optimizer.init, update)
