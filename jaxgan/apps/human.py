"""Scores by people: `jaxgan human make` writes a page of choices, `jaxgan human score` counts them.

In each trial a person sees a real and a generated image side by side, and chooses the one that
looks real. If half of the choices are wrong, people cannot distinguish the two. Catch trials show
noise in place of the generated image; a person who is wrong there did not pay attention. The page
is one file that needs no network connection. It does not say which image is real: another file, the
key, does.
"""

import base64
import io
import json
import pathlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import tyro
from PIL import Image

from jaxgan.apps import checks, command
from jaxgan.core.typing import Json
from jaxgan.evaluation.metrics import intervals
from jaxgan.evaluation.metrics.intervals import Interval
from jaxgan.ops.images import to_uint8
from jaxgan.storage import files
from jaxgan.training.run import load
from jaxgan.training.session import held_out, open_data

Table = Json
"""The contents of a JSON file: a key or the answers of a rater."""
ATTENTIVE = 0.9  # share of the catch trials that a rater must get right
SHOWN = 192  # pixels on a side, about


@dataclass(frozen=True)
class Make:
  """Write a page of choices between generated and real images, and its key."""

  workdir: pathlib.Path
  """The run's directory."""
  out: checks.Page
  """The page to write, HTML; the key is written beside it, with .key.json in place of .html."""
  num: int = 100
  """Number of trials; the result is accurate to 10 points with 100 choices, to 5 with 400."""
  catch: float = 0.1
  """Catch trials, which show noise, in addition to --num, as a share of it, from 0 to 1."""
  seed: int = 0
  """Seed of the images, their sides and their order."""


@dataclass(frozen=True)
class Score:
  """Count the answers of the raters, with the key of their page."""

  key: pathlib.Path
  """The key that `make` wrote."""
  answers: tuple[pathlib.Path, ...]
  """The files that raters saved from the page."""
  out: checks.Json | None = None
  """A JSON file to write the figures to."""


def trials(
  real: np.ndarray, fake: np.ndarray, catch: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray, str, bool]]:
  """Return trials in random order, each with the real image on a random side.

  Args:
    real: uint8 images `[n + catch, H, W, C]`; the last `catch` of them are shown beside noise.
    fake: uint8 images `[n, H, W, C]`.
    catch: number of catch trials.
    seed: seed of sides, order and noise.

  Returns:
    for each trial: the left image, the right image, 'left' or 'right' for the real one, and whether
    it is a catch trial.
  """
  random = np.random.default_rng(seed)
  noise = random.integers(0, 256, (catch, *fake.shape[1:])).astype(np.uint8)
  others = np.concatenate([fake, noise])
  made = []
  for i in random.permutation(len(others)):
    pair, left = (real[i], others[i]), bool(random.integers(2))
    made.append((*(pair if left else pair[::-1]), 'left' if left else 'right', i >= len(fake)))
  return made


def page(
  chosen: Sequence[tuple[np.ndarray, np.ndarray, str, bool]], seed: int
) -> tuple[str, Table]:
  """Return the page and its key.

  Args:
    chosen: the trials, as from `trials`.
    seed: seed of the names of page and trials.

  Returns:
    the HTML text, and the key: for each trial's name, which side is real and whether it is a catch
    trial.
  """
  random = np.random.default_rng([seed, 1])
  names = [random.bytes(8).hex() for _ in chosen]
  name = random.bytes(8).hex()
  shown = [
    {'trial': trial, 'left': _png(left), 'right': _png(right)}
    for trial, (left, right, _, _) in zip(names, chosen, strict=True)
  ]
  key = {
    trial: {'real': side, 'catch': bool(catch)}
    for trial, (_, _, side, catch) in zip(names, chosen, strict=True)
  }
  text = _PAGE.replace('PAGE', json.dumps(name)).replace('TRIALS', json.dumps(shown))
  return text, {'page': name, 'trials': key}


def score(key: Table, answers: Sequence[Table]) -> tuple[Interval, dict[str, str]]:
  """Compute the share of choices in which attentive raters took the generated image for real.

  Args:
    key: the key of the page.
    answers: the contents of the raters' files.

  Returns:
    the share with its Wilson interval, over all choices of attentive raters; and a line for each
    rater.

  Raises:
    ValueError: if answers belong to another page, a rater answered twice, or there are no choices
      of attentive raters.
  """
  raters: dict[str, str] = {}
  fooled = trials = 0
  for one in answers:
    right, caught = _choices(key, one)
    if one['rater'] in raters:
      raise ValueError(f'rater {one["rater"]!r} answered twice: give one of the files')
    attentive = not caught or np.mean(caught) >= ATTENTIVE
    raters[one['rater']] = f'{len(right) - sum(right)} of {len(right)} fooled'
    if not attentive:
      raters[one['rater']] += f'; not counted, {sum(caught)} of {len(caught)} catch trials right'
      continue
    fooled, trials = fooled + len(right) - sum(right), trials + len(right)
  if not trials:
    raise ValueError(f'no choices of attentive raters among {len(answers)} files')
  return intervals.wilson(fooled, trials), raters


