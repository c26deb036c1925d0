"""Rules: from the signals of a run and a look at its samples to verdicts.

The samples decide whether a run is sick, since losses and logits alone deceive: a critic that
cannot tell samples from real images is the aim of training, and also what a broken critic looks
like. The signals then tell why. `experiments/doctor.py` chose the thresholds.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from jaxgan.diagnosis import causes, remedies, verdicts
from jaxgan.diagnosis.alarms import USUAL, VANISHED
from jaxgan.diagnosis.look import Look
from jaxgan.diagnosis.verdicts import Evidence, Verdict
from jaxgan.recipes.config import Common

TAIL = 0.2
"""The last share of the lines with signals, whose median counts."""
HIGH = 0.01
"""A rate from which on Adam may throw networks where they have no gradient."""
STUCK = 1e-5
"""Updates below this, of the parameters, lead nowhere."""
SMALL = {'generator': 0.035, 'critic': 0.006}
"""A player with less than this share of the other's parameters is too small for the game. The least
of all variants at their defaults are 0.11 and 0.017, at 16 pixels a side."""
FEWEST = 3
"""Lines with signals without which the log alone shows nothing."""
Shown = tuple[float, list[Evidence]]
"""How sure a rule is, from 0 to 1, and what shows it."""


@dataclass(frozen=True)
class Case:
  """What is known of a run.

  Args:
    config: its options.
    history: the lines of its log as arrays by name, with `step`.
    step: the step that it has reached.
    look: what its samples show; None where there are no samples.
    sizes: how many parameters each player has; empty where that is not known.
  """

  config: Common
  history: dict[str, np.ndarray]
  step: int
  look: Look | None
  sizes: Mapping[str, int] = field(default_factory=dict)

  def lines(self, name: str) -> np.ndarray:
    """Return all finite values of a signal, of the first domain."""
    for key in (name, f'{name}_a'):
      if key in self.history:
        values = self.history[key]
        return values[np.isfinite(values)]
    return np.zeros(0)

  def tail(self, name: str) -> float:
    """Return the median of a signal over the end of the run; NaN where it was not logged."""
    values = self.lines(name)
    return float(np.median(values[-max(FEWEST, int(TAIL * len(values))) :])) if len(values) else NAN

  def peak(self, name: str) -> float:
    """Return the largest value of a signal; NaN where it was not logged."""
    values = self.lines(name)
    return float(values.max()) if len(values) else NAN

  def seen(self, name: str) -> float:
    """Return what the samples show; NaN where they were not looked at."""
    return NAN if self.look is None else float(getattr(self.look, name))

  def spread(self) -> float:
    """Return the diversity of the samples beside real images: looked at, or logged."""
    looked = self.look is not None and math.isfinite(self.look.real_contrast)
    return self.seen('spread') if looked else self.tail('samples/diversity')

  def logged(self, name: str, says: str) -> Evidence:
    """Return a signal at the end of the run as evidence."""
    return Evidence(name, self.tail(name), self.step, says)

  def looked(self, name: str, says: str) -> Evidence:
    """Return what the samples show as evidence."""
    return Evidence(f'samples: {name}', self.seen(name), self.step, says)

  def covered(self) -> float:
    """Return the recall of the samples over the best that can be reached."""
    return self.seen('recall') / max(self.seen('real_recall'), 0.1)

  def lacking(self) -> float:
    """Return how far samples miss real images: recall is low, and few real ones have one nearby.

    Samples that are a little dim have a low recall, though they are near all real images.
    """
    if not math.isfinite(self.covered()):
      return 0.0
    return (1 - _ramp(self.covered(), 0.1, 0.4)) * (1 - _ramp(self.seen('coverage'), 0.4, 0.6))

  def small(self, player: str) -> list[Evidence]:
    """Return what shows that a player is small, if it is: its width, or how few parameters."""
    width = causes.narrow(self.config, player)
    if width is not None:
      return [Evidence(*width, self.step, 'the usual one is far higher')]
    (other,) = {'generator', 'critic'} - {player}
    own, beside = self.sizes.get(player, 0), self.sizes.get(other, 0)
    if not 0 < own < SMALL[player] * beside:
      return []
    says = f'the {other} has {beside}: give the {player} wider layers'
    return [Evidence(f'{player} parameters', own, self.step, says)]

  def outpaced(self) -> float:
    """Return how sure it is that the critic learns too slowly beside the generator, by its rate."""
    return 1 - _ramp(causes.balance(self.config), 0.15, 0.3)


NAN = math.nan


def _ramp(value: float, none: float, full: float) -> float:
  """Return 0 up to `none`, 1 from `full` on, linear between; 0 for NaN."""
  if not math.isfinite(value):
    return 0.0
  return float(np.clip((value - none) / (full - none), 0, 1))


def _divergence(case: Case) -> Shown:
  """Numbers that are not finite, losses that grew a hundredfold, or networks thrown off."""
  sure, found = _thrown(case)
  skipped = case.lines('skipped')
  if len(skipped) and skipped[-1] > skipped[len(skipped) // 2]:
    sure = max(sure, 0.9)
    found.append(case.logged('skipped', 'steps with numbers that were not finite'))
  for name in ('critic/loss', 'generator/loss'):
    sizes = np.abs(case.lines(name))
    if len(sizes) >= 2 * FEWEST:
      begun, now = np.median(sizes[: len(sizes) // 4 + 1]), case_tail(sizes)
      grown = _ramp(math.log10(max(now, 1e-9) / max(begun, 1.0)), 1.5, 2.5)
      if grown > 0:
        sure = max(sure, grown)
        found.append(Evidence(name, now, case.step, f'it was {begun:.3g} at the beginning'))
  return sure, found


def _thrown(case: Case) -> Shown:
  """Rates that throw networks off, and players that do not move any more, or bad samples."""
  players = ('generator', 'critic')
  ends = (('gradient', VANISHED), ('update', STUCK))
  still = any(all(case.tail(f'{p}/{name}') < limit for p in players) for name, limit in ends)
  rate = max(getattr(case.config, f'{player}_lr', 0.0) for player in players)
  if getattr(case.config, 'optimizer', 'adam') != 'adam' or rate < HIGH:
    return 0.0, []
  far = causes.far(case.config, causes.RATES)
  seen = 'neither player moves any more' if still else 'it is far above the usual one'
  says = f'a usual rate of Adam is below 0.005; {seen}'
  found = [Evidence(remedies.RATE, rate, case.step, says)]
  return (1.0, found) if still else (0.95 * _bad(case), found) if far else (0.0, [])


def case_tail(values: np.ndarray) -> float:
  """Return the median of the end of a series."""
  return float(np.median(values[-max(FEWEST, int(TAIL * len(values))) :]))


def _dead(case: Case) -> Shown:
  """Samples that are flat, or all black and white where real images are not."""
  flat = 1 - _ramp(case.seen('contrast'), 0.02, 0.06) if case.look else 0.0
  edges = _ramp(case.seen('extreme'), 0.4, 0.7) if case.look else 0.0
  found = []
  if flat > 0:
    found = [case.looked('contrast', 'the deviation of all values; such samples show nothing')]
    if case.seen('real_contrast') < 0.06:
      found.append(case.looked('real_contrast', 'the data set itself is flat: check its range'))
  if edges > 0:
    found.append(case.looked('extreme', 'share of black and white beyond that of real images'))
  return max(flat, edges), found


def _full(case: Case) -> Shown:
  """Samples that are nearly all the same."""
  says = 'mean distance of two samples, 1 as of two real images'
  sure = 1 - _ramp(case.spread(), 0.2, 0.4) if math.isfinite(case.spread()) else 0.0
  return sure, [Evidence('samples: spread', case.spread(), case.step, says)] if sure else []


def _partial(case: Case) -> Shown:
  """Real images that no sample comes near, while samples are good or alike."""
  missing = case.lacking()
  found = [
    case.looked('recall', f'real images among samples; {case.seen("real_recall"):.2f} is best'),
    case.looked('coverage', 'real images with a sample nearby'),
  ]
  narrow = 1 - _ramp(case.spread(), 0.5, 0.9) if math.isfinite(case.spread()) else 0.0
  alike = (
    1 - _ramp(case.tail('samples/features'), 0.5, 0.8)
    if case.lines('samples/features').size
    else 0.0
  )
  narrow = max(narrow, alike * (case.spread() < 0.95))
  good = _ramp(case.seen('precision'), 0.2, 0.6)
  if narrow:
    found.append(Evidence('samples: spread', case.spread(), case.step, '1 as real images'))
  sure = max(missing * max(good, narrow), 0.9 * narrow)
  sure *= 1 - _ramp(case.seen('grain'), 1.6, 2.5)  # noise lacks everything
  return sure, [*found, *case.small('generator')] if sure else []


def _bad(case: Case) -> float:
  """Return how far the samples are from real images, whatever the reason."""
  rough = max(_ramp(case.seen('grain'), 1.6, 2.5), _ramp(case.spread(), 1.15, 1.35))
  poor = 1 - _ramp(case.seen('precision'), 0.02, 0.15) if case.look else 0.0
  return max(case.lacking(), rough, poor * (case.seen('precision') >= 0))


def _vanished(case: Case) -> bool:
  """Return whether the generator's gradient is 0, so that it cannot learn at all."""
  return case.tail('generator/gradient') < VANISHED


