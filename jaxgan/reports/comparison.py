"""The sections of a report about several runs side by side."""

import math
import os
from collections.abc import Sequence

from jaxgan.core.typing import Json
from jaxgan.reports import sections, wording
from jaxgan.reports.markup import Markup, Part, element, join
from jaxgan.reports.records import Record, options_of

LOWER = ('FID', 'Fréchet distance', 'KID', 'kernel distance')
"""Scores that may order runs, the best first; smaller is better."""


def ordered(records: Sequence[Record]) -> list[Record]:
  """Return the runs in the order of their score, the best first, those without a score last."""
  name = ruling(records)
  return sorted(records, key=lambda record: _value(record, name))


def ruling(records: Sequence[Record]) -> str:
  """Return the score that orders the runs: the first that any of them has; else an empty text."""
  there = {name for record in records for name in _scores(record)}
  return next((name for name in LOWER if name in there), '')


def _value(record: Record, name: str) -> float:
  value = _scores(record).get(name, {}).get('of', {}).get('value')
  return value if isinstance(value, int | float) and math.isfinite(value) else math.inf


def _scores(record: Record) -> Json:
  return {str(one.get('name')): one for one in record.scores.get('scores', [])}


def name_of(record: Record, records: Sequence[Record]) -> str:
  """Return a run's name among others: the last parts of its path that differ from theirs."""
  parts = [os.fspath(r.folder.resolve()).split(os.sep) for r in records]
  own = os.fspath(record.folder.resolve()).split(os.sep)
  for count in range(1, len(own) + 1):
    if sum(other[-count:] == own[-count:] for other in parts) == 1:
      return '/'.join(own[-count:])
  return os.fspath(record.folder)


def several(
  records: Sequence[Record], films: Sequence[Sequence[tuple[int, str]]]
) -> tuple[Markup, Markup]:
  """Return the header and the sections of a report about several runs.

  Args:
    records: the runs, in the order in which they are shown.
    films: samples through time of each.
  """
  section = sections.section
  main = [
    section('runs', 'Side by side', _cards(records, films)),
    _curves(records),
    section('scores', 'Scores', _score_table(records)),
    section('options', 'Options that differ', differing(records)),
    section('machine', 'Speed and time', _speeds(records)),
  ]
  return _header(records), join(main)


def _header(records: Sequence[Record]) -> Markup:
  by = ruling(records)
  networks = {str(one.get('network')) for r in records for one in r.scores.get('scores', [])}
  order = f'The best {by} comes first.' if by else 'No run is scored yet: use jaxgan evaluate.'
  warning = ' They were scored by different networks: their scores do not compare.'
  return element(
    'header',
    element('p', 'jaxgan report', class_='brand'),
    element('h1', f'{len(records)} runs compared'),
    element('p', order + warning * (len(networks) > 1), class_='note'),
  )


def _dot(index: int) -> Markup:
  return element('span', class_='dot', style=f'background: var(--c{index % 8})', aria_hidden='true')


def _cards(records: Sequence[Record], films: Sequence[Sequence[tuple[int, str]]]) -> Markup:
  """Return a card for each run, and the slider that moves all pictures."""
  cards, shown = [], 0
  for i, (record, film) in enumerate(zip(records, films, strict=True)):
    picture = sections.picture(record, film, shown) if film else element('p', 'No samples yet.')
    shown += bool(film)
    cards.append(
      element(
        'article',
        element('h3', _dot(i), name_of(record, records)),
        element('p', record.title, class_='path'),
        picture,
        sections.facts(_brief(record, ruling(records))),
      )
    )
  most = max(map(len, films), default=0)
  slider = sections.slider(most, '100 %') if most > 1 else None
  return join([element('div', *cards, class_='runs'), slider])


def _brief(record: Record, by: str) -> list[tuple[str, Part]]:
  step = wording.number(record.step)
  of = _scores(record).get(by, {}).get('of')
  return [
    (by, sections.stacked(of) if of else None),
    ('Step', f'{step} of {wording.number(record.length)}' if record.length else step),
    ('Training time', wording.duration(record.seconds)),
  ]


def _curves(records: Sequence[Record]) -> Markup:
  """Return the place of the curves, with a box to hide each run."""
  boxes = [
    element(
      'label',
      element('input', type='checkbox', checked=True, data_run=i),
      element('span', _dot(i), name_of(record, records)),
    )
    for i, record in enumerate(records)
  ]
  return sections.curves([line for r in records for line in r.lines], boxes)


def _score_table(records: Sequence[Record]) -> Markup | None:
  """Return a table with a column for each run."""
  names = list(dict.fromkeys(name for record in records for name in _scores(record)))
  if not names:
    return None
  rows = []
  for name in names:
    found = [_scores(record).get(name, {}) for record in records]
    real = next((one['real'] for one in found if 'real' in one), None)
    rows.append(
      [name, *(sections.interval(one.get('of', {})) for one in found), wording.number(real)]
    )
  head = ['Metric', *(name_of(record, records) for record in records), 'Real images']
  return sections.table(head, rows, class_='numbers')


def differing(records: Sequence[Record]) -> Markup:
  """Return a table of the options that are not equal in all runs."""
  options = [options_of(record) for record in records]
  names = dict.fromkeys(name for one in options for name in one)
  lacking = object()
  rows = [
    [element('code', name), *(wording.value(one[name]) if name in one else '' for one in options)]
    for name in names
    if len({repr(one.get(name, lacking)) for one in options}) > 1
  ]
  if not rows:
    return element('p', 'All runs have the same options.')
  return sections.table(['Option', *(name_of(record, records) for record in records)], rows)


def _speeds(records: Sequence[Record]) -> Markup:
  rows = [
    [
      element('span', _dot(i), name_of(record, records)),
      wording.duration(record.seconds),
      wording.number(record.speed and round(record.speed)),
      str(record.about.get('machine', {}).get('device', '-')),
      str(record.about.get('versions', {}).get('jaxgan', '-')),
    ]
    for i, record in enumerate(records)
  ]
  return sections.table(['Run', 'Training time', 'Images/s', 'Device', 'jaxgan'], rows)
