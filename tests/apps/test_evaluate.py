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
from jaxgan.evaluation.metrics.intervals import wilson


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


def test_a_run_is_scored_in_constant_memory_and_goes_on_after_a_kill(
  run, tmp_path, capsys, mine, monkeypatch
):
  monkeypatch.setattr(evaluate, 'PART', 10)
  monkeypatch.setattr(evaluate.streaming, 'EVERY', 0)
  argv = [f'--workdir={run}', '--repeats=1', '--num=40', '--stream', mine]
  out = f'--out={tmp_path}/scores.json'
  said(capsys, [*argv, out], 0)
  whole = (tmp_path / 'scores.json').read_text()
  draw, calls = evaluate.Run.sample, []

  def dies(self, *args, **options):
    calls.append(1)
    if len(calls) == 2:  # of four parts
      raise SystemExit
    return draw(self, *args, **options)

  monkeypatch.setattr(evaluate.Run, 'sample', dies)
  with pytest.raises(SystemExit):
    evaluate.main(argv)
  assert (run / 'evaluation-1000.npz').exists()
  said(capsys, [*argv, out], 0)
  assert (tmp_path / 'scores.json').read_text() == whole and len(calls) == 2 + 3
  assert not (run / 'evaluation-1000.npz').exists()
  (found,) = json.loads(whole)['scores']
  assert found['name'] == 'Fréchet distance' and found['num'] == 40
  assert '--metrics=frechet or fid alone' in said(capsys, [*argv, '--metrics=kernel'], 2)


def test_progress_is_told_in_lines_and_its_loss_is_no_failure(
  run, tmp_path, capsys, monkeypatch, mine
):
  monkeypatch.setattr(progress, 'EVERY', 0)
  argv = [
    f'--workdir={run}',
    '--repeats=2',
    '--num=100',
    '--metrics=frechet',
    f'--out={tmp_path}/s.json',
  ]
  assert evaluate.main([*argv, mine]) == 0
  lines = capsys.readouterr().err.splitlines()
  assert all(line.startswith('jaxgan: ') for line in lines)
  for part in ('drawing of images, part 1 of 2', 'scores of seed 1 of 2', 'features of images'):
    assert any(part in line for line in lines), part
  (tmp_path / 's.json').unlink()
  reader, writer = os.pipe()
  os.close(reader)
  with os.fdopen(writer, 'w', closefd=False) as broken:
    monkeypatch.setattr(sys, 'stdout', broken)
    monkeypatch.setattr(sys, 'stderr', broken)
    assert evaluate.main([*argv, mine]) == 0
  os.close(writer)
  assert (tmp_path / 's.json').is_file()


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


FLAGS = ('fake', 'real', 'held-out')


def scored(argv, out):
  """Scores by name, without the names of files."""
  assert evaluate.main([*argv, f'--out={out}']) == 0
  found = json.loads(out.read_text())['scores']
  return {s['name']: {k: v for k, v in s.items() if k not in ('against', 'network')} for s in found}


