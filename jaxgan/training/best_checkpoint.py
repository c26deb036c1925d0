"""The best checkpoint of a run: the one with the best metric, which is rarely the last."""

import pathlib
from collections.abc import Callable

import jax
import numpy as np

from jaxgan.core.typing import Key, Tree
from jaxgan.data import Source
from jaxgan.evaluation import features, samples, scores
from jaxgan.evaluation.metrics import frechet, kernel
from jaxgan.evaluation.scores import Evaluator
from jaxgan.parallel import hosts
from jaxgan.recipes.config_json import RENAMED_METRICS
from jaxgan.storage import files
from jaxgan.storage.checkpoint import Checkpoints
from jaxgan.storage.workdir import BEST, BEST_SCORES

METRICS: dict[str, Callable[[Evaluator, np.ndarray], float]] = {
  'frechet': lambda evaluator, x: frechet.distance_of(x, evaluator.reference),
  'kernel': lambda evaluator, x: kernel.distance(
    evaluator.train.features[evaluator.train.some(len(x), samples.TRAIN)], x
  ),
}
"""The metrics that may choose the best checkpoint; smaller is better."""


class Best:
  """The store of the checkpoint whose samples scored best, in `best/`.

  `best.json` records its step and score. `evaluator` is None in all processes but the first, which
  computes the scores. `run` is the mark of the run, see `Checkpoints`.
  """

  @property
  def key(self) -> Key:
    """Return the key of the latents: always the same one, so that only the networks differ.

    No seed gives this key (the key of a seed has 0 as its first word). Evaluation therefore never
    scores the samples that chose the checkpoint.
    """
    return jax.random.fold_in(jax.random.key(1000), 0)

  def __init__(
    self, folder: pathlib.Path, metric: str, evaluator: Evaluator | None, run: str | None = None
  ) -> None:
    self._folder, self._metric, self._evaluator = folder, metric, evaluator
    self._checkpoints = Checkpoints(folder / BEST, keep_latest=1, keep_best=0, run=run)
    self._value = self._known()

  def consider(self, step: int, state: Tree, draw: Callable[[], np.ndarray]) -> float:
    """Score images of a state, and save the state if its score is the best so far.

    All processes must call this together; only the first one draws images. An error in one process
    is raised in all.

    Args:
      step: the step of the state.
      state: the state to save.
      draw: returns images of this state, uint8 `[N, H, W, C]`.

    Returns:
      The score.
    """
    score = lambda: repr(self._score(draw())) if self._evaluator else ''
    value = float(hosts.share(hosts.together(score))[0])
    if value < self._value:
      self._value = value
      self._checkpoints.save(step, state, metrics={self._metric: value}, wait=True)
      kept = {'step': step, 'metric': self._metric, 'value': value}
      hosts.together(lambda: files.write_config(self._file, kept) if hosts.first() else None)
    return value

  def close(self) -> None:
    """Wait until the checkpoint is written."""
    self._checkpoints.close()

  @property
  def _file(self) -> pathlib.Path:
    return self._folder / BEST_SCORES

  def _score(self, images: np.ndarray) -> float:
    assert self._evaluator
    return METRICS[self._metric](self._evaluator, self._evaluator.network.apply(images)[0])

  def _known(self) -> float:
    """Return the best score so far by this metric; infinity if there is none."""
    try:
      kept = files.read_config(self._file)
      metric = RENAMED_METRICS.get(kept['metric'], kept['metric'])
      return float(kept['value']) if metric == self._metric else float('inf')
    except (OSError, ValueError, KeyError):
      return float('inf')


def evaluator(source: Source, held: Source | None) -> Evaluator:
  """Return the evaluator for scores during training.

  It uses the data set's own classifier and compares with the training images.
  """
  network = features.named('own', source, held)
  return scores.evaluator_of(network, source, None)
