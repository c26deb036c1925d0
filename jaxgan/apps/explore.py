"""Pictures of a generator that a person explores: from a wish to the image."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.apps import directions, invert, latents, search, stylemix
from jaxgan.apps.latents import Space
from jaxgan.apps.wishes import Limits, Wish
from jaxgan.core.seeds import key_of
from jaxgan.core.typing import Array, Json
from jaxgan.ops.images import to_uint8
from jaxgan.ops.truncation import towards_mean
from jaxgan.recipes import codes as codes_of
from jaxgan.recipes.codes import Code
from jaxgan.training.run import Run

DIRECTIONS = 6
"""How many directions have a slider."""
KEPT = 32
"""How many points of pictures that were searched for are kept."""
SEARCH = search.Search(steps=200)


@dataclass(frozen=True, eq=False)
class Explorer:
  """A run that makes images from latents, and the points that were found for pictures."""

  run: Run
  where: Space
  found: dict[str, Array] = field(default_factory=dict)
  numbers: 'itertools.count[int]' = field(default_factory=lambda: itertools.count(1))

  @cached_property
  def directions(self) -> np.ndarray:
    """Return the directions `[k, d]` that change images most, each as long as its unit.

    They are those of `jaxgan directions`: of styles the principal ones, whose unit is a standard
    deviation; of latents the singular vectors of the first layer. None if there are none.
    """
    label = jnp.zeros(1, jnp.int32)
    if self.where.styles:
      vectors, values = directions.pca(self.run, self.where, label)
      return (values[:, None] * vectors)[:DIRECTIONS].astype(np.float32)
    try:
      return directions.sefa(self.run, self.where, label)[0][:DIRECTIONS].astype(np.float32)
    except ValueError:  # the generator has no such layer
      return np.zeros((0, 1), np.float32)

  @cached_property
  def mean(self) -> Array:
    """Return the mean of the styles, `[d]`."""
    assert self.where.styles
    return self.run.bound(self.where.styles.mean)()

  @cached_property
  def between(self) -> Callable[[Array, Array, Array], Array]:
    """Return the function between two points, compiled."""
    return jax.jit(self.where.between)

  @property
  def limits(self) -> Limits:
    """Return what may be wished of the run."""
    classes = self.run.spec.classes if self.run.recipe.conditional else 0
    return Limits(classes, bool(self.where.styles), DIRECTIONS, self.run.sampler().codes)


def explorer(run: Run) -> Explorer:
  """Return the explorer of a run.

  Raises:
    ValueError: the run makes images from images.
  """
  return Explorer(run, latents.space(run))


def offered(one: Explorer) -> Json:
  """Return which controls a page can show: nothing that the run lacks."""
  run, styles = one.run, one.where.styles
  return {
    'labels': list(run.spec.names) or [str(i) for i in range(one.limits.classes)]
    if run.recipe.conditional
    else [],
    'psi': getattr(run.config, 'psi', 1.0) if styles else None,
    'mix': bool(styles),
    'codes': {name: _kind(code) for name, code in run.sampler().codes.items()},
  }


def _kind(code: Code) -> int | None:
  """Return the number of choices of a code, 0 for a code of one number, None for any other."""
  if code.of_label:  # a text, of which '511' is one too
    return None
  for choices, text in ((code.size, str(code.size - 1)), (0, '0.5')):
    try:
      if (choices == 0 or code.size > 1) and len(code.read(text)) == code.size:
        return choices
    except ValueError:
      continue
  return None


def point(one: Explorer, wish: Wish) -> Array:
  """Return the point of a wish, `[1, ...]`.

  Raises:
    ValueError: its picture was searched for too long ago, or by another server.
  """
  if wish.found and wish.found not in one.found:
    raise ValueError('this server no longer has that picture: upload it again')
  at = one.found[wish.found] if wish.found else drawn(one, wish.seed, wish.label)
  for seed, t in wish.path:
    at = one.between(at, drawn(one, seed, wish.label), jnp.full(1, t))
  parts = {name: code for name, code in one.run.sampler().codes.items() if not code.of_label}
  written = {name: text for name, text in wish.codes.items() if name in parts}
  given = {name: jnp.asarray(x) for name, x in codes_of.read(parts, written).items()}
  at = codes_of.chosen(at, parts, given)
  at = truncated(one, at, wish.psi)
  if wish.mix:
    other = truncated(one, drawn(one, wish.mix[0], wish.label), wish.psi)
    first, past = stylemix.spans(at.shape[1], ())[wish.mix[1]]
    at = stylemix.mixed(at, other, first, past)[0]
  return at + _moved(one, wish.moves).reshape(*[1] * (at.ndim - 1), -1) if any(wish.moves) else at


def condition(one: Explorer, wish: Wish) -> Array:
  """Return what a wish's picture is of: its class `[1]`, or a code in place of it `[1, size]`."""
  for name, code in one.run.sampler().codes.items():
    if code.of_label and name in wish.codes:
      return jnp.asarray(code.read(wish.codes[name]))[None]
  return _labels(wish.label)


