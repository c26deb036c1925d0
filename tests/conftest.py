"""Strict JAX for every test: no silent broadcasting, and eight devices to spread over."""

import os
import pathlib
import signal
import tempfile

# Programs that one test compiles are kept for the others, in this process or in another, until the
# process that made their folder ends.
if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
  _programs = tempfile.TemporaryDirectory(prefix='jaxgan-programs-', ignore_cleanup_errors=True)
  os.environ['JAX_COMPILATION_CACHE_DIR'] = _programs.name
os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0.2'
os.environ['JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES'] = '-1'

import filelock
import jax
import pytest

# Signals that nohup or a shell ignores for jobs in the background: runs that tests start obey them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
  signal.signal(signal.SIGINT, signal.default_int_handler)
for _kind in (signal.SIGHUP, signal.SIGQUIT) if hasattr(signal, 'SIGHUP') else ():
  if signal.getsignal(_kind) is signal.SIG_IGN:
    signal.signal(_kind, signal.SIG_DFL)

jax.config.update('jax_num_cpu_devices', 8)
jax.config.update('jax_numpy_rank_promotion', 'raise')
jax.config.update('jax_numpy_dtype_promotion', 'standard')


def pytest_configure(config):
  """Most of the time goes into compiling programs that run for a moment: without LLVM's
  optimizations, and with the emitters of loops that XLA had before, that takes half as long. Slow
  tests run programs as users do, and all of them with an empty XLA_FLAGS.
  """
  if not config.option.markexpr:
    flags = ['--xla_backend_optimization_level=0']
    if jax.__version_info__ < (0, 11):  # a flag that XLA does not know ends the process
      flags.append('--xla_cpu_use_fusion_emitters=false')
    os.environ.setdefault('XLA_FLAGS', ' '.join(flags))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
  """Keep a variant's tests in one process; leave out what is slow, unless markers were chosen."""
  for item in items:
    variant = getattr(item, 'callspec', None) and item.callspec.params.get('variant')
    if isinstance(variant, str):
      item.add_marker(pytest.mark.xdist_group(variant))
    heavy = item.get_closest_marker('slow_for')
    if heavy and variant in heavy.args:
      item.add_marker(pytest.mark.slow)
    if 'slow' in item.keywords and not config.option.markexpr:
      item.add_marker(pytest.mark.skip(reason='slow: run with -m slow'))


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


@pytest.fixture(scope='session')
def kernels():
  """The native convolutions for all shapes, compiled once for all processes, or a skip."""
  from jaxgan.ops import native_library

  folder = pathlib.Path(os.environ['JAX_COMPILATION_CACHE_DIR']) / 'native'
  folder.mkdir(parents=True, exist_ok=True)
  try:
    with filelock.FileLock(folder / 'lock'):
      return native_library.everywhere(native_library.load(folder))
  except native_library.Unavailable as error:
    pytest.skip(str(error))
