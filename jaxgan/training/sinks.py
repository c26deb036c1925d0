"""Sinks: the log of a run sent to TensorBoard, Weights & Biases or trackio as well.

`metrics.jsonl` stays the truth. Each sink works in a thread of its own; one that fails or is too
slow is reported in one line, once, and never stops or delays the training.
"""

import importlib.util
import json
import math
import os
import pathlib
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from jaxgan.core.typing import Json
from jaxgan.data.images import flat
from jaxgan.recipes.config import SINKS
from jaxgan.storage import files

FOLDER = 'log'
"""Where sinks keep their files, inside the work directory."""
WAITING = 1000  # lines and pictures that may wait for a sink
PATIENCE = 10.0  # seconds that the end of a run waits for each sink
PACKAGES = {'tensorboard': 'tensorboardX', 'wandb': 'wandb', 'trackio': 'trackio'}
Say = Callable[[str], None]


class Sink(Protocol):
  """A program that receives the log."""

  def line(self, step: int, values: Mapping[str, float]) -> None:
    """Take the numbers of a step."""

  def picture(self, step: int, path: pathlib.Path) -> None:
    """Take a picture of samples, a PNG file."""

  def rewind(self, step: int) -> None:
    """Forget what came after a step, to which the run returned."""

  def close(self) -> None:
    """Send what still waits."""


Open = Callable[[pathlib.Path, int, Json], Sink]
"""Opens a sink: takes the run's directory, the step at which it begins or continues, its config."""


class Sinks:
  """All sinks of a run.

  Args:
    folder: the run's directory.
    names: names of sinks, of `SINKS`.
    step: the step at which the run begins or continues.
    config: its options, in JSON's types.
    say: prints a line.
    openers: how to open a sink, by name.
  """

  def __init__(
    self,
    folder: pathlib.Path,
    names: tuple[str, ...] = (),
    step: int = 0,
    config: Json | None = None,
    say: Say = print,
    openers: Mapping[str, Open] | None = None,
  ) -> None:
    known = OPENERS if openers is None else openers
    begin = lambda name: lambda: known[name](folder, step, config or {})
    self._channels = [_Channel(name, begin(name), say) for name in names]

  def line(self, values: Mapping[str, float]) -> None:
    """Send the numbers of a line that are finite; 'step' names its step."""
    step = int(values['step'])
    told = {k: float(v) for k, v in values.items() if k != 'step' and math.isfinite(v)}
    self._send(lambda sink: sink.line(step, told))

  def picture(self, step: int, path: pathlib.Path) -> None:
    """Send a picture of samples."""
    self._send(lambda sink: sink.picture(step, path))

  def rewind(self, step: int) -> None:
    """Tell that the run returned to a step."""
    self._send(lambda sink: sink.rewind(step))

  def close(self) -> None:
    """Wait until all is sent, for a few seconds at most."""
    for channel in self._channels:
      channel.close()

  def _send(self, what: Callable[[Sink], None]) -> None:
    for channel in self._channels:
      channel.send(what)


class _Channel:
  """One sink and its thread."""

  def __init__(self, name: str, begin: Callable[[], Sink], say: Say) -> None:
    self._name, self._begin, self._tell = name, begin, say
    self._waiting: queue.Queue[Callable[[Sink], None] | None] = queue.Queue(WAITING)
    self._said = False
    self._thread = threading.Thread(target=self._work, name=f'jaxgan-{name}', daemon=True)
    self._thread.start()

  def send(self, what: Callable[[Sink], None]) -> None:
    try:
      self._waiting.put_nowait(what)
    except queue.Full:
      self._say(f'is too slow: what it missed is in metrics.jsonl, as {WAITING} lines wait for it')

  def close(self) -> None:
    try:
      self._waiting.put(None, timeout=PATIENCE)
    except queue.Full:
      return
    self._thread.join(PATIENCE)
    if self._thread.is_alive():
      self._say(f'did not finish in {PATIENCE:.0f} seconds: what it missed is in metrics.jsonl')

  def _work(self) -> None:
    """Open the sink and send all that comes; after an error take what comes and do nothing."""
    what: Callable[[Sink], None] | None = lambda sink: None
    try:
      sink = self._begin()
      while (what := self._waiting.get()) is not None:
        what(sink)
      sink.close()
    except Exception as error:  # of a library or of the network: the training goes on
      reason = str(error).splitlines()[0] if str(error) else type(error).__name__
      self._say(f'failed, the training goes on without it: {reason}')
      while what is not None:
        what = self._waiting.get()

  def _say(self, text: str) -> None:
    if not self._said:
      self._said = True
      self._tell(f'--log={self._name} {text}')


def names(log: str) -> tuple[str, ...]:
  """Return the names in the option --log."""
  return tuple(dict.fromkeys(name.strip() for name in log.split(',') if name.strip()))


def check(log: str) -> None:
  """Raise ValueError if the package of a sink is not installed."""
  for name in names(log):
    if importlib.util.find_spec(PACKAGES[name]) is None:
      raise ValueError(f"--log={name} needs {PACKAGES[name]}: pip install 'jaxgan[{name}]'")