def _moved(one: Explorer, moves: tuple[float, ...]) -> Array:
  """Return the sum of moves along the directions, `[d]`; `[1]` where there are none."""
  given = np.resize(np.array(moves, np.float32), len(one.directions))
  given[len(moves) :] = 0
  return jnp.asarray(given @ one.directions)


def drawn(one: Explorer, seed: int, label: int) -> Array:
  """Return the point of a seed, `[1, ...]`: that of `jaxgan interpolate --seeds`."""
  return one.run.bound(one.where.draw)(key_of(seed), _labels(label))


def truncated(one: Explorer, at: Array, psi: float) -> Array:
  """Return styles, moved towards their mean; latents unchanged."""
  if psi == 1 or not one.where.styles:
    return at
  return towards_mean(at, one.mean, psi, getattr(one.run.config, 'psi_layers', None))


def picture(one: Explorer, wish: Wish) -> np.ndarray:
  """Return the picture of a wish, uint8 `[H, W, C]`; errors are those of `point`."""
  made = one.run.bound(one.where.generate)(point(one, wish), condition(one, wish))
  return to_uint8(np.asarray(made))[0]


def film(one: Explorer, wish: Wish, seed: int, frames: int) -> np.ndarray:
  """Return images on the way from a wish to a seed and back, float32 `[n, H, W, C]` in [-1, 1]."""
  there = [(*wish.path, (seed, i / (frames - 1))) for i in range(frames)]
  steps = [picture(one, replace(wish, path=path)) for path in [*there, *there[-2:0:-1]]]
  return np.stack(steps).astype(np.float32) / 127.5 - 1


def find(one: Explorer, target: np.ndarray, label: int) -> tuple[str, np.ndarray]:
  """Search for the point whose image is nearest to a picture.

  Args:
    one: the explorer, which keeps the point.
    target: float32 `[H, W, C]` in [-1, 1], of the run's size.
    label: the class of the picture, for a run that draws by class.

  Returns:
    The name of the point, for `Wish.found`, and its image `[H, W, C]`.
  """
  weight = invert.Options.feature_weight if _has_features(one.run) else 0.0
  distance = invert.nearness(one.run, weight)
  result = search.search(one.run, one.where, distance, target[None], _labels(label), SEARCH)
  name = f'picture-{next(one.numbers)}'
  one.found[name] = jnp.asarray(result.points)
  _forget(one)
  return name, result.images[0]


def _forget(one: Explorer) -> None:
  """Forget all found points but the newest."""
  for old in list(one.found)[:-KEPT]:
    one.found.pop(old, None)


def _has_features(run: Run) -> bool:
  try:
    latents.features(run)
  except ValueError:
    return False
  return True


def _labels(label: int) -> Array:
  return jnp.full(1, label, jnp.int32)
