"""Warnings while a run trains: each failure is named once when it begins, with a remedy."""

import collections
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from jaxgan.diagnosis import causes, remedies, verdicts
from jaxgan.diagnosis.verdicts import Evidence, Verdict
from jaxgan.recipes.config import Common

VANISHED = 1e-7
"""A gradient below this counts as 0."""
ALIKE, SAME = 10.0, 1e3
"""Diversities above these show that real images hardly differ, and that they are the same."""
HARDLY = 0.6
"""A player that moves by less in a whole run, in units of its parameters, learns little."""
USUAL = 'too little for the length of the run; usual are 0.0005 to 0.01'
LINES = 3
"""A failure has begun when so many lines with signals in a row show it, and ended likewise; a sign
that is beyond doubt needs fewer."""
PAST = 4
"""Lines with signals that are kept."""
WINDOW = 0.1
"""The share of the run over which a pace is measured, if it has `PAST` lines."""
FAR, NEAR = 0.1, 0.05
"""Distances of samples from real images at the end that are bad, and where the critic guesses."""
Line = Mapping[str, float]
NONE = math.nan


class Sign(NamedTuple):
  """What a line shows of a failure.

  Args:
    evidence: the numbers that show it; empty: there is none.
    lines: how many such lines in a row it takes.
  """

  evidence: Sequence[Evidence] = ()
  lines: int = LINES


class Recent:
  """The latest lines with signals, and the largest and smallest value of each signal before.

  Args:
    config: the options of the run.

  Attributes:
    length: the steps of the run.
    penalized: whether a penalty limits the slope of the critic.
    lazy: whether there is a penalty in some steps alone. Adam then moves less in the others, so
      that one step does not tell how far players move in all.
    low: whether the generator's rate is far below the usual one.
    clipped: whether weights are kept so small that every update is large beside them.
    grows: whether images grow during the run. At a new size the distance begins anew.
  """

  def __init__(self, config: Common) -> None:
    self.length = config.length
    self.penalized, self.lazy = remedies.is_penalized(config), remedies.is_lazy(config)
    self.low, self.clipped = causes.is_low(config), hasattr(config, 'clip')
    self.grows = hasattr(config, 'stage_images')
    self.line: Line = {}
    self.before: dict[str, float] = {}
    self.top: dict[str, float] = {}
    self.least: dict[str, float] = {}
    self._past: collections.deque[Line] = collections.deque(maxlen=PAST)
    self._distances: list[tuple[int, float]] = []

  @property
  def step(self) -> int:
    """Return the step of the latest line."""
    return int(self.line['step'])

  @property
  def share(self) -> float:
    """Return the share of the run that has passed."""
    return self.step / max(self.length, 1)

  def add(self, line: Line, *, signals: bool = True) -> None:
    """Take one more line."""
    for name, value in self.line.items():
      if math.isfinite(value):
        self.top[name] = max(self.top.get(name, value), value)
        self.least[name] = min(self.least.get(name, value), value)
      self.before[name] = value  # the latest of each, as not every line has signals
    self.line = line
    if signals:
      self._past.append(line)
      self._distances.append((self.step, max(self.distance, 1e-3)))

  def of(self, name: str) -> float:
    """Return the latest value of a signal, of the worst domain; NaN where there is none."""
    return _worst(self.line, name)

  @property
  def distance(self) -> float:
    """Return how far samples are from real images, in the worst domain; NaN where not logged."""
    return _worst(self.line, 'samples/distance', max)

  def final(self) -> float:
    """Return the distance at the end of the run if it falls on at its recent pace.

    NaN where there is no pace yet, or for images that grow.
    """
    before = [one for one in self._distances[: 1 - PAST] if one[0] <= self.step - self.window]
    if self.grows or not before or not math.isfinite(self._distances[-1][1]):
      return NONE
    (then, was), (step, now) = before[-1], self._distances[-1]
    return now * min(1.0, now / was) ** ((self.length - step) / (step - then))

  @property
  def window(self) -> float:
    """Return the steps over which a pace is measured."""
    return WINDOW * self.length

  def rises(self, name: str) -> bool:
    """Return whether a signal has risen by a tenth or more over the lines that are kept."""
    return self.of(name) > 1.1 * _worst(self._past[0], name)

  def nears(self) -> bool:
    """Return whether samples came nearer to real images by a third over the lines that are kept."""
    return self.distance < 2 / 3 * _worst(self._past[0], 'samples/distance', max)

  def shows(self, name: str, says: str) -> Evidence:
    """Return the latest value of a signal as evidence."""
    return Evidence(name, self.of(name), self.step, says)


Rule = Callable[[Recent], Sign]
"""A function from the recent lines to what they show of a failure."""


def _worst(line: Line, name: str, of: Callable[[list[float]], float] = min) -> float:
  found = [line[key] for key in (name, f'{name}_a', f'{name}_b') if key in line]
  return of(found) if found else NONE


