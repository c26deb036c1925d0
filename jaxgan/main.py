"""Train a GAN: `python -m jaxgan.main --variant=lsgan --workdir=/tmp/run`.

Running the same command again carries on where the run stopped.
"""

import dataclasses
import importlib
import pathlib
import sys
from typing import Annotated, Any, Literal

import tyro

from jaxgan import variants
from jaxgan.parallel import hosts
from jaxgan.parallel.hosts import Hosts
from jaxgan.recipes.config import Config
from jaxgan.storage.checkpoint import CheckpointError
from jaxgan.training.loop import Diverged, play
from jaxgan.training.session import Refused, prepared
from jaxgan.training.signals import Stopped

PROGRAM = 'python -m jaxgan.main'
FLAGS = (tyro.conf.FlagConversionOff, tyro.conf.OmitArgPrefixes)


@dataclasses.dataclass
class _Choice:
  """What sets the defaults of everything else."""

  variant: Any = 'lsgan'
  preset: Any = 'laptop'


def parse(argv: list[str] | None = None) -> tuple[Config, pathlib.Path, Hosts]:
  """The command line as config, work directory and processes, read for the variant first.

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
    [('workdir', workdir), ('config', type(default), default), ('hosts', Hosts, Hosts())],
  )
  parsed: Any = tyro.cli(arguments, args=argv, prog=PROGRAM, description=__doc__, config=FLAGS)
  return parsed.config, parsed.workdir, parsed.hosts


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
    config, workdir, others = parse(argv)
    hosts.join(others)
  except ValueError as error:
    return _fail(error, 2)
  try:
    code = _run(config, workdir)
  except OSError as error:  # of this process alone: the others are not waited for
    return _fail(error, 1)
  hosts.leave()
  return code


def _run(config: Config, workdir: pathlib.Path) -> int:
  """How the run ended, alike in all its processes."""
  try:
    with prepared(config, workdir) as session:
      play(session)
  except Stopped as stop:
    return _fail(stop, 128 + stop.signum)
  except Refused as error:
    return _fail(error, 2)
  except (Diverged, CheckpointError) as error:
    return _fail(error, 1)
  return 0


def _fail(error: Exception, code: int) -> int:
  print(f'jaxgan: {error}', file=sys.stderr)
  return code


COMMANDS = (
  *('sample', 'evaluate', 'human', 'plane', 'interpolate', 'truncate', 'stylemix', 'invert'),
  *('directions', 'anomaly', 'augment', 'translate', 'upscale'),
)


def jaxgan(argv: list[str] | None = None) -> int:
  """The command `jaxgan NAME`: `train`, or one of `COMMANDS`, which are imported when called."""
  argv = sys.argv[1:] if argv is None else argv
  name, *rest = argv or ['--help']
  if name == 'train':
    return main(rest)
  if name in COMMANDS:
    return importlib.import_module(f'jaxgan.apps.{name}').main(rest)
  print(f'usage: jaxgan {{{",".join(("train", *COMMANDS))}}} ...')
  return 0 if name in ('-h', '--help') else 2


if __name__ == '__main__':
  sys.exit(main())
