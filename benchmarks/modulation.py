"""Two ways to scale a kernel by each image's style: `python -m benchmarks.modulation`.

StyleGAN2 gives every image a kernel of its own. The library scales what goes in and what comes out
(`jaxgan.networks.stylegan2.modulate`); the authors' code makes the kernels and convolves in as many
groups as there are images. Timed with the gradient with respect to images, kernel and styles.

`--peer=torch` times the workload W6 against PyTorch: twice a modulated convolution, noise and a
leaky ReLU.
"""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import measure
from jaxgan.core.typing import Array
from jaxgan.networks.stylegan2 import active, modulate
from jaxgan.ops import convolution, native, resample
from jaxgan.ops.native import Kernels
from jaxgan.training.kernels import fastest


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
  peer: Literal['none', 'torch'] = 'none'
  """Time the workload W6 against PyTorch instead."""
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


def compiled(
  function: Callable[..., Any], inputs: tuple[Any, ...], kernels: Kernels | None
) -> measure.Call:
  """Return a call of the function, compiled as training compiles, on inputs that are placed."""
  with native.using(kernels):
    traced = jax.jit(function).lower(*inputs)
  program = traced.compile(compiler_options=convolution.compiler_options())
  placed = jax.tree.map(jnp.asarray, inputs)
  return lambda: jax.block_until_ready(program(*placed))


def contender(
  form, x: Array, w: Array, style: Array, kernels: Kernels | None = None
) -> measure.Call:
  """The form's value and gradient, compiled."""
  loss = lambda *given: (form(*given) ** 2).mean()
  return compiled(jax.value_and_grad(loss, (0, 1, 2)), (x, w, style), kernels)


def block(
  x: Array, kernels: Sequence[Array], styles: Sequence[Array], noises: Sequence[Array]
) -> Array:
  """W6: enlarge by two, then modulated convolution, noise and leaky ReLU for each kernel."""
  x = resample.upsample(x)
  for w, style, noise in zip(kernels, styles, noises, strict=True):
    x = active(modulate(x, w, style) + 0.1 * noise)
  return x


def block_inputs(batch: int = 16, side: int = 16, channels: int = 64) -> tuple[Any, ...]:
  """Random arguments of `block`."""
  random = np.random.default_rng(0)
  draw = lambda *shape: random.normal(size=shape).astype(np.float32)
  kernels = [0.05 * draw(3, 3, channels, channels) for _ in range(2)]
  styles = [1 + 0.1 * draw(batch, channels) for _ in range(2)]
  noises = [draw(batch, 2 * side, 2 * side, 1) for _ in range(2)]
  return draw(batch, side, side, channels), kernels, styles, noises


def block_gradients(inputs: tuple[Any, ...], kernels: Kernels | None = None) -> measure.Call:
  """The gradients of the sum of squares by all but the noise, compiled."""
  loss = lambda *given: (block(*given) ** 2).sum()
  return compiled(jax.grad(loss, (0, 1, 2)), inputs, kernels)


def against_torch(options: Options) -> None:
  """Print a line for each contender: its time, and its speed against the best of PyTorch."""
  from benchmarks.peers import modulated_block

  measure.keep_arenas()
  inputs = block_inputs()
  calls: dict[str, measure.Call] = {**modulated_block(*inputs), 'jax': block_gradients(inputs)}
  if options.native:
    calls['jax, native'] = block_gradients(inputs, fastest()[0])
  times = measure.interleaved(
    calls, rounds=options.rounds, seconds=options.seconds, clock=measure.clock(options.one_core)
  )
  peers = [name for name in calls if name.startswith('torch')]
  best = min(peers, key=lambda name: measure.spread(times[name]).median)
  for name, seconds in times.items():
    ms, speed = 1e3 * measure.spread(seconds).median, measure.speed(times[best], seconds)
    print(f'W6 {name}: {ms:.1f} ms, {speed.median:.2f} ({speed.low:.2f}-{speed.high:.2f})')


def run(options: Options) -> None:
  """A line for each shape: both times, and how far the two forms are apart."""
  if options.one_core:
    measure.one_core()
  if options.peer == 'torch':
    return against_torch(options)
  kernels = fastest()[0] if options.native else None
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
    limits: Any = dict(
      rounds=options.rounds, seconds=options.seconds, clock=measure.clock(options.one_core)
    )
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
