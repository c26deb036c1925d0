"""The journal of a run: the file `metrics.jsonl`, and the display of progress."""

import collections
import json
import math
import pathlib
import sys
import time
from collections.abc import Callable, Mapping

import jax
import numpy as np
from tqdm import tqdm

from jaxgan.storage import files


class Journal:
  """The writer of `metrics.jsonl`, one JSON object per line, and of the progress.

  Progress is a bar on a terminal, and plain lines elsewhere. The device may still be computing the
  values that `write` gets. They are read when they are ready, so that the host never waits.

  Args:
    path: the file; None: write none. Lines after `step` are deleted, since a resumed run repeats
      these steps.
    step: the step at which the run begins or continues.
    length: the step at which the run ends.
    images_per_step: for the number of images and the speed.
    quiet: show no progress.
    follow: called with each line after it is written, with NaN where the file has null.
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
  ):
    self._follow = follow
    self._path, self._length, self._images = path, length, images_per_step
    self._quiet = quiet
    self._waiting: collections.deque = collections.deque()  # of (step, time, logs)
    self._begin(step)
    terminal = sys.stderr.isatty() and not quiet
    self._bar = tqdm(total=length, initial=step, unit='step') if terminal else None

  def tick(self) -> None:
    """Count one more step, and write the logs that are ready."""
    if self._bar is not None:
      self._bar.update()
    while self._waiting and all(x.is_ready() for x in self._waiting[0][-1].values()):
      self._read()

  def write(self, step: int, logs: Mapping[str, jax.Array]) -> None:
    """Queue the logs of a step that was just started."""
    self._waiting.append((step, time.perf_counter(), logs))

  def rewind(self, step: int, **event: float) -> None:
    """Delete the lines after a step to which the run returns, and record this event."""
    self.flush()
    self._begin(step)
    self._append({'step': step, 'images': step * self._images, **event})
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

  def say(self, text: str) -> None:
    """Print a line, unless quiet."""
    if not self._quiet:
      tqdm.write(text, file=sys.stderr if self._bar is not None else sys.stdout)
      sys.stdout.flush()

  def _begin(self, step: int) -> None:
    self._start = self._last = (step, time.perf_counter())
    if self._path is not None:
      _cut(self._path, step)

  def _append(self, line: Mapping[str, float | None]) -> None:
    if self._path is not None:
      with open(self._path, 'a') as file:
        file.write(json.dumps(line) + '\n')

  def _read(self) -> None:
    step, now, logs = self._waiting.popleft()
    values = {name: float(value) for name, value in jax.device_get(logs).items()}
    speed = (step - self._last[0]) * self._images / max(now - self._last[1], 1e-9)
    self._last = step, now
    line = {
      'step': step,
      'images': step * self._images,
      **{name: v if math.isfinite(v) else None for name, v in values.items()},  # JSON has no NaN
      'images_per_second': round(speed, 1),
    }
    self._append(line)
    self._show(step, now, values, speed)
    if self._follow is not None:
      self._follow({name: math.nan if value is None else value for name, value in line.items()})

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

  'step' is int64. All others are float64, with NaN where a line has no value. An incomplete last
  line is ignored. A missing file counts as empty.
  """
  text = path.read_text() if path.exists() else ''
  lines = [json.loads(line) for line in text.splitlines() if math.isfinite(_step(line))]
  names = dict.fromkeys(name for line in lines for name in line if name != 'step')
  found = {name: np.array([line.get(name) for line in lines], np.float64) for name in names}
  return {'step': np.array([line['step'] for line in lines], np.int64), **found}


def _cut(path: pathlib.Path, step: int) -> None:
  """Keep only the complete lines up to a step."""
  if not path.exists():
    return
  kept = [line for line in path.read_text().splitlines() if _step(line) <= step]
  files.write_text(path, ''.join(line + '\n' for line in kept))


def _step(line: str) -> float:
  try:
    return float(json.loads(line)['step'])
  except (ValueError, KeyError, TypeError):  # incomplete after a crash
    return float('inf')
