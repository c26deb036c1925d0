"""Strict JAX for every test: no silent broadcasting, and eight devices to spread over."""

import os
import pathlib

import jax
import pytest

jax.config.update('jax_num_cpu_devices', 8)
jax.config.update('jax_numpy_rank_promotion', 'raise')
jax.config.update('jax_numpy_dtype_promotion', 'standard')


def pytest_collection_modifyitems(config, items):
  """Leave out what is marked slow, unless markers were chosen."""
  if config.option.markexpr:
    return
  for item in items:
    if 'slow' in item.keywords:
      item.add_marker(pytest.mark.skip(reason='slow: run with -m slow'))


@pytest.fixture(scope='session', autouse=True)
def own_cache(tmp_path_factory):
  """Programs that processes of the tests compile are kept for each other, and for no one else."""
  os.environ['XDG_CACHE_HOME'] = str(tmp_path_factory.mktemp('cache'))


@pytest.fixture
def key():
  """A key of one's own."""
  return jax.random.key(0)


@pytest.fixture(scope='session')
def test_data() -> pathlib.Path:
  """The folder of real images, or a skip that says what is missing."""
  folder = os.environ.get('JAXGAN_TEST_DATA')
  if not folder or not pathlib.Path(folder).is_dir():
    pytest.skip('JAXGAN_TEST_DATA does not name a folder of test images')
  return pathlib.Path(folder)
