"""Claim: `cut` translates as well as `cyclegan`, in 0.6 of its time and of its memory a step.

`cost` compiles a step of both and plays them in turn in one process: processor seconds of a step,
by the median, operations and bytes of working memory as the compiler counts them. `judge` compares
translations with images of the target: the kernel distance between translated test images and
training images of the target domain, by a classifier of the two domains that is trained here, so
that no distance of another network is to be compared with it; its interval is over the seeds.

    python -m experiments.cut cost --size=64 --width=32
    python -m jaxgan train --variant=cut --folder=HORSE2ZEBRA --steps=S --seed=N --workdir=RUN
    python -m jaxgan train --variant=cyclegan --folder=HORSE2ZEBRA --steps=S --seed=N --workdir=RUN
    python -m experiments.cut judge --out=PICTURE.png --runs RUN [RUN ...]
"""

import json
import pathlib
import time
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import numpy as np
import tyro

import jaxgan
from experiments.translation import images_of, translated
from jaxgan import variants
from jaxgan.core.typing import Spec
from jaxgan.data import from_arrays
from jaxgan.evaluation import features
from jaxgan.evaluation.metrics import intervals, kernel
from jaxgan.ops.images import to_unit
from jaxgan.parallel import devices
from jaxgan.recipes import stages
from jaxgan.storage import figures
from jaxgan.training.session import open_data

BOTH = 'cut', 'cyclegan'


@dataclass(frozen=True)
class Cost:
  """Measure the time and the memory of a step of both."""

  size: int = 64
  """Pixels on a side."""
  width: int = 32
  """Channels next to the image."""
  rounds: int = 9
  """Steps of each that are timed."""


@dataclass(frozen=True)
class Judge:
  """Compare translations with the target's images."""

  runs: tuple[pathlib.Path, ...]
  """Work directories of both variants, on the same data."""
  out: pathlib.Path | None = None
  """A picture: test images, and what the first run of each variant makes of them."""


def prepared(variant: str, options: Cost) -> tuple[Any, Any, Any, dict[str, float]]:
  """Return a compiled step, its state, a batch, and what the compiler counts."""
  config = variants.configure(variant, width=options.width)
  game = variants.build(config, Spec(options.size, 3)).stages[0]
  mesh = devices.mesh(1, jax.devices()[:1])
  state = stages.first_state(game, jax.random.key(0), devices.replicated(mesh))
  draw = np.random.default_rng(0)
  images = lambda: draw.integers(0, 256, (1, 1, options.size, options.size, 3)).astype(np.uint8)
  given = {'image': images(), 'target': images(), 'label': np.zeros((1, 1), np.int32)}
  batch = devices.place(mesh, given)
  step = devices.compile_step(game.game, mesh).lower(state, batch).compile()
  counted = step.memory_analysis()
  held = sum(x.nbytes for x in jax.tree.leaves(state) if x.dtype == np.float32)
  found = {'operations': step.cost_analysis()['flops'], 'state': held}
  return step, state, batch, found | {'memory': held + counted.temp_size_in_bytes}


def cost(options: Cost) -> None:
  """Print what a step of each costs, and the ratios."""
  made = {name: prepared(name, options) for name in BOTH}
  states, seconds = {n: m[1] for n, m in made.items()}, {n: [] for n in BOTH}
  for _ in range(options.rounds + 2):
    for name, (step, _, batch, _) in made.items():
      begun = time.process_time()
      states[name], logs = step(states[name], batch)
      jax.block_until_ready((states[name], logs))
      seconds[name].append(time.process_time() - begun)
  found = {n: m[3] | {'seconds': float(np.median(seconds[n][2:]))} for n, m in made.items()}
  print(json.dumps(found))
  print(
    json.dumps({key: round(found['cut'][key] / found['cyclegan'][key], 3) for key in found['cut']})
  )


def judge(options: Judge) -> None:
  """Print the kernel distances of all runs, and of the source and the target as they are."""
  runs = [jaxgan.load(folder) for folder in options.runs]
  train, test = (open_data(runs[0].config, split) for split in ('train', 'test'))
  known = [images_of(train), images_of(train.target)]
  labels = np.repeat([0, 1], [len(x) for x in known])
  both = from_arrays(np.concatenate(known), labels, names=('A', 'B'))
  network = features.classifier(both, both)
  target = network.apply(known[1])[0]
  near = lambda images: kernel.distance(target, network.apply(images)[0])
  sources = images_of(test)
  found: dict[str, list[float]] = {
    'source': [near(sources)],
    'target': [near(images_of(test.target))],
  }
  shown = {'source': sources[:8]}
  for run in runs:
    made = translated(run, sources, 'AtoB', 1)
    found.setdefault(run.config.variant, []).append(near(made))
    shown.setdefault(run.config.variant, made[:8])
    print(json.dumps({'variant': run.config.variant, 'seed': run.config.seed, 'steps': run.step,
                      'distance': found[run.config.variant][-1]}))  # fmt: skip
  print(json.dumps({n: [*intervals.repeats(v)] if len(v) > 1 else v for n, v in found.items()}))
  if options.out:
    figures.save_grid(options.out, to_unit(np.concatenate([*shown.values()])), columns=8)


if __name__ == '__main__':
  choice = tyro.cli(
    Annotated[Cost, tyro.conf.subcommand('cost')] | Annotated[Judge, tyro.conf.subcommand('judge')]
  )
  cost(choice) if isinstance(choice, Cost) else judge(choice)
