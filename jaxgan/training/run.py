"""A run at rest: what it was set to, its networks, and samples of them."""

import functools
import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Key, Spec
from jaxgan.ops import convolution
from jaxgan.recipes import stages
from jaxgan.recipes.config import Config, from_json
from jaxgan.recipes.types import Recipe, Stage, Translation
from jaxgan.storage.checkpoint import Checkpoints

CONFIG, DATA, METRICS, CHECKPOINTS = 'config.json', 'data.json', 'metrics.jsonl', 'checkpoints'
ABOUT = ('plugin',)
"""Entries of config.json that are not options: the file of a variant of one's own."""
BEST = 'best'
FOLDERS = {'latest': CHECKPOINTS, 'best': BEST}
BATCH = 64


@dataclass(frozen=True)
class Run:
  """A trained (or training) GAN: `run.sample(key, 64, label=3)`."""

  config: Config
  spec: Spec
  recipe: Recipe
  state: TrainState

  def sample(self, key: Key | int, n: int, label: int | None = None) -> np.ndarray:
    """`n` images in [-1, 1], float32 `[n, H, W, C]`; the same for the same key and n.

    `key` may be a seed. Of a conditional run `label` is the class of all; without it classes are
    drawn evenly at random.

    Raises:
      ValueError: a label of a run that draws no classes, or outside of them.
    """
    key = jax.random.key(key) if isinstance(key, int) else key
    return np.concatenate([images for images, _ in self._batches(key, n, label)])[:n]

  def translate(self, images: np.ndarray, way: str, key: Key | int = 0) -> np.ndarray:
    """Images made of images `[n, H, W, C]` in [-1, 1], the way of that name.

    Raises:
      ValueError: no such way, with those there are; or a size that the network does not take.
    """
    key = jax.random.key(key) if isinstance(key, int) else key
    chosen = self.way(way)
    sizes = images.shape[1:3]
    if any(size % chosen.multiple or size < chosen.smallest for size in sizes):
      raise ValueError(
        f'{self.config.variant} takes images of a multiple of {chosen.multiple} pixels, from '
        f'{chosen.smallest} on, these are {sizes[0]} x {sizes[1]}: pad them'
      )
    return np.asarray(_jitted(chosen.apply, self.stage.game)(self.state, jnp.asarray(images), key))

  def way(self, name: str) -> Translation:
    """How images are made of images.

    Raises:
      ValueError: they are not, or not in the way of that name.
    """
    ways = self.recipe.translate
    if name not in ways:
      there = f'only {", ".join(ways)}' if ways else 'it makes images of latents: use jaxgan.sample'
      raise ValueError(f'a run of {self.config.variant} does not translate {name}, {there}')
    return ways[name]

  def show(self, batch: Batch, key: Key | int) -> np.ndarray:
    """The pictures of a batch that tell how a translation goes, `[n, k, H, W, C]`."""
    key = jax.random.key(key) if isinstance(key, int) else key
    return np.asarray(_jitted(self.recipe.show, self.stage.game)(self.state, batch, key))

  def grid(self, key: Key | int, columns: int = 8) -> np.ndarray:
    """Images for a picture: a row a class (of the first 16) where conditional, else a square."""
    key = jax.random.key(key) if isinstance(key, int) else key
    rows = min(self.spec.classes, 16) if self.recipe.conditional else columns
    return np.asarray(self._draw(key, jnp.arange(rows * columns) // columns))

  @property
  def step(self) -> int:
    """How many steps it has been trained."""
    return int(self.state.step)

  @property
  def stage(self) -> Stage:
    """The stage that it stands in."""
    return stages.of(self.recipe, self.step)

  def _draw(self, key: Key, labels: Array) -> Array:
    return _jitted(self.sampler(), self.stage.game)(self.state, key, labels)

  def sampler(self) -> Callable[..., Array]:
    """The recipe's `sample`.

    Raises:
      ValueError: it makes images of images, with what to use instead.
    """
    if self.recipe.sample is not None:
      return self.recipe.sample
    larger = any(way.scale > 1 for way in self.recipe.translate.values())
    raise ValueError(
      f'{self.config.variant} makes images of images, not of latents: use python -m '
      f'jaxgan.apps.{"upscale" if larger else "translate"} --workdir=RUN --images=PATH --out=DIR'
    )

  def _batches(self, key: Key, n: int, label: int | None) -> Iterator[tuple[np.ndarray, Array]]:
    check_label(self, label)
    for i in range(-(-n // BATCH)):
      classes, latents = jax.random.split(jax.random.fold_in(key, i))
      labels = jnp.full(BATCH, label or 0)
      if label is None and self.recipe.conditional:
        labels = jax.random.randint(classes, (BATCH,), 0, self.spec.classes)
      yield np.asarray(self._draw(latents, labels)), labels


@functools.lru_cache(maxsize=8)
def _jitted(function: Callable[..., Array], played: Game) -> Callable[..., Array]:
  """A function of networks and more, as the jitted one of the state and the same."""
  return jax.jit(
    lambda state, *given: function(game.nets(played, state), *given),
    compiler_options=convolution.compiler_options(),
  )


def load(workdir: str | pathlib.Path, checkpoint: Literal['latest', 'best'] = 'latest') -> Run:
  """The run in a work directory, at its newest sound checkpoint, or the best that it kept.

  Raises:
    ValueError: a folder that holds no run, or none with a checkpoint yet.
  """
  workdir = pathlib.Path(workdir).expanduser()
  config, spec = read(workdir)
  recipe = variants.build(config, spec)
  placed = SingleDeviceSharding(jax.local_devices()[0])
  shapes = lambda step: stages.abstract(recipe, step, placed)
  restored = Checkpoints(workdir / FOLDERS[checkpoint]).restore(shapes, log=_warn)
  if restored is None:
    every = {'latest': '--checkpoint-every', 'best': '--eval-every'}[checkpoint]
    raise ValueError(f'{workdir} has no {checkpoint} checkpoint: let it reach {every} steps')
  return Run(config, spec, recipe, restored[1])


def read(workdir: pathlib.Path) -> tuple[Config, Spec]:
  """What a run was set to, and what its images are.

  Raises:
    ValueError: a folder that holds no run.
  """
  try:
    values = json.loads((workdir / CONFIG).read_text())
    about: dict[str, Any] = json.loads((workdir / DATA).read_text())
  except FileNotFoundError as error:
    raise ValueError(
      f'{workdir} holds no run ({pathlib.Path(error.filename).name} is missing): '
      'give the --workdir of python -m jaxgan.main'
    ) from None
  except ValueError as error:
    raise ValueError(f'{workdir} holds a damaged {CONFIG} or {DATA}: {error}') from None
  variants.recall(values.get('variant', ''), values.get('plugin'), str(workdir))
  options = {name: value for name, value in values.items() if name not in ABOUT}
  config = from_json(variants.module(values.get('variant', '')).Config, options)
  size, channels, classes, names = about['spec']
  return config, Spec(size, channels, classes, tuple(names))


def _warn(text: str) -> None:
  print(f'jaxgan: {text}', file=sys.stderr)


def check_label(run: Run, label: int | None) -> None:
  """Raises ValueError for a label of a run that draws no classes, or outside of them."""
  if label is None:
    return
  if not run.recipe.conditional:
    raise ValueError(f'{run.config.variant} draws no classes: leave --label out')
  if not 0 <= label < run.spec.classes:
    raise ValueError(
      f'--label={label} is not a class of this run: they are 0 to {run.spec.classes - 1}'
    )