def _choices(key: Table, one: Table) -> tuple[list[bool], list[bool]]:
  """Return whether each choice was right: for the trials, and for the catch trials."""
  known = isinstance(one.get('rater'), str) and isinstance(one.get('answers'), dict)
  if one.get('page') != key['page'] or not known:
    raise ValueError(f'the answers of {one.get("rater")!r:.40} are not to the page of this key')
  right: dict[bool, list[bool]] = {False: [], True: []}
  for trial, side in one['answers'].items():
    if trial not in key['trials'] or side not in ('left', 'right'):
      raise ValueError(f'rater {one["rater"]!r} has an answer that the page does not have')
    known = key['trials'][trial]
    right[known['catch']].append(side == known['real'])
  return right[False], right[True]


def _png(image: np.ndarray) -> str:
  """Return a data URL of an image, enlarged without smoothing."""
  picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
  factor = max(1, round(SHOWN / picture.width))
  size = (picture.width * factor, picture.height * factor)
  buffer = io.BytesIO()
  picture.resize(size, Image.Resampling.NEAREST).save(buffer, 'PNG')
  return 'data:image/png;base64,' + base64.b64encode(buffer.getvalue()).decode()


def make(options: Make) -> None:
  """Write the page and its key.

  Raises:
    ValueError: if there is no run, no trial, or there are fewer real images than trials.
  """
  if options.num < 1 or not 0 <= options.catch <= 1:
    raise ValueError(
      f'--num must be above 0 and --catch a share, got {options.num}, {options.catch}'
    )
  key_file = options.out.with_suffix('.key.json')
  checks.writable('the key of --out', key_file, checks.JSON)
  run, catch = load(options.workdir), round(options.num * options.catch)
  train = open_data(run.config, numbered=run.spec)
  source = held_out(run.config, train) or train
  needed = options.num + catch
  if len(source) < needed:
    raise ValueError(f'there are {len(source)} real images, {needed} are needed: lower --num')
  chosen = np.random.default_rng(options.seed).permutation(len(source))[:needed]
  fake = to_uint8(run.sample(options.seed, options.num))
  text, key = page(trials(source.images(chosen), fake, catch, options.seed), options.seed)
  files.write_text(options.out, text)
  files.write_config(key_file, key)
  print(f'jaxgan: {needed} trials in {options.out}; keep {key_file}')


def count(options: Score) -> None:
  """Print the results of the raters, and write them.

  Raises:
    ValueError: if a file is missing or wrong; as in `score`.
  """
  if not options.answers:
    raise ValueError('give the files of answers: --answers a.json b.json')
  try:
    key, answers = (
      files.read_config(options.key),
      [files.read_config(path) for path in options.answers],
    )
  except OSError as error:
    raise ValueError(f'{error.filename} cannot be read: {error.strerror}') from None
  _check(options.key, key)
  share, raters = score(key, answers)
  for rater, said in raters.items():
    print(f'{rater}: {said}')
  print(
    f'took the generated image for real: {share.value:.1%} ({share.low:.1%} to {share.high:.1%}); '
    '50% means that people cannot distinguish the images'
  )
  if options.out:
    files.write_config(options.out, {'fooled': share._asdict(), 'raters': raters})


def _check(path: pathlib.Path, key: Table) -> None:
  """Raise ValueError if a file is no key that `make` wrote."""
  trials: Any = key.get('trials')
  whole = isinstance(key.get('page'), str) and isinstance(trials, dict)
  parts = trials.values() if whole else ()
  if not whole or not all(isinstance(one, dict) and {'real', 'catch'} <= {*one} for one in parts):
    raise ValueError(f'{path} is no key of a page: give the .key.json that make wrote')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  choice = (
    Annotated[Make, tyro.conf.subcommand('make')] | Annotated[Score, tyro.conf.subcommand('score')]
  )
  act = lambda chosen: make(chosen) if isinstance(chosen, Make) else count(chosen)
  return command.run('human', choice, act, argv)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Which one is real?</title>
<style>
body { font: 18px sans-serif; text-align: center; margin: 2em; }
img { image-rendering: pixelated; width: 192px; margin: 1em; cursor: pointer; }
img { border: 3px solid #ccc; }
img:hover { border-color: #36c; }
#done { display: none; }
</style></head><body>
<h1>Which one is real?</h1>
<p>One image is real, the other is made by a computer. Click the real one, or press the left or the
right arrow key. <span id="count"></span></p>
<div id="trial"><img id="left" alt="left"><img id="right" alt="right"></div>
<div id="done"><p>Thank you. Your name or a nickname: <input id="rater"></p>
<p><button id="save">Save the answers</button></p></div>
<script>
const page = PAGE, trials = TRIALS, answers = {};
let at = 0;
const by = id => document.getElementById(id);
function show() {
  by('count').textContent = Math.min(at + 1, trials.length) + ' of ' + trials.length;
  if (at === trials.length) {
    by('trial').style.display = 'none';
    by('done').style.display = 'block';
    return;
  }
  by('left').src = trials[at].left;
  by('right').src = trials[at].right;
}
function choose(side) {
  if (at === trials.length) return;
  answers[trials[at].trial] = side;
  at += 1;
  show();
}
by('left').onclick = () => choose('left');
by('right').onclick = () => choose('right');
document.onkeydown = e => {
  if (e.key === 'ArrowLeft') choose('left');
  if (e.key === 'ArrowRight') choose('right');
};
by('save').onclick = () => {
  const rater = by('rater').value.trim() || 'anonymous';
  const text = JSON.stringify({page, rater, answers}, null, 1);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'application/json'}));
  link.download = 'answers-' + rater.replace(/[^A-Za-z0-9]/g, '_') + '.json';
  link.click();
};
show();
</script></body></html>
"""


if __name__ == '__main__':
  sys.exit(main())
