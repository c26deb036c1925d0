"""Folders of runs, written by hand: of training one nothing is learnt about its report."""

import json

import numpy as np

from jaxgan import variants
from jaxgan.recipes.config_json import to_json
from jaxgan.storage import figures

LENGTH, EVERY = 400, 100
NAMES = tuple(map(str, range(10)))
SCORES = [
  {
    'name': name,
    'of': {'value': value, 'low': 0.9 * value, 'high': 1.1 * value},
    **{'num': 360, 'against': 'digits, train', 'real': 8.5, 'real_num': 360, 'ideal': None},
    **{'network': 'classifier 1a2b', 'seeds': [1, 2]},
  }
  for name, value in (('Fréchet distance', 40.0), ('recall', 0.5))
]

DIAGNOSIS = {
  'verdicts': [
    {
      'name': 'full mode collapse',
      'sure': 0.9,
      'about': 'the samples are <nearly> all the same',
      'evidence': [{'name': 'diversity', 'value': 0.0312, 'step': 400, 'says': 'below 0.5'}],
      'remedies': ['--critic-lr=0.0001'],
    }
  ],
  'notes': ['seen <alone>'],
  'sick': True,
}


def samples_of(steps, shape=(64, 16, 16, 1)):
  """Images that are noise at first and bars at last."""
  random = np.random.default_rng(0)
  noise = random.uniform(-1, 1, shape)
  bars = np.ones(shape)
  bars[:, :, ::3] = -1
  return {step: noise + (bars - noise) * i / len(steps) for i, step in enumerate(steps)}


def written(folder, variant='lsgan', /, *, names=NAMES, channels=1, scored=None, **options):
  """A run of 400 steps with five pictures; `scored` is its Fréchet distance."""
  config = variants.configure(variant, steps=LENGTH, log_every=10, sample_every=EVERY, **options)
  (folder / 'samples').mkdir(parents=True)
  versions = {'jaxgan': '0.2.0', 'jax': '0.10.2'}
  about = {'versions': versions, 'machine': {'device': 'cpu', 'python': '3.11.2'}}
  values = {**to_json(config), **about, 'run': '1f2e', 'image_size': 16, 'channels': channels}
  (folder / 'config.json').write_text(json.dumps(values))
  counts = [100 + i for i in range(len(names))]
  spec = {'spec': [16, channels, len(names), list(names)], 'count': sum(counts) or 20}
  (folder / 'data.json').write_text(json.dumps({**spec, 'counts': counts, 'fingerprint': 'f00d'}))
  write_lines(folder)
  for step, images in samples_of(range(0, LENGTH + 1, EVERY)).items():
    shown, columns = (images, 8) if channels == 1 else (np.repeat(images[:12], 3, -1), 6)
    shown = np.concatenate([shown, shown[:16]]) if variant == 'cgan' else shown  # a row per class
    figures.save_grid(folder / 'samples' / f'{step:06d}.png', np.float32(shown), columns)
  if scored:
    first = {**SCORES[0], 'of': {'value': scored, 'low': 0.9 * scored, 'high': 1.1 * scored}}
    found = {'variant': variant, 'step': LENGTH, 'scores': [first, *SCORES[1:]]}
    (folder / 'evaluation.json').write_text(json.dumps(found))
  return folder


def write_lines(folder, steps=range(10, LENGTH + 1, 10)):
  with open(folder / 'metrics.jsonl', 'w') as file:
    for step in steps:
      noise = float(np.sin(step))
      line = {'critic/loss': 1 / step, 'generator/loss': 2 + noise, 'critic/real': noise}
      line |= {'skipped': 0.0, 'images_per_second': 640.0}
      file.write(json.dumps({'step': step, 'images': 64 * step, **line}) + '\n')
