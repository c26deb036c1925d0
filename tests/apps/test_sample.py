"""Samples of a run, as pictures and as arrays."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from jaxgan import data
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
