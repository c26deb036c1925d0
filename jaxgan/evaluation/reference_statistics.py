"""Statistics of real images, stored in a file: a Fréchet distance needs no more than these."""

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import frechet, intervals
from jaxgan.evaluation.metrics.moments import Moments
from jaxgan.evaluation.samples import Sample, moments_of
from jaxgan.evaluation.scores import Evaluator, Score, floor
from jaxgan.storage import files

FIELDS = ('n', 'mean', 'scatter')


class Statistics(NamedTuple):
  """The moments of the features of real images.

  Attributes:
    train: moments of the training images.
    held: moments of the held-out images; None if there are none.
    network: the hash of the feature network.
    about: a description of the training images.
    shape: `(H, W, C)` of the images.
  """

  train: Moments
  held: Moments | None
  network: str
  about: str
  shape: tuple[int, ...]


def of(evaluator: Evaluator) -> Statistics:
  """Return the statistics of an evaluator's real images."""
  held = None if evaluator.test is None else moments_of(evaluator.test)
  shape = evaluator.train.images.spec.shape if evaluator.train.images else (0,)
  return Statistics(
    moments_of(evaluator.train), held, evaluator.network.hash, evaluator.about, shape
  )


def write(path: pathlib.Path, kept: Statistics) -> None:
  """Write statistics to an .npz file."""
  about = {'network': kept.network, 'about': kept.about, 'shape': list(kept.shape)}
  parts = {'train': kept.train, **({'held': kept.held} if kept.held else {})}
  arrays = {
    f'{part}_{name}': np.asarray(getattr(of_part, name))
    for part, of_part in parts.items()
    for name in FIELDS
  }
  files.save_npz(path, jaxgan=json.dumps(about), **arrays)


def read(path: pathlib.Path) -> Statistics | None:
  """Read the statistics that `write` wrote; return None for another .npz file.

  Raises:
    ValueError: there is no file, or it is damaged.
  """
  try:
    return files.of_npz(path, _taken)
  except ValueError as error:
    raise ValueError(f'{path} cannot be read as statistics: {error}') from error


def _taken(stored: Mapping[str, np.ndarray]) -> Statistics | None:
  """Return the statistics in the arrays of a file; None if it has none."""
  if 'jaxgan' not in stored:
    return None
  about = json.loads(str(stored['jaxgan']))
  held = _part(stored, 'held') if 'held_n' in stored else None
  shape = tuple(about['shape'])
  return Statistics(_part(stored, 'train'), held, about['network'], about['about'], shape)


def _part(stored: Mapping[str, np.ndarray], name: str) -> Moments:
  n, mean, scatter = (stored[f'{name}_{field}'] for field in FIELDS)
  return Moments(int(n), mean, scatter)


def scores(
  network: FeatureNetwork,
  kept: Statistics,
  sample: Callable[[int], Sample],
  seeds: Sequence[int],
) -> list[Score]:
  """Return the Fréchet distance between samples and stored statistics, as one `Score`.

  Args:
    network: the feature network of the samples.
    kept: the statistics of real images, computed by the same network.
    sample: `sample(seed)` returns the features of generated images.
    seeds: the seeds of the samples; the interval is over these.

  Raises:
    ValueError: the statistics come from another network, or hold no held-out images.
  """
  if kept.network != network.hash:
    raise ValueError(
      f'the statistics are by network {kept.network}, this is {network.hash} ({network.about}): '
      'use the same network'
    )
  reference = _reference(kept)
  features = [sample(seed).features for seed in seeds]
  values = [frechet.distance_of(one, reference) for one in features]
  return [_score(network, kept, reference, values, len(features[0]), seeds)]


def scores_of_moments(
  network: FeatureNetwork, kept: Statistics, made: Mapping[int, Moments]
) -> list[Score]:
  """Return the Fréchet distance between moments of generated images, by seed, and statistics.

  Raises:
    ValueError: the statistics hold no held-out images.
  """
  reference = _reference(kept)
  values = [frechet.distance(one, reference) for one in made.values()]
  num = next(iter(made.values())).n
  return [_score(network, kept, reference, values, num, list(made))]


def _reference(kept: Statistics) -> frechet.Reference:
  if kept.held is None:
    raise ValueError('the statistics hold no held-out images, without which a number means nothing')
  return frechet.reference(kept.train)


def _score(
  network: FeatureNetwork,
  kept: Statistics,
  reference: frechet.Reference,
  values: Sequence[float],
  num: int,
  seeds: Sequence[int],
) -> Score:
  assert kept.held is not None
  return Score(
    name='Fréchet distance',
    of=intervals.repeats(values),
    num=num,
    against=kept.about,
    real=frechet.distance(kept.held, reference),
    real_num=kept.held.n,
    ideal=floor(reference, num),
    network=network.described,
    seeds=tuple(seeds),
  )
