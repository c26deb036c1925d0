"""Convolution layers of images `[B, H, W, C]` with kernels `[kh, kw, C_in, C_out]`."""

from collections.abc import Callable

import flax.linen as nn

from jaxgan.core.typing import Array
from jaxgan.nn.dense import with_bias
from jaxgan.nn.initializers import Initializer, normal, swapped
from jaxgan.nn.spectral_norm import Kernel
from jaxgan.ops import convolution


class Conv(nn.Module):
  """A convolution with SAME padding: `[B, H, W, C]` to `[B, H / stride, W / stride, features]`.

  Args:
    features: the number of output channels.
    kernel: the side of the kernel in pixels.
    stride: the stride of both axes.
    use_bias: True adds a learned bias.
    spectral: True divides the kernel by its largest singular value.
    start: the initializer of the kernel.
    form: the function of images and kernel, which may include resampling (`ops.convolution`), in
      place of a convolution with `stride`.
    groups: with more than 1, each group of outputs sees one group of inputs only; `form` and
      `stride` are then not used.
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
  """A transposed convolution: `[B, h, w, C]` to `[B, *size, features]`.

  It is the transpose of a convolution of images of `size` with this kernel, stride and padding.

  Args:
    features: the number of output channels.
    size: the side of the output in pixels, or (height, width).
    kernel: the side of the kernel in pixels.
    stride: the stride of both axes.
    pads: the padding of the convolution in pixels on every side; None: SAME.
    use_bias: True adds a learned bias.
    start: the initializer of the kernel.

  Raises:
    ValueError: the convolution maps `size` to another size than that of the input.
  """

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
