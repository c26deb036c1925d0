"""A small classifier, whose last hidden layer serves as features of images."""

from typing import Any

import flax.linen as nn

from jaxgan.core.typing import Array
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.dense import Dense
from jaxgan.ops.images import to_unit


class Classifier(nn.Module):
  """Images `[B, S, S, C]` from 0 to 255 -> features `[B, features]`, 0 or above, and logits.

  Convolutions of stride 2 down to 8 pixels or fewer, one at least, then two dense layers. With
  `maps` the last convolution's `[B, h, w, C]` are all there is, of images of any size.
  """

  classes: int
  features: int = 64
  maps: bool = False

  @nn.compact
  def __call__(self, images: Array, *, train: bool = False) -> Any:
    start, width = nn.initializers.he_normal(), 32
    x = to_unit(images)
    while x.shape[1] > 8 or width == 32:
      x = nn.relu(Conv(width, 5, 2, start=start)(x))
      width = min(2 * width, 128)
    if self.maps:
      return x
    features = nn.relu(Dense(self.features, start=start)(x.reshape(len(x), -1)))
    kept = nn.Dropout(0.5, deterministic=not train)(features)
    return features, Dense(self.classes, start=start)(kept)
