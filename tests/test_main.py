"""The command line: what is wrong is said in a few lines, with exit code 2, and nothing is lost."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jaxgan import data, main
from jaxgan.apps import sample
from jaxgan.variants import configure


def run(argv, capsys):
  """Exit code and what was said."""
  try:
    code = main.main(argv)
  except SystemExit as stop:
    code = stop.code
  said = capsys.readouterr()
  return code, said.out + said.err


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  folder = tmp_path_factory.mktemp('data')
  data.load('digits', data_dir=folder)
  return folder


@pytest.fixture
def folder(tmp_path):
  path = tmp_path / 'empty'
  path.mkdir()
  return path


WRONG = {
  'an unknown variant': (['--variant=lsgam', '--workdir=W'], ["'lsgam'", "'lsgan'"]),
  'a typo in a flag': (['--batch_sizes=3', '--workdir=W'], ['--batch_sizes', '--batch-size']),
  'a wrong type': (['--steps=many', '--workdir=W'], ['--steps', 'many']),
  'a value out of range': (['--batch-size=0', '--workdir=W'], ['--batch-size', '0']),
  'no workdir': ([], ['--workdir']),
  'an empty workdir': (['--workdir='], ['--workdir']),
  'no folder': (['--dataset=folder', '--workdir=W'], ['--folder']),
  'a missing folder': (['--dataset=folder', '--folder=MISSING', '--workdir=W'], ['MISSING']),
  'a folder with no image': (['--dataset=folder', '--folder=EMPTY', '--workdir=W'], ['EMPTY']),
  'an unknown data set': (['--dataset=mnits', '--workdir=W'], ['mnits', 'mnist']),
  'a size of no network': (
    ['--variant=sngan', '--image-size=30', '--workdir=W'],
    ['30', '28', '32'],
  ),
  'a batch of unequal shares': (['--batch-size=12', '--workdir=W'], ['12', '8 devices']),
  'a system folder': (['--workdir=/etc/run'], ['--workdir', '/etc/run']),
  'a process without the others': (
    ['--workdir=W', '--process-id=0'],
    ['--coordinator', '--num-processes'],
  ),
  'a process beyond the last': (
    ['--workdir=W', '--coordinator=h:1', '--num-processes=2', '--process-id=2'],
    ['--process-id', '2'],
  ),
  'slopes through batch norm': (['--r1=1', '--workdir=W'], ['--r1', '--critic-norm']),
  'shared fakes for many critics': (
    ['--share-generator=True', '--n-critic=2', '--workdir=W'],
    ['--share-generator', '--n-critic'],
  ),
}


@pytest.mark.parametrize('case', WRONG)
def test_wrong_input_is_named(case, capsys, tmp_path, folder, data_dir):
  argv, words = WRONG[case]
  places = {'W': tmp_path / 'run', 'MISSING': tmp_path / 'missing', 'EMPTY': folder}
  filled = [
    a.partition('=')[0] + f'={places.get(a.partition("=")[2], a.partition("=")[2])}' for a in argv
  ]
  code, said = run([*filled, f'--data-dir={data_dir}'], capsys)
  assert code == 2
  assert 'Traceback' not in said
  assert len(said.strip().splitlines()) <= 10
  for word in words:
    assert str(places.get(word, word)) in said.replace('\n', ''), said
  assert not (tmp_path / 'run').exists()


def test_a_conditional_variant_refuses_images_without_labels(capsys, tmp_path):
  images = tmp_path / 'images'
  images.mkdir()
  for i in range(3):
    Image.fromarray(np.full((20, 20, 3), 80 * i, np.uint8)).save(images / f'{i}.png')
  argv = ['--variant=cgan', '--dataset=folder', f'--folder={images}', f'--data-dir={tmp_path}']
  code, said = run([*argv, f'--workdir={tmp_path / "run"}'], capsys)
  assert code == 2
  assert 'labels' in said and 'subfolders' in said


def test_help_names_every_option_of_the_variant(capsys):
  code, said = run(['--variant=wgan', '--help'], capsys)
  assert code == 0
  for name in ('--clip', '--n-critic', '--workdir', '--generator-lr', '--dataset'):
    assert name in said


def test_options_are_typed_and_presets_are_defaults(tmp_path):
  argv = ['--variant=wgan_gp', '--preset=paper', '--n-critic=3', '--share-generator=False']
  config, folder, _ = main.parse([*argv, f'--workdir={tmp_path}', '--widths=5'][:-1])
  assert config == configure('wgan_gp', 'paper', n_critic=3)
  assert folder == pathlib.Path(tmp_path)


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    (['--out=g.png'], ['no run', 'config.json']),
    ([], ['--out']),
    (['--out=g.png', '--num=0'], ['--num']),
  ],
)
def test_sample_says_what_is_wrong(argv, words, capsys, tmp_path):
  code = sample.main([f'--workdir={tmp_path}', *argv])
  said = capsys.readouterr().err
  assert code == 2
  assert len(said.splitlines()) == 1
  for word in words:
    assert word in said.replace('holds no run', 'no run')


def test_a_changed_model_is_named_with_both_values(capsys, data_dir, tmp_path):
  """Where the config does not tell: the checkpoint is of other shapes."""
  argv = ['--variant=gan', '--batch-size=16', '--steps=1', f'--data-dir={data_dir}']
  argv += [f'--workdir={tmp_path / "run"}', '--widths', '16']
  assert run(argv, capsys)[0] == 0
  path = tmp_path / 'run' / 'config.json'
  path.write_text(path.read_text().replace('16\n', '24\n'))
  code, said = run([*argv[:-1], '24'], capsys)
  assert code == 2
  assert 'weight/kernel: float32[256, 16] -> float32[256, 24]' in said
  assert len(said.strip().splitlines()) <= 10 and 'Traceback' not in said


def test_to_import_it_starts_no_back_end():
  """Processes that are to find each other must do so before JAX looks for devices."""
  said = 'import jaxgan.main, jaxgan.evaluate; from jax._src import xla_bridge as x; '
  command = [sys.executable, '-c', said + 'raise SystemExit(bool(x._backends))']
  subprocess.run(command, check=True, timeout=120)
