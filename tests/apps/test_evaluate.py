"""The command: of runs and of sets, by any network, with errors that say what to do."""

import json
import os
import re
import sys
import types

import numpy as np
import pytest
from PIL import Image

from jaxgan import data, train, variants
from jaxgan.apps import evaluate
from jaxgan.core import progress
from jaxgan.evaluation import features
from jaxgan.evaluation.metrics import frechet, moments


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  return tmp_path_factory.mktemp('data')


@pytest.fixture(scope='module')
def run(data_dir, tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs') / 'run'
  train(variants.configure('gan', steps=2, widths=(16,), data_dir=data_dir), folder, quiet=True)
  return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path_factory):
  """Feature networks of few steps, kept by nobody else."""
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.getbasetemp() / 'quick'))
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path_factory.getbasetemp() / 'tfds'))
  fit = features.fit
  monkeypatch.setattr(features, 'fit', lambda net, source: fit(net, source, steps=3))


def means(images):
  """A function of the user's: what each quarter of the rows is on average."""
  return images.reshape(len(images), 4, -1).mean(-1)


@pytest.fixture
def mine(monkeypatch):
  """The name of `means` on the command line."""
  module = types.ModuleType('my_features')
  module.means = means
  monkeypatch.setitem(sys.modules, 'my_features', module)
  return '--features=my_features:means'


def npz(path, **arrays):
  np.savez(path, **arrays)
  return path


def noise(count, size=8, channels=1, seed=0):
  shape = (count, size, size, channels)
  return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def said(capsys, argv, code):
  assert evaluate.main([str(x) for x in argv]) == code
  return getattr(capsys.readouterr(), 'err' if code else 'out')


def test_the_command_scores_a_run(run, tmp_path, capsys):
  argv = [f'--workdir={run}', '--repeats=2', '--num=100']
  text = said(capsys, argv, 0)
  assert 'by classifier' in text and 'seeds 1000 to 1001' in text
  kept = json.loads((run / 'evaluation.json').read_text())
  assert kept['step'] == 2 and {s['num'] for s in kept['scores']} == {100}
  assert 'digits, train, (16, 16, 1) (1437)' in kept['scores'][0]['against']
  assert 'holds no run' in said(capsys, [f'--workdir={tmp_path}'], 2)
  assert 'no metric' in said(capsys, [*argv, '--metrics=fdi'], 2)
  assert 'no best checkpoint' in said(capsys, [*argv, '--checkpoint=best'], 2)


def test_progress_is_told_in_lines_and_its_loss_is_no_failure(
  run, tmp_path, capsys, monkeypatch, mine
):
  monkeypatch.setattr(progress, 'EVERY', 0)
  argv = [
    f'--workdir={run}',
    '--repeats=2',
    '--num=100',
    '--metrics=frechet',
    f'--out={tmp_path}/s',
  ]
  assert evaluate.main([*argv, mine]) == 0
  lines = capsys.readouterr().err.splitlines()
  assert all(line.startswith('jaxgan: ') for line in lines)
  for part in ('drawing of images, part 1 of 2', 'scores of seed 1 of 2', 'features of images'):
    assert any(part in line for line in lines), part
  (tmp_path / 's').unlink()
  reader, writer = os.pipe()
  os.close(reader)
  with os.fdopen(writer, 'w', closefd=False) as broken:
    monkeypatch.setattr(sys, 'stdout', broken)
    monkeypatch.setattr(sys, 'stderr', broken)
    assert evaluate.main([*argv, mine]) == 0
  os.close(writer)
  assert (tmp_path / 's').is_file()


def test_two_files_of_images(tmp_path, capsys, mine):
  fake, real = (npz(tmp_path / f'{i}.npz', images=noise(300, seed=i)) for i in (1, 2))
  held = npz(tmp_path / '3.npz', images=noise(200, seed=3))
  out = tmp_path / 'scores.json'
  argv = [f'--fake={fake}', f'--real={real}', f'--held-out={held}', mine, f'--out={out}']
  text = said(capsys, argv, 0)
  assert 'nearer to train' in text and 'by my_features:means' in text and 'one sample' in text
  scores = {s['name']: s for s in json.loads(out.read_text())['scores']}
  assert scores['Fréchet distance']['real_num'] == 200
  x, y = (means(noise(300, seed=i)) for i in (1, 2))
  expected = frechet.distance(moments.of(x), frechet.reference(moments.of(y)))
  np.testing.assert_allclose(scores['Fréchet distance']['of']['value'], expected, rtol=1e-9)
  assert 'classifier score' not in scores  # there are no logits


def test_folders_are_brought_to_one_size(tmp_path, capsys):
  for name, size, seed in (('fake', 24, 0), ('real', 40, 1)):
    (tmp_path / name).mkdir()
    for i, image in enumerate(noise(24, size, 3, seed)):
      Image.fromarray(image).save(tmp_path / name / f'{i}.png')
  argv = [f'--fake={tmp_path / "fake"}', f'--real={tmp_path / "real"}', '--metrics=kernel,prdc']
  text = said(capsys, argv, 0)
  assert '(24, 24, 3) (24)' in text and 'by turns' in text and 'training accuracy' in text


