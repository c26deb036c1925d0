"""The classifier score: the inception score, with the logits of any classifier."""

import numpy as np
from scipy.special import log_softmax

from jaxgan.evaluation.metrics import checks


def classifier_score(
  logits: np.ndarray, *, splits: int = 10, seed: int | None = 2020
) -> tuple[float, float]:
  """Return the classifier score: its mean and standard deviation over `splits` equal parts.

  score = exp(mean over x of KL(p(y | x) | p(y)))

  It lies between 1 (all images have one class, or all predictions are uniform) and the number of
  classes.

  Args:
    logits: `[N, classes]`.
    splits: the number of parts, at most N.
    seed: the seed of the shuffle before the split, as in torch-fidelity; None: no shuffle.

  Returns:
    The mean and the standard deviation.

  Raises:
    ValueError: the logits have another shape, fewer rows than `splits`, or are not finite.

  Example:
    >>> classifier_score(100.0 * np.eye(4), splits=1)
    (4.0, 0.0)

  References: Salimans et al., Improved Techniques for Training GANs, 2016.
  """
  logits = checks.features('logits', logits, splits)
  if seed is not None:
    logits = logits[np.random.RandomState(seed).permutation(len(logits))]
  log_p, n = log_softmax(logits, axis=1), len(logits)
  parts = [log_p[i * n // splits : (i + 1) * n // splits] for i in range(splits)]
  scores = [np.exp(_divergence(part)) for part in parts]
  return float(np.mean(scores)), float(np.std(scores))


def _divergence(log_p: np.ndarray) -> float:
  p = np.exp(log_p)
  return float((p * (log_p - np.log(p.mean(0)))).sum(1).mean())
