"""Films: `jaxgan film --workdir=RUN` shows the samples of a training through time."""

import pathlib
import sys
from dataclasses import dataclass

from jaxgan.apps import checks, command
from jaxgan.reports import film, records
from jaxgan.storage.workdir import FILM


@dataclass(frozen=True)
class Options:
  """Make a film of the samples of a run through time, all of the same latents."""

  workdir: pathlib.Path
  """The run's directory."""
  out: checks.Video | None = None
  """The film to write, .gif or .mp4; samples.gif in the run's directory if not given. MP4 needs
  the package av: pip install 'jaxgan[film]'."""
  seconds: float | None = None
  """How long a picture is shown, in seconds; from 0.05 to 0.5, by their number, if not given."""


def write(options: Options) -> None:
  """Write the film, and print the number of its frames.

  Raises:
    ValueError: as in `records.read` and `film.write`; or --seconds is not above 0.
  """
  if options.seconds is not None and not 0.01 <= options.seconds <= 60:
    raise ValueError(f'--seconds must be from 0.01 to 60, it is {options.seconds}')
  folder = options.workdir.expanduser()
  out = (options.out or folder / FILM).expanduser()
  frames = film.write(records.read(folder).pictures, out, options.seconds)
  command.said([out], f'{frames} frames')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('film', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
