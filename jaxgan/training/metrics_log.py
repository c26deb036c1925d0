"""The journal of a run: the file `metrics.jsonl`, and the display of progress."""

import collections
import json
import math
import pathlib
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeGuard

import jax
import numpy as np
from tqdm import tqdm

from jaxgan.core import console
from jaxgan.core.typing import Json
from jaxgan.diagnosis import alarms
from jaxgan.diagnosis.alarms import Alarms
from jaxgan.storage import files

_Waiting = tuple[int, float, dict[str, float], Mapping[str, jax.Array]]  # step, time, event, logs
STOPPED = 'stopped'
"""Names the event of a line between two others, where a run was stopped. A run that continues
deletes this line, so that its file is that of a run that never stopped."""


class Journal:
  """The writer of `metrics.jsonl`, one JSON object per line, and of the progress.

  Progress is a bar on a terminal, and plain lines elsewhere. The device may still be computing the
  values that `write` gets. They are read when they are ready, so that the host never waits.

  Neither is worth a run: progress that cannot be shown is dropped, and lines that a full disk does
  not take are kept in memory, said once, and written as soon as there is room.

  Args:
    path: the file; None: write none. Lines after `step` are deleted, since a resumed run repeats
      these steps.
    step: the step at which the run begins or continues.
    length: the step at which the run ends.
    images_per_step: for the number of images and the speed.
    quiet: show no progress.
    follow: called with each line after it is written, with NaN where the file has null.
    watch: reads each line, and warns of failures that begin; None: no warnings.
  """

  def __init__(
    self,
    path: pathlib.Path | None,
    *,
    step: int,
    length: int,
    images_per_step: int,
    quiet: bool = False,
    follow: Callable[[dict[str, float]], None] | None = None,
    watch: Alarms | None = None,
  ) -> None:
    self._follow, self._watch = follow, watch
    self._path, self._length, self._images = path, length, images_per_step
    self._quiet = quiet
    self._waiting: collections.deque[_Waiting] = collections.deque()
    self._unwritten: list[str] = []
    self._warned = False
    self._begin(step)
    self._screen = console.Tolerant(sys.stderr)
    terminal = self._screen.isatty() and not quiet
    options: Json = dict(total=length, initial=step, unit='step', file=self._screen)
    self._bar = tqdm(**options) if terminal else None

  def tick(self, count: int = 1) -> None:
    """Count one more step, or several, and write the logs that are ready."""
    if self._bar is not None:
      self._bar.update(count)
    ready = lambda x: x.is_ready()
    while self._waiting and all(map(ready, self._waiting[0][-1].values())):
      self._read()

  def write(self, step: int, logs: Mapping[str, jax.Array], **event: float) -> None:
    """Queue the logs of a step that was just started, and what happened there."""
    self._waiting.append((step, time.perf_counter(), event, logs))

  def rewind(self, step: int, **event: float) -> None:
    """Delete the lines after a step to which the run returns, and record this event."""
    self.flush()
    self._begin(step)
    line = {'step': step, 'images': step * self._images, **event}
    self._append(line)
    if self._watch is not None:
      self._watch.consider(line)
    if self._bar is not None:
      self._bar.reset(self._length)
      self._bar.update(step)

  def flush(self) -> None:
    """Write all queued logs, waiting for the device if necessary."""
    while self._waiting:
      self._read()

  def close(self) -> None:
    """Write all queued logs and end the progress bar."""
    self.flush()
    if self._bar is not None:
      self._bar.close()
    if self._unwritten:
      lines = f'{len(self._unwritten)} lines of {self._path}'
      console.say(f'jaxgan: {lines} are lost: they could not be written', error=True)

  def say(self, text: str) -> None:
    """Print a line, unless quiet."""
    if self._quiet:
      return
    if self._bar is not None:
      tqdm.write(text, file=self._screen)
    else:
      console.say(text)

  def _begin(self, step: int) -> None:
    self._start = self._last = (step, time.perf_counter())
    if self._path is not None:
      _cut(self._path, step)
    if self._watch is not None:
      self._watch.reset()
      for line in [] if self._path is None else files.read_lines(self._path):
        self._watch.consider(_numbers(line))

  def _append(self, *lines: Mapping[str, float | str | None]) -> None:
    if self._path is None:
      return
    self._unwritten += [json.dumps(line) + '\n' for line in lines]
    try:
      _add(self._path, ''.join(self._unwritten))
      self._unwritten.clear()
    except OSError as error:
      if not self._warned:
        self._warned = True
        text = (
          f'{self._path} cannot be written ({error.strerror}): training goes on, and tries again'
        )
        console.say(f'jaxgan: {text} at the next line', error=True)

  def _read(self) -> None:
    step, now, event, logs = self._waiting.popleft()
    values = {name: float(value) for name, value in jax.device_get(logs).items()}
    speed = (step - self._last[0]) * self._images / max(now - self._last[1], 1e-9)
    self._last = step, now
    line = {
      'step': step,
      'images': step * self._images,
      **{name: v if math.isfinite(v) else None for name, v in values.items()},  # JSON has no NaN
      'images_per_second': round(speed, 1),
      **event,
    }
    numbers = _numbers(line)
    found = [] if self._watch is None else self._watch.consider(numbers)
    begun: list[dict[str, float | str | None]] = [
      {'step': step, 'images': line['images'], **alarms.event(one)} for one in found
    ]
    self._append(line, *begun)  # in one call, so that a crash does not part them
    self._show(step, now, values, speed)
    for one in found:
      self.say(f'jaxgan: {alarms.sentence(one)}')
    if self._follow is not None:
      self._follow(numbers)

  def _show(self, step: int, now: float, values: Mapping[str, float], speed: float) -> None:
    losses = {
      name.removesuffix('/loss'): f'{v:.3f}' for name, v in values.items() if name.endswith('/loss')
    }
    if self._bar is not None:
      self._bar.set_postfix(losses)
      return
    done, seconds = step - self._start[0], now - self._start[1]
    left = (self._length - step) * seconds / max(done, 1)
    shown = '  '.join(f'{name} {value}' for name, value in losses.items())
    eta = tqdm.format_interval(left)
    self.say(f'step {step}/{self._length}  {shown}  {speed:.0f} images/s  {eta} left')


