"""Train a GAN: `python -m jaxgan.main --variant=lsgan --workdir=/tmp/run`.

Running the same command again carries on where the run stopped.
"""

import dataclasses
import pathlib
import sys
from typing import Annotated, Any, Literal

import tyro

from jaxgan import variants
from jaxgan.config import Config
from jaxgan.train import Refused, Stopped, play, prepared

PROGRAM = 'python -m jaxgan.main'
FLAGS = (tyro.conf.FlagConversionOff, tyro.conf.OmitArgPrefixes)


@dataclasses.dataclass
class _Choice:
  """What sets the defaults of everything else."""

  variant: Any = 'lsgan'
  preset: Any = 'laptop'


def parse(argv: list[str] | None = None) -> tuple[Config, pathlib.Path]:
  """The command line as a config and a work directory, read for the variant first.

  Exits with 2 and a message on what cannot be read.
  """
  argv = sys.argv[1:] if argv is None else argv
  chosen = _choice([a for a in argv if a not in ('-h', '--help')])
  default = variants.configure(chosen.variant, chosen.preset)
  workdir = Annotated[
    pathlib.Path,
    tyro.conf.arg(help='Where the run lives: config, metrics, checkpoints, samples.'),
  ]
  arguments = dataclasses.make_dataclass(
    'Arguments',
    [('workdir', workdir), ('config', type(default), default)],
  )
  parsed: Any = tyro.cli(arguments, args=argv, prog=PROGRAM, description=__doc__, config=FLAGS)
  if str(parsed.workdir) in ('', '.'):
    raise ValueError('--workdir must name a folder, such as --workdir=runs/first')
  return parsed.config, parsed.workdir


def _choice(argv: list[str]) -> _Choice:
  kind = dataclasses.make_dataclass(
    'Choice',
    [
      ('variant', Literal[tuple(variants.VARIANTS)], 'lsgan'),
      ('preset', Literal['laptop', 'paper'], 'laptop'),
    ],
  )
  return tyro.cli(kind, args=argv, prog=PROGRAM, return_unknown_args=True)[0]


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 0 done, 2 wrong input, 128 + n on signal n, 1 anything else."""
  try:
    config, workdir = parse(argv)
  except ValueError as error:
    return _fail(error, 2)
  try:
    with prepared(config, workdir) as session:
      play(session)
  except Stopped as stop:
    return _fail(stop, 128 + stop.signum)
  except Refused as error:
    return _fail(error, 2)
  except OSError as error:
    return _fail(error, 1)
  return 0


def _fail(error: Exception, code: int) -> int:
  print(f'jaxgan: {error}', file=sys.stderr)
  return code


if __name__ == '__main__':
  sys.exit(main())
