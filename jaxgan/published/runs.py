"""Runs of published weights: `from_published`, and the work directory that one becomes."""

import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.network import Network
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Json, Spec, Variables
from jaxgan.data import Source
from jaxgan.published import residual, sources
from jaxgan.published.families import Family, family, unused
from jaxgan.published.layouts import Found, Unfit, Weights, filled
from jaxgan.recipes.config import Common
from jaxgan.recipes.config_json import VERSIONS, to_json
from jaxgan.recipes.option_groups import defaults
from jaxgan.recipes.types import Recipe, Stage
from jaxgan.storage import files, foreign_weights, workdir
from jaxgan.storage.checkpoint import Checkpoints
from jaxgan.storage.workdir import CHECKPOINTS, CONFIG, DATA
from jaxgan.training.kept import ORIGIN, versions
from jaxgan.training.run import Run
from jaxgan.training.session import IMPORTED, open_data

AVERAGED, MOVING = 'G_ema', 'G'
BACK = {'generator_ab': 'generator_ba', 'critic_b': 'critic_a'}
"""Of two domains: the place of a second generator or critic."""


class Part(NamedTuple):
  """One network of a file: which it is, what it says, its arrays, and its name in the file."""

  family: Family
  found: Found
  weights: Weights
  name: str = ''


def parts(arrays: Mapping[str, np.ndarray], truncation: float = 1.0) -> list[Part]:
  """Return the networks of a file; the name is empty in a file of one.

  Args:
    arrays: by their published names.
    truncation: which statistics of the batch a BigGAN-deep takes, in (0, 1].

  Raises:
    Unfit: one of them is not known.
  """
  whole = Weights(arrays)
  inner = {name: whole.below(f'{name}.') for name in (AVERAGED, MOVING, 'D')}
  named = {name: weights for name, weights in inner.items() if weights} or {'': whole}
  found = []
  for name, weights in named.items():
    one = family(weights)
    read = one.read
    if read is residual.biggan_deep:
      read = functools.partial(residual.biggan_deep, truncation=truncation)
    elif truncation != 1:
      raise Unfit(f'--truncation is for BigGAN-deep, and this is {one.name}: leave it out')
    try:
      found.append(Part(one, read(weights), weights, name))
    except (IndexError, ValueError, ZeroDivisionError) as error:
      raise Unfit(f'{one.name}: {error}') from None
  return found


def configured(
  found: Sequence[Found], **options: object
) -> tuple[Common, Spec, Recipe, Source | None]:
  """Return config, images, recipe and data of a run of these networks.

  Args:
    found: the networks; the first says what images are like.
    options: further options of the variant; with `dataset` or `folder` the run has images.

  Raises:
    Unfit: the networks contradict each other or the options, or are of no form that jaxgan has.
  """
  spec, joined = found[0].spec, {name: x for name, x in options.items() if x is not None}
  for one in found:
    for name, value in {'variant': one.variant, **one.options}.items():
      if joined.setdefault(name, value) != value:
        raise Unfit(f'its networks differ in {name}: {joined[name]} and {value}')
    if (one.spec.channels, one.spec.classes) != (spec.channels, spec.classes):
      raise Unfit(f'its networks are for different images: {one.spec[:3]} and {spec[:3]}')
  if 'folder' in joined:
    usual = defaults(variants.module(found[0].variant).Config)['dataset']
    joined.setdefault('dataset', usual if usual in ('domains', 'pairs') else 'folder')
  size: Json = dict(image_size=spec.size, channels=spec.channels)
  try:
    config = variants.configure(**{'dataset': IMPORTED, **size, **joined})
    source = None if config.dataset == IMPORTED else open_data(config)
    recipe = variants.build(config, source.spec if source else spec)
  except ValueError as error:
    raise Unfit(f'jaxgan has no such run: {error}') from None
  if source and recipe.conditional and source.spec.classes != spec.classes:
    raise Unfit(
      f'its network draws {spec.classes} classes, and {config.dataset!r} has '
      f'{source.spec.classes}: give images with as many classes, or none'
    )
  return config, source.spec if source else spec, recipe, source


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


def from_published(*paths: str | pathlib.Path, truncation: float = 1.0, **options: object) -> Run:
  """Make a run of published weights; nothing in the files is executed.

  The files' names and shapes say which network they hold: ESRGAN and Real-ESRGAN, SRResNet,
  CycleGAN, pix2pix, StyleGAN2, R3GAN, BigGAN, BigGAN-deep, SN-GAN of torch-mimicry, DCGAN of the
  PyTorch examples, Progressive GAN of pytorch_GAN_zoo. Networks that the files do not hold, such as
  critics, begin as in training.

  Args:
    paths: .pth, .pkl, .safetensors or .npz, or ncnn's .param and .bin. Several files are networks
      of one run: generator and critic, or two generators of CycleGAN, that from A to B first.
    truncation: the truncation, in (0, 1], whose statistics of the batch a BigGAN-deep uses.
    options: options of the variant for further training, such as `batch_size`; with `dataset` or
      `folder` the run has images to train on and to be compared with.

  Returns:
    A run without a work directory; `jaxgan import` writes one.

  Raises:
    ValueError: a file is missing, damaged or hostile, or holds no network that is known; the
      message has the first name or shape that differs.

  Example:
    >>> import jaxgan
    >>> jaxgan.from_published('latest_net_G.pth')
    Traceback (most recent call last):
    ValueError: latest_net_G.pth is not there: give a file
  """
  return _made(paths, truncation, options)[0]


