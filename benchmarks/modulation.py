"""Two ways to scale a kernel by each image's style: `python -m benchmarks.modulation`.

StyleGAN2 gives every image a kernel of its own. The library scales what goes in and what comes out
(`jaxgan.networks.stylegan2.modulate`); the authors' code makes the kernels and convolves in as many
groups as there are images. Timed with the gradient with respect to images, kernel and styles.
"""

import dataclasses
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks import measure
from jaxgan.core.typing import Array
from jaxgan.networks.stylegan2 import modulate
from jaxgan.ops import convolution, native
from jaxgan.ops.native import Kernels


@dataclasses.dataclass(frozen=True)
class Options:
  """What to time, and how often."""

  shapes: tuple[str, ...] = ('32x32x32x64', '32x16x16x128', '16x64x64x64')
  """Images, height, width and channels, of inputs and outputs alike."""
  rounds: int = 5
  """Times that both have their turn."""
  seconds: float = 0.5
  """How long a turn lasts at least."""
  native: bool = False
  """Also by the native convolutions that are faster here, as by --native=auto."""
  one_core: bool = False
  """Pin to one core and count processor time instead of wall time: for a machine that is busy."""


def grouped(x: Array, w: Array, style: Array) -> Array:
  """The same as `modulate`, by a kernel for each image and a group for each kernel."""
  b, h, width, c = x.shape
  kernels = w[None] * style[:, None, None, :, None]
  kernels *= lax.rsqrt((kernels**2).sum((1, 2, 3), keepdims=True) + 1e-8)
  y = lax.conv_general_dilated(
    jnp.moveaxis(x, 0, 2).reshape(1, h, width, b * c),
    jnp.moveaxis(kernels, 0, 3).reshape(*w.shape[:3], b * w.shape[3]),
    (1, 1),
    'SAME',
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    feature_group_count=b,
  )
  return jnp.moveaxis(y.reshape(h, width, b, -1), 2, 0)


def contender(
  form, x: Array, w: Array, style: Array, kernels: Kernels | None = None
) -> measure.Call:
  """The form's value and gradient, compiled."""
  loss = lambda *given: (form(*given) ** 2).mean()
  options = convolution.compiler_options()
  with native.using(kernels):
    traced = jax.jit(jax.value_and_grad(loss, (0, 1, 2))).lower(x, w, style)
  program = traced.compile(compiler_options=options)
  return lambda: jax.block_until_ready(program(x, w, style))


def run(options: Options) -> None:
  """A line for each shape: both times, and how far the two forms are apart."""
  if options.one_core:
    measure.one_core()
  clock = time.process_time if options.one_core else time.perf_counter
  kernels = measure.native_kernels() if options.native else None
  print(jax.devices()[0].device_kind)
  for shape in options.shapes:
    if shape.count('x') != 3:
      raise ValueError(f'--shapes={shape} should be BxHxWxC, such as 32x32x32x64')
    b, h, width, c = map(int, shape.split('x'))
    keys = jax.random.split(jax.random.key(0), 3)
    x, w = jax.random.normal(keys[0], (b, h, width, c)), jax.random.normal(keys[1], (3, 3, c, c))
    style = jax.random.normal(keys[2], (b, c))
    apart = jnp.abs(modulate(x, w, style) - grouped(x, w, style)).max()
    calls = {form.__name__: contender(form, x, w, style) for form in (grouped, modulate)}
    if kernels is not None:
      calls['native'] = contender(modulate, x, w, style, kernels)
    limits: Any = dict(rounds=options.rounds, seconds=options.seconds, clock=clock)
    times = measure.interleaved(calls, **limits)
    ratio = measure.speed(times['grouped'], times['modulate'])
    ms = {name: round(1e3 * measure.spread(t).median, 3) for name, t in times.items()}
    print(
      f'{shape}: ms {ms}, modulate {ratio.median:.2f} times as fast '
      f'({ratio.low:.2f}-{ratio.high:.2f}), they differ by {float(apart):.1e}'
    )
    if kernels is not None:
      gain = measure.speed(times['modulate'], times['native'])
      print(
        f'  native {gain.median:.2f} times as fast as modulate ({gain.low:.2f}-{gain.high:.2f})'
      )


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.modulation', argv)


if __name__ == '__main__':
  sys.exit(main())
