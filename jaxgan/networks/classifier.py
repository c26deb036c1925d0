"""A small classifier; its last hidden layer gives features of images."""

import flax.linen as nn

from jaxgan.core.typing import Array
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.dense import Dense
from jaxgan.ops.images import to_unit


class Classifier(nn.Module):
  """Classifier: images `[B, S, S, C]` -> features `[B, features]` and logits `[B, classes]`.

  Images have values from 0 to 255; features are at least 0. Convolutions of stride 2, at least
  one, reduce the size to at most 8 pixels. Two dense layers follow. With `maps` it returns only the
  maps `[B, h, w, C]` of the last convolution, and images may have any size.
  """

  classes: int
  features: int = 64
  maps: bool = False

  @nn.compact
  def __call__(self, images: Array, *, train: bool = False) -> Array | tuple[Array, Array]:
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