def _made(
  paths: Sequence[str | pathlib.Path], truncation: float, options: Mapping[str, object]
) -> tuple[Run, Source | None]:
  if not paths:
    raise ValueError('there is nothing to read: give one or more files of weights')
  if not 0 < truncation <= 1:
    raise ValueError(f'--truncation must be in (0, 1], it is {truncation}')
  every = []
  for path in map(pathlib.Path, paths):
    arrays = sources.read(path)
    try:
      every += parts(arrays, truncation)
    except Unfit as error:
      raise Unfit(f'{path}: {error}') from None
  try:
    return _joined(every, options)
  except Unfit as error:
    raise Unfit(f'{", ".join(map(str, paths))}: {error}') from None


def _joined(every: list[Part], options: Mapping[str, object]) -> tuple[Run, Source | None]:
  every = sorted(every, key=lambda part: 'critic' in part.family.name)
  if 'critic' in every[0].family.name:
    raise Unfit(f'it holds a critic alone ({every[0].family.name}): give its generator as well')
  config, spec, recipe, source = configured([part.found for part in every], **options)
  *before, stage = recipe.stages
  averaged: dict[str, Variables] = {}
  moving: dict[str, Variables] = {}
  placed = _placed(every)
  for part in placed:
    (moving if part.name == MOVING else averaged).update(variables(part, recipe))
  state = _state(stage, {**moving, **averaged}, config.seed)
  params = {name: found['params'] for name, found in moving.items()}
  steps = jnp.int32(sum(one.steps or 0 for one in before))
  state = dataclasses.replace(state, step=steps, params={**state.params, **params})
  device = SingleDeviceSharding(jax.local_devices()[0])
  counts = source.class_counts() if source else (1,) * spec.classes
  held = tuple(sorted({name for part in placed for name in part.found.networks}))
  return Run(config, spec, recipe, jax.device_put(state, device), counts=counts, held=held), source


def _placed(every: list[Part]) -> list[Part]:
  """Return the networks, each with a place of its own: a second one is that of the way back."""
  taken: set[tuple[str, str]] = set()
  placed = []
  for part in every:
    networks = {}
    for name, leaves in part.found.networks.items():
      place = BACK.get(name, name) if (part.name, name) in taken else name
      if (part.name, place) in taken:
        raise Unfit(f'there are two of the network {name} ({part.family.name}): give one')
      networks[place] = leaves
      taken.add((part.name, place))
    placed.append(part._replace(found=part.found._replace(networks=networks)))
  return placed


def _state(stage: Stage, given: Mapping[str, Variables], seed: int) -> TrainState:
  """Return the first state of a stage whose networks are given, or begin as in training."""

  def beginning(name: str, network: Network) -> Network:
    if name not in given:
      return network._replace(init=jax.jit(network.init))
    return network._replace(init=lambda *_: jax.tree.map(jnp.asarray, given[name]))

  networks = {name: beginning(name, network) for name, network in stage.game.networks.items()}
  filled_game = dataclasses.replace(stage.game, networks=networks)
  return game.init(filled_game, jax.random.key(seed), dict(stage.example))


def write(
  paths: Sequence[str | pathlib.Path],
  into: pathlib.Path,
  *,
  truncation: float = 1.0,
  **options: object,
) -> Run:
  """Make a run of published weights, as `from_published`, in a work directory.

  Raises:
    ValueError: as `from_published`; or the folder is no place for a run, or holds one.
  """
  workdir.check(into)
  if (into / CONFIG).exists():
    raise ValueError(f'{into} holds a run already: give another --workdir')
  run, source = _made(paths, truncation, options)
  about = {
    'spec': list(run.spec[:4]),
    'count': len(source) if source else 0,
    'fingerprint': source.fingerprint if source else '',
    'counts': list(run.counts),
  }
  origin = {str(path): foreign_weights.sha256(pathlib.Path(path).expanduser()) for path in paths}
  with contextlib.closing(workdir.lock(into)):
    with Checkpoints(into / CHECKPOINTS, keep_latest=run.config.keep) as checkpoints:
      checkpoints.save(run.step, run.state, wait=True)
    files.write_config(into / ORIGIN, {'files': origin, 'networks': run.held})
    files.write_config(into / DATA, about)
    files.write_config(into / CONFIG, {**to_json(run.config), VERSIONS: versions()})
  return dataclasses.replace(run, folder=into)
