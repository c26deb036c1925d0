"""Warnings while a run trains: each failure is named once when it begins, with a remedy."""

import collections
import math
from collections.abc import Callable, Mapping, Sequence

from jaxgan.diagnosis import remedies, verdicts
from jaxgan.diagnosis.verdicts import Evidence, Verdict
from jaxgan.recipes.config import Common

LINES = 3
"""A failure has begun when so many lines with signals in a row show it, and ended likewise."""
SAME = 10.0
"""A diversity above this shows that real images do not differ."""
Line = Mapping[str, float]
Rule = Callable[['Recent'], Sequence[Evidence]]
"""A function from the recent lines to the evidence of a failure; empty: there is none."""


class Recent:
  """The latest line with signals, and the largest and smallest value of each signal before."""

  def __init__(self, length: int) -> None:
    self.length = length
    self.line: Line = {}
    self.before: dict[str, float] = {}
    self.top: dict[str, float] = {}

  @property
  def step(self) -> int:
    """Return the step of the latest line."""
    return int(self.line['step'])

  @property
  def share(self) -> float:
    """Return the share of the run that has passed."""
    return self.step / max(self.length, 1)

  def add(self, line: Line) -> None:
    """Take one more line."""
    for name, value in self.line.items():
      if math.isfinite(value):
        self.top[name] = max(self.top.get(name, value), value)
    for name, value in self.line.items():
      self.before[name] = value  # the latest of each, as not every line has signals
    self.line = line

  def of(self, name: str) -> float:
    """Return the latest value of a signal, of the worst domain; NaN where there is none."""
    values = [value for key, value in self.line.items() if key in (name, f'{name}_a', f'{name}_b')]
    return min(values, default=math.nan)

  def shows(self, name: str, says: str) -> Evidence:
    """Return the latest value of a signal as evidence."""
    return Evidence(name, self.of(name), self.step, says)


def _collapsed(recent: Recent) -> Sequence[Evidence]:
  """Samples that were diverse and are no longer, or are not after a tenth of the run.

  Where their diversity rises from line to line, they are only being learned.
  """
  now, top = recent.of('samples/diversity'), recent.top.get('samples/diversity', 0.0)
  rises = now > 1.03 * recent.before.get('samples/diversity', math.inf)
  if now < 0.3 and not rises and (recent.share > 0.1 or top > 0.5):
    return [recent.shows('samples/diversity', 'samples should differ about as real images do, 1')]
  return []


def _narrow(recent: Recent) -> Sequence[Evidence]:
  """Samples whose features are alike to the critic."""
  alike = recent.of('samples/features') < 0.4
  if recent.share > 0.15 and alike and not _collapsed(recent):
    says = "samples should differ in the critic's features about as real images do, 1"
    return [recent.shows('samples/features', says)]
  return []


def _apart(recent: Recent) -> float:
  """Return by how much samples are more diverse than real images, as noise is."""
  return recent.of('samples/diversity') if recent.share > 0.1 else math.nan


def _overpowered(recent: Recent) -> Sequence[Evidence]:
  """A critic that gives no gradient; or is right where its loss is flat or samples are noise."""
  if recent.of('generator/gradient') < 1e-7:
    return [recent.shows('generator/gradient', 'the generator cannot learn')]
  right = min(recent.of('critic/accuracy_real'), recent.of('critic/accuracy_fake'))
  lost = recent.of('critic/saturated') > 0.9 or 1.15 < _apart(recent) < SAME
  if recent.share > 0.05 and right > 0.97 and lost:
    return [
      recent.shows('critic/accuracy_fake', 'a critic that is always right teaches little'),
      recent.shows('critic/saturated', 'share of logits where the loss is flat'),
      recent.shows('samples/diversity', 'noise is above 1'),
    ]
  return []


def _guessing(recent: Recent) -> Sequence[Evidence]:
  """A critic that is no better than a guess about samples that are like noise."""
  right = (recent.of('critic/accuracy_real') + recent.of('critic/accuracy_fake')) / 2
  if right < 0.65 and 1.1 < _apart(recent) < SAME:
    return [
      recent.shows('critic/accuracy_fake', 'the critic guesses'),
      recent.shows('samples/diversity', 'noise is above 1'),
    ]
  return []


