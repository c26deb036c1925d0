"""Runs to report on."""

import pytest

from run_folders import written


@pytest.fixture(scope='session')
def lsgan(tmp_path_factory):
  """Samples without classes, scored."""
  return written(
    tmp_path_factory.mktemp('reports') / 'lsgan', scored=40.0, width=16, conditional=False
  )


@pytest.fixture(scope='session')
def cgan(tmp_path_factory):
  """Samples with a row for each class, scored."""
  return written(tmp_path_factory.mktemp('reports') / 'cgan', 'cgan', scored=20.0)


@pytest.fixture(scope='session')
def cyclegan(tmp_path_factory):
  """Translations, not scored."""
  folder = tmp_path_factory.mktemp('reports')
  options = dict(dataset='domains', folder=folder / 'a <b> & "c"', image_size=16)
  return written(folder / 'cyclegan', 'cyclegan', names=(), channels=3, **options)
