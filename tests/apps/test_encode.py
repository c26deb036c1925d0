"""Images become latents, by the encoder of the game or by that of f-AnoGAN."""

import csv
import json
import shutil

import numpy as np
import pytest

from apps.tiny import made
from jaxgan.apps import anomaly, invert
from jaxgan.apps.encode import encode, main
from jaxgan.training.run import load


@pytest.fixture(scope='module')
def pairs(home):
  """A run whose game has an encoder."""
  return made(home, 'pairs_of', 'bigan', perceptrons=True, hidden=24, latent_size=6)


def test_files_hold_the_latents_that_the_function_returns(pairs, tmp_path, said):
  given = [f'--workdir={pairs}', '--split=test', '--num=5']
  ended = said(main, *given, f'--out={tmp_path / "z.npz"}')
  assert ended.code == 0 and '5 latents in' in ended.out
  assert main([*given, f'--out={tmp_path / "z.csv"}']) == 0
  with np.load(tmp_path / 'z.npz') as file:
    kept = dict(file)
  assert kept['latents'].shape == (5, 6) and kept['labels'].shape == (5,)
  with open(tmp_path / 'z.csv') as file:
    table = list(csv.DictReader(file))
  assert list(table[0]) == ['image', 'label', *(f'z{i}' for i in range(6))]
  assert [line['image'] for line in table] == kept['names'].tolist()
  rows = [[float(line[f'z{i}']) for i in range(6)] for line in table]
  np.testing.assert_allclose(rows, kept['latents'], rtol=1e-6)
  run = load(pairs)
  direct = run.bound(run.sampler().encode)
  images = run.sample(3, 4)
  np.testing.assert_allclose(encode(run, pairs, images), direct(images), rtol=1e-4, atol=1e-6)


def test_anomalies_are_scored_by_the_encoder_of_the_game(pairs, tmp_path, said):
  """As by that of f-AnoGAN, with no fit before; the critic sees each image with its latent."""
  ended = said(anomaly.main, 'fit', f'--workdir={pairs}')
  assert ended.code == 2 and 'bigan has an encoder already' in ended.err
  out = tmp_path / 's.json'
  given = ['score', f'--workdir={pairs}', '--split=test', '--num=4', f'--out={out}']
  assert anomaly.main(given) == 0
  run = load(pairs)
  table = json.loads(out.read_text())['scores']
  source = [int(line['image'].split('/')[1]) for line in table]
  images = run_images(run, source)
  made = run.generate(encode(run, pairs, images))
  wanted = ((made - images) ** 2).reshape(4, -1).mean(1)
  np.testing.assert_allclose([line['pixels'] for line in table], wanted, rtol=1e-3)
  feature = lambda x: run.bound(lambda nets, x, z: nets.features('critic', x, z)[0])(
    x, encode(run, pairs, x)
  )
  wanted = (np.asarray(feature(images) - feature(made)) ** 2).mean(1)
  np.testing.assert_allclose([line['features'] for line in table], wanted, rtol=1e-2)


def run_images(run, numbers):
  from jaxgan.ops.images import to_unit
  from jaxgan.training.session import open_data

  return to_unit(open_data(run.config, 'test').images(np.array(numbers)))


def test_a_search_can_use_the_features_of_pairs(pairs, tmp_path):
  """`invert` works beside the encoder, for the image's best latent."""
  given = [f'--workdir={pairs}', '--generated', '--num=1', '--steps=2', '--restarts=1']
  assert invert.main([*given, f'--npz={tmp_path / "p.npz"}']) == 0


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    (['--workdir=PLAIN', '--split=test', '--out=z.csv'], 'has no encoder yet: jaxgan anomaly fit'),
    (['--workdir=PAIRS', '--split=test', '--out=z.png'], 'must end in .npz or .csv'),
    (['--workdir=PAIRS', '--out=z.csv'], 'give the images'),
    (['--workdir=PAIRS', '--split=test', '--num=0', '--out=z.csv'], '--num must be above 0'),
    (['--workdir=NOWHERE', '--split=test', '--out=z.csv'], 'NOWHERE'),
  ],
)
def test_wrong_input_is_named(argv, words, pairs, plain, tmp_path, said):
  bare = tmp_path / 'bare'  # without an encoder that another test has trained
  shutil.copytree(plain, bare, ignore=shutil.ignore_patterns('anomaly'))
  places = {'PAIRS': pairs, 'PLAIN': bare}
  for name, path in places.items():
    argv = [a.replace(f'={name}', f'={path}') for a in argv]
  ended = said(main, *argv)
  assert ended.code == 2 and words in ended.err


def test_the_encoder_of_f_anogan_serves_too(home, tmp_path):
  folder = made(home, 'fitted_too', 'gan', widths=(24,), latent_size=6)
  assert anomaly.main(['fit', f'--workdir={folder}', '--steps=1']) == 0
  out = tmp_path / 'z.csv'
  assert main([f'--workdir={folder}', '--split=test', '--num=3', f'--out={out}']) == 0
  with open(out) as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 3 and all(abs(float(line['z0'])) <= 1 for line in rows)  # of tanh