def history(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Return the lines of a metrics file as arrays by name, one value per line.

  'step' is int64. All others are float64, with NaN where a line has no value. Texts, such as those
  of warnings, are not in the result. An incomplete last line is ignored. A missing file counts as
  empty.
  """
  lines = [_numbers(line) for line in files.read_lines(path)]
  names = dict.fromkeys(name for line in lines for name in line if name != 'step')
  found = {name: np.array([line.get(name) for line in lines], np.float64) for name in names}
  return {'step': np.array([line['step'] for line in lines], np.int64), **found}


def _add(path: pathlib.Path, text: str) -> None:
  """Append a text to a file; if that fails, the file stays as it was."""
  with open(path, 'ab', buffering=0) as file:
    end, rest = file.tell(), text.encode()
    try:
      while rest:
        rest = rest[file.write(rest) or 0 :]
    except OSError:
      file.truncate(end)
      raise


def _numbers(line: Mapping[str, float | str | None]) -> dict[str, float]:
  """Return the numbers of a line, with NaN for null."""
  kept = {name: value for name, value in line.items() if value is None or is_number(value)}
  return {name: math.nan if value is None else value for name, value in kept.items()}


def is_number(value: object) -> TypeGuard[float]:
  """Return whether a value of JSON is a number."""
  return isinstance(value, int | float) and not isinstance(value, bool)


def _cut(path: pathlib.Path, step: int) -> None:
  """Keep only the complete lines up to a step, without that of a stop between two lines."""
  if not path.exists():
    return
  before = path.read_text()
  kept = ''.join(line + '\n' for line in before.splitlines() if _lasts(line, step))
  if kept != before:
    files.write_text(path, kept)


def _lasts(line: str, step: int) -> bool:
  """Return whether a run that continues at a step would have written this line by then."""
  return _step(line) <= step and STOPPED not in json.loads(line)


def _step(line: str) -> float:
  try:
    return float(json.loads(line)['step'])
  except (ValueError, KeyError, TypeError):  # incomplete after a crash
    return float('inf')
