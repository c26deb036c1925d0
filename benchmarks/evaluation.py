"""Features of Inception-v3, here and by torch-fidelity: `python -m benchmarks.evaluation`.

Both have the same random weights, see the same images, enlarge them to 299 pixels, and return the
2048 features and the logits, as `jaxgan evaluate --features=inception` and the FID need them.
torch-fidelity is of the extra `peers`; its network runs in both layouts. They take turns in one
process.
"""

import dataclasses
import sys
from collections.abc import Mapping
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import measure
from jaxgan.evaluation import features
from jaxgan.networks.pretrained import inception

OURS = 'jaxgan'


@dataclasses.dataclass(frozen=True)
class Options:
  """What to time, and how often."""

  size: int = 32
  """Pixels on a side of the images."""
  images: int = 32
  """Images of a call; the library takes 16 at a time."""
  rounds: int = 5
  """Times that all have their turn."""


def random_weights(seed: int = 0) -> dict[str, np.ndarray]:
  """Weights by PyTorch's names: He's normal and odd statistics, drawn in the order of names."""
  shapes = jax.eval_shape(
    lambda: inception.Inception().init(jax.random.key(0), jnp.zeros((1, 32, 32, 3), jnp.uint8))
  )['params']
  random, made = np.random.default_rng(seed), {}
  for path, leaf in sorted(jax.tree_util.tree_leaves_with_path(shapes), key=str):
    *names, last = (key.key for key in path)
    name = '.'.join(names)
    if last == 'kernel':
      h, w, i, o = leaf.shape
      drawn = random.standard_normal((o, i, h, w), np.float32)
      made[f'{name}.conv.weight'] = drawn * np.float32(np.sqrt(2 / (h * w * i)))
      uniform = lambda low, high, o=o: random.uniform(low, high, o).astype(np.float32)
      made[f'{name}.bn.weight'], made[f'{name}.bn.bias'] = uniform(0.8, 1.2), uniform(-0.1, 0.1)
      made[f'{name}.bn.running_mean'] = uniform(-0.1, 0.1)
      made[f'{name}.bn.running_var'] = uniform(0.5, 1.5)
  made['fc.weight'] = random.standard_normal((1008, 2048), np.float32) / np.float32(45)
  return made


def peers(weights: Mapping[str, np.ndarray], images: np.ndarray) -> dict[str, measure.Call]:
  """Return torch-fidelity's network in both layouts, from uint8 `[n, H, W, 3]` to features."""
  import torch
  from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

  from benchmarks.peers import in_both_layouts

  state = {name: torch.tensor(x) for name, x in weights.items()} | {'fc.bias': torch.zeros(1008)}

  def model() -> torch.nn.Module:
    with mock.patch('torch.load', lambda *args, **options: state):  # in place of a download
      return FeatureExtractorInceptionV3(
        'inception', ['2048', 'logits_unbiased'], feature_extractor_weights_path=__file__
      )

  return in_both_layouts(model, images, lambda made: made[0])


def run(options: Options) -> None:
  """Print how far the features are apart, and a line for each clock."""
  images = np.random.default_rng(0).integers(
    0, 256, (options.images, options.size, options.size, 3), np.uint8
  )
  weights = random_weights()
  apply = features.of_inception(inception.converted(weights))
  calls = {OURS: lambda: apply(images)[0]} | peers(weights, images)
  wanted = calls['torch nchw']()
  apart = np.abs(calls[OURS]() - wanted).max() / np.abs(wanted).max()
  print(f'{options.images} images of {options.size} pixels; features differ by {apart:.1e}')
  for clock, times in measure.by_clock(calls, options.rounds).items():
    print(f'  {clock} {measure.told_speeds(times, OURS)}', flush=True)


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.evaluation', argv)


if __name__ == '__main__':
  sys.exit(main())
