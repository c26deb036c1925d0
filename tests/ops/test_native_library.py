"""How the kernels are compiled, kept, checked and timed; and why there may be none."""

import json
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.ops import convolution_forms, native, native_library
from jaxgan.ops.native_library import CASES, Case, Unavailable, by_numpy, load, operands


@pytest.fixture
def alone(monkeypatch):
  """A process that has loaded nothing yet, on a machine for which kernels are made."""
  monkeypatch.setattr(native_library, '_loaded', set())
  monkeypatch.setattr(native_library, '_processor', lambda: 'Any avx512f')
  monkeypatch.setattr(native_library, '_register', lambda path, target: None)
  monkeypatch.setattr(native_library, 'check', lambda target: None)


@pytest.fixture
def compiler(monkeypatch, tmp_path):
  """Let a shell script take the part of the compiler; `$new` is the file that it must write."""

  def become(script):
    path = tmp_path / 'compiler'
    path.write_text(f'#!/bin/sh\nfor new in "$@"; do true; done\n{script}\n')
    path.chmod(0o755)
    monkeypatch.setattr(native_library, 'COMPILERS', (str(path),))

  return become


# What is kept.


def test_a_library_is_compiled_once_and_a_damaged_one_again(alone, compiler, tmp_path, monkeypatch):
  compiler(f'echo x >> {tmp_path}/times; echo library > "$new"')
  folder, times = tmp_path / 'cache', tmp_path / 'times'
  again = lambda: (native_library._loaded.clear(), load(folder))
  target = load(folder)
  again()
  assert times.read_text() == 'x\n'
  path = folder / f'{target.removeprefix("jaxgan_convolution_")}.so'
  assert path.read_text() == 'library\n' and sorted(os.listdir(folder)) == [
    path.with_suffix('.sha256').name,
    path.name,
  ]
  path.write_text('libr')
  again()
  assert times.read_text() == 'x\nx\n' and path.read_text() == 'library\n'
  native_library._loaded.clear()
  monkeypatch.setattr(native_library, '_processor', lambda: 'Other avx512f')
  native_library._key.cache_clear()
  assert load(folder) != target
  native_library._key.cache_clear()


def test_the_name_that_xla_knows_holds_the_source(monkeypatch, tmp_path):
  keys = []
  for text in ('one', 'two'):
    (tmp_path / text).write_text(text)
    monkeypatch.setattr(native_library, 'SOURCE', tmp_path / text)
    native_library._key.cache_clear()
    keys.append(native_library._key())
  native_library._key.cache_clear()
  assert keys[0] != keys[1]


# Why there is none.


@pytest.mark.parametrize(
  'script, said',
  [
    ('echo half > "$new"; echo "x.cc:3: error: no luck" >&2; exit 1', 'x.cc:3: error: no luck'),
    ('exit 3', 'it does not say why'),
    ('sleep 60', 'did not compile in 0.2 seconds'),
  ],
)
def test_a_compiler_that_fails_leaves_nothing(alone, compiler, tmp_path, monkeypatch, script, said):
  compiler(script)
  monkeypatch.setattr(native_library, 'SECONDS', 0.2 if 'sleep' in script else 60)
  with pytest.raises(Unavailable, match=said):
    load(tmp_path / 'cache')
  assert os.listdir(tmp_path / 'cache') == []


def test_machines_without_kernels(alone, compiler, tmp_path, monkeypatch):
  compiler('echo library > "$new"')
  (tmp_path / 'file').touch()
  with pytest.raises(Unavailable, match='cannot be kept: .*file'):
    load(tmp_path / 'file' / 'cache')
  none = {
    'there is no C\\+\\+ compiler: install one of g': (native_library, 'COMPILERS', ('g-none',)),
    'need AVX-512, which this processor lacks': (native_library, '_processor', lambda: 'Any avx2'),
    'are for Linux, and this is ': (sys, 'platform', 'darwin'),
    'are for CPUs, and JAX uses gpu': (jax, 'default_backend', lambda: 'gpu'),
  }
  for said, (where, name, value) in none.items():
    with monkeypatch.context() as patched:
      patched.setattr(where, name, value)
      with pytest.raises(Unavailable, match=said):
        load(tmp_path / 'cache')


def test_what_is_no_library_is_refused(tmp_path):
  (tmp_path / 'x.so').write_text('text')
  with pytest.raises(Unavailable, match='cannot be loaded: .*x.so'):
    native_library._register(tmp_path / 'x.so', 'never')


