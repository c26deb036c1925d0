"""Convolutions of images NHWC, kernels HWIO; with `spectral` the kernel has spectral norm one."""

from collections.abc import Callable

import flax.linen as nn

from jaxgan.core.typing import Array
from jaxgan.nn.dense import with_bias
from jaxgan.nn.initializers import Initializer, normal, swapped
from jaxgan.nn.spectral_norm import Kernel
from jaxgan.ops import convolution


class Conv(nn.Module):
  """A convolution with SAME padding; `form` may fuse it with resampling.

  With `groups` each group of outputs sees its own group of inputs alone; there is then no `form`,
  and the stride is 1.
  """

  features: int
  kernel: int = 3
  stride: int = 1
  use_bias: bool = True
  spectral: bool = False
  start: Initializer = normal
  form: Callable[..., Array] | None = None
  groups: int = 1

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (self.kernel, self.kernel, x.shape[-1] // self.groups, self.features)
    w = Kernel(shape, self.start, self.spectral, name='weight')()
    if self.groups > 1:
      y = convolution.convolve_grouped(x, w, self.groups)
    else:
      y = self.form(x, w) if self.form else convolution.convolve(x, w, self.stride)
    return with_bias(self, y, self.features) if self.use_bias else y


class ConvTranspose(nn.Module):
  """The transpose of a convolution, SAME or of `pads`, from an image of `size`, a side or both."""

  features: int
  size: int | tuple[int, int]
  kernel: int = 4
  stride: int = 2
  pads: int | None = None
  use_bias: bool = True
  start: Initializer = normal

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (self.kernel, self.kernel, self.features, x.shape[-1])
    w = Kernel(shape, swapped(self.start), name='weight')()
    size = (self.size, self.size) if isinstance(self.size, int) else self.size
    y = convolution.convolve_transposed(x, w, size, self.stride, self.pads)
    return with_bias(self, y, self.features) if self.use_bias else y
