"""Command lines of every command, with values that users type by mistake and files of all kinds."""

import contextlib
import importlib
import io
import itertools
import json
import os
import pathlib
import typing

import numpy as np
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save_file

from jaxgan import main
from jaxgan.apps import (
  anomaly,
  augment,
  captions,
  directions,
  doctor,
  encode,
  evaluate,
  export,
  film,
  human,
  interpolate,
  invert,
  plane,
  play,
  report,
  sample,
  stylemix,
  translate,
  truncate,
  upscale,
)
from published_files import dcgan

OPTIONS = {
  'sample': sample.Arguments,
  'evaluate': evaluate.Options,
  'human make': human.Make,
  'human score': human.Score,
  'plane': plane.Options,
  'play': play.Options,
  'interpolate': interpolate.Options,
  'truncate': truncate.Options,
  'stylemix': stylemix.Options,
  'captions': captions.Options,
  'encode': encode.Options,
  'invert': invert.Options,
  'directions': directions.Options,
  'anomaly fit': anomaly.FitOptions,
  'anomaly score': anomaly.ScoreOptions,
  'anomaly report': anomaly.ReportOptions,
  'augment': augment.Options,
  'translate': translate.Options,
  'upscale': upscale.Options,
  'doctor': doctor.Options,
  'report': report.Options,
  'film': film.Options,
  'import': importlib.import_module('jaxgan.apps.import').Options,
  'export': export.Options,
}
"""The options of every command but train."""

SMALL = ['1', '2', '3', '7']
NUMBERS = ['0', '-1', '0.5', '-0.5', 'nan', 'inf', '-inf', '1e400', '1e-320', '1_0', '', ' 3', '+2']
NUMBERS += [
  '99999999999999999999999',
  '4294967295',
  '4294967294',
  '2147483648',
  '-9223372036854775809',
  '0x10',
]
NUMBERS += ['\u0663', '½', 'three', 'True', '1e3', '--', '0,1', 'é']
ODD = ['', '.', '..', '~', '~nobody/x', 'x' * 300, 'x' * 300 + '.png', 'd/' * 900 + 'x.png']
ODD += ['a\0b.png', 'ü 😀.png', '\udc80.png', '-', '--out', 'new/deep/x.png', 'a.jpg', 'a\nb.npz']
ODD += [
  'new.gif',
  'new.json',
  'new.csv',
  'new.html',
  'new.npz',
  'new.PNG',
  'x' * 251,
  'text.png/x.png',
]

LINES = {
  'sample': [
    '--workdir=plain --num=2 --out=@.png --npz=@.npz',
    '--workdir=classes --num=3 --npz=@.npz',
  ],
  'evaluate': [
    '--fake=images.npz --real=photos --features=fuzzed:means --out=@.json',
    '--fake=gray --real=gray.npz --held-out=gray --features=fuzzed:means --save-stats=@.npz',
    '--fake=features.npz --real=features.npz',
    '--workdir=plain --num=8 --repeats=1 --metrics=frechet,prdc',
  ],
  'human make': ['--workdir=plain --num=2 --out=@.html'],
  'human score': ['--key=key.json --out=@.json --answers answers.json'],
  'plane': ['--workdir=@ --steps=2 --seeds=2 --batch-size=8 --report-every=1 --widths 4'],
  'play': ['--workdir=plain --port=0', '--workdir=pairs --port=0'],
  'interpolate': [
    '--workdir=plain --points=2 --frames=2 --out=@.gif --strip=@.png',
    '--workdir=classes --frames=2 --out=@.gif --classes 0 1',
  ],
  'truncate': ['--workdir=plain --out=@.png --scores=@.json --columns=2 --num=8 --thresholds 1'],
  'stylemix': ['--workdir=styled --out=@.png --rows=1 --columns=2'],
  'captions': ['--workdir=worded --out=@.png --rows=one --columns=two'],
  'encode': [
    '--workdir=coded --images=gray --num=2 --out=@.npz',
    '--workdir=coded --images=gray --out=@.csv',
  ],
  'invert': [
    '--workdir=plain --images=gray --num=2 --steps=2 --restarts=1 --out=@.png --npz=@.npz'
  ],
  'directions': ['--workdir=plain --out=@.png --npz=@.npz --k=1 --steps=2'],
  'anomaly fit': ['--workdir=plain --steps=2 --batch-size=4'],
  'anomaly score': [
    '--workdir=plain --out=@.csv --images=gray --maps=@.png --method=search --steps=2 --restarts=1'
  ],
  'anomaly report': ['--normal=scores.csv --abnormal=scores.csv --out=@.json'],
  'augment': [
    '--workdir=classes --out=@ --num=1',
    '--workdir=classes --out=@ --num=1 --format=array_record',
  ],
  'translate': ['--workdir=pairs --images=photos --out=@'],
  'upscale': [
    '--workdir=small --images=photos --out=@',
    '--workdir=small --images=large.png --compare',
  ],
  'doctor': ['--workdir=plain', '--workdir=classes --json'],
  'report': ['--workdir=plain --out=@.html', '--workdir plain classes --out=@.html'],
  'film': ['--workdir=plain --out=@.gif'],
  'import': ['generator.safetensors --workdir=@', 'generator.safetensors critic.npz --workdir=@'],
  'export': ['--workdir=plain --out=@.safetensors'],
  'train': ['--workdir=@ --variant=gan --data-dir=data --steps=1 --batch-size=8 --widths 4'],
}
"""Lines that succeed; @ is a new name. `plain` and others are runs."""


