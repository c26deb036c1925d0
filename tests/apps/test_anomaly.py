"""Images that a run has not learnt score higher."""

import csv
import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from apps.tiny import made
from jaxgan.apps import anomaly, encoder, latents
from jaxgan.apps.anomaly import main
from jaxgan.apps.search import Search
from jaxgan.evaluation import samples
from jaxgan.evaluation.metrics.ranking import auroc
from jaxgan.ops.images import to_unit
from jaxgan.training.run import load
from jaxgan.training.session import open_data


@pytest.fixture(scope='module')
def fitted(plain):
  assert main(['fit', f'--workdir={plain}', '--steps=30', '--lr=1e-3']) == 0
  return plain


def test_scores_are_the_published_expressions(fitted):
  run = load(fitted)
  images = np.asarray(run.sample(3, 4))
  features = run.bound(latents.features(run))
  f = lambda x: np.asarray(features(jnp.asarray(x), jnp.zeros(len(x), jnp.int32)))
  flat = lambda x: np.asarray(x).reshape(4, -1)
  found = anomaly.by_encoder(run, fitted, images)
  expected = ((flat(images) - flat(found.made)) ** 2).mean(1)
  np.testing.assert_allclose(found.pixels, expected, rtol=1e-3)
  np.testing.assert_allclose(found.features, ((f(images) - f(found.made)) ** 2).mean(1), rtol=1e-3)
  np.testing.assert_allclose(found.total, found.pixels + found.features, rtol=1e-5)
  searched = anomaly.by_search(run, images, Search(steps=3, restarts=2))
  sums = np.abs(flat(images) - flat(searched.made)).sum(1)
  inner = np.abs(f(images) - f(searched.made)).sum(1)
  np.testing.assert_allclose(searched.total, 0.9 * sums + 0.1 * inner, rtol=1e-3)


def test_a_search_finds_the_runs_own_images_and_no_others(plain):
  """AUROC 1 of generated images against noise."""
  run = load(plain)
  noise = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 1)).astype(np.float32)
  images = np.concatenate([run.sample(5, 4), noise])
  found = anomaly.by_search(run, images, Search(steps=100, restarts=2))
  assert auroc(found.total[:4], found.total[4:]).value == 1
  assert found.pixels[:4].max() < 0.1 * found.pixels[4:].min()


def test_from_a_fit_to_a_report(fitted, tmp_path, said):
  noise = tmp_path / 'noise'
  noise.mkdir()
  for i in range(5):
    pixels = np.random.default_rng(i).integers(0, 256, (16, 16), np.uint8)
    Image.fromarray(pixels).save(noise / f'{i}.png')
  score = ['score', f'--workdir={fitted}']
  ended = said(main, *score, f'--out={tmp_path / "n.csv"}', '--split=test', '--num=40')
  assert ended.code == 0 and '40 scores' in ended.out
  maps = tmp_path / 'maps.png'
  given = [f'--images={noise}', f'--maps={maps}', '--show=4']
  ended = said(main, *score, f'--out={tmp_path / "a.json"}', *given)
  assert ended.code == 0
  with Image.open(maps) as picture:  # four images of three tiles in a row
    assert picture.mode == 'RGB' and picture.width / picture.height == (12 * 18 - 2) / 16
  table = json.loads((tmp_path / 'a.json').read_text())['scores']
  assert [line['image'] for line in table] == [f'{i}.png' for i in range(5)]
  with open(tmp_path / 'n.csv') as file:
    lines = list(csv.DictReader(file))
  assert list(lines[0]) == ['image', 'label', 'score', 'pixels', 'features', 'latents']
  compare = [f'--normal={tmp_path / "n.csv"}', f'--abnormal={tmp_path / "a.json"}']
  ended = said(main, 'report', *compare, f'--out={tmp_path / "r.json"}')
  assert ended.code == 0 and 'over 5 abnormal and 40 normal images' in ended.out
  report = json.loads((tmp_path / 'r.json').read_text())
  odd, even = ([float(x['score']) for x in t] for t in (table, lines))
  assert report['auroc']['value'] == pytest.approx(auroc(np.array(even), np.array(odd)).value)
  ended = said(main, 'report', compare[0], '--abnormal-classes', '3', '4')
  known = sum(line['label'] in '34' for line in lines)
  assert f'over {known} abnormal and {40 - known} normal' in ended.out


