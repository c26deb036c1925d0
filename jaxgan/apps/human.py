"""What people say: `python -m jaxgan.human make` writes a page of choices, `score` counts them.

On each trial a person sees a real and a generated image side by side and says which is real; that
half of the choices are wrong means that the two cannot be told apart. Some trials show noise in
place of the generated image: whoever errs there was not looking. The page is one file that needs no
network; which side is real stands in another file, the key, and nowhere in the page.
"""

import base64
import io
import json
import pathlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import tyro
from PIL import Image

from jaxgan.apps import command
from jaxgan.evaluation.metrics import intervals
from jaxgan.evaluation.metrics.intervals import Interval
from jaxgan.ops.images import to_uint8
from jaxgan.storage import files
from jaxgan.training.run import load
from jaxgan.training.session import held_out, open_data

ATTENTIVE = 0.9  # share of the catch trials that a rater must get right
SHOWN = 192  # pixels on a side, about


@dataclass(frozen=True)
class Make:
  """Write a page of choices between images of a run and real ones, and its key."""

  workdir: pathlib.Path
  """The run's directory."""
  out: pathlib.Path
  """The page, HTML; its key goes beside it, with .key.json in place of .html."""
  num: int = 100
  """Trials; of 100 choices the share is known to 10 points, of 400 to 5."""
  catch: float = 0.1
  """Share of trials, beside these, that show noise."""
  seed: int = 0
  """Of images, sides and order."""


@dataclass(frozen=True)
class Score:
  """Count the answers that raters sent, by the key of their page."""

  key: pathlib.Path
  """The key that make wrote."""
  answers: tuple[pathlib.Path, ...]
  """Files that the page let raters save."""
  out: pathlib.Path | None = None
  """Where the figures go as JSON, if anywhere."""


def trials(
  real: np.ndarray, fake: np.ndarray, catch: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray, str, bool]]:
  """(left, right, which of them is real, whether noise) in random order and on random sides.

  `real` has `catch` more uint8 images than `fake`; those are shown beside noise.
  """
  random = np.random.default_rng(seed)
  noise = random.integers(0, 256, (catch, *fake.shape[1:])).astype(np.uint8)
  others = np.concatenate([fake, noise])
  made = []
  for i in random.permutation(len(others)):
    pair, left = (real[i], others[i]), bool(random.integers(2))
    made.append((*(pair if left else pair[::-1]), 'left' if left else 'right', i >= len(fake)))
  return made


def page(chosen: Sequence[tuple[np.ndarray, np.ndarray, str, bool]], seed: int) -> tuple[str, dict]:
  """The page, and the key: by a trial's name which side is real and whether it is a catch trial."""
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


def score(
  key: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]
) -> tuple[Interval, dict[str, str]]:
  """The share of attentive raters' choices that took the generated image for real.

  With the Wilson interval of all their choices together, and by rater what became of them.

  Raises:
    ValueError: answers to another page, a rater twice, no choice, or no attentive rater.
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
      raters[one['rater']] += f'; left out, {sum(caught)} of {len(caught)} catch trials right'
      continue
    fooled, trials = fooled + len(right) - sum(right), trials + len(right)
  if not trials:
    raise ValueError(f'no choices of attentive raters among {len(answers)} files')
  return intervals.wilson(fooled, trials), raters


def _choices(key: Mapping[str, Any], one: Mapping[str, Any]) -> tuple[list[bool], list[bool]]:
  """Whether each choice was right: of trials, and of catch trials."""
  if one.get('page') != key['page'] or not isinstance(one.get('answers'), dict):
    raise ValueError(f'the answers of {one.get("rater")!r} are not to the page of this key')
  right: dict[bool, list[bool]] = {False: [], True: []}
  for trial, side in one['answers'].items():
    if trial not in key['trials'] or side not in ('left', 'right'):
      raise ValueError(f'rater {one["rater"]!r} has an answer that the page does not have')
    known = key['trials'][trial]
    right[known['catch']].append(side == known['real'])
  return right[False], right[True]


def _png(image: np.ndarray) -> str:
  """A data URL of the image, enlarged without smoothing."""
  picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
  factor = max(1, round(SHOWN / picture.width))
  size = (picture.width * factor, picture.height * factor)
  buffer = io.BytesIO()
  picture.resize(size, Image.Resampling.NEAREST).save(buffer, 'PNG')
  return 'data:image/png;base64,' + base64.b64encode(buffer.getvalue()).decode()


def make(options: Make) -> None:
  """Write the page and its key.

  Raises:
    ValueError: no run there, no trials, or fewer real images than trials.
  """
  if options.num < 1 or not 0 <= options.catch <= 1:
    raise ValueError(
      f'--num must be above 0 and --catch a share, got {options.num}, {options.catch}'
    )
  run, catch = load(options.workdir), round(options.num * options.catch)
  train = open_data(run.config)
  source = held_out(run.config, train) or train
  needed = options.num + catch
  if len(source) < needed:
    raise ValueError(f'there are {len(source)} real images, {needed} are needed: lower --num')
  chosen = np.random.default_rng(options.seed).permutation(len(source))[:needed]
  fake = to_uint8(run.sample(options.seed, options.num))
  text, key = page(trials(source.images(chosen), fake, catch, options.seed), options.seed)
  files.write_text(options.out, text)
  files.write_config(options.out.with_suffix('.key.json'), key)
  print(f'jaxgan: {needed} trials in {options.out}; keep {options.out.with_suffix(".key.json")}')


def count(options: Score) -> None:
  """Print what the raters said.

  Raises:
    ValueError: files that are not what they should be; as `score`.
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
  share, raters = score(key, answers)
  for rater, said in raters.items():
    print(f'{rater}: {said}')
  print(
    f'took the generated image for real: {share.value:.1%} ({share.low:.1%} to {share.high:.1%}); '
    '50% cannot be told apart'
  )
  if options.out:
    files.write_config(options.out, {'fooled': share._asdict(), 'raters': raters})


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 0, or 2 on wrong input."""
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
