"""Claim: four times as large, `esrgan`'s first stage comes nearer to the original than bicubic.

Mean PSNR and SSIM of the luma, without a border of four pixels, of the test split, by the run and
by bicubic, and `detail`, the power of fine detail as a share of the originals'. A critic lowers
PSNR and adds detail: past its first stage (--pretrain steps) a run scores less than at its end, as
in the articles, and is sharper.

Command, after training (see the results beside this file):

    python -m experiments.super_resolution --images=EUROSAT/test --runs runs/sr
"""

import json
import pathlib
from dataclasses import dataclass

import numpy as np
import tyro

import jaxgan
from jaxgan.apps import files, upscale
from jaxgan.data import images


@dataclass(frozen=True)
class Arguments:
  """Measure runs that enlarge."""

  images: pathlib.Path
  """A folder of originals that no run has seen."""
  runs: tuple[pathlib.Path, ...] = ()
  """Work directories of runs of srgan or esrgan."""
  num: int = 200
  """Originals, at most, evenly out of the folder."""


def main(arguments: Arguments) -> None:
  """A line of JSON for each run."""
  work = files.found(arguments.images)
  chosen = np.linspace(0, len(work.names) - 1, min(arguments.num, len(work.names))).astype(int)
  names = [work.names[i] for i in chosen]
  for folder in arguments.runs:
    run = jaxgan.load(folder)
    with images.guarded():
      originals = [
        images.to_array(images.load_image(work.root / name, work.root), run.spec.channels)
        for name in names
      ]
    config = run.config
    about = {'name': folder.name, 'variant': config.variant, 'seed': config.seed, 'steps': run.step}
    told = {'pretrain': config.pretrain, 'perceptual': config.perceptual}
    print(json.dumps({**about, **told, **upscale.compare(run, originals)}), flush=True)


if __name__ == '__main__':
  main(tyro.cli(Arguments))
