"""The classifier score: the inception score, by whichever classifier gives the logits."""

import numpy as np
from scipy.special import log_softmax

from jaxgan.evaluation.metrics import checks


def classifier_score(
  logits: np.ndarray, *, splits: int = 10, seed: int | None = 2020
) -> tuple[float, float]:
  """exp(mean of KL(p(y | x) | p(y))): its mean and deviation over `splits` equal parts.

  From 1 (all alike, or all unsure) to the number of classes. `logits` are `[N, classes]`; they are
  shuffled with the seed (as torch-fidelity does), or not at all if it is None.

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
