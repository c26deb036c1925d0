"""The page of a report: one HTML file that needs nothing else."""

import importlib.metadata
import importlib.resources
import pathlib
import string
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.core.typing import Json
from jaxgan.data.source import Source
from jaxgan.reports import comparison, nearest, pictures, sections
from jaxgan.reports import curves as curves_of
from jaxgan.reports.markup import Markup, data, element, join, text
from jaxgan.reports.records import Record, read
from jaxgan.storage import files

LIMIT = 5_000_000  # bytes of a report
EXAMPLES = 8


class Extras(NamedTuple):
  """What a report shows beside the files of a run.

  Attributes:
    source: the training images, for the nearest ones and for examples of classes.
    diagnosis: what the diagnosis of the run says, in JSON's types.
  """

  source: Source | None = None
  diagnosis: Json | None = None


def write(folders: Sequence[pathlib.Path], out: pathlib.Path, extras: Extras | None = None) -> int:
  """Write the report of a run, or of several side by side, and return its size in bytes.

  Args:
    folders: work directories.
    out: the HTML file.
    extras: what to show of a single run beside its files.

  Raises:
    ValueError: a folder holds no run, or the pictures and curves of so many runs do not fit.
  """
  records = comparison.ordered([read(folder) for folder in folders])
  for share in (1.0, 0.4, 0.1, 0.02):
    made = _page(records, share, extras or Extras()).encode()
    if len(made) <= LIMIT:
      files.write_text(out, made.decode())
      return len(made)
  raise ValueError(f'the report of {len(records)} runs is above 5 MB: give fewer runs')


def _page(records: Sequence[Record], share: float, extras: Extras) -> str:
  """Return the page; `share` says how much of the usual pictures and points it takes."""
  budget = int(share * pictures.BUDGET / len(records))
  points = max(int(share * curves_of.POINTS / len(records) ** 0.5), 20)
  films = [pictures.film(record.pictures, budget) for record in records]
  series = [{c.name: c for c in curves_of.curves(record.lines, points)} for record in records]
  alone = len(records) == 1
  body = single(records[0], films[0], extras) if alone else comparison.several(records, films)
  head, main = body
  shown = [
    {'steps': [step for step, _ in film], 'urls': [url for _, url in film[:-1]] + ['']}
    for film in films
    if film
  ]
  parts = [
    data('film-data', shown) if shown else None,
    data('curves-data', _curves(records, series)),
  ]
  return _template('page.html').substitute(
    version=importlib.metadata.version('jaxgan'),
    title=text(records[0].title if alone else f'{len(records)} runs compared'),
    style=_text('style.css'),
    script=_text('script.js'),
    header=head,
    main=main,
    data=join(parts),
  )


def single(
  record: Record, film: Sequence[tuple[int, str]], extras: Extras
) -> tuple[Markup, Markup]:
  """Return the header and the sections of a report about one run."""
  section, samples = sections.section, sections.samples_of(record)
  source = extras.source
  main = [
    section('diagnosis', 'Diagnosis', sections.diagnosis(record, extras.diagnosis or {})),
    element(
      'div',
      section(
        'samples', sections.PICTURES[bool(record.layout.columns)], sections.film(record, film)
      ),
      section('nearest', 'Nearest training images', sections.closest(_nearest(samples, source))),
      class_='two',
    ),
    section('classes', 'By class', sections.by_class(record, _examples(record, source))),
    sections.curves(record.lines),
    section('scores', 'Scores', sections.scores(record)),
    section('options', 'Options', sections.options(record)),
    section('data', 'Data set', sections.data_set(record)),
    section('machine', 'Versions and speed', sections.machine(record)),
    section('repeat', 'Train it again', sections.repeat(record)),
  ]
  return sections.header(record), join(main)


def _curves(records: Sequence[Record], series: Sequence[dict[str, curves_of.Curve]]) -> object:
  """Return what the script draws."""
  names = dict.fromkeys(name for one in series for name in one)
  runs = [
    {
      'name': comparison.name_of(record, records),
      'curves': {name: [c.steps, c.values] for name, c in found.items()},
      'events': _events(record),
    }
    for record, found in zip(records, series, strict=True)
  ]
  return {'charts': curves_of.charts(list(names)), 'runs': runs}


def _events(record: Record) -> list[tuple[int, str]]:
  """Return what happened at a step and is no number of it."""
  back = [line for line in record.lines if 'rolled_back_from' in line]
  found = [(line['step'], f'Back to here from step {line["rolled_back_from"]}') for line in back]
  return found + [(line['step'], line['warning']) for line in sections.warnings_of(record)]


def _nearest(samples: np.ndarray | None, source: Source | None) -> nearest.Nearest | None:
  """Return the nearest training images of some samples; None where they cannot be compared."""
  if samples is None or source is None or source.target or samples.shape[2:] != source.spec.shape:
    return None
  flat = samples.reshape(-1, *samples.shape[2:])
  some = np.linspace(0, len(flat) - 1, min(nearest.PAIRS, len(flat))).astype(int)
  return nearest.nearest(flat[some], source)


def _examples(record: Record, source: Source | None) -> dict[str, np.ndarray]:
  """Return some real images of each class that samples are shown of."""
  if source is None or source.labels is None or not record.layout.by_class:
    return {}
  found = {}
  for i, name in enumerate(sections.rows_of(record)):
    there = np.flatnonzero(source.labels == i)[:EXAMPLES]
    if len(there):
      found[name] = source.images(there)
  return found


def _text(name: str) -> str:
  return (importlib.resources.files('jaxgan.reports') / name).read_text(encoding='utf-8')


def _template(name: str) -> string.Template:
  return string.Template(_text(name))