def _collapsed(recent: Recent) -> Sign:
  """Samples that were diverse and are no longer, or are not after a tenth of the run.

  Where their diversity rises, they are only being learned, unless there is next to none.
  """
  now, top = recent.of('samples/diversity'), recent.top.get('samples/diversity', 0.0)
  found = [recent.shows('samples/diversity', 'samples should differ about as real images do, 1')]
  if now < 0.1 and recent.share > 0.05:
    return Sign(found, 2)
  low = now < 0.3 and not recent.rises('samples/diversity')
  return Sign(found) if low and (recent.share > 0.1 or top > 0.5) else Sign()


def _narrow(recent: Recent) -> Sign:
  """Samples whose features are alike to the critic."""
  alike = recent.of('samples/features') < 0.4
  if recent.share > 0.15 and alike and not _collapsed(recent).evidence:
    says = "samples should differ in the critic's features about as real images do, 1"
    return Sign([recent.shows('samples/features', says)])
  return Sign()


def _apart(recent: Recent) -> float:
  """Return by how much samples are more diverse than real images, as noise is.

  Those of a new size are so at first, in a run whose images grow.
  """
  return recent.of('samples/diversity') if recent.share > 0.1 and not recent.grows else NONE


def _right(recent: Recent) -> float:
  """Return the share of images about which the critic is right."""
  return (recent.of('critic/accuracy_real') + recent.of('critic/accuracy_fake')) / 2


def _overpowered(recent: Recent) -> Sign:
  """A critic that gives no gradient; or is right where its loss is flat or samples are bad."""
  if recent.of('generator/gradient') < VANISHED:
    return Sign([recent.shows('generator/gradient', 'the generator cannot learn')], 2)
  right = min(recent.of('critic/accuracy_real'), recent.of('critic/accuracy_fake'))
  lost = recent.of('critic/saturated') > 0.9 or 1.15 < _apart(recent) < ALIKE
  late = recent.share > 0.6 and recent.of('samples/diversity') < 0.8
  found = [
    recent.shows('critic/accuracy_fake', 'a critic that is always right teaches little'),
    recent.shows('critic/saturated', 'share of logits where the loss is flat'),
    recent.shows('samples/diversity', '1 as real images; noise is above'),
  ]
  if recent.share > 0.05 and right > 0.97 and (lost or late):
    return Sign(found)
  if recent.share > 0.1 and _right(recent) > 0.8 and recent.final() > FAR:
    return Sign([*found[:1], _far(recent)])
  return Sign()


def _far(recent: Recent) -> Evidence:
  says = f'at this pace {recent.final():.2g} at the end; real images have about 0'
  return Evidence('samples/distance', recent.distance, recent.step, says)


def _guessing(recent: Recent) -> Sign:
  """A critic that hardly moves, is wrong more often than right, or guesses about bad samples."""
  moved = NONE if recent.lazy else recent.of('critic/update') * recent.length
  if moved < HARDLY and not recent.of('generator/update') * recent.length < HARDLY:
    return Sign([recent.shows('critic/update', USUAL)], 1)
  unlike = recent.of('samples/diversity')
  found = [
    recent.shows('critic/accuracy_real', 'the critic guesses'),
    recent.shows('critic/accuracy_fake', 'likewise'),
    recent.shows('samples/diversity', '1 as real images'),
  ]
  if recent.share > 0.05 and _right(recent) < 0.45 and not 0.8 < unlike < 1.15:
    return Sign() if recent.nears() else Sign(found, 2)
  poor = unlike < 0.75 and recent.share > 0.2
  noise = 1.1 < _apart(recent) < ALIKE and not recent.distance < NEAR
  if recent.share > 0.1 and _right(recent) < 0.65 and recent.final() > NEAR:
    return Sign([*found[:2], _far(recent)])
  return Sign(found) if _right(recent) < 0.65 and (poor or noise) else Sign()


def _slow(recent: Recent) -> Sign:
  """Updates of the generator that are too small to get anywhere."""
  update = recent.of('generator/update')
  vanished = recent.of('generator/gradient') < VANISHED  # no rate would help
  if recent.lazy or not recent.low or vanished:
    return Sign()
  if update < remedies.TINY and update * recent.length < HARDLY:
    return Sign([recent.shows(f'{player}/update', USUAL) for player in ('generator', 'critic')], 1)
  return Sign()


def _restless(recent: Recent) -> Sign:
  """Updates so large that networks cannot settle."""
  name = max(('critic/update', 'generator/update'), key=lambda one: recent.of(one))
  size = recent.of(name)
  if recent.clipped or recent.share < 0.02 or not size > 0.05:
    return Sign()
  found = [recent.shows(name, 'size of an update beside that of the parameters')]
  return Sign(found, 1 if size > 0.15 else 2 if size > 0.1 else LINES)


def _repeated(recent: Recent) -> Sign:
  """Training images that are all the same."""
  if recent.of('samples/diversity') > SAME:
    return Sign([recent.shows('samples/diversity', 'training images are all but equal')], 1)
  return Sign()


def _steep(recent: Recent) -> Sign:
  """A critic without bound."""
  if recent.of('critic/slope') > (1.15 if recent.penalized else 5):
    return Sign([recent.shows('critic/slope', 'about 1 or less')], 1 if recent.penalized else LINES)
  return Sign()


