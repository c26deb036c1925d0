"""Enlarging an image with Real-ESRGAN, here and in PyTorch: `python -m benchmarks.upscaling`.

Both run the same weights, those of the extra `realesrgan`; PyTorch's network is that of spandrel,
of the extra `peers`, in both of its layouts. They take turns in one process. `enlarge` is what
`jaxgan upscale` does with an image, in tiles where it cuts tiles; `network` is the network alone,
on the whole image, as PyTorch runs it.
"""

import dataclasses
import os
import sys
from collections.abc import Sequence

import numpy as np

from benchmarks import measure
from jaxgan.apps import upscale
from jaxgan.published import runs, sources
from jaxgan.training.run import Run


@dataclasses.dataclass(frozen=True)
class Options:
  """What to time, and how often."""

  weights: tuple[str, ...] = ('realesrgan-x4plus', 'realesrgan-x4plus-anime')
  """The networks."""
  size: int = 256
  """Pixels of the image, a side."""
  rounds: int = 3
  """Times that all have their turn."""
  tile: int = upscale.Options.tile
  """Of `enlarge`, as `jaxgan upscale` has it."""


def peers(weights: str, image: np.ndarray, threads: int) -> dict[str, measure.Call]:
  """Return the network in PyTorch, in both layouts, from `[n, H, W, 3]` in [0, 1] to the same."""
  import torch
  from spandrel import ModelLoader

  torch.set_num_threads(threads)
  (part,) = runs.parts(sources.read(sources.carried(weights)))
  state = {name: torch.tensor(x) for name, x in part.weights.items()}

  def call(layout: torch.memory_format) -> measure.Call:
    model = ModelLoader().load_from_state_dict(dict(state)).model.eval().to(memory_format=layout)
    x = torch.tensor(image).permute(0, 3, 1, 2).contiguous(memory_format=layout)

    def made() -> np.ndarray:
      with torch.inference_mode():
        return model(x).permute(0, 2, 3, 1).numpy()

    return made

  return {'torch nchw': call(torch.contiguous_format), 'torch nhwc': call(torch.channels_last)}


def ours(run: Run, image: np.ndarray, tile: int) -> dict[str, measure.Call]:
  """Return what the command does with an image, and the network alone."""
  pixels = np.round(255 * image).astype(np.uint8)
  scaled = 2 * image - 1
  return {
    'enlarge': lambda: upscale.enlarge(run, pixels, tile),
    'network': lambda: run.translate(scaled, 'upscale'),
  }


def report(times: dict[str, Sequence[float]], apart: float) -> str:
  """Return a sentence: seconds of each, and how many times as fast as the faster PyTorch."""
  middle = {name: measure.spread(seconds) for name, seconds in times.items()}
  best = min((name for name in times if name.startswith('torch')), key=lambda n: middle[n].median)
  seconds = ', '.join(f'{n} {s.median:.2f} ({s.low:.2f}-{s.high:.2f})' for n, s in middle.items())
  ratios = [(name, measure.speed(times[best], times[name])) for name in ('enlarge', 'network')]
  said = ', '.join(f'{n} {r.median:.2f} ({r.low:.2f}-{r.high:.2f})' for n, r in ratios)
  return f'seconds {seconds}; speed against {best}: {said}; they differ by {apart:.1e}'


def run(options: Options) -> None:
  """A line for each network."""
  image = np.random.default_rng(0).uniform(size=(1, options.size, options.size, 3))
  # Whole levels of 256, as those of a file: `enlarge` takes these.
  image = (np.round(255 * image) / 255).astype(np.float32)
  for name in options.weights:
    network = runs.from_published(sources.carried(name))
    calls = ours(network, image, options.tile)
    calls |= peers(name, image, len(os.sched_getaffinity(0)))
    wanted = np.clip(calls['torch nchw'](), 0, 1)
    apart = float(np.abs((calls['network']() + 1) / 2 - wanted).max())
    times = measure.interleaved(calls, rounds=options.rounds, seconds=0)
    print(f'{name}, {options.size} pixels: {report(times, apart)}', flush=True)


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.upscaling', argv)


if __name__ == '__main__':
  sys.exit(main())
