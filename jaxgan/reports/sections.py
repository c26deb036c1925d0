"""The sections of a report about one run."""

import shlex
from collections.abc import Sequence

import numpy as np

from jaxgan.core.typing import Json
from jaxgan.reports import pictures, wording
from jaxgan.reports.markup import Markup, Part, element, join
from jaxgan.reports.nearest import Nearest
from jaxgan.reports.records import Record
from jaxgan.storage import figures

ARRAYS = 'arrays'
PICTURES = 'Samples through time', 'Translations through time'
"""The title of the pictures, without and with named columns."""
COLUMNS = 8
"""Images of a row of a picture of samples."""


def section(name: str, title: str, *children: Part) -> Markup:
  """Return a section with a heading; nothing if it has no content."""
  if not any(children):
    return Markup()
  head = element('h2', title, id=f'{name}-title')
  return element('section', head, *children, id=name, aria_labelledby=f'{name}-title')


def facts(pairs: Sequence[tuple[str, Part]]) -> Markup:
  """Return names and values as a list; pairs without a value are omitted."""
  rows = [
    element('div', element('dt', name), element('dd', text))
    for name, text in pairs
    if text not in (None, '')
  ]
  return element('dl', *rows, class_='facts')


def table(head: Sequence[str], rows: Sequence[Sequence[Part]], class_: str = '') -> Markup:
  """Return a table whose first column names the rows; it scrolls on a narrow screen."""
  top = element('tr', *(element('th', name, scope='col') for name in head))
  lines = [
    element('tr', element('th', row[0], scope='row'), *(element('td', cell) for cell in row[1:]))
    for row in rows
  ]
  whole = element('table', element('thead', top), element('tbody', *lines), class_=class_)
  return element('div', whole, class_='scroll', tabindex=0, role='group', aria_label='Table')


# --- at a glance


def header(record: Record) -> Markup:
  """Return what the run is and how far it is."""
  return element(
    'header',
    element('p', 'jaxgan report', class_='brand'),
    element('h1', record.title),
    element('p', str(record.folder), class_='path'),
    progress(record),
    glance(record),
  )


def progress(record: Record) -> Markup:
  """Return a bar with the steps done of all steps."""
  step, length = record.step, record.length
  if not length:
    return element('p', f'Step {wording.number(step)}', class_='status')
  done = 'Finished: ' if step >= length else ''
  text = f'{done}step {wording.number(step)} of {wording.number(length)}'
  bar = element('progress', value=min(step, length), max=length, aria_label=text)
  return element('p', bar, element('span', text[0].upper() + text[1:]), class_='status')


def glance(record: Record) -> Markup:
  """Return the few facts that one looks for first."""
  spec, images = record.spec, record.lines[-1].get('images') if record.lines else None
  rows = spec is not None and bool(spec.columns)
  return facts(
    [
      ('Rows' if rows else 'Images', spec.form if spec else None),
      ('Real images seen', wording.number(images) if images else None),
      ('Training time', wording.duration(record.seconds) if record.lines else None),
      ('Speed', f'{wording.number(round(record.speed))} images/s' if record.speed else None),
      ('Device', record.about.get('machine', {}).get('device')),
      *headline(record),
    ]
  )


def headline(record: Record) -> list[tuple[str, Part]]:
  """Return the first score of the run's evaluation, else the best score while training."""
  for score in record.scores.get('scores', [])[:1]:
    return [(str(score.get('name')), stacked(score.get('of', {})))]
  if 'value' in record.best:
    name = f'Best {record.best.get("metric", "score")}'
    step = wording.number(record.best.get('step'))
    return [(name, f'{wording.number(record.best["value"])} at step {step}')]
  return []


def stacked(of: Json) -> Markup:
  """Return a value, and its interval below it."""
  whole, _, ends = interval(of).partition(' (')
  return join([whole, element('small', ends.rstrip(')')) if ends else None])


def interval(of: Json) -> str:
  """Return a value with its interval."""
  low, high = of.get('low'), of.get('high')
  ends = (
    f' ({wording.number(low)} to {wording.number(high)})'
    if low is not None and np.isfinite([low, high or np.nan]).all()
    else ''
  )
  return wording.number(of.get('value')) + ends