def _overfitting(recent: Recent) -> Sign:
  """Held-out images that the critic takes for generated ones, though it knows training images."""
  knows = recent.of('critic/gap') > 0 and recent.of('critic/accuracy_real') > 0.7
  if knows and recent.of('critic/overfit') > 0.6:
    says = 'held-out images should be judged as training images are, 0; as generated ones is 1'
    return Sign([recent.shows('critic/overfit', says)])
  names = ('critic/accuracy_real', 'critic/accuracy_fake')
  if _right(recent) > 0.95 and recent.share > 0.2 and recent.distance < NEAR and _guessed(recent):
    says = 'about 0: samples are near real images, yet the critic knows which is which'
    return Sign([recent.shows(names[0], 'it was lower'), recent.shows('samples/distance', says)])
  return Sign()


def _guessed(recent: Recent) -> bool:
  """Return whether the critic once was wrong about many images, be they real or not."""
  low = [v for k, v in recent.least.items() if k.startswith('critic/accuracy_')]
  return min(low, default=1.0) < 0.75


def _diverging(recent: Recent) -> Sign:
  """Losses that are not finite, or steps that were skipped since the last line."""
  names = [n for n, v in recent.line.items() if n.endswith('/loss') and not math.isfinite(v)]
  found = [Evidence(name, math.nan, recent.step, 'should be finite') for name in names[:1]]
  if recent.of('skipped') > recent.before.get('skipped', 0.0) + 2:
    found.append(recent.shows('skipped', 'steps with numbers that were not finite'))
  return Sign(found, 1)


def _dead(recent: Recent) -> Sign:
  """Real images that hardly differ, or samples that do not, or are all black and white."""
  diversity = recent.of('samples/diversity')
  if ALIKE < diversity < SAME:
    return Sign([recent.shows('samples/diversity', 'training images hardly differ: range?')], 1)
  if recent.share > 0.05 and diversity < 0.02:
    return Sign([recent.shows('samples/diversity', 'all samples are the same')], 2)
  if recent.share > 0.05 and recent.of('samples/extreme') > 0.5:
    return Sign([recent.shows('samples/extreme', 'more black and white than in real images')])
  return Sign()


RULES: dict[str, Rule] = {
  verdicts.DIVERGENCE: _diverging,
  verdicts.DEAD: _dead,
  verdicts.MEMORIZED: _repeated,
  verdicts.FULL: _collapsed,
  verdicts.PARTIAL: _narrow,
  verdicts.PENALTY: _steep,
  verdicts.SLOW: _slow,
  verdicts.STRONG: _overpowered,
  verdicts.WEAK: _guessing,
  verdicts.OSCILLATION: _restless,
  verdicts.OVERFIT: _overfitting,
}
"""What begins each failure."""
ALWAYS = {verdicts.DIVERGENCE}
"""Failures that lines without signals show, too."""


class Alarms:
  """Reads the lines of a run's log and names each failure once, when it begins.

  The answers depend on the lines alone, so a run that continues reads its old lines again and then
  warns as if it had never stopped.
  """

  def __init__(self, config: Common) -> None:
    self._config = config
    self.reset()

  def reset(self) -> None:
    """Forget all lines."""
    self._recent = Recent(self._config)
    self._active: set[str] = set()
    self._rows: collections.Counter[str] = collections.Counter()

  def consider(self, line: Line) -> list[Verdict]:
    """Take a line of the log, and return the failures that begin with it."""
    if 'rolled_back_from' in line:  # the return is told already, and what was skipped before it
      self._recent.line = {**self._recent.line, 'skipped': math.inf}
    if 'critic/loss' not in line and 'generator/loss' not in line:
      return []
    signals = any(name.endswith('/update') for name in line)
    self._recent.add(line, signals=signals)
    names = RULES if signals else ALWAYS
    return [one for name in names if (one := self._judge(name)) is not None]

  def _explained(self, name: str) -> bool:
    """Return whether a failure that was named explains another one."""
    return any(name in verdicts.IMPLIES.get(other, ()) for other in self._active)

  def _judge(self, name: str) -> Verdict | None:
    evidence, need = RULES[name](self._recent)
    shown, active = bool(evidence), name in self._active
    self._rows[name] = self._rows[name] + 1 if shown != active else 0
    if self._rows[name] < (need if shown else LINES):
      return None
    self._rows[name] = 0
    if active:
      self._active.discard(name)
      return None
    if self._explained(name):
      return None
    self._active.add(name)
    found = tuple(evidence)
    return Verdict(name, 0.8, found, remedies.flags(name, self._config, found))


def event(verdict: Verdict) -> dict[str, str]:
  """Return what metrics.jsonl records of a warning."""
  evidence = '; '.join(one.text() for one in verdict.evidence)
  return {'warning': verdict.name, 'evidence': evidence, 'remedy': next(iter(verdict.remedies), '')}


def sentence(verdict: Verdict) -> str:
  """Return a warning as one line for the terminal."""
  found = event(verdict)
  remedy = f'; try {found["remedy"]}' if found['remedy'] else ''
  return f'warning: {verdict.name}: {verdict.about}: {found["evidence"]}{remedy}'
