"""The command `jaxgan doctor --workdir=RUN`: says what is wrong with a run, and what may help."""

import pathlib
import sys
from dataclasses import dataclass

from jaxgan.apps import command
from jaxgan.training.doctor import diagnose


@dataclass(frozen=True)
class Options:
  """Say what is wrong with a run: verdicts with numbers, and options that may help."""

  workdir: pathlib.Path
  """The run's folder."""
  json: bool = False
  """Print JSON, for programs."""


def run(options: Options) -> None:
  """Print the diagnosis; raise ValueError for a folder that holds no run."""
  found = diagnose(options.workdir)
  print(found.to_json() if options.json else found.text())


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, also for a sick run, or 2 for wrong input."""
  return command.run('doctor', Options, run, argv)


if __name__ == '__main__':
  sys.exit(main())