def _strong(case: Case) -> Shown:
  """A critic that is right about nearly all images, or gives no gradient; and bad samples."""
  bad = _bad(case)
  if _vanished(case) and bad:
    return bad, [case.logged('generator/gradient', 'the generator cannot learn from it')]
  right = min(case.tail('critic/accuracy_real'), case.tail('critic/accuracy_fake'))
  small = case.small('generator')
  sure = max(_ramp(right, 0.93, 0.99), 0.8 * bool(small) * _ramp(right, 0.7, 0.9))
  sure *= bad * (1 - case.outpaced())
  says = 'a critic that is always right teaches little'
  return sure, [case.logged('critic/accuracy_fake', says), *small] if sure else []


def _weak(case: Case) -> Shown:
  """A critic that does not tell samples from real images, though they are bad."""
  right = (case.tail('critic/accuracy_real') + case.tail('critic/accuracy_fake')) / 2
  now = 1 - _ramp(right, 0.65, 0.85) if math.isfinite(right) else 0.0
  both = [case.lines(f'critic/accuracy_{kind}') for kind in ('real', 'fake')]
  often = float(np.median(sum(both) / 2)) if len(both[0]) >= FEWEST else NAN
  before = 1 - _ramp(often, 0.5, 0.65) if math.isfinite(often) else 0.0
  small, slow = case.small('critic'), case.outpaced()
  sure = max(now, before, slow, 0.9 * bool(small)) * _bad(case)
  says = 'the critic guesses, though samples differ from real images'
  found = [
    case.logged('critic/accuracy_fake', says),
    Evidence('accuracy', often, case.step, 'the median of the whole run; 0.5 is a guess'),
    *small,
  ]
  if slow:
    says = "the critic's rate over the generator's; 1 as the variant has it"
    found.append(Evidence('balance of rates', causes.balance(case.config), case.step, says))
  return sure, found if sure else []