# --- pictures


def film(record: Record, frames: Sequence[tuple[int, str]]) -> Markup:
  """Return the samples through time: a picture, and a slider where there are several."""
  if not frames:
    return element('p', 'There is no picture of samples yet.', class_='note')
  now = f'step {frames[-1][0]}'
  return join([picture(record, frames, 0), slider(len(frames), now) if len(frames) > 1 else None])


def picture(record: Record, frames: Sequence[tuple[int, str]], index: int) -> Markup:
  """Return the last picture of a run; `index` is its number among those that the slider moves."""
  last, url = frames[-1]
  about = dict(alt=alt(record, last), data_alt=alt(record, None), id=f'frame-{index}')
  return labelled(record, element('img', src=url, **about))


def slider(count: int, now: str) -> Markup:
  """Return the slider through so many pictures, and a button that plays them."""
  about = dict(aria_label='Step of the samples', aria_valuetext=now)
  return element(
    'div',
    element('button', 'Play', type='button', id='play', aria_label='Play the samples through time'),
    element('input', type='range', id='time', min=0, max=count - 1, value=count - 1, **about),
    element('output', now, id='now', for_='time'),
    class_='slider',
  )


def labelled(record: Record, image: Markup) -> Markup:
  """Return a picture with the names of its rows, if these are classes, and of its columns."""
  names = [element('span', name) for name in record.layout.columns]
  top = element('div', *names, class_='columns', aria_hidden='true') if names else None
  classes = [element('span', name) for name in rows_of(record)]
  left = element('div', *classes, class_='rows', aria_hidden='true') if classes else None
  wide = f'frame{" has-rows" * bool(classes)}{" wide" * bool(names)}'
  return element('div', top, left, image, class_=wide)


def rows_of(record: Record) -> tuple[str, ...]:
  """Return the names of the rows of a picture of samples, if these are classes."""
  return record.spec.names[:16] if record.layout.by_class and record.spec else ()


def alt(record: Record, step: int | None) -> str:
  """Return what a picture of samples shows; 'STEP' stands for the step if it is None."""
  when = f'at step {"STEP" if step is None else step}'
  if record.layout.columns:
    return f'Images {when}; columns: {", ".join(record.layout.columns)}'
  by = f', a row for each class: {", ".join(rows_of(record))}' if rows_of(record) else ''
  return f'Samples of {record.title} {when}{by}'


def samples_of(record: Record) -> np.ndarray | None:
  """Return the single images of the last picture, uint8 `[rows, columns, H, W, C]`."""
  if not record.pictures or record.layout.columns or (record.spec and record.spec.columns):
    return None
  try:
    last = pictures.opened(record.pictures[max(record.pictures)])
  except OSError:
    return None
  return pictures.cells(pictures.native(last), COLUMNS)


def by_class(record: Record, real: dict[str, np.ndarray] | None = None) -> Markup | None:
  """Return the last samples of each class, beside real ones where these are at hand.

  Args:
    record: the run.
    real: images of each class by name, uint8 `[n, H, W, C]`.
  """
  found, names = samples_of(record), rows_of(record)
  if found is None or len(found) != len(names):
    return None
  rows = []
  for name, images in zip(names, found, strict=True):
    there = strip(real[name], f'Real images of class {name}') if real and name in real else None
    rows.append([name, strip(images, f'Samples of class {name}'), there])
  head = ['Class', 'Samples', 'Real images'][: 3 if real else 2]
  return table(head, [row[: len(head)] for row in rows], class_='strips')


def strip(images: np.ndarray, alt: str) -> Markup:
  """Return images in one row."""
  return element('img', src=pictures.url(figures.grid(images, len(images))), alt=alt)


