"""Samples have classes as often as the training images, for scores compare the two."""

import contextlib
import dataclasses
import io
import json

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import load, train, variants
from jaxgan.apps import sample, truncate

COUNTS = (36, 4)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
  """A run on nine times as many cats as dogs, and its config."""
  home = tmp_path_factory.mktemp('shares')
  for name, count in zip(('cat', 'dog'), COUNTS, strict=True):
    (home / 'images' / name).mkdir(parents=True)
    for i in range(count):
      Image.new('L', (16, 16), 6 * i).save(home / 'images' / name / f'{i}.png')
  config = variants.configure(
    'cgan',
    steps=1,
    width=4,
    latent_size=4,
    batch_size=8,
    dataset='folder',
    folder=home / 'images',
    data_dir=home / 'data',
    image_size=16,
    channels=1,
  )
  with contextlib.redirect_stdout(io.StringIO()) as said:
    train(config, home / 'run')
  (home / 'run' / 'said.txt').write_text(said.getvalue())
  return home / 'run', config


def shares(run, n=6400):
  return np.bincount(np.asarray(run.labels(jax.random.key(3), n)), minlength=2) / n


def test_the_counts_are_kept_with_the_run(made):
  folder, _ = made
  assert tuple(json.loads((folder / 'data.json').read_text())['counts']) == COUNTS
  run = load(folder)
  assert run.counts == COUNTS
  np.testing.assert_allclose(shares(run), [0.9, 0.1], atol=0.02)
  np.testing.assert_allclose(shares(run.evenly()), [0.5, 0.5], atol=0.02)
  drawn = run._batches(jax.random.key(0), 640, [], {})
  labels = np.concatenate([np.asarray(classes) for _, classes in drawn])
  assert 0.85 < (labels == 0).mean() < 0.95


def test_the_table_of_classes_is_printed_at_the_start_and_kept(made):
  folder, _ = made
  line = 'jaxgan: 2 classes, with their images: 0 cat (36), 1 dog (4)\n'
  assert line in (folder / 'said.txt').read_text()
  assert json.loads((folder / 'data.json').read_text())['spec'][3] == ['cat', 'dog']


def test_the_command_takes_several_classes_by_name(made, tmp_path, capsys):
  drawn = {}
  for label in ('cat', 'dog', '1', 'cat,dog', '0,dog'):
    file = tmp_path / f'{label}.npz'
    argv = [f'--workdir={made[0]}', '--num=8', f'--npz={file}', f'--label={label}']
    assert sample.main(argv) == 0
    drawn[label] = np.load(file)['images']
  np.testing.assert_array_equal(drawn['1'], drawn['dog'])
  np.testing.assert_array_equal(drawn['cat,dog'], drawn['0,dog'])
  np.testing.assert_array_equal(drawn['cat,dog'][::2], drawn['cat'][::2])
  np.testing.assert_array_equal(drawn['cat,dog'][1::2], drawn['dog'][1::2])
  assert sample.main([f'--workdir={made[0]}', '--label=cat,cow', f'--npz={file}']) == 2
  assert "label 'cow' is not a class of this run: they are cat, dog" in capsys.readouterr().err


def test_a_class_without_images_is_never_drawn(made):
  run = dataclasses.replace(load(made[0]), counts=(0, 7))
  assert shares(run)[0] == 0


def test_where_classes_are_equally_frequent_draws_are_as_they_were(made):
  run = load(made[0])
  equal, unknown = (dataclasses.replace(run, counts=x) for x in ((20, 20), ()))
  key = jax.random.key(1)
  np.testing.assert_array_equal(equal.labels(key, 99), jax.random.randint(key, (99,), 0, 2))
  np.testing.assert_array_equal(equal.sample(0, 8), unknown.sample(0, 8))


def test_older_runs_draw_evenly_and_say_so(made, capsys):
  folder, config = made
  about = json.loads((folder / 'data.json').read_text())
  (folder / 'data.json').write_text(json.dumps({k: v for k, v in about.items() if k != 'counts'}))
  assert load(folder).counts == ()
  assert 'no shares of classes' in capsys.readouterr().err
  train(config, folder, quiet=True)  # goes on, and notes them
  assert load(folder).counts == COUNTS and not capsys.readouterr().err


def test_the_command_draws_evenly_on_request(made, tmp_path):
  files = {kind: tmp_path / f'{kind}.npz' for kind in ('data', 'even')}
  for kind, file in files.items():
    argv = [f'--workdir={made[0]}', '--num=64', f'--npz={file}', f'--classes={kind}']
    assert sample.main(argv) == 0
  both = [np.load(file)['images'] for file in files.values()]
  assert not np.array_equal(*both)


def test_truncated_samples_that_are_scored_have_these_shares(made):
  options = truncate.Options(made[0], num=640)
  labels = np.asarray(truncate._as_trained(load(made[0]), options))
  assert 0.85 < (labels == 0).mean() < 0.95
  one = truncate._as_trained(load(made[0]), dataclasses.replace(options, label=1))
  assert (np.asarray(one) == 1).all()


def test_parts_of_a_sample_are_the_sample(made):
  run = load(made[0])
  parts = list(run.parts(5, 150))
  assert [len(part) for part in parts] == [64, 64, 22]
  np.testing.assert_array_equal(np.concatenate(parts), run.sample(5, 150))
