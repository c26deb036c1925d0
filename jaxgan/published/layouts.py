"""How arrays of published files become arrays of jaxgan's networks.

PyTorch has kernels as [out, in, h, w] and maps as [channels, height, width]; jaxgan has
[h, w, in, out] and [height, width, channels].
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan.core.typing import Spec, Variables

Change = Callable[[np.ndarray], np.ndarray]


class Unfit(ValueError):
  """The arrays are not those of a network that jaxgan has."""


class Weights(dict[str, np.ndarray]):
  """The arrays of a file by their published names."""

  def __missing__(self, name: str) -> np.ndarray:
    raise Unfit(f'there is no {name}')

  def sizes(self, name: str, axes: int) -> tuple[int, ...]:
    """Return the shape of an array that must have so many axes, none of them empty."""
    shape = self[name].shape
    if len(shape) != axes or 0 in shape:
      raise Unfit(f'{name} is {list(shape)}, and should have {axes} axes')
    return shape

  def count(self, pattern: str) -> int:
    """Return how many of the names are there: the pattern with {} as 0, 1, 2 and so on."""
    found = 0
    while pattern.format(found) in self:
      found += 1
    return found

  def below(self, prefix: str) -> 'Weights':
    """Return the arrays whose names begin with a prefix, without it."""
    return Weights({k.removeprefix(prefix): x for k, x in self.items() if k.startswith(prefix)})


class Leaf(NamedTuple):
  """Where an array of ours comes from: its path, the published name, and what changes between."""

  ours: str
  theirs: str
  change: Change = lambda x: x


class Found(NamedTuple):
  """What a file holds: a variant with its options, its images, and arrays of some networks."""

  variant: str
  options: Mapping[str, object]
  spec: Spec
  networks: Mapping[str, Iterable[Leaf]]


# Changes of one array.


def kernel(w: np.ndarray) -> np.ndarray:
  """Kernel of a convolution: [out, in, h, w] to [h, w, in, out]."""
  return w.transpose(2, 3, 1, 0)


def transposed(w: np.ndarray) -> np.ndarray:
  """Kernel of a transposed convolution: [in, out, h, w] to [h, w, out, in]."""
  return w.transpose(2, 3, 1, 0)


def flipped(w: np.ndarray) -> np.ndarray:
  """Kernel of a convolution that enlarges, whose axes run backwards in the published form."""
  return kernel(w)[::-1, ::-1]


def matrix(w: np.ndarray) -> np.ndarray:
  """Matrix of a linear layer: [out, in] to [in, out]."""
  return w.T


def to_map(side: int) -> Change:
  """Matrix whose output is a square map: its rows from CHW to HWC, then as `matrix`."""
  return lambda w: matrix(_rows(w, side))


def bias_of_map(side: int) -> Change:
  """Vector that is a square map: from CHW to HWC."""
  return lambda b: _rows(b, side)


def of_map(side: int) -> Change:
  """Matrix whose input is a square map: [out, C H W] to [H W C, out]."""
  return lambda w: _rows(w.T, side)


def _rows(x: np.ndarray, side: int) -> np.ndarray:
  parts = x.reshape(-1, side, side, *x.shape[1:])
  return np.moveaxis(parts, 0, 2).reshape(x.shape)


def times(factor: float, change: Change) -> Change:
  """Multiply an array too."""
  return lambda x: change(x) * np.float32(factor)


# Layers.


def conv(w: Weights, ours: str, theirs: str, change: Change = kernel) -> Iterator[Leaf]:
  """Kernel, and bias if the file has one, of a convolution or a dense layer."""
  yield Leaf(f'params/{ours}/weight/kernel', f'{theirs}.weight', change)
  if f'{theirs}.bias' in w:
    yield Leaf(f'params/{ours}/bias', f'{theirs}.bias')


def batch_norm(
  ours: str, theirs: str, stats: tuple[str, str] = ('running_mean', 'running_var')
) -> Iterator[Leaf]:
  """Gain, bias and statistics."""
  yield Leaf(f'params/{ours}/scale', f'{theirs}.weight')
  yield Leaf(f'params/{ours}/bias', f'{theirs}.bias')
  yield from statistics(ours, theirs, stats)


def statistics(
  ours: str, theirs: str, stats: tuple[str, str] = ('running_mean', 'running_var')
) -> Iterator[Leaf]:
  """Running mean and variance."""
  for name, stat in zip(('mean', 'var'), stats, strict=True):
    yield Leaf(f'batch_stats/{ours}/statistics/{name}', f'{theirs}.{stat}')


def normalized(
  w: Weights,
  ours: str,
  theirs: str,
  change: Change = kernel,
  form: str = 'torch',
  outputs: Change = lambda x: x,
) -> Iterator[Leaf]:
  """A layer of spectral norm: kernel, bias, and the vector of its power iteration.

  PyTorch's own spectral norm ('torch': weight_orig, weight_u, weight_v) divides by u W v at test
  and never iterates. The others ('u0' in BigGAN, 'sn_u' in mimicry) iterate once, as jaxgan does.
  `outputs` is what changes in a vector over the outputs, where these are a map.
  """
  torch = form == 'torch'
  name, vector = (f'{theirs}.weight_orig', 'weight_u') if torch else (f'{theirs}.weight', form)
  yield Leaf(f'params/{ours}/weight/kernel', name, change)
  if f'{theirs}.bias' in w:
    yield Leaf(f'params/{ours}/bias', f'{theirs}.bias', outputs)

  def start(u: np.ndarray) -> np.ndarray:
    u = u.reshape(-1)
    if torch:
      m = w[name].reshape(len(w[name]), -1)
      u = leading(m, u, float(u @ m @ w[f'{theirs}.weight_v']))
    return outputs(u)

  yield Leaf(f'spectral/{ours}/weight/u', f'{theirs}.{vector}', start)


def normalized_table(w: Weights, ours: str, theirs: str, form: str) -> Iterator[Leaf]:
  """Vectors of classes [classes, features] of spectral norm.

  The published iteration is of a vector over the classes, that of jaxgan of one over the features;
  jaxgan's starts so that both find the same norm.
  """
  yield Leaf(f'params/{ours}/weight/kernel', f'{theirs}.weight')

  def start(u: np.ndarray) -> np.ndarray:
    m = w[f'{theirs}.weight']
    v = m.T @ u.reshape(-1)
    v = v / np.linalg.norm(v)
    return leading(m.T, v, float(np.linalg.norm(m @ v)))

  yield Leaf(f'spectral/{ours}/weight/u', f'{theirs}.{form}', start)


def leading(m: np.ndarray, u: np.ndarray, norm: float) -> np.ndarray:
  """Return the vector from which one power iteration finds a given norm.

  An iteration from u finds |M M' u| / |M' u|, which is the largest singular value only where u is
  its vector. u is turned towards the first or the last singular vector until it finds the norm.

  Args:
    m: the kernel as [out, rest].
    u: the vector to begin with, `[out]`.
    norm: between the smallest and the largest singular value.
  """
  m, u = m.astype(np.float64), u.astype(np.float64)
  length = lambda x: float(np.linalg.norm(x))
  finds = lambda x: length(m @ (m.T @ x)) / max(length(m.T @ x), 1e-300)
  if abs(finds(u) - norm) <= 1e-7 * abs(norm):
    return u.astype(np.float32)
  left = np.linalg.svd(m, full_matrices=False)[0]
  end = left[:, 0] if norm > finds(u) else left[:, -1]
  turned = lambda share: (1 - share) * u + share * end * np.copysign(1, u @ end)
  low, high = 0.0, 1.0
  for _ in range(60):
    middle = (low + high) / 2
    before = (finds(turned(middle)) < norm) == (finds(u) < norm)
    low, high = (middle, high) if before else (low, middle)
  return turned(high).astype(np.float32)


# A whole network.


def filled(like: Variables, leaves: Iterable[Leaf], weights: Weights) -> tuple[Variables, set[str]]:
  """Return a network's variables with the arrays of a file, and the names that were used.

  Args:
    like: shapes of the network's variables.
    leaves: where each comes from.
    weights: the file's arrays.

  Raises:
    Unfit: the file lacks an array, one has another shape, or the network has no place for one; the
      message has the first such name.
  """
  shapes, made, used = flatten_dict(dict(like), sep='/'), {}, set()
  for ours, theirs, change in leaves:
    array = np.asarray(weights[theirs], np.float32)
    if ours not in shapes:
      raise Unfit(f'{theirs} {list(array.shape)} has no place in the network that the others make')
    value, shape = _changed(array, change, theirs), shapes[ours].shape
    if value.shape != shape and value.size == math.prod(shape) and max(value.ndim, len(shape)) < 2:
      value = value.reshape(shape)  # a number as [] or [1]
    if value.shape != shape:
      raise Unfit(
        f'{theirs} is {list(array.shape)}, which does not fit the others: it would become '
        f'{list(value.shape)}, and the network has {list(shape)}'
      )
    made[ours] = np.array(value, order='C')
    used.add(theirs)
  if missing := sorted(set(shapes) - set(made)):
    raise Unfit(f'the network needs {missing[0]}, for which there is no array')
  return unflatten_dict(made, sep='/'), used


def _changed(array: np.ndarray, change: Change, name: str) -> np.ndarray:
  if not np.isfinite(array).all():
    raise Unfit(f'{name} has numbers that are not finite')
  try:
    return change(array)
  except (ValueError, IndexError, np.linalg.LinAlgError) as error:
    raise Unfit(f'{name} is {list(array.shape)}, which does not fit: {error}') from None
