"""Enlarging an image with Real-ESRGAN, here and in PyTorch: `python -m benchmarks.upscaling`.

Both run the same weights, those of the extra `realesrgan`; PyTorch's network is that of spandrel,
of the extra `peers`, on the whole image and in both layouts. The library does what `jaxgan upscale`
does with an image, in tiles if it is larger than --tile. They take turns in one process. Two clocks
are read: that on the wall, and the processor's, which other work on the machine disturbs less.
"""

import dataclasses
import sys

import numpy as np

from benchmarks import measure
from jaxgan.apps import upscale
from jaxgan.published import runs, sources

OURS = 'jaxgan'


@dataclasses.dataclass(frozen=True)
class Options:
  """What to time, and how often."""

  weights: tuple[str, ...] = ('realesrgan-x4plus', 'realesrgan-x4plus-anime')
  """The networks."""
  size: int = 256
  """Pixels of the image, a side."""
  rounds: int = 3
  """Times that all have their turn."""
  tile: int = upscale.TILE
  """Pixels of the library's tiles, as `jaxgan upscale` has it."""


def peers(weights: str, image: np.ndarray) -> dict[str, measure.Call]:
  """Return the network in PyTorch, in both layouts, from `[n, H, W, 3]` in [0, 1] to the same."""
  import torch
  from spandrel import ModelLoader

  from benchmarks.peers import in_both_layouts

  (part,) = runs.parts(sources.read(sources.carried(weights)))
  state = {name: torch.tensor(x) for name, x in part.weights.items()}
  model = lambda: ModelLoader().load_from_state_dict(dict(state)).model
  return in_both_layouts(model, image, lambda made: made.permute(0, 2, 3, 1))


def run(options: Options) -> None:
  """A line for each network."""
  pixels = np.random.default_rng(0).integers(0, 256, (1, options.size, options.size, 3), np.uint8)
  image = pixels.astype(np.float32) / 255
  for name in options.weights:
    network = runs.from_published(sources.carried(name))
    calls = {OURS: lambda network=network: upscale.enlarge(network, pixels, options.tile)}
    calls |= peers(name, image)
    wanted = calls['torch nchw']().clip(0, 1)
    apart = np.abs((network.translate(2 * image - 1, 'upscale') + 1) / 2 - wanted).max()
    print(f'{name}, {options.size} pixels, they differ by {apart:.1e}')
    for clock, times in measure.by_clock(calls, options.rounds).items():
      print(f'  {clock} {measure.told_speeds(times, OURS)}', flush=True)


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.upscaling', argv)


if __name__ == '__main__':
  sys.exit(main())
