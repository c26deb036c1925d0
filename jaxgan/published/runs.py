"""Runs of published weights: `from_published`, and the folder that it becomes."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding

from jaxgan import variants
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Spec, Variables
from jaxgan.published.families import Family, family, unused
from jaxgan.published.layouts import Found, Unfit, Weights, filled
from jaxgan.recipes import stages
from jaxgan.recipes.config import Common
from jaxgan.recipes.types import Recipe
from jaxgan.training.run import Run

IMPORTED = 'imported'
"""The name of the data set of a run whose images are not known."""
AVERAGED, MOVING = 'G_ema', 'G'


class Part(NamedTuple):
  """One network of a file: which it is, what it says, its arrays."""

  family: Family
  found: Found
  weights: Weights


def parts(arrays: Mapping[str, np.ndarray]) -> dict[str, Part]:
  """Return the networks of a file by their names in it, '' for a file of one.

  Raises:
    Unfit: one of them is not known.
  """
  whole = Weights(arrays)
  inner = {name: whole.below(f'{name}.') for name in (AVERAGED, MOVING, 'D')}
  named = {name: weights for name, weights in inner.items() if weights} or {'': whole}
  found = {}
  for name, weights in named.items():
    one = family(weights)
    found[name] = Part(one, one.read(weights), weights)
  return found


def configured(found: Sequence[Found], **options: object) -> tuple[Common, Spec, Recipe]:
  """Return config, images and recipe of a run of these networks.

  Args:
    found: the networks; the first says what images are like.
    options: further options of the variant.

  Raises:
    Unfit: the networks contradict each other or the options, or are of no form that jaxgan has.
  """
  spec, joined = found[0].spec, dict(options)
  for one in found:
    for name, value in {'variant': one.variant, **one.options}.items():
      if joined.setdefault(name, value) != value:
        raise Unfit(f'its networks differ in {name}: {joined[name]} and {value}')
    if (one.spec.channels, one.spec.classes) != (spec.channels, spec.classes):
      raise Unfit(f'its networks are for different images: {one.spec} and {spec}')
  size: dict[str, Any] = dict(image_size=spec.size, channels=spec.channels)
  try:
    config = variants.configure(**{'dataset': IMPORTED, **size, **joined})  # type: ignore[arg-type]
    return config, spec, variants.build(config, spec)
  except ValueError as error:
    raise Unfit(f'jaxgan has no network of this form: {error}') from None


def variables(part: Part, recipe: Recipe) -> dict[str, Variables]:
  """Return the variables of a file's networks by our names.

  Raises:
    Unfit: as `layouts.filled`; or arrays remain that have no place.
  """
  made: dict[str, Variables] = {}
  used: set[str] = set()
  stage = recipe.stages[-1]
  for name, leaves in part.found.networks.items():
    network = stage.game.networks[name]
    like = jax.eval_shape(network.init, jax.random.key(0), *stage.example[name])
    made[name], names = filled(like, leaves, part.weights)
    used |= names
  if rest := unused(part.family, part.weights, used):
    shape = list(part.weights[rest[0]].shape)
    raise Unfit(f'{rest[0]} {shape} has no place in the network that the others make')
  return made


def made(files: Iterable[Mapping[str, np.ndarray]], **options: object) -> Run:
  """Return the run of the networks in files; networks that are in none start as in training.

  Raises:
    Unfit: the files are not of networks that jaxgan has, or not of one run.
  """
  every = [part for arrays in files for part in parts(arrays).items()]
  every.sort(key=lambda item: 'critic' in item[1].family.name)  # generators say what images are
  config, spec, recipe = configured([part.found for _, part in every], **options)
  index = len(recipe.stages) - 1
  device = SingleDeviceSharding(jax.local_devices()[0])
  state = stages.first_state(recipe.stages[index], jax.random.key(config.seed), device)
  step = sum(stage.steps or 0 for stage in recipe.stages[:index])
  state = dataclasses.replace(state, step=jax.device_put(jnp.int32(step), device))
  for name, part in every:
    networks = _free(variables(part, recipe), state, [n for n, _ in every], name)
    state = _with(state, jax.device_put(networks, device), name)
  return Run(config, spec, recipe, state)


def _free(
  networks: dict[str, Variables], state: TrainState, names: list[str], name: str
) -> dict[str, Variables]:
  """Return the networks under the names of their places: a second generator is of the way back."""
  return networks


def _with(state: TrainState, networks: Mapping[str, Variables], name: str) -> TrainState:
  """Return the state with networks of a file, whose name there is `name`."""
  params = {n: v['params'] for n, v in networks.items()}
  rest = {n: {k: x for k, x in v.items() if k != 'params'} for n, v in networks.items()}
  averages = {n: jax.tree.map(jnp.copy, x) for n, x in params.items() if n in state.ema}
  if name != MOVING or not averages:
    state = dataclasses.replace(
      state, ema={**state.ema, **averages}, variables={**state.variables, **rest}
    )
  return dataclasses.replace(state, params={**state.params, **params})