def closest(found: Nearest | None) -> Markup | None:
  """Return samples, each beside its nearest training image."""
  if found is None:
    return None
  pairs = [
    element(
      'figure',
      element('img', src=pictures.url(figures.grid(np.stack(both), 2)), alt=_pair(i, distance)),
      element('figcaption', wording.number(round(float(distance), 3))),
    )
    for i, (*both, distance) in enumerate(
      zip(found.samples, found.training, found.distances, strict=True)
    )
  ]
  some = '' if found.searched == found.of else f'{wording.number(found.searched)} of '
  note = (
    f'Each sample is beside the nearest of {some}{wording.number(found.of)} training images. The '
    'number is their distance: the root of the mean squared difference of pixels from 0 to 1. '
    f'Between a training image and the nearest other one it is {found.usual:.3f} in the median. '
    'Samples that are much nearer than this repeat training images.'
  )
  return join([element('div', *pairs, class_='pairs'), element('p', note, class_='note')])


def _pair(index: int, distance: float) -> str:
  return f'Sample {index + 1} and its nearest training image, at distance {distance:.3f}'


# --- numbers and options


def curves(lines: Sequence[Json], tools: Sequence[Part] = ()) -> Markup:
  """Return the place where the script draws the curves, with its tools."""
  if not lines:
    return Markup()
  smooth = element('input', type='range', id='smooth', min=0, max='0.98', step='0.02', value='0.6')
  hint = element('span', 'Point at a curve to read it; click a name to hide its curve.')
  bar = element('div', element('label', 'Smoothing', smooth), *tools, hint, class_='tools')
  without = element('noscript', element('p', 'The curves need JavaScript.'))
  holder = element('div', id='charts', class_='charts')
  return section('curves', 'Curves', bar, holder, without)


def scores(record: Record) -> Markup | None:
  """Return the scores of the last evaluation."""
  found = record.scores.get('scores', [])
  if not found:
    return None
  rows = [
    [
      str(one.get('name')),
      element('strong', wording.number(one.get('of', {}).get('value'))),
      interval(one.get('of', {})).partition(' (')[2].rstrip(')') or '-',
      wording.number(one.get('real')),
      wording.number(one.get('ideal')),
      wording.number(one.get('num')),
    ]
    for one in found
  ]
  head = ['Metric', 'Score', '95 % interval', 'Real images', 'Ideal sampler', 'Images']
  step = wording.number(record.scores.get('step'))
  note = f'Of step {step}, by {found[0].get("network")}, against {found[0].get("against")}.'
  return join([table(head, rows, class_='numbers'), element('p', note, class_='note')])


def shown_changes(record: Record) -> dict[str, object]:
  """Return the options that differ from the defaults, without those that the data set decides."""
  decided = {'image_size', 'channels'}
  return {
    name: given
    for name, given in record.changed.items()
    if not (name in decided and record.usual.get(name) is None)
  }


def options(record: Record) -> Markup:
  """Return the options that differ from the defaults, and all options."""
  changed = shown_changes(record)
  rows = [
    [element('code', name), wording.value(given), wording.value(record.usual.get(name))]
    for name, given in changed.items()
  ]
  none = 'Every option is at its default.' if record.usual else 'The variant is not known here.'
  first = table(['Option', 'Here', 'Default'], rows) if rows else element('p', none)
  whole = [[element('code', name), wording.value(v)] for name, v in record.options.items()]
  every = table(['Option', 'Value'], whole)
  return join([first, element('details', element('summary', 'All options'), every)])


def data_set(record: Record) -> Markup:
  """Return the data set: name, number of images, their size, classes."""
  spec, options = record.spec, record.options
  rows = bool(spec and spec.columns)
  pairs: list[tuple[str, Part]] = [
    ('Name', str(options.get('dataset', '-'))),
    ('Folder', options.get('folder')),
    ('Second folder', options.get('target_folder')),
    ('Rows' if rows else 'Images', wording.number(record.data.get('count'))),
  ]
  if spec and rows:
    pairs += [('Columns', ', '.join(column.name for column in spec.columns))]
    pairs += [('Categories', wording.number(spec.classes))]
  elif spec:
    pairs += [('Size', f'{spec.size} x {spec.size} pixels, {_colour(spec.channels)}')]
    pairs += [('Classes', wording.number(spec.classes) if spec.classes else 'no labels')]
  pairs += [('Fingerprint', record.data.get('fingerprint'))]
  return join([facts(pairs), _counts(record)])


