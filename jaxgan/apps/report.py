"""Reports: `jaxgan report --workdir=RUN` writes one HTML page about a run, or compares several."""

import os
import pathlib
import sys
from dataclasses import dataclass

from jaxgan.apps import checks, command
from jaxgan.data import Source
from jaxgan.reports import page, records
from jaxgan.storage.workdir import REPORT
from jaxgan.training import kept, session, showing


@dataclass(frozen=True)
class Options:
  """Write a page about a run, or about several side by side, from their files.

  The page is one file that loads nothing. It can be made during the training as well.
  """

  workdir: tuple[pathlib.Path, ...]
  """The run's directory; of several, the page compares the runs, the best score first."""
  out: checks.Page | None = None
  """The HTML file to write. If not given: report.html in the run's directory; for several runs
  comparison.html in the current folder."""
  data: bool = True
  """Open the training images, to show the nearest ones beside samples."""


def write(options: Options) -> None:
  """Write the page, and print its place.

  Raises:
    ValueError: there is no run in a folder, or a folder is given twice.
  """
  folders = [folder.expanduser() for folder in options.workdir]
  if not folders:
    raise ValueError('give the folder of a run, or of several: --workdir RUN RUN')
  if len({os.path.realpath(folder) for folder in folders}) < len(folders):
    raise ValueError('--workdir names a run twice: give each once')
  for folder in folders:
    records.read(folder)  # refuses what is no run, before its data set is opened
  alone = len(folders) == 1
  usual = folders[0] / REPORT if alone else pathlib.Path('comparison.html')
  out = (options.out or usual).expanduser()
  source = opened(folders[0]) if alone and options.data else None
  found = showing.diagnosis(folders[0], source) if alone else {}
  extras = page.Extras(source, found)
  size = page.write(folders, out, extras)
  command.said([out], f'{size / 1e6:.1f} MB')


def opened(folder: pathlib.Path) -> Source | None:
  """Open a run's training images; print one line and return None if they are not at hand."""
  try:
    return session.open_data(kept.read(folder)[0])
  except (ValueError, OSError) as error:
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    print(f'jaxgan: without training images: {first}', file=sys.stderr)
    return None


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('report', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
