"""R-precision: whether an image is nearer to its own text than to others."""

import numpy as np

from jaxgan.evaluation.metrics import checks
from jaxgan.evaluation.metrics.intervals import Interval, wilson


def r_precision(
  images: np.ndarray,
  texts: np.ndarray,
  own: np.ndarray,
  *,
  top: int = 10,
  candidates: int = 100,
  seed: int = 0,
) -> Interval:
  """Return the share of images whose own text is among the `top` nearest of `candidates` texts.

  Nearest is the largest scalar product. The other candidates are drawn for each image, without its
  own text; equal products are ordered at random, so that chance is top / candidates.

  Args:
    images: vectors of images `[N, d]`, of the same space as `texts`.
    texts: vectors of different texts `[M, d]`.
    own: the row of each image's text, int `[N]`.
    top: from 1 to `candidates`.
    candidates: from 2 to M.
    seed: of the draw of candidates.

  Returns:
    The share with its interval.

  Raises:
    ValueError: the shapes or numbers do not fit.

  Example:
    >>> found = r_precision(np.eye(20), np.eye(20), np.arange(20), top=1, candidates=10)
    >>> found.value
    1.0

  References: Xu et al., AttnGAN, 2018 (with 1 of 100 candidates).
  """
  images, texts = checks.pair(images, texts, 2, ('images', 'texts'))
  if own.shape != (len(images),) or not 0 <= own.min() <= own.max() < len(texts):
    raise ValueError(f'own should be rows of the {len(texts)} texts, [{len(images)}]: {own.shape}')
  if not 1 <= top < candidates <= len(texts):
    raise ValueError(
      f'expected 1 <= top < candidates <= {len(texts)} texts, got {top} and {candidates}'
    )
  random, right = np.random.default_rng(seed), 0
  for image, mine in zip(images, own, strict=True):
    others = random.choice(len(texts) - 1, candidates - 1, replace=False)
    others += others >= mine
    against, product = texts[others] @ image, texts[mine] @ image
    tied = int((against == product).sum())
    rank = int((against > product).sum()) + int(random.integers(tied + 1))
    right += rank < top
  return wilson(right, len(images))
