"""Programs of a run's networks: one for one function, whoever asks."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from jaxgan import data, variants
from jaxgan.training import programs
from jaxgan.training.session import prepared


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  home = tmp_path_factory.mktemp('programs')
  config = variants.configure('gan', widths=(8,), batch_size=8)
  images = np.zeros((8, 4, 4, 1), np.uint8)
  with prepared(config, home / 'run', quiet=True, data=data.from_arrays(images)) as session:
    yield session.run


def counted(traces):
  """A function of networks that notes each time it is traced."""

  def function(nets, x):
    traces.append(x.shape)
    return nets('critic', x)[0]

  return function


def test_a_function_is_traced_once_whoever_binds_it(run):
  traces = []
  function = counted(traces)
  first = run.bound(function)(jnp.zeros((3, 4, 4, 1)))
  for _ in range(3):
    np.testing.assert_array_equal(run.bound(function)(jnp.zeros((3, 4, 4, 1))), first)
  assert traces == [(3, 4, 4, 1)]


def test_another_function_is_another_program(run):
  one, other = [], []
  for traces in (one, other):
    run.bound(counted(traces))(jnp.zeros((3, 4, 4, 1)))
  assert len(one) == len(other) == 1


def test_samples_and_given_latents_are_each_traced_once(run, monkeypatch):
  programs.jitted.cache_clear()
  for seed in range(3):
    run.sample(seed, 65)
    run.generate(run.latents(seed, 2 + seed))
  assert programs.jitted.cache_info().misses == 2  # sample, generate
  assert programs.jitted(run.sampler().generate, run.stage.game)._cache_size() == 1
  assert programs.jitted(run.sampler().sample, run.stage.game)._cache_size() == 1


@pytest.fixture
def cache_of_jax(tmp_path):
  """A folder of JAX's own for compiled programs, each of which is stored."""
  before = (
    jax.config.jax_compilation_cache_dir,
    jax.config.jax_persistent_cache_min_compile_time_secs,
  )
  names = 'jax_compilation_cache_dir', 'jax_persistent_cache_min_compile_time_secs'
  for name, value in zip(names, (str(tmp_path), 0), strict=True):
    jax.config.update(name, value)
  compilation_cache.reset_cache()
  yield tmp_path
  for name, value in zip(names, before, strict=True):
    jax.config.update(name, value)
  compilation_cache.reset_cache()


def test_a_program_that_is_half_written_is_compiled_anew_without_a_warning(cache_of_jax):
  compiled = lambda: jax.jit(lambda x: x * 3 + 1)(jnp.float32(2))
  compiled()
  stored = [path for path in cache_of_jax.iterdir() if path.name.endswith('-cache')]
  assert stored
  for path in stored:
    path.write_bytes(path.read_bytes()[:100])
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    programs.cache_programs()
    assert compiled() == 7