def test_neighbors_are_training_images_and_need_no_fit(uniform, tmp_path, said):
  """A training image is its own nearest; noise is farther from all than they from one another."""
  run = load(uniform)
  known = anomaly.training_images(run, 300)
  source = open_data(run.config)
  chosen = samples.drawn(len(source), 300, samples.TRAIN)
  np.testing.assert_array_equal(known, to_unit(source.images(chosen)))
  noise = np.random.default_rng(0).uniform(-1, 1, (4, *known.shape[1:])).astype(np.float32)
  found = anomaly.by_neighbors(run, known, np.concatenate([known[:4], noise]), 10)
  np.testing.assert_array_equal(found.made[:4], known[:4])
  np.testing.assert_allclose(found.pixels[:4], 0)
  assert found.total[:4].max() < found.total[4:].min() and found.latents is None
  out, maps = tmp_path / 's.csv', tmp_path / 'maps.png'
  argv = ['score', f'--workdir={uniform}', '--method=neighbors', '--split=test', '--num=9']
  ended = said(main, *argv, f'--out={out}', f'--maps={maps}', '--known=50', '--neighbors=5')
  assert ended.code == 0 and maps.exists()
  lines = list(csv.DictReader(out.read_text().splitlines()))
  assert list(lines[0]) == ['image', 'label', 'score', 'pixels', 'features'] and len(lines) == 9
  ended = said(main, *argv, f'--out={out}', '--known=5', '--neighbors=5')
  assert ended.code == 2 and '--neighbors=5 needs more training images' in ended.err


def test_a_run_without_a_class_is_scored_on_all(home, tmp_path):
  """Left out of training, the class is there to be found, under its own number."""
  folder = made(home, 'eight', 'gan', widths=(24,), latent_size=6, without_classes=(3, 5))
  run = load(folder)
  assert run.spec.classes == 8 and '3' not in run.spec.names
  assert len(open_data(run.config)) < 1437 * 0.85
  out = tmp_path / 's.json'
  argv = ['score', f'--workdir={folder}', '--method=search', '--steps=1', '--restarts=1']
  assert main([*argv, '--split=test', '--num=30', f'--out={out}']) == 0
  labels = {line['label'] for line in json.loads(out.read_text())['scores']}
  assert labels == set(range(10))


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    (['fit', '--workdir=RUN', '--steps=0'], '--steps must be above 0'),
    (['fit', '--workdir=CONDITIONAL'], 'cgan draws by class'),
    (['score', '--workdir=CONDITIONAL', '--out=s.csv', '--split=test'], 'cgan draws by class'),
    (
      ['score', '--workdir=RUN', '--out=s.csv', '--split=test', '--known=0'],
      '--known must be',
    ),
    (['score', '--workdir=UNFITTED', '--out=s.csv', '--split=test', '--num=2'], 'no encoder yet'),
    (['score', '--workdir=RUN', '--out=s.txt', '--split=test'], 'must end in .csv or .json'),
    (['score', '--workdir=RUN', '--out=s.csv'], 'give the images'),
    (['report', '--normal=RUN/config.json'], 'say what is abnormal'),
    (['report', '--normal=RUN/config.json', '--abnormal-classes', '1'], 'not a table of scores'),
    (['report', '--normal=none.csv', '--abnormal-classes', '1'], 'none.csv cannot be read'),
  ],
)
def test_wrong_input_is_named(argv, words, fitted, uniform, conditional, said):
  places = {'RUN': fitted, 'CONDITIONAL': conditional, 'UNFITTED': uniform}
  for name, path in places.items():
    argv = [a.replace(f'={name}', f'={path}') for a in argv]
  ended = said(main, *argv)
  assert ended.code == 2 and words in ended.err


def test_runs_without_a_critic_or_latents_are_refused(without_latents, said):
  ended = said(main, 'fit', f'--workdir={without_latents}')
  assert ended.code == 2 and 'makes images from images, not from latents' in ended.err


@pytest.mark.parametrize('inputs', [None, 2])
def test_a_run_without_a_critic_of_images_is_refused(plain, inputs):
  """There is none, or it takes more, such as the weight of a size that fades in."""
  run = load(plain)
  stage = run.recipe.stages[0]
  example = {name: given for name, given in stage.example.items() if name != 'critic'}
  if inputs:
    example['critic'] = stage.example['critic'] * inputs
  recipe = run.recipe._replace(stages=(stage._replace(example=example),))
  with pytest.raises(ValueError, match='has no critic of images'):
    encoder.of(dataclasses.replace(run, recipe=recipe), 1.0)