@pytest.mark.parametrize('kind', native.KINDS)
def test_wrong_numbers_are_refused(kernels, monkeypatch, kind):
  right = native.native
  wrong = lambda target, which, *rest: right(target, which, *rest) * (1.001 if which == kind else 1)
  native_library.check(kernels.target)
  monkeypatch.setattr(native, 'native', wrong)
  with pytest.raises(Unavailable, match=f'compute wrong numbers: {kind} is 1e-03 off'):
    native_library.check(kernels.target)


def test_the_check_has_every_kernel_and_uneven_shapes():
  calls = list(native_library._calls(native_library.CHECKED))
  names = [native.class_of(kind, a.shape, b.shape, static) for kind, a, b, static, _ in calls]
  assert {name.removesuffix(' small') for name in names} == {'conv', 'conv thin', 'tconv', 'wgrad'}


@pytest.mark.parametrize('kind', native.KINDS)
def test_by_numpy_is_the_convolution_of_lax(kind):
  case = Case((2, 7, 6, 3), (3, 2, 3, 4), 2, ((1, 0), (2, 1)))
  first, second, static = operands(kind, case)
  a, b = (np.random.default_rng(0).normal(size=shape) for shape in (first, second))
  form = {
    'conv': convolution_forms.conv_lax,
    'tconv': convolution_forms.tconv_dilated,
    'wgrad': convolution_forms.wgrad_canonical,
  }[kind]
  with jax.enable_x64(True):
    expected = form(jnp.asarray(a), jnp.asarray(b), *static)
  np.testing.assert_allclose(by_numpy(kind, a, b, *static), expected, atol=1e-12)


# The calibration.


def test_classes_are_timed_once(monkeypatch, tmp_path):
  timed = []
  monkeypatch.setattr(native_library, '_gain', lambda target, name: timed.append(name) or 1.25)
  gains = native_library.gains('a', tmp_path)
  assert gains == dict.fromkeys(CASES, 1.25) and timed == list(CASES)
  assert native_library.gains('a', tmp_path) == gains and len(timed) == len(CASES)
  monkeypatch.setattr(native_library, '_cores', lambda: 77)  # of more cores, XLA uses more or less
  native_library.gains('a', tmp_path)
  assert len(timed) == 2 * len(CASES)
  for path in tmp_path.iterdir():
    path.write_text(json.dumps({'conv': 'fast'}))
  native_library.gains('a', tmp_path)
  assert len(timed) == 3 * len(CASES)


def test_only_what_is_faster_is_used():
  gains = {'conv': 1.04, 'tconv': 1.06, 'wgrad': float('nan')}
  assert native_library.faster('a', gains) == native.Kernels('a', ('tconv',))
  assert native_library.everywhere('a') == native.Kernels('a', tuple(CASES))


def test_every_class_is_timed_by_a_convolution_of_it(kernels):
  for name, case in CASES.items():
    kind = name.split()[0]
    assert native.class_of(kind, *operands(kind, case)) == name
  assert 0.01 < native_library._gain(kernels.target, 'conv small') < 100


# Memory and threads: minutes.

ROOT = pathlib.Path(__file__).parents[2]


def fuzz(library, count, seed, cores=2, **environment):
  """Compute random convolutions in a process of its own; return what it prints."""
  command = [sys.executable, 'tests/native_fuzz.py', str(library), *map(str, (count, seed, cores))]
  path = {'PYTHONPATH': str(ROOT)}
  env = {**os.environ, **path, **environment}
  done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr[-3000:]
  return done.stdout


@pytest.mark.slow
def test_no_byte_outside_of_the_arrays_is_touched(kernels, tmp_path):
  library = tmp_path / 'watched.so'
  native_library.make(library, '-O1', '-g', '-fsanitize=address')
  command = ['c++', '-print-file-name=libasan.so'], ['c++', '-print-file-name=libstdc++.so']
  files = [subprocess.check_output(words, text=True).strip() for words in command]
  if not os.path.isabs(files[0]):
    pytest.skip('the compiler has no AddressSanitizer')
  watched = {'LD_PRELOAD': ':'.join(files), 'ASAN_OPTIONS': 'detect_leaks=0'}
  assert 'wgrad' in fuzz(library, 300, 0, **watched)


@pytest.mark.slow
def test_the_same_bits_on_any_number_of_cores(kernels, tmp_path):
  if len(os.sched_getaffinity(0)) < 2:
    pytest.skip('this process may use one core only')
  library = tmp_path / 'library.so'
  native_library.make(library)
  assert fuzz(library, 100, 1, 1) == fuzz(library, 100, 1, 2)
