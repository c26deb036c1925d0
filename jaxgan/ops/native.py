"""Convolutions by kernels of our own, `native.cc`, in place of XLA's where they are faster.

`native_library` compiles and checks them. They are used only inside of `using(kernels)`, so that
nothing else, such as an exported program, depends on them. They compute the same sums as XLA in
another order: results differ by rounding, and have the same bits with any number of threads.

Arrays must be on one device, or be local, as inside of `jax.shard_map`: XLA does not know how to
split the work of these kernels over devices, and would gather a batch that is split.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.typing import Array
from jaxgan.ops.convolution_forms import Shape, output_size

Kind = Literal['conv', 'tconv', 'wgrad']
KINDS: tuple[Kind, ...] = ('conv', 'tconv', 'wgrad')
"""The three functions of `convolution`, in the order of the numbers that `native.cc` gives them."""

LANES = 16
"""The floats of a vector: numbers of channels must be multiples of it."""
THIN = 4
"""Up to this many channels, the images of a convolution need no multiple of LANES."""
SMALL = 36
"""Up to this many pixels in a result, or in each phase of `tconv`, a call is of a class of its own:
weights move more than images."""

Static = tuple[Any, ...]
"""The arguments after the two arrays: `[x_shape or w_shape,] stride, pads`."""


class Kernels(NamedTuple):
  """Compiled kernels: the name that XLA knows them by, and the classes of shapes to use them for.

  The classes are those of `class_of`.
  """

  target: str
  classes: tuple[str, ...]


_used = jax.make_user_context(default_value=None)


def using(kernels: Kernels | None) -> contextlib.AbstractContextManager[None]:
  """Return a context in which convolutions use these kernels, or with None none.

  The context is part of the key of the jit cache: inside it a function is traced again. What is
  traced inside keeps the kernels.
  """
  return _used(kernels)


def used() -> Kernels | None:
  """Return the kernels of the context."""
  return _used.value if jax.default_backend() == 'cpu' else None


def class_of(kind: Kind, a: Shape, b: Shape, static: Static) -> str:
  """Return the class of a call in float32, by its shapes; '' where there is no kernel for it.

  Args:
    kind: which of the three functions.
    a: the shape of its first array.
    b: the shape of its second array.
    static: its other arguments.

  Returns:
    such as 'conv', 'conv thin' for images of few channels, or 'conv small' for few pixels.
  """
  *_, stride, pads = static
  x, w, y = _shapes(kind, a, b, static)
  product = w[:2] == (1, 1) and stride == 1 and pads == ((0, 0), (0, 0))
  thin = kind == 'conv' and w[2] <= THIN
  whole = {
    'conv': w[3] % LANES == 0 and (thin or w[2] % LANES == 0) and stride <= 2,
    'tconv': w[2] % LANES == 0 and w[3] % LANES == 0,
    'wgrad': w[3] % LANES == 0 and w[2] >= 3,
  }[kind]
  empty = 0 in (*x, *w, *y) or min(min(pads)) < 0
  if not whole or empty or (product and kind != 'wgrad'):
    return ''
  if thin:
    return 'conv thin'
  pixels = x[1] * x[2] // stride**2 if kind == 'tconv' else y[1] * y[2]
  return f'{kind} small' if pixels <= SMALL else kind


def _shapes(kind: Kind, a: Shape, b: Shape, static: Static) -> tuple[Shape, Shape, Shape]:
  """Return the shapes of images, kernel and output of the convolution that a call belongs to."""
  if kind == 'conv':
    return a, b, (a[0], *output_size(a, b, *static), b[3])
  if kind == 'tconv':
    return static[0], b, a
  return a, static[0], b


def apply(kind: Kind, plain: Callable[..., Array], a: Array, b: Array, *static: Any) -> Array:
  """Compute one of the three functions: by the kernels of the context, or else by `plain`.

  Args:
    kind: which of the three functions.
    plain: its formulation in JAX, which `vmap` uses also where there are kernels.
    a: its first array.
    b: its second array.
    *static: its other arguments.
  """
  kernels = used()
  if kernels is None or a.dtype != jnp.float32 or b.dtype != jnp.float32:
    return plain(a, b, *static)
  if class_of(kind, a.shape, b.shape, static) not in kernels.classes:
    return plain(a, b, *static)
  return _call(kernels.target, kind, plain, static)(a, b)


@functools.cache
def _call(
  target: str, kind: Kind, plain: Callable[..., Array], static: Static
) -> Callable[[Array, Array], Array]:
  """Return the call of a kernel, whose batching rule is that of the plain formulation."""
  formulation = lambda a, b: plain(a, b, *static)

  @jax.custom_batching.custom_vmap
  def call(a: Array, b: Array) -> Array:
    like = jax.eval_shape(formulation, a, b)  # in `shard_map` also the axes over which it varies
    return native(target, kind, a, b, static, like)

  @call.def_vmap
  def batched(size: int, is_batched: list[bool], a: Array, b: Array) -> tuple[Array, bool]:
    axes = [0 if one else None for one in is_batched]
    return jax.vmap(formulation, axes)(a, b), True

  return call


def native(
  target: str,
  kind: Kind,
  a: Array,
  b: Array,
  static: Static,
  like: jax.ShapeDtypeStruct | None = None,
) -> Array:
  """Call a kernel; the shapes must be of one of its classes, see `class_of`.

  `like` is the type of the result where it holds more than its shape and float32.
  """
  *_, stride, ((top, _), (left, _)) = static
  shapes = _shapes(kind, a.shape, b.shape, static)
  shape = shapes[{'conv': 2, 'tconv': 0, 'wgrad': 1}[kind]]
  numbers = dict(kind=KINDS.index(kind), stride=stride, top=top, left=left)
  call = jax.ffi.ffi_call(target, like or jax.ShapeDtypeStruct(tuple(shape), jnp.float32))
  return call(a, b, **{name: np.int64(value) for name, value in numbers.items()})
