"""Transfer: the first state of a run, with all arrays of another run that fit by name and shape."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Sharding

from jaxgan.core import freezing
from jaxgan.core.state import TrainState, named, path_name
from jaxgan.core.typing import Array, Key, Tree
from jaxgan.recipes import stages
from jaxgan.recipes.types import Recipe, Stage

NETWORKS, AVERAGES, OPTIMIZER = ('params', 'variables'), 'ema', 'opt'
"""Fields of a state, which begin the names of its arrays."""
SHOWN = 3
"""How many names a line shows."""

Arrays = Mapping[str, Array]
"""Arrays of a state by name, such as 'params/critic/Conv_0/kernel'."""


class Begun(NamedTuple):
  """The first state of a run that begins with arrays of another one.

  `lines` say what was taken and what was not, one for each network, for its average, and for the
  optimizer of each player. `taken` counts the arrays.
  """

  state: TrainState
  taken: int
  lines: list[str]


def digest(source: Arrays) -> str:
  """Return the SHA-256 of the names and bytes of the networks, their averages and optimizers."""
  found = hashlib.sha256()
  for name in sorted(source):
    if name.startswith((*NETWORKS, AVERAGES, OPTIMIZER)):
      found.update(name.encode())
      found.update(np.ascontiguousarray(source[name]).tobytes())
  return found.hexdigest()


def begin(
  recipe: Recipe,
  source: Arrays,
  key: Key,
  sharding: Sharding,
  *,
  optimizer: bool = False,
  freeze: int = 0,
) -> Begun:
  """Return the first state of a run, with all arrays of the source that fit by name and shape.

  Taken are parameters and variables of every network, and averages; an average that the source does
  not have begins as the parameters. A recipe of several stages begins with the stage that fits
  best: the one that takes most, and of these the one with the fewest new numbers.

  Args:
    recipe: the recipe of the new run.
    source: the arrays of the other run.
    key: the key of what is not taken.
    sharding: where the state shall be.
    optimizer: whether to take the optimizers' states as well; schedules begin anew.
    freeze: how many layers of each critic are never updated; the source must have all of them.

  Raises:
    ValueError: nothing fits, or nothing of the optimizer, or a frozen layer is not in the source.
  """
  number = max(range(len(recipe.stages)), key=lambda i: (*_fit(recipe.stages[i], source), i))
  for stage in recipe.stages[number:] if freeze else ():
    _check_frozen(stage, source, freeze)
  stage = recipe.stages[number]
  new = stages.first_state(stage, key, sharding)
  wanted = (*NETWORKS, *([OPTIMIZER] if optimizer else []))
  state = _filled(new, source, wanted)
  for player in stage.game.players.values():
    own = {name: state.params[name] for name in player.networks}
    state = dataclasses.replace(state, params={**state.params, **player.constraint(own)})
  copies = {name: jax.tree.map(jnp.copy, state.params[name]) for name in state.ema}
  state = _filled(dataclasses.replace(state, ema=copies), source, (AVERAGES,))
  step = sum(one.steps or 0 for one in recipe.stages[:number])
  state = dataclasses.replace(state, step=jnp.full_like(state.step, step))
  groups = _groups(named(new), source, (*wanted, AVERAGES))
  _check_something(groups, named(new), optimizer)
  taken = sum(len(group.taken) for group in groups)
  return Begun(jax.device_put(state, sharding), taken, [line(group, source) for group in groups])


def _fit(stage: Stage, source: Arrays) -> tuple[int, int]:
  """Return how many numbers of a stage's networks the source has, and minus how many it has not."""
  shapes = stages.shapes_of(stage)
  leaves = {name: leaf for name, leaf in named(shapes).items() if name.startswith(NETWORKS)}
  taken = sum(leaf.size for name, leaf in leaves.items() if _same(source.get(name), leaf))
  return taken, taken - sum(leaf.size for leaf in leaves.values())


def _same(one: Array | None, other: Array) -> bool:
  return one is not None and (one.shape, one.dtype) == (other.shape, other.dtype)


def _filled(state: TrainState, source: Arrays, fields: tuple[str, ...]) -> TrainState:
  """Return the state with the arrays of the source that fit, in these fields."""

  def fill(path: tuple[object, ...], leaf: Tree) -> Tree:
    if isinstance(leaf, optax.ScaleByScheduleState):
      return leaf  # counts the updates of this run, on which its learning rate depends
    found = source.get(path_name(path)) if path_name(path).startswith(fields) else None
    return jax.device_put(found, leaf.sharding) if _same(found, leaf) else leaf

  schedule = lambda x: isinstance(x, optax.ScaleByScheduleState)
  return jax.tree_util.tree_map_with_path(fill, state, is_leaf=schedule)


def _check_frozen(stage: Stage, source: Arrays, freeze: int) -> None:
  few = min(freeze, freezing.most(stage.game, stage.example))
  shapes = named(stages.shapes_of(stage))
  for name in freezing.first(stage.game, stage.example, few):
    if not _same(source.get(f'params/{name}'), shapes[f'params/{name}']):
      raise ValueError(
        f'--freeze={freeze} keeps layers as they were learnt, and {name} does not fit what it '
        'starts from: give a smaller --freeze, or leave it out'
      )


# What is said.


class Group(NamedTuple):
  """Arrays that are named in one line, by what became of them."""

  title: str
  taken: list[str]
  other: list[str]
  absent: list[str]
  unused: list[str]


TITLES = {'ema': 'average of {}', 'opt': 'optimizer of {}'}


def _groups(new: Arrays, source: Arrays, fields: tuple[str, ...]) -> list[Group]:
  """Return a group for each network, average and optimizer of the new run or of the source."""
  found: dict[str, Group] = {}
  for name in [*new, *(name for name in source if name not in new)]:
    field, _, rest = name.partition('/')
    if field not in fields:
      continue
    title = TITLES.get(field, '{}').format(rest.partition('/')[0])
    group = found.setdefault(title, Group(title, [], [], [], []))
    if name not in new:
      group.unused.append(name)
    elif name not in source:
      group.absent.append(name)
    else:
      (group.taken if _same(source[name], new[name]) else group.other).append(name)
  return list(found.values())


def _check_something(groups: Iterable[Group], new: Arrays, optimizer: bool) -> None:
  taken = [name for group in groups for name in group.taken]
  if not any(new[name].ndim > 1 for name in taken if name.startswith('params/')):
    raise ValueError(
      'no weights fit by name and shape: the networks of the two runs have nothing in common'
    )
  if optimizer and not any(new[name].ndim for name in taken if name.startswith(OPTIMIZER)):
    raise ValueError('nothing of the optimizer fits: leave --start-optimizer out')


def line(group: Group, source: Arrays) -> str:
  """Return what became of the arrays of a group, with the first names of those not taken.

  Example:
    >>> line(Group('critic', ['params/critic/a'], [], ['params/critic/b/kernel'], []), {})
    'critic: 1 of 2 arrays taken; new: b/kernel'
  """
  count = len(group.taken) + len(group.other) + len(group.absent)
  parts = [f'{group.title}: {len(group.taken) or "none"} of {count} arrays taken']
  for words, names in (
    ('of another shape', group.other),
    ('new', group.absent),
    ('without a place here', group.unused),
  ):
    if names:
      first = [name.split('/', 2)[-1] for name in names[:SHOWN]]
      more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
      parts.append(f'{words}: {", ".join(first)}{more}')
  return '; '.join(parts)
