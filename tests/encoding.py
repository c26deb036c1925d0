"""A text encoder as a user writes one, for --text-encoder=encoding:sums."""

import numpy as np


def sums(texts):
  """Two numbers of each text."""
  return np.array([[len(text), sum(map(ord, text)) / 100] for text in texts])
