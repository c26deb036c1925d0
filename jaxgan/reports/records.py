"""What the files of a run say about it. Missing and damaged files count as absent."""

import functools
import json
import math
import pathlib
from dataclasses import dataclass
from typing import NamedTuple

from jaxgan import variants
from jaxgan.core import columns
from jaxgan.core.typing import Json, Spec
from jaxgan.recipes.config import Common
from jaxgan.recipes.config_json import ABOUT, VERSIONS, from_json, to_json
from jaxgan.recipes.option_groups import defaults
from jaxgan.storage import files
from jaxgan.storage.workdir import BEST_SCORES, COLUMNS, CONFIG, DATA, METRICS, SAMPLES, SCORES

RHYTHM = ('log_every', 'sample_every', 'checkpoint_every', 'keep', 'compilation_cache')
"""Options that say nothing about the result."""


class Layout(NamedTuple):
  """How a picture of samples is arranged: whether its rows are classes, and what columns show."""

  by_class: bool = False
  columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
  """A run as its files describe it.

  Attributes:
    folder: its work directory.
    options: all options, in JSON's types.
    usual: the default of each option; empty if the variant is unknown here.
    about: what config.json holds beside options: versions, machine, plugin.
    data: what data.json holds.
    spec: size, channels and classes of the images; None without data.json.
    lines: the lines of metrics.jsonl.
    pictures: pictures of samples, by step.
    layout: how these are arranged.
    scores: what evaluation.json holds.
    best: what best.json holds.
  """

  folder: pathlib.Path
  options: Json
  usual: Json
  about: Json
  data: Json
  spec: Spec | None
  lines: list[Json]
  pictures: dict[int, pathlib.Path]
  layout: Layout
  scores: Json
  best: Json
  length: int | None = None

  @property
  def title(self) -> str:
    """Return the variant and the data set, such as 'lsgan on digits'."""
    return f'{self.options.get("variant", "?")} on {self.options.get("dataset", "?")}'

  @property
  def step(self) -> int:
    """Return the last step that left something: a line or a picture."""
    return max([0, *self.pictures, *(line['step'] for line in self.lines[-1:])])

  @property
  def changed(self) -> Json:
    """Return the options that differ from the variant's defaults."""
    return {
      name: value
      for name, value in self.options.items()
      if name != 'variant' and self.usual and value != self.usual.get(name)
    }

  @property
  def seconds(self) -> float:
    """Return how long the training took, from the speed of each line."""
    spent, before = 0.0, 0
    for line in self.lines:
      images, speed = line.get('images', before), line.get('images_per_second') or 0.0
      spent += max(images - before, 0) / speed if speed else 0.0
      before = images
    return spent

  @property
  def speed(self) -> float | None:
    """Return the median of images per second; None before the first line."""
    speeds = sorted(line['images_per_second'] for line in self.lines if _speed(line))
    return speeds[len(speeds) // 2] if speeds else None


def read(folder: pathlib.Path) -> Record:
  """Read a run.

  Raises:
    ValueError: the folder holds no run, or its config.json is damaged.
  """
  try:
    values = files.read_config(folder / CONFIG)
  except (FileNotFoundError, NotADirectoryError):
    raise ValueError(
      f'{folder} holds no run ({CONFIG} is missing): give the --workdir of jaxgan train'
    ) from None
  except (ValueError, UnicodeDecodeError) as error:
    raise ValueError(f'{folder} holds a damaged {CONFIG}: {error}') from None
  data = _optional(folder / DATA)
  spec = _spec(data)
  options = {name: value for name, value in values.items() if name not in ABOUT}
  usual, length, layout = _variant(json.dumps(values), spec, folder)
  return Record(
    folder=folder,
    options=options,
    usual=usual,
    about={name: values[name] for name in ABOUT if name in values},
    data=data,
    spec=spec,
    lines=files.read_lines(folder / METRICS),
    pictures=pictures(folder),
    layout=layout,
    scores=_optional(folder / SCORES),
    best=_optional(folder / BEST_SCORES),
    length=length,
  )


def _speed(line: Json) -> bool:
  value = line.get('images_per_second')
  return isinstance(value, int | float) and math.isfinite(value)


def _optional(path: pathlib.Path) -> Json:
  """Read a JSON object; return an empty one if the file is missing or damaged."""
  try:
    return files.read_config(path)
  except (OSError, ValueError):
    return {}


def _spec(data: Json) -> Spec | None:
  try:
    size, channels, classes, names = data['spec']
    known = columns.from_json(data.get(COLUMNS, ()))
    return Spec(int(size), int(channels), int(classes), tuple(map(str, names)), known)
  except (KeyError, ValueError, TypeError):
    return None


def pictures(folder: pathlib.Path) -> dict[int, pathlib.Path]:
  """Return the pictures `samples/<step>.png` of a run, in the order of their steps."""
  found = {int(p.stem): p for p in (folder / SAMPLES).glob('*.png') if p.stem.isdecimal()}
  return dict(sorted(found.items()))


@functools.lru_cache(maxsize=64)  # a report is refreshed many times during a run
def _variant(
  config_json: str, spec: Spec | None, folder: pathlib.Path
) -> tuple[Json, int | None, Layout]:
  """Return the defaults, the length and the layout that the variant gives; or none of them.

  A report is made also if the variant is not known here, or does not take these options any more.
  """
  values = json.loads(config_json)
  try:
    variants.recall(values.get('variant', ''), values.get('plugin'), str(folder))
    kind = variants.module(values.get('variant', '')).Config
    config: Common = from_json(
      kind, {k: v for k, v in values.items() if k not in ABOUT or k == VERSIONS}
    )
    usual = json.loads(json.dumps(defaults(kind, config.preset), default=str))
    usual = {name: usual.get(name) for name in to_json(config)} | {'preset': 'laptop'}
    recipe = variants.build(config, spec) if spec else None
  except (ValueError, TypeError, AttributeError, OSError, ImportError):
    return {}, None, Layout()
  if recipe is None or (spec and spec.columns):  # histograms are no grid of samples
    return usual, config.length, Layout()
  shown = getattr(recipe.interface, 'shown', ())
  return usual, config.length, Layout(recipe.conditional, shown)


def options_of(record: Record) -> Json:
  """Return the options that are worth a comparison: those that change what a run learns."""
  skipped = (*RHYTHM, 'data_dir', 'in_memory_limit', 'report', 'log')
  return {name: value for name, value in record.options.items() if name not in skipped}