def put(root):
  """Fill a folder with files of many kinds, and return their names."""
  noise = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3)).astype(np.uint8)
  for name in ('photos', 'two', 'gray', 'folder.png', 'folder.npz', 'empty', 'hidden'):
    (root / name).mkdir()
  for i, image in enumerate(noise):
    Image.fromarray(image).save(root / 'photos' / f'{i}.png')
    Image.fromarray(image[:4, :4] if i else image).save(root / 'two' / f'{i}.png')
    Image.fromarray(image[..., 0]).save(root / 'gray' / f'{i}.png')
  Image.fromarray(np.tile(noise[0], (4, 4, 1))).save(root / 'large.png')
  (root / 'photos/0.png').write_bytes(b'hello')
  (root / 'text.png').write_text('no picture')
  (root / 'text.npz').write_text('no arrays')
  for name, text in (('text', '{'), ('list', '[1, {}]'), ('empty', '{}')):
    (root / f'{name}.json').write_text(text)
  (root / 'deep.json').write_text('[' * 100_000)
  (root / 'odd.json').write_text(
    '{"scores": [1], "page": 1, "trials": 2, "rater": [], "answers": {}}'
  )
  (root / 'scores.csv').write_text('image,score,label\na,1,0\nb,2,1\n')
  (root / 'bytes.csv').write_bytes(bytes(range(256)))
  key = {'page': 'p', 'trials': {'a': {'real': 'left', 'catch': False}}}
  answers = {'page': 'p', 'rater': 'r', 'answers': {'a': 'left'}}
  (root / 'key.json').write_text(json.dumps(key))
  (root / 'answers.json').write_text(json.dumps(answers))
  np.savez(root / 'images.npz', images=noise)
  np.savez(root / 'gray.npz', images=noise[..., :1])
  np.savez(root / 'float.npz', images=noise / 255.0)
  np.savez(root / 'words.npz', images=np.array(['a', 'b']), features=np.array(['a', 'b']))
  np.savez(root / 'object.npz', images=np.array([{}, None], object))
  np.savez(root / 'features.npz', features=np.random.default_rng(0).normal(size=(24, 3)))
  np.savez(root / 'stats.npz', jaxgan='[]', train_n=3)
  np.save(root / 'array.npy', noise)
  put_published(root)
  np.savez_compressed(root / 'whole.npz', images=noise)
  whole = bytearray((root / 'whole.npz').read_bytes())
  whole[200:300] = bytes(100)
  (root / 'damaged.npz').write_bytes(whole)
  (root / 'cut.npz').write_bytes(whole[:500])
  (root / 'loop').symlink_to('loop')
  (root / 'lost.png').symlink_to('nowhere/x.png')
  os.mkfifo(root / 'pipe')
  for name, config, about in (
    ('no-run', '[1]', '{}'),
    ('half-run', '{}', '{}'),
    ('odd-run', '{"variant": 3}', '{"spec": 1}'),
    ('bare-run', '{"variant": "gan"}', '{"spec": [8, 1, 0, []], "counts": "x"}'),
    ('wrong-run', '{"variant": "gan", "widths": "x", "steps": {}}', '{"spec": {"a": 1}}'),
  ):
    (root / name).mkdir()
    (root / name / 'config.json').write_text(config)
    (root / name / 'data.json').write_text(about)
  return sorted(p.name for p in root.iterdir() if p.name != 'pipe')


