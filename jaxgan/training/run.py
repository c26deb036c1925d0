"""Runs, loaded or just trained: their options, their networks, and images from these."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Concatenate, Literal, ParamSpec, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding

from jaxgan import variants
from jaxgan.core import console, game
from jaxgan.core.nets import Nets
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Key, Spec, Variables
from jaxgan.recipes import codes as codes_of
from jaxgan.recipes import stages
from jaxgan.recipes.config import Common
from jaxgan.recipes.types import Recipe, Sampler, Stage, Translation, Translator
from jaxgan.storage import figures
from jaxgan.storage.checkpoint import Checkpoints
from jaxgan.storage.workdir import BEST, CHECKPOINTS, DATA, METRICS
from jaxgan.training import metrics_log, programs
from jaxgan.training.kept import class_counts, mark, read
from jaxgan.training.programs import Generator
from jaxgan.training.requests import Label, class_number, count, key_of, listed

FOLDERS = {'latest': CHECKPOINTS, 'best': BEST}
BATCH = 64

Labels = Label | Sequence[Label] | np.ndarray
"""A class, or several."""
Codes = Mapping[str, str | float | Sequence[float]]
"""Values of codes by name: the number of a choice, or one or more real numbers."""
Given = ParamSpec('Given')
Made = TypeVar('Made')


@dataclass(frozen=True, eq=False, repr=False)  # a run is equal to itself alone
class Run:
  """A trained GAN, or one in training.

  `load` and `train` return one. A notebook shows it as a picture of its samples.

  Args:
    config: all options of the training.
    spec: size, channels and classes of its images.
    recipe: the games of its stages, and the functions that make images.
    state: all parameters, averages and optimizer states, in one tree.
    folder: its work directory; None for a run without one, which has no `history`.

  Example:
    >>> import jaxgan
    >>> run = jaxgan.train(
    ...   jaxgan.configure('gan', steps=2, log_every=1, widths=(8,)), 'runs/tiny', quiet=True
    ... )
    >>> run.sample(0, 4).shape
    (4, 16, 16, 1)
    >>> run.history['step'].tolist()
    [1, 2]
  """

  config: Common
  spec: Spec
  recipe: Recipe
  state: TrainState
  folder: pathlib.Path | None = None
  counts: tuple[int, ...] = ()
  """The number of training images of each class; empty: all classes are equally likely."""
  held: tuple[str, ...] = ()
  """The networks that files of published weights held; empty for a run of training."""

  def sample(
    self, key: Key | int, n: int, label: Labels | None = None, codes: Codes | None = None
  ) -> np.ndarray:
    """Draw images.

    Args:
      key: a seed, 0 or above, or a key of `jax.random.key`. The same key and n draw the same
        images.
      n: how many, 1 or more.
      label: the class of all images, by number or name, for a run that draws by class; or several,
        in turn. Without it classes are random, as frequent as in the data (see `evenly`).
      codes: values for the recipe's codes, by name, such as `{'code': 3}`, as `jaxgan sample` takes
        them. All other codes are random.

    Returns:
      float32 `[n, H, W, C]` in [-1, 1].

    Raises:
      ValueError: the key is neither a key nor a seed, n is below 1, the run does not draw by class
        but has a label, or there is no such class or code.
    """
    return np.concatenate([*self.parts(key, n, label, codes)])

  def parts(
    self, key: Key | int, n: int, label: Labels | None = None, codes: Codes | None = None
  ) -> Iterator[np.ndarray]:
    """Draw the images of `sample` in parts, so that they need not all fit in memory.

    Arguments and errors are those of `sample`.
    """
    key, n = key_of(key), count(n)
    given = self._coded(codes or {})
    for i, (images, _) in enumerate(self._batches(key, n, self._numbers(label), given)):
      yield images[: n - i * BATCH]

  def latents(self, key: Key | int, n: int) -> np.ndarray:
    """Draw latents for `generate`.

    Args:
      key: a seed or a key, as in `sample`.
      n: how many, 1 or more.

    Returns:
      float32 `[n, ...]`, usually `[n, latent_size]`.

    Raises:
      ValueError: as `sample`; or the run makes images from images.
    """
    return np.array(self.sampler().latent(key_of(key), count(n)))

  def generate(self, z: Array | np.ndarray, label: Labels | None = None) -> np.ndarray:
    """Make images from given latents.

    The same latent always gives the same image: networks that add noise use the same noise each
    time.

    Args:
      z: latents `[n, ...]`, such as those of `latents`.
      label: for a run that draws by class, the class of all images, or one for each latent.

    Returns:
      float32 `[n, H, W, C]` in [-1, 1].

    Raises:
      ValueError: the latents have another shape; a label is missing, or is given to a run that does
        not draw by class; or the run makes images from images.

    Example:
      >>> import jaxgan
      >>> run = jaxgan.train(
      ...   jaxgan.configure('gan', steps=2, log_every=1, widths=(8,)), 'runs/tiny', quiet=True
      ... )
      >>> run.generate(run.latents(0, 3)).shape
      (3, 16, 16, 1)
    """
    make, z = self.sampler().generate, self._checked(z)
    labels = self._classes(len(z), label)
    return np.asarray(programs.in_batches(self.bound(make), z, labels, size=BATCH))

  def generator(self) -> tuple[Generator, dict[str, Variables]]:
    """Return the generator as a pure function and its parameters.

    Returns:
      `function` and `params`. `function(params, z, labels)` takes latents `[n, ...]` and int32
      classes `[n]` (omit these if the run does not draw by class). It returns the images
      `[n, H, W, C]` of `generate`. It is not jitted: pass it to `jax.jit`, `jax.vmap`, `jax.grad`
      or `jax.export`. `params` holds only the networks that make images, by name, each in Flax's
      form: `{'params': ..., 'batch_stats': ...}`. If the run keeps averaged parameters, they are
      these. Other inputs of the networks, such as the step of a growing network, are constants of
      the function.

    Raises:
      ValueError: the run makes images from images.

    Example:
      >>> import jax, jaxgan
      >>> run = jaxgan.train(
      ...   jaxgan.configure('gan', steps=2, log_every=1, widths=(8,)), 'runs/tiny', quiet=True
      ... )
      >>> function, params = run.generator()
      >>> jax.jit(function)(params, run.latents(0, 3)).shape
      (3, 16, 16, 1)
    """
    make, nets = self.sampler().generate, game.nets(self.stage.game, self.state)
    function = programs.pure(make, dataclasses.replace(nets, step=self.step))
    conditional, variant = self.recipe.conditional, self.config.variant

    def generator(
      params: Mapping[str, Variables], z: Array, labels: Array | None = None, /
    ) -> Array:
      if labels is None and conditional:
        raise ValueError(f'{variant} draws by class: give labels, int32 [{len(z)}]')
      return function(params, z, jnp.zeros(z.shape[0], jnp.int32) if labels is None else labels)

    z = jnp.asarray(self.latents(0, 1))
    return generator, programs.needed(function, nets, z, jnp.zeros(1, jnp.int32))

  def bound(self, function: Callable[Concatenate[Nets, Given], Made]) -> Callable[Given, Made]:
    """Return `function(nets, ...)`, jitted, with the trained networks as its first argument.

    A function is compiled once, even if it is bound several times or to other parameters. So define
    it once: a new lambda for each call is compiled each time.

    Args:
      function: takes the networks (`jaxgan.core.nets.Nets`), then arrays; returns arrays.

    Returns:
      The function of the arrays alone.
    """
    program = programs.jitted(function, self.stage.game)
    state = self.state
    return cast(Callable[Given, Made], lambda *given: program(state, *given))

  def evenly(self) -> 'Run':
    """Return the same run, but with all classes equally likely in its samples."""
    return replace(self, counts=())

  def labels(self, key: Key, n: int) -> Array:
    """Draw `n` classes, int32 `[n]`, as frequent as in the training images, or equally likely."""
    if len(set(self.counts)) < 2:  # equal shares, or none known
      return jax.random.randint(key, (n,), 0, self.spec.classes)
    shares = jnp.asarray(self.counts) / sum(self.counts)
    return jax.random.choice(key, self.spec.classes, (n,), p=shares).astype(jnp.int32)

  def translate(self, images: np.ndarray, way: str, key: Key | int = 0) -> np.ndarray:
    """Translate images to other images, or upscale them.

    Args:
      images: `[n, H, W, C]` in [-1, 1].
      way: the name of a translation, such as 'AtoB'; `translator().ways` lists them.
      key: a seed or a key, as in `sample`.

    Returns:
      float32 `[n, scale H, scale W, C]`.

    Raises:
      ValueError: there is no such translation (the message lists all), or the network does not take
        images of this size.
    """
    chosen = self.way(way)
    sizes = images.shape[1:3]
    if any(size % chosen.multiple or size < chosen.smallest for size in sizes):
      raise ValueError(
        f'{self.config.variant} takes images of a multiple of {chosen.multiple} pixels, from '
        f'{chosen.smallest} on, these are {sizes[0]} x {sizes[1]}: pad them'
      )
    given = (jnp.asarray(images), key_of(key), *map(jnp.int32, chosen.given))
    return np.asarray(self.bound(chosen.apply)(*given))

  def way(self, name: str) -> Translation:
    """Return the translation of a name.

    Raises:
      ValueError: the run does not translate images, or has no translation of that name.
    """
    ways = self.translator().ways
    if name not in ways:
      raise ValueError(
        f'a run of {self.config.variant} has no translation {name!r}, only {listed(ways)}'
      )
    return ways[name]

  def show(self, batch: Batch, key: Key | int) -> np.ndarray:
    """Return k pictures for each image of a batch that show its translation, `[n, k, H, W, C]`."""
    return np.asarray(self.bound(self.translator().show)(batch, key_of(key)))

  def grid(self, key: Key | int, columns: int = 8) -> np.ndarray:
    """Draw images for a picture: a row per class (at most 16) if conditional, else a square."""
    rows = min(self.spec.classes, 16) if self.recipe.conditional else columns
    return np.asarray(self._draw(key_of(key), jnp.arange(rows * columns) // columns))

  @property
  def step(self) -> int:
    """Return the number of training steps so far."""
    return int(self.state.step)

  @property
  def stage(self) -> Stage:
    """Return the current stage."""
    return stages.of(self.recipe, self.step)

  @property
  def history(self) -> dict[str, np.ndarray]:
    """Read `metrics.jsonl` and return all logged values as arrays, by name.

    Each array has one value per line of the file. 'step' is int64. All others are float64, with NaN
    where the line has no such value or the value was not finite. Where the run returned to a
    checkpoint, a line has 'rolled_back_from'; where it was stopped, the last line has 'stopped'.

    Raises:
      ValueError: the run has no folder.
    """
    if self.folder is None:
      raise ValueError('this run has no folder, and so no history: give Run(..., folder=PATH)')
    return metrics_log.history(self.folder / METRICS)

  def class_of(self, label: Label) -> int:
    """Return the number of a class.

    Args:
      label: its number, or its name in the data set (`spec.names`); without such a name, '3' is 3.

    Raises:
      ValueError: the run does not draw by class, or has no such class (the message lists all).
    """
    if not self.recipe.conditional:
      raise ValueError(f'{self.config.variant} draws no classes here: leave the label out')
    return class_number(label, self.spec)

  def sampler(self) -> Sampler:
    """Return how the run makes images from latents.

    Raises:
      ValueError: the run makes images from images (the message names the command for it).
    """
    interface = self.recipe.interface
    if isinstance(interface, Sampler):
      return interface
    larger = any(way.scale > 1 for way in interface.ways.values())
    raise ValueError(
      f'{self.config.variant} makes images from images, not from latents: use jaxgan '
      f'{"upscale" if larger else "translate"} --workdir=RUN --images=PATH --out=DIR'
    )

  def translator(self) -> Translator:
    """Return how the run makes images from images.

    Raises:
      ValueError: the run makes images from latents (the message names the command for it).
    """
    interface = self.recipe.interface
    if isinstance(interface, Translator):
      return interface
    raise ValueError(
      f'a run of {self.config.variant} makes images from latents, not from images: '
      'use jaxgan sample'
    )

  def __repr__(self) -> str:
    spec, classes = self.spec, f', {self.spec.classes} classes' if self.spec.classes else ''
    sizes = {
      name: sum(x.size for x in jax.tree.leaves(tree)) for name, tree in self.state.params.items()
    }
    lines = {
      'images': f'{spec.form}{classes}',
      'step': f'{self.step} of {self.config.length}',
      'parameters': ', '.join(f'{name} {size:,}' for name, size in sizes.items()),
      'folder': str(self.folder),
    }
    lines['images'] += ', drawn by class' if self.recipe.conditional else ''
    title = f'Run of {self.config.variant} on {self.config.dataset}'
    return '\n'.join([title, *(f'  {name:<12}{text}' for name, text in lines.items())])

  def _repr_png_(self) -> bytes | None:
    """Return a notebook's picture: the same samples as in the work directory's `samples/`."""
    if isinstance(self.recipe.interface, Translator) or self.spec.columns:
      return None
    return figures.png(self.grid(jax.random.key(self.config.seed + 1)), columns=8)

  def _checked(self, z: Array | np.ndarray) -> Array:
    """Return latents as a float32 array, after a check of their shape."""
    z, wanted = jnp.asarray(z), self.latents(0, 1).shape[1:]
    if not len(z.shape) or not len(z) or z.shape[1:] != wanted:
      shape = ', '.join(map(str, ('n', *wanted)))
      raise ValueError(f'latents of this run are [{shape}] with n > 0, these are {list(z.shape)}')
    return z.astype(jnp.float32)

  def _classes(self, n: int, label: Labels | None) -> Array:
    """Return the classes of n given latents, int32 `[n]`."""
    if label is None:
      if self.recipe.conditional:
        raise ValueError(
          f'{self.config.variant} draws by class: give label=0 to {self.spec.classes - 1}, or one '
          'for each latent'
        )
      return jnp.zeros(n, jnp.int32)
    each = self._numbers(label)
    if len(each) not in (1, n):
      raise ValueError(f'give one label for all, or one for each of {n} latents, not {len(each)}')
    return jnp.asarray(np.resize(each, n))

  def _numbers(self, label: Labels | None) -> list[int]:
    """Return the numbers of the given classes; empty for random classes."""
    if label is None:
      return []
    each = [label] if isinstance(label, str) or not np.ndim(label) else label
    if not len(cast(Sequence[Label], each)):
      raise ValueError('label= has no class: give one or more, or leave it out')
    return [self.class_of(x) for x in cast(Sequence[Label], each)]

  def _coded(self, given: Codes) -> dict[str, np.ndarray]:
    """Convert codes to the form that the recipe's sampler takes."""
    written = {
      name: ','.join(map(str, x)) if isinstance(x, Iterable) and not isinstance(x, str) else str(x)
      for name, x in given.items()
    }
    return codes_of.read(self.sampler().codes, written)

  def _draw(self, key: Key, labels: Array, given: Mapping[str, np.ndarray] | None = None) -> Array:
    more = ({name: jnp.asarray(x) for name, x in given.items()},) if given else ()
    return self.bound(self.sampler().sample)(key, labels, *more)

  def _batches(
    self, key: Key, n: int, numbers: Sequence[int], given: Mapping[str, np.ndarray]
  ) -> Iterator[tuple[np.ndarray, Array]]:
    for i in range(-(-n // BATCH)):
      classes, latents = jax.random.split(jax.random.fold_in(key, i))
      in_turn = np.take(numbers or [0], i * BATCH + np.arange(BATCH), mode='wrap')
      labels = jnp.asarray(in_turn, jnp.int32)
      if not numbers and self.recipe.conditional:
        labels = self.labels(classes, BATCH)
      yield np.asarray(self._draw(latents, labels, given)), labels


def load(workdir: str | pathlib.Path, checkpoint: Literal['latest', 'best'] = 'latest') -> Run:
  """Load the run in a work directory, on one device.

  Args:
    workdir: the folder that `train` or `jaxgan train` wrote.
    checkpoint: 'latest', the newest undamaged one; or 'best', the one with the best score, which
      only a run with `eval_every` has.

  Raises:
    ValueError: the folder holds no run, no such checkpoint yet, or one of another run.

  Example:
    >>> import jaxgan
    >>> _ = jaxgan.train(
    ...   jaxgan.configure('gan', steps=2, log_every=1, widths=(8,)), 'runs/tiny', quiet=True
    ... )
    >>> jaxgan.load('runs/tiny').step
    2
  """
  workdir = pathlib.Path(workdir).expanduser()
  if checkpoint not in FOLDERS:
    raise ValueError(f"checkpoint must be 'latest' or 'best', it is {checkpoint!r}")
  (config, spec), counts = read(workdir), class_counts(workdir)
  recipe = variants.build(config, spec)
  placed = SingleDeviceSharding(jax.local_devices()[0])
  shapes = lambda step: stages.abstract(recipe, step, placed)
  kept = Checkpoints(workdir / FOLDERS[checkpoint], run=mark(workdir))
  restored = kept.restore(shapes, log=_warn)
  if restored is None:
    every = {'latest': '--checkpoint-every', 'best': '--eval-every'}[checkpoint]
    raise ValueError(f'{workdir} has no {checkpoint} checkpoint: let it reach {every} steps')
  if recipe.conditional and not counts:
    _warn(f'{workdir / DATA} has no shares of classes, as older runs: they are drawn evenly')
  return Run(config, spec, recipe, restored[1], workdir, counts)


def _warn(text: str) -> None:
  console.say(f'jaxgan: {text}', error=True)
