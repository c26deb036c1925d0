"""Claim: images of `spade` show what their label map asks for better than those of `pix2pix`.

A segmenter is trained here, on real photographs and the labels of their maps. It then reads the
labels from held-out photographs, from the images that each run makes of held-out maps, and from
photographs of other places (`other`, the floor). Its mean intersection over union (mIoU) with the
map is what is compared, at equal steps on the same pairs; labels are those of the palette of the
first run of spade. `l1` is the mean distance to the true photograph, 0 to 255.

    python -m jaxgan train --variant=V --folder=MAPS --direction=BtoA --steps=S --workdir=RUN
    python -m experiments.spade --out=PICTURE.png --runs RUN [RUN ...]
"""

import dataclasses
import json
import pathlib
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro

import jaxgan
from experiments.translation import distance, images_of, translated
from jaxgan.core.network import Network, linen
from jaxgan.data import Source
from jaxgan.evaluation.metrics import intervals
from jaxgan.losses.semantic import PALETTE
from jaxgan.networks.pix2pix import UNet
from jaxgan.ops import palette
from jaxgan.ops.images import to_unit
from jaxgan.storage import figures
from jaxgan.training.run import Run
from jaxgan.training.session import open_data


@dataclass(frozen=True)
class Arguments:
  """Judge images by what a segmenter reads from them."""

  runs: tuple[pathlib.Path, ...]
  """Work directories of spade and pix2pix, on the same pairs."""
  num: int = 400
  """Held-out pairs."""
  steps: int = 400
  """Steps of the segmenter's training, with 16 photographs each."""
  out: pathlib.Path | None = None
  """A picture: maps, photographs, and what the first run of each variant makes of the maps."""


SHARP = 8.0
"""What the network's tanh is multiplied by, to give logits."""


def segmenter(photos: np.ndarray, labels: np.ndarray, count: int, steps: int) -> Any:
  """Train a U-Net to read labels from photographs; return the function that does so.

  Rare labels count more: the weight of a label is one over the root of its share.
  """
  network: Network = linen(UNet(count, downs=5, width=16))
  share = np.bincount(labels.ravel(), minlength=count) / labels.size
  weights = jnp.asarray(1 / np.sqrt(share + 1e-4))
  state = network.init(jax.random.key(0), jnp.zeros((2, *photos.shape[1:])))
  params, rest = state.pop('params'), state
  adam = optax.adam(optax.cosine_decay_schedule(2e-3, steps))

  @jax.jit
  def step(params: Any, rest: Any, opt: Any, images: Any, right: Any) -> tuple[Any, ...]:
    def loss(params: Any) -> Any:
      made, moved = network.apply({'params': params, **rest}, to_unit(images), train=True)
      each = optax.softmax_cross_entropy_with_integer_labels(SHARP * made, right)
      return (each * weights[right]).sum() / weights[right].sum(), moved

    grads, moved = jax.grad(loss, has_aux=True)(params)
    updates, opt = adam.update(grads, opt)
    rest = {kind: value for kind, value in moved.items() if kind != 'params'}
    return optax.apply_updates(params, updates), rest, opt

  draw, opt = np.random.default_rng(0), adam.init(params)
  for _ in range(steps):
    chosen, side = draw.integers(len(photos), size=16), draw.choice([1, -1])
    given = photos[chosen][:, :, ::side], labels[chosen][:, :, ::side]
    params, rest, opt = step(params, rest, opt, *given)
  read = jax.jit(lambda x: network.apply({'params': params, **rest}, x, train=False)[0].argmax(-1))
  parts = lambda images: np.array_split(to_unit(images), max(len(images) // 50, 1))
  return lambda images: np.concatenate([np.asarray(read(part)) for part in parts(images)])


def agreement(found: np.ndarray, right: np.ndarray, count: int) -> dict[str, Any]:
  """Return the intersection over union of each label, its mean, and the share of equal pixels."""
  table = np.bincount((right * count + found).ravel(), minlength=count**2).reshape(count, count)
  same, either = np.diag(table), table.sum(0) + table.sum(1) - np.diag(table)
  each = same / np.maximum(either, 1)
  return {
    'miou': round(float(each[table.sum(1) > 0].mean()), 4),
    'pixels': round(float(same.sum() / table.sum()), 4),
    'each': [round(float(x), 3) for x in each],
  }


def labels_of(source: Source, colors: np.ndarray, num: int | None = None) -> np.ndarray:
  """Return the labels of maps, int `[n, H, W]`."""
  parts = np.array_split(images_of(source, num), 8)
  return np.concatenate([np.asarray(palette.labels(to_unit(x), colors)) for x in parts])


def without_target(source: Source) -> tuple[Source, Source]:
  """Return maps and photographs apart."""
  assert source.target is not None
  return dataclasses.replace(source, target=None), source.target


def main(given: Arguments) -> None:
  """Print the agreement of real images and of each run's, and the mean over the seeds."""
  runs: list[Run] = [jaxgan.load(folder) for folder in given.runs]
  first = next(run for run in runs if run.config.variant == 'spade')
  colors = np.asarray(first.state.memory[PALETTE])
  (maps, photos), (asked, real) = (
    without_target(open_data(first.config, split)) for split in ('train', 'test')
  )
  read = segmenter(images_of(photos), labels_of(maps, colors), len(colors), given.steps)
  right, wanted = labels_of(asked, colors, given.num), images_of(real, given.num)
  judge = lambda images: agreement(read(images), right, len(colors))
  shares = (np.bincount(right.ravel(), minlength=len(colors)) / right.size).round(3)
  print(json.dumps({'colors': ((colors + 1) * 127.5).round().astype(int).tolist()}))
  print(json.dumps({'shares': shares.tolist()}))
  print(json.dumps({'real': judge(wanted), 'other': judge(np.roll(wanted, 1, 0))}))
  found: dict[str, list[float]] = {}
  inputs = images_of(asked, given.num)
  shown = {'maps': inputs[:8], 'real': wanted[:8]}
  for run in runs:
    name = run.config.variant
    made = translated(
      run, inputs, 'BtoA' if 'BtoA' in run.translator().ways else 'AtoB', run.config.batch_size
    )
    scores = judge(made) | {'l1': round(distance(made, wanted), 2)}
    found.setdefault(name, []).append(scores['miou'])
    shown.setdefault(name, made[:8])
    print(
      json.dumps({'run': name, 'seed': run.config.seed, 'steps': run.step} | scores), flush=True
    )
  print(json.dumps({n: [*intervals.repeats(v)] if len(v) > 1 else v for n, v in found.items()}))
  if given.out:
    figures.save_grid(given.out, to_unit(np.concatenate([*shown.values()])), columns=8)


if __name__ == '__main__':
  main(tyro.cli(Arguments))
