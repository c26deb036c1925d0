"""Verdicts: what is wrong with a run, how sure that is, the numbers that show it, and remedies."""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import NamedTuple

HEALTHY, LEARNING, UNKNOWN = 'healthy', 'still learning', 'I cannot tell'
PARTIAL, FULL = 'partial mode collapse', 'full mode collapse'
STRONG, WEAK = 'critic too strong', 'critic too weak'
OSCILLATION, DIVERGENCE, SLOW = 'oscillation', 'divergence', 'rates too low'
OVERFIT, MEMORIZED = 'critic overfits', 'generator memorizes'
PENALTY, DEAD, CHECKERBOARD = 'penalty not effective', 'dead output', 'checkerboard'
ABOUT: dict[str, str] = {
  HEALTHY: 'no sign of a failure',
  LEARNING: 'the images still get better: train longer',
  UNKNOWN: 'the files of the run do not show enough',
  PARTIAL: 'the samples lack a part of what the data set shows',
  FULL: 'the samples are nearly all the same',
  STRONG: 'the critic wins, and the generator learns little from it',
  WEAK: 'the critic does not tell samples from real images, though they differ',
  OSCILLATION: 'the samples change back and forth instead of getting better',
  DIVERGENCE: 'numbers grow without bound, are not finite, or no longer change',
  SLOW: 'the updates are too small for the length of the run',
  OVERFIT: 'the critic knows the training images by heart',
  MEMORIZED: 'the samples are copies of training images',
  PENALTY: 'the critic is much steeper than the penalty should allow',
  DEAD: 'the samples show nothing, or only black and white',
  CHECKERBOARD: 'the samples have a pattern with a period of two pixels',
}
"""Each verdict, and what it means."""
SICK = frozenset(ABOUT) - {HEALTHY, LEARNING, UNKNOWN}
_SAMPLES = (FULL, PARTIAL, CHECKERBOARD)
IMPLIES: dict[str, tuple[str, ...]] = {
  LEARNING: (*_SAMPLES, WEAK, STRONG, OSCILLATION),
  SLOW: (*_SAMPLES, LEARNING, WEAK, STRONG, OSCILLATION),
  DEAD: (*_SAMPLES, STRONG, WEAK, SLOW, OSCILLATION),
  MEMORIZED: (FULL, PARTIAL, OVERFIT, WEAK, STRONG, OSCILLATION),
  FULL: (PARTIAL,),
  DIVERGENCE: (*_SAMPLES, WEAK, STRONG),
}
"""What a verdict explains, so that it is not named besides."""


class Evidence(NamedTuple):
  """A number that shows a verdict.

  Args:
    name: the name of a signal, or of what was measured on samples.
    value: the number.
    step: the step that it is from.
    says: what is expected of the number.
  """

  name: str
  value: float
  step: int
  says: str = ''

  def text(self) -> str:
    """Return the evidence in words."""
    said = f' ({self.says})' if self.says else ''
    return f'{self.name} = {self.value:.3g} at step {self.step}{said}'


@dataclass(frozen=True)
class Verdict:
  """A verdict about a run.

  Args:
    name: one of `ABOUT`.
    sure: how sure it is, from 0 to 1.
    evidence: the numbers that show it, with their steps.
    remedies: options that help, as flags that the run's variant accepts; the first helps most
      often.
  """

  name: str
  sure: float
  evidence: tuple[Evidence, ...] = ()
  remedies: tuple[str, ...] = ()

  @property
  def about(self) -> str:
    """Return what the verdict means."""
    return ABOUT[self.name]

  def text(self) -> str:
    """Return the verdict in a few lines."""
    lines = [f'{self.name} ({self.sure:.0%} sure): {self.about}']
    lines += [f'  {one.text()}' for one in self.evidence]
    lines += [f'  try {flags}' for flags in self.remedies]
    return '\n'.join(lines)


@dataclass(frozen=True)
class Diagnosis:
  """What a run's files say about it: one or more verdicts, the surest first.

  Args:
    verdicts: the verdicts.
    folder: the work directory; empty for a run without one.
    variant: the run's variant; empty if it is not known.
    step: the step that the run has reached.
    notes: sentences about what could not be looked at.
  """

  verdicts: tuple[Verdict, ...]
  folder: str = ''
  variant: str = ''
  step: int = 0
  notes: tuple[str, ...] = ()

  @property
  def sick(self) -> bool:
    """Return whether a verdict names a failure."""
    return any(verdict.name in SICK for verdict in self.verdicts)

  def text(self) -> str:
    """Return the diagnosis in lines for a terminal."""
    of = f'{self.variant} at step {self.step}' if self.variant else 'no run'
    lines = [f'{self.folder}: {of}' if self.folder else of]
    lines += [verdict.text() for verdict in self.verdicts]
    return '\n'.join([*lines, *(f'note: {note}' for note in self.notes)])

  def to_json(self) -> str:
    """Return the diagnosis as JSON; a number that is not finite is null."""
    values = dataclasses.asdict(self)
    for verdict, plain in zip(self.verdicts, values['verdicts'], strict=True):
      finite = lambda x: x if math.isfinite(x) else None
      plain['evidence'] = [
        {**one._asdict(), 'value': finite(one.value)} for one in verdict.evidence
      ]
      plain['about'] = verdict.about
    return json.dumps({**values, 'sick': self.sick}, indent=1)