def _overfits(case: Case) -> Shown:
  """Held-out images that the critic takes for generated ones."""
  says = 'held-out images are judged like generated ones at 1, like training images at 0'
  sure = _ramp(case.tail('critic/overfit'), 0.5, 0.8) * _ramp(
    case.tail('critic/accuracy_real'), 0.7, 0.9
  )
  return sure, [case.logged('critic/overfit', says)] if sure else []


def _memorizes(case: Case) -> Shown:
  """Samples much nearer to a training image than real images are to each other."""
  if case.seen('distinct') < 10:
    says = 'different training images, of which a generator can only make copies'
    return 1.0, [case.looked('distinct', says)]
  near = case.seen('nearness')
  full, none = (0.85, 1.2) if case.seen('distinct') < 256 else (0.6, 0.85)
  sure = 1 - _ramp(near, full, none) if math.isfinite(near) else 0.0
  says = 'distance to the nearest training image, 1 as between real images'
  return sure, [case.looked('nearness', says)] if sure else []


def _penalty(case: Case) -> Shown:
  """A critic much steeper than one, whose loss is not bounded."""
  sure, peak = _ramp(case.tail('critic/slope'), 2.0, 5.0), case.peak('critic/slope')
  if remedies.is_penalized(case.config):
    sure = max(sure, _ramp(peak, 1.1, 1.2) * _bad(case))
  says = 'slope of the critic between real and generated images; a penalty keeps it near 1'
  found = [case.logged('critic/slope', says), Evidence('highest slope', peak, case.step, '1')]
  return sure, found if sure else []


def _checkerboard(case: Case) -> Shown:
  sure = _ramp(case.seen('checker'), 3.0, 6.0)
  says = 'strength of a period of two pixels, 1 as in real images'
  return sure, [case.looked('checker', says)] if sure else []