def test_statistics_stand_for_the_images(run, tmp_path, capsys, mine):
  stats, out = tmp_path / 'stats.npz', tmp_path / 'scores.json'
  argv = [f'--workdir={run}', '--num=64', '--repeats=1', '--metrics=frechet', mine, f'--out={out}']
  said(capsys, [*argv, f'--save-stats={stats}'], 0)
  whole = json.loads(out.read_text())['scores'][0]
  fake = npz(tmp_path / 'fake.npz', images=data_of(run))
  sets = [f'--fake={fake}', f'--real={stats}', f'--out={out}']
  said(capsys, [*sets, mine], 0)
  (score,) = json.loads(out.read_text())['scores']
  np.testing.assert_allclose(score['of']['value'], whole['of']['value'], rtol=1e-6)
  np.testing.assert_allclose(score['ideal'], whole['ideal'], rtol=1e-6)
  assert (whole['real_num'], score['real_num']) == (64, 360) and 0 < score['real'] < whole['real']
  assert 'use the same network' in said(capsys, sets, 2)
  assert '--metrics=frechet alone' in said(capsys, [*sets, mine, '--metrics=kernel'], 2)


def data_of(run):
  """The images that the command draws of the first seed."""
  from jaxgan import load
  from jaxgan.storage import figures

  return figures.to_uint8(load(run).sample(1000, 64))


def test_files_of_features(tmp_path, capsys):
  draw = lambda n, d, seed: np.random.default_rng(seed).normal(size=(n, d))
  fake, real = (npz(tmp_path / f'{i}.npz', features=draw(200, 6, i)) for i in (1, 2))
  argv = [f'--fake={fake}', f'--real={real}']
  assert 'coverage' in said(capsys, argv, 0)
  narrow = npz(tmp_path / 'narrow.npz', features=draw(200, 5, 0))
  argv_of = lambda path: [f'--fake={path}', argv[1]]
  assert 'fake has 5 features and the reference 6' in said(capsys, argv_of(narrow), 2)
  broken = draw(200, 6, 0)
  broken[7] = np.nan
  bad = npz(tmp_path / 'bad.npz', features=broken)
  assert 'not finite in 1 rows, first 7' in said(capsys, [f'--fake={bad}', argv[1]], 2)
  few = npz(tmp_path / 'few.npz', features=draw(5, 6, 0))
  assert 'must be above 5' in said(capsys, [f'--fake={few}', argv[1]], 2)
  assert 'compares pixels' in said(
    capsys, [*argv, f'--held-out={real}', '--metrics=memorization'], 2
  )


@pytest.mark.parametrize(
  ('arrays', 'words'),
  [
    ({'images': noise(20).astype(np.float32) / 127.5 - 1}, 'uint8 from 0 to 255, they are float32'),
    ({'pictures': noise(20)}, 'should hold `images`, it holds pictures'),
    ({'images': noise(20)[..., 0]}, r'uint8 \[n, size, size, channels\]'),
    ({'images': noise(20, 12)}, r'expected images uint8 \[8, 8, 1\]'),
    ({'images': noise(20, 8, 3)}, r'expected images uint8 \[8, 8, 1\]'),
  ],
)
def test_wrong_images_are_refused(arrays, words, tmp_path, capsys, mine):
  fake, real = npz(tmp_path / 'fake.npz', **arrays), npz(tmp_path / 'real.npz', images=noise(20))
  argv = [f'--fake={fake}', f'--real={real}', mine]
  error = said(capsys, argv, 2)
  assert re.search(words, error), error
  assert len(error.splitlines()) <= 4


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    (['--fake=a.npz'], 'give --workdir, or both --fake and --real'),
    ([], 'give --workdir, or both'),
    (['--fake=a.npz', '--real=b.npz'], 'b.npz cannot be read as statistics'),
    (['--fake=a.npz', '--real=b'], 'neither a folder of images nor an .npz file'),
    (['--workdir=x', '--repeats=0'], '--repeats must be above 0'),
    (['--workdir=x', '--num=-5'], '--num must be above 0, it is -5'),
  ],
)
def test_wrong_options_are_refused(argv, words, capsys):
  assert words in said(capsys, argv, 2)


def test_a_folder_without_images_is_refused(tmp_path, capsys):
  (tmp_path / 'empty').mkdir()
  argv = [f'--fake={tmp_path / "empty"}', f'--real={tmp_path / "empty"}']
  assert 'neither a folder of images' in said(capsys, argv, 2)


def test_a_missing_split_is_named(data_dir):
  with pytest.raises(ValueError, match="has no split 'validation': it has "):
    data.load('digits', split='validation', data_dir=data_dir)