class Sent:
  """The last step that a sink has received, in a file, so that no step is sent twice.

  The file is written before the numbers are sent. After a crash between the two the sink lacks a
  step; it never has one twice.
  """

  def __init__(self, path: pathlib.Path) -> None:
    self._path = path
    try:
      known = files.read_config(path)
    except (OSError, ValueError):
      known = {}
    self.id = str(known.get('id') or uuid.uuid4().hex[:12])
    self._step = known.get('step', -1)

  @property
  def last(self) -> int:
    """Return the last step that was sent; -1 if there is none."""
    return int(self._step)

  def new(self, step: int) -> bool:
    """Return whether a step comes after all that were sent; note it as sent if so."""
    if step <= self._step:
      return False
    self._step = step
    self._path.parent.mkdir(parents=True, exist_ok=True)
    self._path.write_text(json.dumps({'id': self.id, 'step': step}) + '\n')
    return True


class TensorBoard:
  """Event files for TensorBoard, in log/tensorboard. Steps that a run repeats replace the old."""

  def __init__(self, folder: pathlib.Path, step: int, config: Json) -> None:
    self._place = folder / FOLDER / 'tensorboard'
    begun = self._place.is_dir()
    first = step + 1 if step else 0  # at step 0, the picture before the first step comes again
    self._writer = self._opened(first if begun else None)
    if not begun:
      self._writer.add_text('config', f'```\n{json.dumps(config, indent=2)}\n```', 0)

  def _opened(self, purge: int | None) -> Any:
    from tensorboardX import SummaryWriter

    # Files are named by the second and read in the order of their names: this tells two apart.
    suffix = f'.{time.time_ns()}'
    return SummaryWriter(str(self._place), purge_step=purge, filename_suffix=suffix)

  def line(self, step: int, values: Mapping[str, float]) -> None:
    """Write the numbers of a step."""
    for name, value in values.items():
      self._writer.add_scalar(name, value, step)

  def picture(self, step: int, path: pathlib.Path) -> None:
    """Write a picture."""
    self._writer.add_image('samples', _pixels(path), step, dataformats='HWC')

  def rewind(self, step: int) -> None:
    """Open a new file, which replaces all steps after this one."""
    self._writer.close()
    self._writer = self._opened(step + 1)

  def close(self) -> None:
    """Write what waits."""
    self._writer.close()


class Tracker:
  """A run of wandb or trackio, whose interfaces are alike.

  A resumed run continues there. Steps that were sent before are not sent again; where a run
  returned to an earlier step, the numbers of before stay.

  Args:
    module: the library.
    begin: `begin(id)` starts or continues the run of this name there.
    sent: the last step whose numbers were sent.
    shots: the last step whose picture was sent.
  """

  def __init__(
    self, module: ModuleType, begin: Callable[[str], object], sent: Sent, shots: Sent
  ) -> None:
    self._module, self._sent, self._shots = module, sent, shots
    begin(sent.id)

  def line(self, step: int, values: Mapping[str, float]) -> None:
    """Send the numbers of a step."""
    if self._sent.new(step):
      self._module.log(dict(values), step=step)

  def picture(self, step: int, path: pathlib.Path) -> None:
    """Send a picture, with a step of its own: these libraries take no step twice."""
    if self._shots.new(step):
      image = self._module.Image(str(path), caption=f'step {step}')
      self._module.log({'samples': image, 'samples_step': step}, step=max(step, self._sent.last))

  def rewind(self, step: int) -> None:
    """Do nothing: what was sent stays."""

  def close(self) -> None:
    """Wait until all is sent."""
    self._module.finish()


def _wandb(folder: pathlib.Path, step: int, config: Json) -> Sink:
  import wandb

  def begin(identity: str) -> None:
    if os.environ.get('WANDB_MODE', 'online') == 'online' and not wandb.login(prompt=False):
      raise RuntimeError('there is no key: run `wandb login`, or set WANDB_MODE=offline')
    settings = wandb.Settings(console='off', silent=True)
    about: Json = dict(project='jaxgan', name=folder.name, config=dict(config), settings=settings)
    wandb.init(id=identity, resume='allow', dir=str(folder / FOLDER), **about)

  (folder / FOLDER).mkdir(parents=True, exist_ok=True)
  return _tracker(wandb, folder, 'wandb', begin)


def _trackio(folder: pathlib.Path, step: int, config: Json) -> Sink:
  import trackio

  def begin(identity: str) -> None:
    name = f'{folder.name}-{identity}'
    trackio.init(project='jaxgan', name=name, config=dict(config), resume='allow')

  return _tracker(trackio, folder, 'trackio', begin)


def _tracker(
  module: ModuleType, folder: pathlib.Path, name: str, begin: Callable[[str], object]
) -> Sink:
  place = folder / FOLDER
  return Tracker(module, begin, Sent(place / f'{name}.json'), Sent(place / f'{name}-pictures.json'))


def _pixels(path: pathlib.Path) -> np.ndarray:
  from PIL import Image

  with Image.open(path) as image:
    return np.asarray(flat(image).convert('RGB'))


OPENERS: Mapping[str, Open] = {'tensorboard': TensorBoard, 'wandb': _wandb, 'trackio': _trackio}
assert set(OPENERS) == set(SINKS)
