"""The report and the film of a run, made while it trains and at its end."""

import importlib
import json
import pathlib
import time
from collections.abc import Callable

from jaxgan.core.typing import Json
from jaxgan.data import Source
from jaxgan.reports import film, page, records
from jaxgan.storage.workdir import FILM, REPORT

LONG = 60.0  # seconds of a training that is worth a diagnosis at its end
SHARE = 0.02  # of the training time that reports may take before the end


class Showing:
  """The report of a run, refreshed at the rhythm of its pictures.

  A refresh is left for later if reports would take more than 2 % of the training time. An error
  is reported in one line, once, and never stops the training.

  Args:
    folder: the run's directory.
    say: prints a line.
    clock: the time in seconds.
  """

  def __init__(
    self,
    folder: pathlib.Path,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.perf_counter,
  ) -> None:
    self._folder, self._say, self._clock = folder, say, clock
    self._begun, self._spent, self._last = clock(), 0.0, 0.0
    self._said: set[str] = set()

  def refresh(self) -> bool:
    """Write the report if it is time for it; return whether it was."""
    if self._spent + self._last > SHARE * (self._clock() - self._begun):
      return False
    self._write(page.Extras())
    return True

  def finish(self, source: Source | None) -> None:
    """Write the last report and the film.

    A run that took a minute or more is diagnosed as well; that takes some seconds.

    Args:
      source: the training images, of which the report shows the nearest.
    """
    long = self._clock() - self._begun >= LONG
    self._write(page.Extras(source, diagnosis(self._folder, source) if long else {}))
    self._guarded(self._film)

  def leave(self) -> None:
    """Write the report and the film of a run that a signal stops, or that diverged.

    The report has no diagnosis and no nearest images, for which whoever sent the signal may not
    wait.
    """
    self._write(page.Extras())
    self._guarded(self._film)

  def _write(self, extras: page.Extras) -> None:
    start = self._clock()
    self._guarded(lambda: page.write([self._folder], self._folder / REPORT, extras))
    self._last = self._clock() - start
    self._spent += self._last

  def _film(self) -> None:
    shots = records.pictures(self._folder)
    if len(shots) > 1:
      film.write(shots, self._folder / FILM)

  def _guarded(self, make: Callable[[], object]) -> None:
    try:
      make()
    except Exception as error:  # whatever it is, the training is worth more than its report
      reason = str(error).splitlines()[0] if str(error) else type(error).__name__
      if reason not in self._said:
        self._said.add(reason)
        self._say(f'no report, the training goes on: {reason}')


def diagnosis(folder: pathlib.Path, source: Source | None) -> Json:
  """Return what `jaxgan.diagnose` says of a run, in JSON's types; empty if it fails.

  Args:
    folder: the run's directory.
    source: its training images, if they are at hand.
  """
  diagnose = getattr(importlib.import_module('jaxgan'), 'diagnose', None)
  try:
    return dict(json.loads(diagnose(folder, data=source).to_json())) if diagnose else {}
  except Exception as error:  # a report without a diagnosis is better than none
    return {'notes': [f'there is no diagnosis: {error}']}
