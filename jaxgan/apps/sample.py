"""Draw images from a run: `jaxgan sample --workdir=/tmp/run --num=64 --out=grid.png`.

Of a run on a table it draws rows: `jaxgan sample --workdir=/tmp/run --num=1000 --csv=rows.csv`.
"""

import math
import pathlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from types import MappingProxyType
from typing import Literal

import numpy as np

from jaxgan.apps import arguments, checks, command
from jaxgan.core import progress
from jaxgan.data import tables
from jaxgan.ops.images import to_uint8
from jaxgan.storage import figures, files
from jaxgan.training.run import BATCH, Run, load


@dataclass(frozen=True)
class Arguments:
  """Draw images with the averaged generator of a run.

  Where the run's variant has codes, each is an option too: --code=3 and --continuous=0.5,-1 draw
  images with these codes, with a run of infogan, and --text="a red house" images of a text, with a
  run of gan_cls. A run of ctgan on a table draws rows, which --csv writes.
  """

  workdir: pathlib.Path
  """The run's directory."""
  num: int = 64
  """How many images."""
  out: checks.Picture | None = None
  """The picture to write, PNG."""
  npz: checks.Arrays | None = None
  """A file for the images themselves: uint8 [num, H, W, C], as `images`."""
  csv: checks.Rows | None = None
  """A file for the rows of a run on a table, in its columns and formats."""
  label: str | None = None
  """The class of all images, by name or number, for a run that draws by class; or several classes,
  separated by commas, which the images have in turn. Of a table: a category, as COLUMN=VALUE."""
  classes: Literal['data', 'even'] = 'data'
  """Without --label: classes as often as the training images have them, or all equally often."""
  seed: int = 0
  """Other seeds, other images; from 0 to 4294967294."""


def main(argv: list[str] | None = None) -> int:
  """Run the command; its exit code is 0, or 2 on wrong input."""
  words = sys.argv[1:] if argv is None else argv
  return command.ended(lambda: _main(words))


def _main(words: list[str]) -> int:
  words, codes = with_codes(words)
  return command.run('sample', Arguments, partial(write, codes=codes), words)


def with_codes(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
  """Split a command line into the command's own options, and others, which may be codes of the run.

  Raises:
    ValueError: an option without its value.
  """
  own = {field.name for field in fields(Arguments)} | {'help', 'plugin'}
  left, codes = list(words), {}
  for name in arguments.unknown(words, own):
    left, value = arguments.take(left, name)
    codes[name] = value or ''
  if codes and arguments.last(words, 'workdir') is None:  # without a run nothing can be its code
    arguments.refuse_unknown(words, own)
  return left, codes


def write(options: Arguments, codes: Mapping[str, str] = MappingProxyType({})) -> None:
  """Draw and write what the options ask for.

  Args:
    options: those of the command.
    codes: what is given by name for the codes of the run.

  Raises:
    ValueError: nothing to write or no images asked for, no run, no such label, no such code.
  """
  command.positive(options, 'num')
  if not (options.out or options.npz or options.csv):
    raise ValueError('nothing to write: give --out=PICTURE.png, --npz=FILE.npz or --csv=FILE.csv')
  run = load(options.workdir)
  _check_kind(run, options)
  known = {field.name for field in fields(Arguments)} | set(run.sampler().codes)
  arguments.refuse_unknown([f'--{name}' for name in codes], known)
  run = run.evenly() if options.classes == 'even' else run
  parts = run.parts(options.seed, options.num, _labels(run, options.label), codes)
  total = -(-options.num // BATCH)
  images = np.concatenate([*progress.over(parts, 'drawing of images, part', total)])
  if options.csv:
    names = [column.name for column in run.spec.columns]
    rows = tables.decoded(run.spec.columns, images)
    files.write_csv(options.csv, [dict(zip(names, row, strict=True)) for row in rows])
    print(f'jaxgan: {options.num} rows in {options.csv}')
  if options.out:
    figures.save_grid(options.out, images, columns=math.ceil(math.sqrt(options.num)))
    print(f'jaxgan: {options.num} images in {options.out}')
  if options.npz:
    files.save_npz(options.npz, images=to_uint8(images))
    print(f'jaxgan: {options.num} images in {options.npz}')


def _check_kind(run: Run, options: Arguments) -> None:
  """Refuse rows of a run on images, and images of a run on a table."""
  if run.spec.columns and (options.out or options.npz):
    raise ValueError(
      f'{options.workdir} is a run on a table and draws rows, no images: give --csv=FILE.csv alone'
    )
  if options.csv and not run.spec.columns:
    raise ValueError(
      f'{options.workdir} draws images, and --csv writes the rows of a run on a table: '
      'give --out=PICTURE.png or --npz=FILE.npz'
    )


def _labels(run: Run, given: str | None) -> str | list[str] | None:
  """Return the classes that are separated by commas, which the name of a class may have too."""
  return given if given is None or given in run.spec.names else given.split(',')


if __name__ == '__main__':
  sys.exit(main())
