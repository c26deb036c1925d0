"""Make a run of published weights: `jaxgan import FILE --workdir=RUN`.

The names and shapes in the file say which network it holds. Nothing in it is executed.
"""

import pathlib
import sys
from dataclasses import dataclass

import tyro

from jaxgan.apps import command
from jaxgan.published import runs


@dataclass(frozen=True)
class Options:
  """Make a run of published weights, on which all other commands work.

  Files: Real-ESRGAN and ESRGAN (.pth, or .param and .bin of ncnn), SRResNet, CycleGAN and pix2pix
  (*_net_G*.pth), StyleGAN2 and R3GAN (.pkl), BigGAN and BigGAN-deep (.pth), SN-GAN of mimicry,
  DCGAN of the PyTorch examples; each also as .safetensors or .npz with the same names.
  """

  files: tyro.conf.Positional[tuple[pathlib.Path, ...]]
  """The file, or several that belong together: generator and critic, or the two generators of
  CycleGAN, that from A to B first."""
  workdir: pathlib.Path
  """The directory for the run; a new one."""
  folder: pathlib.Path | None = None
  """Images to go on training with and to be compared with, if you have them."""
  dataset: str | None = None
  """The name of their data set; folder if --folder is given."""
  batch_size: int | None = None
  """Images in one step, for further training; the variant's own number if not given."""
  truncation: float = 1.0
  """For BigGAN-deep: the truncation whose statistics of the batch are used."""
  seed: int = 0
  """Seed of the networks that the files do not hold, and of further training."""


def write(options: Options) -> None:
  """Write the run, and say what it is.

  Raises:
    ValueError: as `runs.write`.
  """
  run = runs.write(
    options.files,
    options.workdir.expanduser(),
    truncation=options.truncation,
    folder=options.folder,
    dataset=options.dataset,
    batch_size=options.batch_size,
    seed=options.seed,
  )
  print(run)
  print('jaxgan: the licence of these weights stays as their authors chose it; please read it')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('import', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
