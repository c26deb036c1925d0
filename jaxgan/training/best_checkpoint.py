"""The best checkpoint of a run: where a metric was best, which is rarely where training ends."""

import pathlib
from collections.abc import Callable

import jax
import numpy as np

from jaxgan.core.typing import Key, Tree
from jaxgan.data import Source
from jaxgan.evaluation import features, samples, scores
from jaxgan.evaluation.metrics import frechet, kernel
from jaxgan.evaluation.scores import Judge
from jaxgan.parallel import hosts
from jaxgan.recipes.config import RENAMED_METRICS
from jaxgan.storage import files
from jaxgan.storage.checkpoint import Checkpoints

METRICS: dict[str, Callable[[Judge, np.ndarray], float]] = {
  'frechet': lambda judge, x: frechet.distance_of(x, judge.reference),
  'kernel': lambda judge, x: kernel.distance(
    judge.train.features[judge.train.some(len(x), samples.TRAIN)], x
  ),
}
"""By which a run may be judged; the smaller, the better."""


class Best:
  """Keeps the checkpoint of the step whose samples scored best, in `best/`; `best.json` tells.

  `judge` is asked by the process that writes, and only there made.
  """

  @property
  def key(self) -> Key:
    """The key of the latents: the same each time, so that what differs is the network.

    It belongs to no seed, so that no evaluation scores the samples that the checkpoint was chosen
    by: the key of a seed has 0 as its first word.
    """
    return jax.random.fold_in(jax.random.key(1000), 0)

  def __init__(self, folder: pathlib.Path, metric: str, judge: Judge | None):
    self._folder, self._metric, self._judge = folder, metric, judge
    self._checkpoints = Checkpoints(folder / 'best', keep_latest=1, keep_best=0)
    self._value = self._known()

  def consider(self, step: int, state: Tree, draw: Callable[[], np.ndarray]) -> float:
    """The score of `draw()`, uint8 images of the state, which is kept where it is the best yet.

    All processes come by, with the state; the first alone draws. What fails there, fails in all.
    """
    score = lambda: repr(self._score(draw())) if self._judge else ''
    value = float(hosts.share(hosts.together(score))[0])
    if value < self._value:
      self._value = value
      self._checkpoints.save(step, state, metrics={self._metric: value}, wait=True)
      kept = {'step': step, 'metric': self._metric, 'value': value}
      hosts.together(lambda: files.write_config(self._file, kept) if hosts.first() else None)
    return value

  def close(self) -> None:
    """Wait for what is being written."""
    self._checkpoints.close()

  @property
  def _file(self) -> pathlib.Path:
    return self._folder / 'best.json'

  def _score(self, images: np.ndarray) -> float:
    assert self._judge
    return METRICS[self._metric](self._judge, self._judge.network.apply(images)[0])

  def _known(self) -> float:
    """The best of what was played before, by this metric."""
    try:
      kept = files.read_config(self._file)
      metric = RENAMED_METRICS.get(kept['metric'], kept['metric'])
      return float(kept['value']) if metric == self._metric else float('inf')
    except (OSError, ValueError, KeyError):
      return float('inf')


def judge(source: Source, held: Source | None) -> Judge:
  """Who judges while a run trains: the data set's own classifier, against its training images."""
  network = features.named('own', source, held)
  return scores.judge_of(network, source, None)
