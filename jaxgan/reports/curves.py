"""The curves of runs, thinned for a page and arranged in charts."""

import collections
import math
from collections.abc import Sequence
from typing import NamedTuple

from jaxgan.core.typing import Json

QUIET = ('skipped',)  # not drawn while they are zero
POINTS = 500  # of a curve, about
HIDDEN = ('step', 'images', 'rolled_back_from')
LOSS, LOGITS, SCORE, SKIPPED, SPEED = 'loss', 'real and fake', 'score', 'skipped steps', 'speed'
FIRST, LAST = (LOSS, SCORE, LOGITS), (SKIPPED, SPEED)


class Curve(NamedTuple):
  """A series of numbers: its name, the steps and the values; None where one was not finite."""

  name: str
  steps: list[int]
  values: list[float | None]


def curves(lines: Sequence[Json], points: int = POINTS) -> list[Curve]:
  """Return every series of a metrics file, thinned.

  Args:
    lines: the lines of metrics.jsonl.
    points: about how many points to keep of each.
  """
  found: dict[str, tuple[list[int], list[float | None]]] = collections.defaultdict(lambda: ([], []))
  for line in lines:
    for name, value in line.items():
      if name not in HIDDEN and _is_number(value):
        steps, values = found[name]
        steps.append(line['step'])
        values.append(value if value is None or math.isfinite(value) else None)
  told = {name: both for name, both in found.items() if name not in QUIET or any(both[1])}
  return [Curve(name, *thinned(*both, points)) for name, both in told.items()]


def thinned(
  steps: Sequence[int], values: Sequence[float | None], points: int = POINTS
) -> tuple[list[int], list[float | None]]:
  """Keep the least and the greatest value of each stretch of a long series, so that peaks stay.

  The first and the last point stay too. Values are rounded to five digits.

  Args:
    steps: the steps.
    values: a value for each.
    points: about how many to keep.
  """
  kept = range(len(steps))
  if len(steps) > points:
    width = math.ceil(2 * len(steps) / points)
    ranges = [kept[i : i + width] for i in range(0, len(kept), width)]
    ends = [0, len(steps) - 1]
    kept = sorted({*ends, *(i for r in ranges for i in _extremes(r, values))})  # type: ignore[assignment]
  rounded = [None if values[i] is None else float(f'{values[i]:.5g}') for i in kept]
  return [steps[i] for i in kept], rounded


def _extremes(stretch: range, values: Sequence[float | None]) -> set[int]:
  """Return where a stretch is least, greatest and, once, not finite."""
  known = [i for i in stretch if values[i] is not None]
  gaps = [i for i in stretch if values[i] is None][:1]
  size = lambda i: values[i] or 0.0
  return {*gaps, *((min(known, key=size), max(known, key=size)) if known else ())}


def charts(names: Sequence[str]) -> list[tuple[str, list[str]]]:
  """Arrange series in charts: what has the same last word shares axes, real beside fake.

  Args:
    names: names such as 'critic/loss'.

  Returns:
    the charts, each a title and the names of its series; losses first.

  Example:
    >>> charts(['critic/real', 'critic/loss', 'critic/fake', 'generator/loss'])
    [('loss', ['critic/loss', 'generator/loss']), ('real and fake', ['critic/real', 'critic/fake'])]
  """
  found: dict[str, list[str]] = {}
  for name in names:
    found.setdefault(_title(name), []).append(name)
  order = [*FIRST, *(title for title in found if title not in (*FIRST, *LAST)), *LAST]
  return [(title, found[title]) for title in order if title in found]


def _title(name: str) -> str:
  player, _, series = name.rpartition('/')
  if player == 'evaluation':
    return SCORE
  if series.split('_')[0] in ('real', 'fake'):
    return LOGITS
  known = {'images_per_second': SPEED, 'skipped': SKIPPED}
  return known.get(series, series).replace('_', ' ')


def _is_number(value: object) -> bool:
  return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