def the_same(one, other):
  """All numbers are equal to 1e-9, the intervals and the numbers of images too."""
  assert one.keys() == other.keys()
  for name, score in one.items():
    for key in ('real', 'ideal', 'num', 'real_num'):
      assert score[key] == pytest.approx(other[name][key], rel=1e-9, abs=1e-9, nan_ok=True), name
    assert score['of'] == pytest.approx(other[name]['of'], rel=1e-9, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize('num', [20, 10_000], ids=['below', 'above'])
@pytest.mark.parametrize('kind', ['images', 'folder', 'features'])
def test_no_score_changes_with_the_order_of_an_input(kind, num, tmp_path, mine):
  """Each of the three in another order, and all of them; a part of it is drawn, or all are used."""
  images = {name: of_kinds(20 - 3 * i, seed=i) for i, name in enumerate(FLAGS)}
  mixed = {name: np.random.default_rng(5).permutation(x) for name, x in images.items()}
  paths = {
    order: {name: stored(kind, tmp_path / f'{order}-{name}', x) for name, x in these.items()}
    for order, these in (('sorted', images), ('mixed', mixed))
  }
  argv = [f'--num={num}'] + [mine] * (kind != 'features')
  line = lambda these: [*argv, *(f'--{name}={path}' for name, path in these.items())]
  known = scored(line(paths['sorted']), tmp_path / 'known.json')
  assert known.keys() >= {'Fréchet distance', 'coverage', 'kernel distance'}
  assert ('nearer to train' in known) == (kind != 'features')
  for changed in (*([name] for name in FLAGS), FLAGS):
    these = {name: paths['mixed' if name in changed else 'sorted'][name] for name in FLAGS}
    the_same(scored(line(these), tmp_path / 'other.json'), known)


@pytest.mark.parametrize('num', [20, 10_000], ids=['below', 'above'])
@pytest.mark.parametrize('kind', ['images', 'features'])
def test_no_score_by_statistics_changes_with_an_order(kind, num, tmp_path, mine):
  """The order in which they were computed, and that of --fake."""
  network, found = [mine] * (kind != 'features'), []
  for seed in (0, 1):
    mix = np.random.default_rng(seed).permutation
    files = [stored(kind, tmp_path / f'{name}{seed}', mix(of_kinds(9))) for name in FLAGS]
    argv = [f'--{name}={path}' for name, path in zip(FLAGS, files, strict=True)]
    stats = tmp_path / f'stats{seed}.npz'
    assert evaluate.main([*argv, *network, f'--save-stats={stats}', '--metrics=frechet']) == 0
    argv = [argv[0], f'--real={stats}', f'--num={num}', *network]
    found.append(scored(argv, tmp_path / 'scores.json'))
  the_same(*found)
  assert found[0]['Fréchet distance']['num'] == min(num, 27)


def test_the_printed_number_is_the_one_that_intervals_are_of(tmp_path, capsys, mine):
  """prdc takes as many fake images as there are real ones: 30 of 90, memorisation 24 of 24."""
  sets = [of_kinds(n, seed=i) for i, n in enumerate((30, 10, 8))]
  paths = [npz(tmp_path / f'{i}.npz', images=images) for i, images in enumerate(sets)]
  argv = [f'--{name}={path}' for name, path in zip(FLAGS, paths, strict=True)]
  found = scored([*argv, mine], tmp_path / 'scores.json')
  table = {line.split('  ')[0]: line for line in capsys.readouterr().out.splitlines() if line}
  numbers = {'precision': 30, 'recall': 30, 'coverage': 30, 'nearer to train': 24, 'copies': 90}
  for name, num in numbers.items():
    value = found[name]['of']['value']
    expected = wilson(round(value * num), num)
    assert (found[name]['of']['low'], found[name]['of']['high']) == pytest.approx(expected[1:])
    assert found[name]['num'] == num and f'  {num}  ' in table[name]
  assert found['Fréchet distance']['num'] == 90 and found['Fréchet distance']['real_num'] == 24


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


def test_a_thumbnail_that_sorts_first_decides_nothing(tmp_path, capsys, mine):
  fake = stored('folder', tmp_path / 'fake', noise(20))
  real = stored('folder', tmp_path / 'real', noise(20, seed=1))
  Image.new('L', (2, 2)).save(fake / '.0.png')
  Image.new('L', (2, 2)).save(fake / '0-thumbnail.png')
  argv = [f'--fake={fake}', f'--real={real}', mine]
  assert 'give --image-size, to which all are resized' in said(capsys, argv, 2)
  assert '(8, 8, 3)' in said(capsys, [*argv, '--image-size=8'], 0)


def test_gray_images_of_a_file_and_of_a_folder(tmp_path, capsys, mine):
  images = noise(20)
  folder, file = stored('folder', tmp_path / 'gray', images), npz(tmp_path / 'g.npz', images=images)
  for fake, real in ((folder, file), (file, folder)):
    text = said(capsys, [f'--fake={fake}', f'--real={real}', mine, '--metrics=frechet'], 0)
    assert '(8, 8, 1)' in text


OUTPUTS = [
  ('--out=scores.txt', '--out must end in .json'),
  ('--save-stats=stats.dat', '--save-stats must end in .npz'),
  ('--out=folder.json', 'folder.json is a folder: give the name of a file'),
  ('--save-stats=folder.npz', 'folder.npz is a folder: give the name of a file'),
  ('--out=file/a.json', 'file is no folder'),
  ('--save-stats=fake.npz', 'would replace --fake'),
]


@pytest.mark.parametrize(('option', 'words'), OUTPUTS)
def test_outputs_are_checked_before_any_image_is_read(
  option, words, tmp_path, capsys, mine, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  npz(tmp_path / 'fake.npz', images=noise(20))
  for name in ('folder.json', 'folder.npz'):
    (tmp_path / name).mkdir()
  (tmp_path / 'file').write_text('')
  before = sorted(tmp_path.rglob('*'))
  monkeypatch.setattr(data, 'from_arrays', None)
  error = said(capsys, ['--fake=fake.npz', '--real=fake.npz', mine, option], 2)
  assert words in error and len(error.splitlines()) == 1
  assert sorted(tmp_path.rglob('*')) == before


def test_statistics_that_nobody_could_use_are_not_written(tmp_path, capsys, mine):
  fake, real = (npz(tmp_path / f'{i}.npz', images=noise(30, seed=i)) for i in (1, 2))
  stats = tmp_path / 'stats.npz'
  argv = [f'--fake={fake}', f'--real={real}', f'--save-stats={stats}']
  assert 'needs held-out images' in said(capsys, [*argv, mine], 2)
  error = said(capsys, [*argv, f'--held-out={real}'], 2)
  assert 'give --features=inception or MODULE:FUNCTION' in error and not stats.exists()
  said(capsys, [*argv, f'--held-out={real}', mine], 0)
  again = [f'--fake={fake}', f'--real={stats}', mine]
  assert 'Fréchet distance' in said(capsys, again, 0)
  for option in (f'--save-stats={tmp_path / "b.npz"}', f'--held-out={real}'):
    assert 'holds statistics, no images: remove --' in said(capsys, [*again, option], 2)
  assert 'statistics of [8, 8, 1]' in said(capsys, [*again, '--image-size=4'], 2)


@pytest.mark.parametrize('option', ['--fake=a.npz', '--real=a.npz', '--image-size=8'])
def test_options_that_a_run_would_ignore_are_refused(option, capsys):
  assert re.search(
    'give --workdir, or|--image-size is for', said(capsys, ['--workdir=x', option], 2)
  )
