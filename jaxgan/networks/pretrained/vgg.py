"""VGG19 up to its last convolution; its feature maps compare images by content."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxgan.core.typing import Array, Tree
from jaxgan.nn.convolutions import Conv

BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels, convolutions
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB from 0 to 1
SMALLEST = 2 ** (len(BLOCKS) - 1)


class VGG19(nn.Module):
  """VGG19: images `[B, H, W, 3 or 1]` in [-1, 1] -> feature maps `[B, H / 16, W / 16, 512]`.

  They are the maps of the layer conv5_4: after its ReLU with `rectified`, as in SRGAN, else before
  it, as in ESRGAN. H and W are at least 16.

  Reference: Simonyan and Zisserman, Very Deep Convolutional Networks, 2015.
  """

  rectified: bool = True

  @nn.compact
  def __call__(self, x: Array) -> Array:
    if min(x.shape[1:3]) < SMALLEST:
      raise ValueError(f'VGG19 needs images of {SMALLEST} pixels or more, these are {x.shape}')
    x = jnp.broadcast_to((x + 1) / 2, (*x.shape[:3], 3))
    spread = lambda values: jnp.array(values, x.dtype)[None, None, None]
    x = (x - spread(MEAN)) / spread(DEVIATION)
    for block, (width, count) in enumerate(BLOCKS, 1):
      x = _halved(x) if block > 1 else x
      for i in range(1, count + 1):
        x = Conv(width, start=nn.initializers.he_normal(), name=f'conv{block}_{i}')(x)
        x = nn.relu(x) if self.rectified or (block, i) != (5, 4) else x
    return x


def _halved(x: Array) -> Array:
  """Return the maximum of each 2x2 pixels; a last odd row or column is dropped."""
  b, h, w, c = x.shape
  return x[:, : h // 2 * 2, : w // 2 * 2].reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))


def converted(state: Mapping[str, np.ndarray]) -> Tree:
  """Convert weights with torchvision's names and layout to parameters of `VGG19`.

  Args:
    state: arrays by name; those of the dense layers are ignored.

  Raises:
    ValueError: an array is missing or has another shape.
  """
  params: dict[str, Tree] = {}
  at, channels = 0, 3
  try:
    for block, (width, count) in enumerate(BLOCKS, 1):
      for i in range(1, count + 1):
        kernel, bias = (state[f'features.{at}.{part}'] for part in ('weight', 'bias'))
        if kernel.shape != (width, channels, 3, 3) or bias.shape != (width,):
          raise ValueError(f'features.{at} has shapes {kernel.shape} and {bias.shape}')
        kernel = np.transpose(kernel, (2, 3, 1, 0)).astype(np.float32)
        params[f'conv{block}_{i}'] = {'weight': {'kernel': kernel}, 'bias': bias.astype('f4')}
        at, channels = at + 2, width
      at += 1
  except (KeyError, ValueError) as error:
    raise ValueError(f'these are not the weights of a VGG19 of torchvision: {error}') from None
  return params