def _restless(recent: Recent) -> Sequence[Evidence]:
  """Updates so large that networks cannot settle."""
  name = max(('critic/update', 'generator/update'), key=lambda one: recent.of(one))
  if recent.share > 0.05 and recent.of(name) > 0.05:
    return [recent.shows(name, 'size of an update beside that of the parameters')]
  return []


def _repeated(recent: Recent) -> Sequence[Evidence]:
  """Training images that are all the same."""
  if recent.of('samples/diversity') > SAME:
    return [recent.shows('samples/diversity', 'training images are all but equal')]
  return []


def _steep(recent: Recent) -> Sequence[Evidence]:
  """A critic without bound."""
  return [recent.shows('critic/slope', 'about 1 or less')] if recent.of('critic/slope') > 5 else []


def _overfitting(recent: Recent) -> Sequence[Evidence]:
  """Held-out images that the critic takes for generated ones."""
  if recent.of('critic/overfit') > 0.6 and recent.of('critic/gap') > 0:
    says = 'held-out images should be judged as training images are, 0; as generated ones is 1'
    return [recent.shows('critic/overfit', says)]
  return []


def _diverging(recent: Recent) -> Sequence[Evidence]:
  """Losses that are not finite, or steps that were skipped since the last line."""
  names = [n for n, v in recent.line.items() if n.endswith('/loss') and not math.isfinite(v)]
  found = [Evidence(name, math.nan, recent.step, 'should be finite') for name in names[:1]]
  if recent.of('skipped') > recent.before.get('skipped', 0.0) + 2:
    found.append(recent.shows('skipped', 'steps with numbers that were not finite'))
  return found


def _dead(recent: Recent) -> Sequence[Evidence]:
  if recent.share > 0.05 and recent.of('samples/diversity') < 0.02:
    return [recent.shows('samples/diversity', 'all samples are the same')]
  if recent.share > 0.05 and recent.of('samples/extreme') > 0.5:
    return [recent.shows('samples/extreme', 'more black and white than in real images')]
  return []


RULES: dict[str, Rule] = {
  verdicts.DIVERGENCE: _diverging,
  verdicts.DEAD: _dead,
  verdicts.MEMORIZED: _repeated,
  verdicts.FULL: _collapsed,
  verdicts.PARTIAL: _narrow,
  verdicts.PENALTY: _steep,
  verdicts.STRONG: _overpowered,
  verdicts.WEAK: _guessing,
  verdicts.OSCILLATION: _restless,
  verdicts.OVERFIT: _overfitting,
}
"""What begins each failure."""
ONCE = {verdicts.DIVERGENCE}
"""Failures that one line shows."""


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
    self._recent = Recent(self._config.length)
    self._active: set[str] = set()
    self._rows: collections.Counter[str] = collections.Counter()

  def consider(self, line: Line) -> list[Verdict]:
    """Take a line of the log, and return the failures that begin with it."""
    if 'rolled_back_from' in line:  # the return is told already, and what was skipped before it
      self._recent.line = {**self._recent.line, 'skipped': math.inf}
    if 'critic/loss' not in line and 'generator/loss' not in line:
      return []
    signals = any(name.endswith('/update') for name in line)
    self._recent.add(line)
    names = RULES if signals else ONCE
    return [one for name in names if (one := self._judge(name)) is not None]

  def _judge(self, name: str) -> Verdict | None:
    evidence, need = RULES[name](self._recent), 1 if name in ONCE else LINES
    shown, active = bool(evidence), name in self._active
    self._rows[name] = self._rows[name] + 1 if shown != active else 0
    if self._rows[name] < (need if shown else LINES):
      return None
    self._rows[name] = 0
    if active:
      self._active.discard(name)
      return None
    self._active.add(name)
    return Verdict(name, 0.8, tuple(evidence), remedies.flags(name, self._config))


def event(verdict: Verdict) -> dict[str, str]:
  """Return what metrics.jsonl records of a warning."""
  evidence = '; '.join(one.text() for one in verdict.evidence)
  return {'warning': verdict.name, 'evidence': evidence, 'remedy': next(iter(verdict.remedies), '')}


def sentence(verdict: Verdict) -> str:
  """Return a warning as one line for the terminal."""
  found = event(verdict)
  remedy = f'; try {found["remedy"]}' if found['remedy'] else ''
  return f'warning: {verdict.name}: {verdict.about}: {found["evidence"]}{remedy}'
