"""Samples of a run, as pictures and as arrays."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from jaxgan import data, variants
from jaxgan.apps import sample
from jaxgan.storage import figures
from jaxgan.training.loop import train
from small_runs import config_of


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  folder = tmp_path_factory.mktemp('data')
  data.load('digits', data_dir=folder)
  return folder


@pytest.fixture(scope='module')
def finished(data_dir, tmp_path_factory):
  folder = tmp_path_factory.mktemp('finished')
  return folder, train(config_of(data_dir), folder, quiet=True)


def test_sample_draws_from_the_averaged_generator(finished, tmp_path):
  folder, trained = finished
  npz, out = tmp_path / 'images.npz', tmp_path / 'grid.png'
  assert (
    sample.main([f'--workdir={folder}', '--num=5', f'--npz={npz}', f'--out={out}', '--seed=3']) == 0
  )
  np.testing.assert_array_equal(np.load(npz)['images'], figures.to_uint8(trained.sample(3, 5)))
  with Image.open(out) as picture:
    assert picture.format == 'PNG'
  raw = dataclasses.replace(trained, state=dataclasses.replace(trained.state, ema={}))
  assert not np.array_equal(raw.sample(3, 5), trained.sample(3, 5))


@pytest.mark.parametrize(
  ('option', 'kind'), [('--npz=foo.dat', '.npz'), ('--out=x.jpg', '.png'), ('--out=x', '.png')]
)
def test_no_name_hides_what_is_written(option, kind, finished, tmp_path, monkeypatch, capsys):
  """foo.dat became foo.dat.npz, and x.jpg was a PNG."""
  monkeypatch.chdir(tmp_path)
  assert sample.main([f'--workdir={finished[0]}', '--num=1', option]) == 2
  assert f'must end in {kind}, which is what is written' in capsys.readouterr().err
  assert not list(tmp_path.iterdir())


def test_transparent_images_from_folder_to_sample(tmp_path):
  """A disc on nothing: what is trained on, drawn and written has its alpha."""
  rng, at = np.random.default_rng(0), np.hypot(*(np.mgrid[:8, :8] - 3.5))
  (tmp_path / 'in').mkdir()
  for i in range(16):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[at < 3] = [*rng.integers(0, 255, 3), 255]
    Image.fromarray(pixels).save(tmp_path / 'in' / f'{i}.png')
  given = dict(dataset='folder', folder=tmp_path / 'in', image_size=8, channels=4, mirror=True)
  config = variants.configure(
    'gan', data_dir=tmp_path / 'data', steps=300, batch_size=16, widths=(32,), **given
  )
  run = train(config, tmp_path / 'run', quiet=True)
  images = run.sample(0, 32)
  assert images.shape == (32, 8, 8, 4)
  alpha = images[..., 3].mean(0)
  assert alpha[at < 2].mean() > 0.5 and alpha[at > 4].mean() < -0.5
  out = tmp_path / 'grid.png'
  assert sample.main([f'--workdir={tmp_path / "run"}', '--num=4', f'--out={out}']) == 0
  with Image.open(out) as picture:
    assert picture.mode == 'RGBA'
