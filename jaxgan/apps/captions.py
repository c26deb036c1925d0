"""Words by words: `jaxgan captions --workdir=RUN --rows="cat;dog" --columns="red;blue" --out=t.png`

Each image is drawn by the caption that joins the words of its row and of its column. All have the
same latent, so that they differ by their words alone.
"""

import pathlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxgan.apps import checks, command
from jaxgan.storage import figures
from jaxgan.training import programs
from jaxgan.training.run import BATCH, Run, load

CODE = 'text'


@dataclass(frozen=True)
class Options:
  """Picture a table of captions, words by words, for a run that draws by text."""

  workdir: pathlib.Path
  """The run's directory."""
  rows: str
  """The words of each row, separated by semicolons: --rows="waving hand sign;thumbs up sign"."""
  columns: str
  """The words of each column, separated by semicolons: --columns="light;dark"."""
  out: checks.Picture
  """The picture to write, PNG."""
  template: str = '{row} {column}'
  """How they make a caption, such as --template="{row}: {column} skin tone"."""
  seed: int = 0
  """Seed of the latent."""


def captions(rows: Sequence[str], columns: Sequence[str], template: str) -> list[str]:
  """Return the captions of a table, row by row.

  Raises:
    ValueError: the template does not name row and column, or names something else.

  Example:
    >>> captions(['cat'], ['red', 'blue'], 'a {column} {row}')
    ['a red cat', 'a blue cat']
  """
  try:
    made = [template.format(row=row, column=column) for row in rows for column in columns]
  except (KeyError, IndexError, ValueError, AttributeError) as error:
    raise ValueError(f'--template={template!r} may name {{row}} and {{column}} alone') from error
  if '{row}' not in template or '{column}' not in template:
    raise ValueError(f'--template={template!r} should name both {{row}} and {{column}}')
  return made


def drawn(run: Run, texts: Sequence[str], latents: np.ndarray) -> np.ndarray:
  """Draw an image by each text, from a latent each.

  Args:
    run: a run that draws by text.
    texts: n texts.
    latents: `[n, ...]`, such as `run.latents(seed, n)`.

  Returns:
    float32 `[n, H, W, C]` in [-1, 1].

  Raises:
    ValueError: the run does not draw by text, or a text has no character.
  """
  sampler = run.sampler()
  if CODE not in sampler.codes:
    raise ValueError(f'{run.config.variant} does not draw by text: give a run of gan_cls')
  vectors = np.stack([sampler.codes[CODE].read(text) for text in texts])
  made = programs.in_batches(run.bound(sampler.generate), latents, vectors, size=BATCH)
  return np.asarray(made)


def words(given: str, option: str) -> list[str]:
  """Return the parts of an option that semicolons separate.

  Raises:
    ValueError: there is none.
  """
  found = [part.strip() for part in given.split(';') if part.strip()]
  if not found:
    raise ValueError(f'{option} has no words: separate them by semicolons, such as "red;blue"')
  return found


def write(options: Options) -> None:
  """Draw the table.

  Raises:
    ValueError: there is no run that draws by text, no words, or a template that names others.
  """
  rows, columns = words(options.rows, '--rows'), words(options.columns, '--columns')
  texts = captions(rows, columns, options.template)
  run = load(options.workdir)
  latents = np.repeat(run.latents(options.seed, 1), len(texts), 0)
  figures.save_table(options.out, drawn(run, texts, latents), rows, columns)
  command.said([options.out], f'{len(texts)} images')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('captions', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