def _oscillates(case: Case) -> Shown:
  """Diversity that goes up and down, or updates so large that networks cannot settle."""
  values = case.lines('samples/diversity')
  late = values[len(values) // 2 :]
  swing = float(np.abs(np.diff(late)).mean()) if len(late) >= 2 * FEWEST else 0.0
  both = ('critic/update', 'generator/update')
  large, peak = (max(map(of, both)) for of in (case.tail, case.peak))
  restless = max(_ramp(large, 0.015, 0.05), _ramp(peak, 0.1, 0.2)) * _bad(case)
  says = 'change of samples/diversity from line to line, in the second half of the run'
  found = [Evidence('swing', swing, case.step, says)] if swing > 0.1 else []
  if restless > 0:
    found.append(Evidence('largest update', peak, case.step, 'of the parameters, in a step'))
  return max(_ramp(swing, 0.1, 0.2), restless), found


def _unmoved(case: Case) -> tuple[float, list[Evidence]]:
  """A generator that has hardly moved from where it began, and samples that are bad."""
  moves = case.lines('generator/update')
  if not len(moves) or _vanished(case):
    return 0.0, []
  way = float(moves.mean() * case.step)
  pale = case.seen('contrast') / case.seen('real_contrast')  # as before samples are learned
  sure = (1 - _ramp(way, 0.6, 0.9)) * _bad(case) * (1 - _ramp(pale, 0.8, 0.95))
  says = 'sum of all updates of the generator, in units of its parameters'
  return sure, [Evidence('way', way, case.step, says)] if sure else []


def _learning(case: Case) -> Shown:
  """A run that was too short for its generator to get anywhere."""
  sure, found = _unmoved(case)
  return (0.0, []) if _tiny(case) else (sure, found)


def _slow(case: Case) -> Shown:
  """Updates so small that the generator gets nowhere."""
  sure, found = _unmoved(case)
  if not _tiny(case) or not sure:
    return 0.0, []
  both = [case.logged(f'{player}/update', USUAL) for player in ('generator', 'critic')]
  return sure, [*both, *found]


def _tiny(case: Case) -> bool:
  """Return whether updates are small because rates are, not because parameters are large."""
  known = causes.is_low(case.config) and not remedies.is_lazy(case.config)
  return known and case.tail('generator/update') < remedies.TINY


RULES: dict[str, Callable[[Case], Shown]] = {
  verdicts.DIVERGENCE: _divergence,
  verdicts.DEAD: _dead,
  verdicts.LEARNING: _learning,
  verdicts.SLOW: _slow,
  verdicts.PENALTY: _penalty,
  verdicts.MEMORIZED: _memorizes,
  verdicts.FULL: _full,
  verdicts.OSCILLATION: _oscillates,
  verdicts.WEAK: _weak,
  verdicts.STRONG: _strong,
  verdicts.PARTIAL: _partial,
  verdicts.OVERFIT: _overfits,
  verdicts.CHECKERBOARD: _checkerboard,
}
"""How each verdict is reached; of two that are equally sure the first comes first."""
BEGUN = 100
"""Before this step nothing is said."""
SURE = 0.5
"""A verdict that is less sure is not named."""


def verdicts_of(case: Case) -> tuple[Verdict, ...]:
  """Return the verdicts about a run, the surest first; there is always one."""
  found: list[Verdict] = []
  if case.step < BEGUN:
    says = f'no verdict before step {BEGUN}'
    return (_verdict(verdicts.UNKNOWN, 1.0, [Evidence('steps', case.step, case.step, says)], case),)
  for name, rule in RULES.items():
    sure, evidence = rule(case)
    if sure >= SURE:
      found.append(_verdict(name, sure, evidence, case))
  found.sort(key=lambda one: -one.sure)
  named = {one.name for one in found}
  hidden = {other for name in named for other in verdicts.IMPLIES.get(name, ())}
  return tuple(one for one in found if one.name not in hidden) or (_well(case),)


def _verdict(name: str, sure: float, evidence: Sequence[Evidence], case: Case) -> Verdict:
  found, sized = round(0.95 * sure, 2), remedies.flags(name, case.config, evidence)
  return Verdict(name, found, tuple(evidence), sized)


def _well(case: Case) -> Verdict:
  """Return the verdict about a run that shows no failure."""
  known = len(case.lines('samples/diversity')) >= FEWEST
  beside = case.look is not None and math.isfinite(case.covered())
  if not (known or beside):
    says = 'lines with signals, too few for a verdict'
    count = float(len(case.lines('samples/diversity')))
    return _verdict(verdicts.UNKNOWN, 1.0, [Evidence('lines', count, case.step, says)], case)
  if beside and _bad(case) > 0.3:
    return _between(case)
  found = [case.logged('samples/diversity', '1 as real images')] if known else []
  if beside:
    found.append(case.looked('recall', f'{case.seen("real_recall"):.2f} is the best'))
  return _verdict(verdicts.HEALTHY, 0.9 if beside else 0.6, found, case)


def _between(case: Case) -> Verdict:
  """Return the verdict about samples that are not good, where no failure shows."""
  gaps = np.abs(case.lines('critic/gap'))
  third = len(gaps) // 3
  says = f'{case.seen("real_recall"):.2f} is the best'
  if third >= FEWEST and np.median(gaps[-third:]) < 0.95 * np.median(gaps[third : 2 * third]):
    falls = Evidence('critic/gap', float(np.median(gaps[-third:])), case.step, 'and it falls')
    return _verdict(verdicts.LEARNING, 0.6, [falls, case.looked('recall', says)], case)
  return _verdict(verdicts.UNKNOWN, 0.6, [case.looked('recall', says)], case)