def _colour(channels: int) -> str:
  return {1: 'grey', 3: 'colour'}.get(channels, f'{channels} channels')


def _counts(record: Record) -> Markup | None:
  """Return the number of images of each class."""
  counts, spec = record.data.get('counts') or [], record.spec
  if not spec or not counts or len(counts) != len(spec.names):
    return None
  top = max(*counts, 1)
  rows = [
    [name, element('meter', value=count, max=top, aria_hidden='true'), wording.number(count)]
    for name, count in zip(spec.names, counts, strict=True)
  ]
  head = element('summary', f'Images of each of {len(counts)} classes')
  return element('details', head, table(['Class', '', 'Images'], rows), open=len(counts) <= 12)


def machine(record: Record) -> Markup:
  """Return versions, device, speed and time."""
  about, versions = record.about.get('machine', {}), record.about.get('versions', {})
  rollbacks = sum('rolled_back_from' in line for line in record.lines)
  skipped = max([line.get('skipped') or 0 for line in record.lines] or [0])
  return facts(
    [
      *((name, str(version)) for name, version in versions.items()),
      *((name.capitalize(), str(text)) for name, text in about.items()),
      ('Training time', wording.duration(record.seconds)),
      ('Speed', f'{wording.number(record.speed)} images/s' if record.speed else None),
      ('Updates skipped, not finite', wording.number(skipped) if skipped else None),
      ('Returns to a checkpoint', wording.number(rollbacks) if rollbacks else None),
    ]
  )


def repeat(record: Record) -> Markup:
  """Return the command that trains the run again."""
  if record.options.get('dataset') == ARRAYS:
    return element('p', 'This run was trained on arrays: call jaxgan.train(config, data=...).')
  if not record.usual:
    return element('p', 'The variant is not known here: give its file with --plugin=FILE.')
  text = wording.command(str(record.options.get('variant')), record.changed)
  plugin = record.about.get('plugin')
  text += f' --plugin={shlex.quote(str(plugin))}' if plugin else ''
  copy = element('button', 'Copy', type='button', class_='copy', data_copy='command')
  code = element('pre', element('code', text, id='command'), tabindex=0)
  return element('div', code, copy, class_='command')


# --- health


def diagnosis(record: Record, found: Json) -> Markup | None:
  """Return what the diagnosis of a run says, and the warnings of its training.

  Args:
    record: the run.
    found: the diagnosis in JSON's types: verdicts, notes, whether the run is sick; may be empty.
  """
  sick = bool(found.get('sick'))
  notes = [element('p', f'Note: {note}', class_='note') for note in found.get('notes', ())]
  verdicts = [_verdict(one, sick) for one in found.get('verdicts', ())]
  return join([*verdicts, *notes, _warnings(record)]) or None


def _verdict(one: Json, sick: bool) -> Markup:
  """Return a verdict: its name, how sure it is, the numbers that show it, and what may help."""
  shown = [
    f'{e.get("name")} = {wording.number(e.get("value"))} at step {e.get("step")}'
    + (f' ({e["says"]})' if e.get('says') else '')
    for e in one.get('evidence', ())
  ]
  sure = f'{one.get("sure", 0):.0%} sure'
  helps = [element('p', 'Try ', element('code', flags)) for flags in one.get('remedies', ())]
  return element(
    'div',
    element('h3', str(one.get('name'))),
    element('p', f'{sure}: {one.get("about", "")}'),
    element('ul', *(element('li', text) for text in shown)) if shown else None,
    *helps,
    class_='verdict sick' if sick else 'verdict',
  )


def warnings_of(record: Record) -> list[Json]:
  """Return the lines of the log that are warnings."""
  return [line for line in record.lines if isinstance(line.get('warning'), str)]


def _warnings(record: Record) -> Markup | None:
  rows: list[list[Part]] = [
    [
      wording.number(line['step']),
      line['warning'],
      str(line.get('evidence', '')),
      element('code', str(line.get('remedy', ''))),
    ]
    for line in warnings_of(record)
  ]
  head = ['Step', 'Warning', 'Evidence', 'Remedy']
  return join([element('h3', 'Warnings of the training'), table(head, rows)]) if rows else None
