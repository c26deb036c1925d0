"""The digits, and a run that has come to its end, for every test of training."""

import pytest

from jaxgan import data
from jaxgan.training.loop import train
from small_runs import config_of


@pytest.fixture(scope='session')
def data_dir(tmp_path_factory):
  folder = tmp_path_factory.mktemp('data')
  data.load('digits', data_dir=folder)
  return folder


@pytest.fixture(scope='session')
def finished(data_dir, tmp_path_factory):
  """Its folder, which no test may change, and the run."""
  folder = tmp_path_factory.mktemp('finished')
  return folder, train(config_of(data_dir), folder, quiet=True)