def of_kinds(count, seed=0):
  """Images of three kinds, in order: dark, grey, bright."""
  means = np.repeat([40.0, 120.0, 200.0], count)[:, None, None, None]
  noise = np.random.default_rng(seed).normal(0, 10, (3 * count, 8, 8, 1))
  return np.clip(np.rint(means + noise), 0, 255).astype(np.uint8)


def stored(kind, path, images):
  """The images as a file of them, as a folder, or as a file of features."""
  if kind == 'images':
    return npz(path.with_suffix('.npz'), images=images)
  if kind == 'features':
    return npz(path.with_suffix('.npz'), features=means(images))
  path.mkdir()
  for i, image in enumerate(images):
    Image.fromarray(image[..., 0]).save(path / f'{i:03}.png')
  return path


@pytest.mark.parametrize('kind', ['images', 'folder', 'features'])
def test_no_score_changes_with_the_order_of_files(kind, tmp_path, capsys, mine):
  """Also where a part is drawn: --num=20 of 60."""
  found = []
  for order in ('sorted', 'shuffled'):
    argv = ['--num=20', f'--out={tmp_path / order}.json'] + [mine] * (kind != 'features')
    for i, name in enumerate(('fake', 'real', 'held-out')):
      images = of_kinds(20 - 3 * i, seed=i)
      images = np.random.default_rng(i).permutation(images) if order == 'shuffled' else images
      argv.append(f'--{name}={stored(kind, tmp_path / f"{order}-{name}", images)}')
    said(capsys, argv, 0)
    scores = json.loads((tmp_path / f'{order}.json').read_text())['scores']
    found.append(
      [{k: v for k, v in score.items() if k not in ('against', 'network')} for score in scores]
    )
  assert found[0] == found[1]
  assert {score['name'] for score in found[0]} >= {'Fréchet distance', 'coverage'}
  assert {score['num'] for score in found[0]} == {20}


def test_a_part_of_a_sorted_file_stands_for_all(tmp_path, capsys, mine):
  """The first third would be of one kind, at a distance of thousands."""
  fake, real = (npz(tmp_path / f'{i}.npz', images=of_kinds(n, i)) for i, n in enumerate((600, 200)))
  out = tmp_path / 'scores.json'
  argv = [f'--fake={fake}', f'--real={real}', mine, f'--out={out}']
  said(capsys, [*argv, '--num=600'], 0)
  scores = {s['name']: s for s in json.loads(out.read_text())['scores']}
  assert scores['Fréchet distance']['of']['value'] < 200
  said(capsys, argv, 0)
  scores = {s['name']: s for s in json.loads(out.read_text())['scores']}
  assert scores['recall']['num'] == 600 and scores['recall']['of']['value'] > 0.8
  assert scores['Fréchet distance']['num'] == 1800


def test_more_images_than_there_are_is_said(tmp_path, capsys, mine):
  fake, real = (npz(tmp_path / f'{i}.npz', images=noise(30, seed=i)) for i in (1, 2))
  argv = [f'--fake={fake}', f'--real={real}', mine]
  assert evaluate.main([*argv, '--num=5000']) == 0
  said_aside = capsys.readouterr().err
  assert f'--num=5000, but {fake} has 30 images: all of them are scored' in said_aside
  assert evaluate.main([*argv, '--num=30']) == 0 and not capsys.readouterr().err


def test_a_broken_first_file_decides_nothing(tmp_path, capsys, mine):
  real = npz(tmp_path / 'real.npz', images=np.repeat(noise(20), 3, -1))
  fake = stored('folder', tmp_path / 'fake', noise(20, seed=1))
  (fake / '0.png').write_bytes(b'hello')
  assert '(8, 8, 3)' in said(capsys, [f'--fake={fake}', f'--real={real}', mine], 0)


def test_fid_is_refused_as_the_name_of_another_distance(tmp_path, capsys, mine):
  fake, real = (npz(tmp_path / f'{i}.npz', images=noise(30, seed=i)) for i in (1, 2))
  argv = [f'--fake={fake}', f'--real={real}', mine, '--metrics=fid,prdc']
  assert 'give --metrics=frechet, or --features=inception' in said(capsys, argv, 2)


def test_a_collapsed_sample_is_explained(tmp_path, capsys, mine):
  real = npz(tmp_path / 'real.npz', images=noise(60))
  fake = npz(tmp_path / 'fake.npz', images=np.repeat(noise(1), 60, 0))
  text = said(capsys, [f'--fake={fake}', f'--real={real}', mine], 0)
  assert 'note: precision is 1 and recall ' in text


@pytest.mark.parametrize('seed', ['-1', '4294967296', '4294967294', '12345678901234567890123'])
def test_seeds_that_would_be_others_are_refused(seed, capsys):
  assert 'must lie from 0 to 4294967294' in said(capsys, ['--workdir=x', f'--seed={seed}'], 2)