def put_published(root):
  """Write a generator and a critic as others publish them."""
  generator, critic = dcgan()
  save_file(generator, root / 'generator.safetensors')
  np.savez(root / 'critic.npz', **critic)


def contents(root):
  """Every file below a folder, by name, with its content; links by where they lead."""
  found = {}
  for path in sorted(root.rglob('*')):
    if path.is_symlink():
      found[str(path)] = os.readlink(path)
    elif path.is_file():
      found[str(path)] = path.read_bytes()
  return found


def values(hint, paths):
  """Values of an option of this type, right and wrong."""
  text = st.text(max_size=6)
  inner = typing.get_args(hint)
  if hint is pathlib.Path:
    return st.sampled_from(paths)
  if hint in (int, float):
    return st.one_of(st.sampled_from(SMALL), st.sampled_from(SMALL), st.sampled_from(NUMBERS))
  if hint is bool:
    return st.sampled_from(['True', 'False', 'no', ''])
  if typing.get_origin(hint) is typing.Literal:
    right = st.sampled_from([*map(str, inner)])
    return st.one_of(right, right, right, text)
  if inner:
    return st.one_of([values(one, paths) for one in inner if one not in (type(None), Ellipsis)])
  return text | st.sampled_from(NUMBERS)


PINNED = ('steps', 'images', 'horizon', 'data_dir', 'in_memory_limit')
"""Options of train on which time and place depend."""
unique = itertools.count()


@st.composite
def lines(draw, name, kind, paths, most=3):
  """A line that would succeed, and options after it that change it."""
  base = draw(st.sampled_from(LINES[name])).replace('@', f'made/{next(unique)}').split()
  hints = typing.get_type_hints(kind)
  names = sorted(set(hints) - set(PINNED if name == 'train' else ()))
  words = []
  for one in draw(st.lists(st.sampled_from(names), max_size=most)):
    flag, value = '--' + one.replace('_', '-'), draw(values(hints[one], paths))
    form = draw(st.sampled_from(['=', '=', '=', '=', '=', ' ', ' ', 'bare']))
    words += {'=': [f'{flag}={value}'], ' ': [flag, value], 'bare': [flag]}[form]
  if draw(st.integers(0, 19)) == 0:
    words.insert(draw(st.integers(0, len(words))), draw(st.text(max_size=5)))
  return [*words, *base] if draw(st.integers(0, 3)) == 0 else [*base, *words]


def called(name, words):
  """Run a command; return its exit code, what it printed, and its errors."""
  out, err = io.StringIO(), io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    try:
      command, *part = name.split()
      if command == 'train':
        code = main.main(words)
      else:
        code = importlib.import_module(f'jaxgan.apps.{command}').main([*part, *words])
    except SystemExit as stop:
      code = stop.code or 0
  return code, out.getvalue(), err.getvalue()


def check(result, words):
  """A command ends with 0, or with 1 or 2 and a reason."""
  code, _, err = result
  assert code in (0, 1, 2), (code, words)
  assert 'Traceback' not in err
  if code:
    assert err.strip().splitlines()[-1].strip(), words
    assert any(line.startswith('jaxgan: ') for line in err.splitlines()), (words, err)


def whole(name, new):
  """The lines of a command that succeed, as words, with new names that begin with `new`."""
  return [line.replace('@', f'made/{new}{i}').split() for i, line in enumerate(LINES[name])]
