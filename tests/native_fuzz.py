"""Random convolutions by the kernels of a library, compared with NumPy: `FILE COUNT SEED CORES`.

The tests run it on a library that AddressSanitizer watches, in a process that loaded it first.
"""

import ctypes
import hashlib
import os
import sys

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.ops import convolution_forms, native
from jaxgan.ops.native_library import WRONG, Case, by_numpy, operands

SIDES = (1, 2, 3, 4, 7, 8, 13, 16, 33, 70)
MANY = (16, 32, 48, 64, 80, 96, 112, 128)


def drawn(random):
  """A convolution; no kernel takes some of them."""
  one = lambda values: int(random.choice(values))
  pads = tuple(tuple(int(n) for n in random.integers(0, 4, 2)) for _ in range(2))
  stride, channels = one((1, 1, 2, 2, 3)), one((1, 2, 3, 4, 5, *MANY))
  w = (one((1, 2, 3, 4, 5, 7)), one((1, 2, 3, 4, 5)), channels, one(MANY))
  x = (one((1, 2, 3, 5, 9, 40)), one(SIDES), one(SIDES), channels)
  return Case(x, w, stride, pads)


def calls(random, case):
  """The three functions of a convolution that have a kernel, with random arrays."""
  size = convolution_forms.output_size(*case)
  if min(size) < 1 or case.x[0] * np.prod(size) * np.prod(case.w) > 2e8:
    return
  for kind in native.KINDS:
    *shapes, static = operands(kind, case)
    if native.class_of(kind, *shapes, static):
      a, b = (random.normal(size=shape).astype(np.float32) for shape in shapes)
      yield kind, a, b, static


def main(library, count, seed, cores):
  """Return how many calls of each kind were right, and a digest of all results.

  Raises:
    AssertionError: a call was wrong.
  """
  os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])  # before XLA starts threads
  code = ctypes.CDLL(library).Convolution
  jax.ffi.register_ffi_target('fuzzed', jax.ffi.pycapsule(code), platform='cpu')
  random, right = np.random.default_rng(seed), dict.fromkeys(native.KINDS, 0)
  digest = hashlib.sha256()
  for _ in range(count):
    for kind, a, b, static in calls(random, drawn(random)):
      result = native.native('fuzzed', kind, jnp.asarray(a), jnp.asarray(b), static)
      expected = by_numpy(kind, a, b, *static)
      error = np.abs(np.asarray(result) - expected).max() / (np.abs(expected).max() + 1e-30)
      assert error < WRONG, (error, kind, a.shape, b.shape, static)
      digest.update(np.asarray(result).tobytes())
      right[kind] += 1
  return right, digest.hexdigest()


if __name__ == '__main__':
  print(*main(sys.argv[1], *map(int, sys.argv[2:])))
