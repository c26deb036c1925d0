"""The command line: what is wrong is said in a few lines, with exit code 2, and nothing is lost."""

import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jaxgan import data, main
from jaxgan.apps import sample
from jaxgan.recipes.config_json import to_json
from jaxgan.variants import VARIANTS, configure
from published_files import dcgan


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


ROOT = pathlib.Path(__file__).parents[1]
WRONG = {
  'an unknown variant': (['--variant=lsgam', '--workdir=W'], ["'lsgam'", 'lsgan', '--plugin']),
  'an unknown preset': (['--preset=big', '--workdir=W'], ["'big'", 'laptop', 'paper']),
  'a typo in a flag': (['--batch_sizes=3', '--workdir=W'], ['--batch-sizes', '--batch-size']),
  'an option of another variant': (['--clip=1', '--workdir=W'], ['--clip', 'wgan']),
  'a flag that is neither': (['--bias=maybe', '--workdir=W'], ['--bias', '--no-bias', 'maybe']),
  'a wrong choice': (['--schedule=steep', '--workdir=W'], ['--schedule', 'steep', 'cosine']),
  'an option without value': (['--workdir=W', '--steps'], ['--steps']),
  'a missing config': (['--config=MISSING', '--workdir=W'], ['--config', 'MISSING']),
  'a missing plugin': (['--plugin=MISSING', '--workdir=W'], ['--plugin', 'MISSING']),
  'a missing folder of photos': (['MISSING'], ['MISSING', 'folder']),
  'a folder of photos without any': (['EMPTY'], ['EMPTY', 'image']),
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
  'slopes through batch norm': (['--critic-norm=True', '--workdir=W'], ['--r1', '--critic-norm']),
  'an option of other variants': (
    ['--variant=cyclegan', '--lecam=0.3', '--workdir=W'],
    ['cyclegan has no --lecam: it is an option of gan, dcgan'],
  ),
  'an option without the one it needs': (
    ['--lecam-start=5', '--workdir=W'],
    ['--lecam-start=5', '--lecam=0.3'],
  ),
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
    '='.join([*a.split('=')[:-1], str(places.get(a.split('=')[-1], a.split('=')[-1]))])
    for a in argv
  ]
  code, said = run([*filled, f'--data-dir={data_dir}'], capsys)
  assert code == 2
  assert 'Traceback' not in said
  assert len(said.strip().splitlines()) == 1
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
  assert 'labels' in said and 'subfolder' in said and 'such as sngan' in said


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


def photos(folder, counts, grey=False):
  """A folder of noise, by subfolder."""
  random = np.random.default_rng(0)
  for name, n in counts.items():
    (folder / name).mkdir(parents=True, exist_ok=True)
    for i in range(n):
      pixels = random.integers(0, 255, (40, 50, 1 if grey else 3)).astype(np.uint8)
      Image.fromarray(pixels[..., 0] if grey else pixels).save(folder / name / f'{i}.png')
  return folder


def jaxgan(*argv, **environment):
  command = [sys.executable, '-m', 'jaxgan', *argv]
  given = dict(capture_output=True, timeout=120, cwd=ROOT, env=os.environ | environment)
  return subprocess.run(command, **given)


def test_help_lists_every_command_and_imports_none_of_them():
  code = 'import sys; from jaxgan import main; main.jaxgan(["--help"]); '
  code += 'sys.exit(len({"jax", "tyro", "numpy", "flax"} & set(sys.modules)))'
  done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
  assert done.returncode == 0
  for name, text in main.COMMANDS.items():
    assert re.search(rf'^ +{name} +{re.escape(text)}$', done.stdout, re.M)


def test_commands_are_the_modules_of_apps_that_have_a_main():
  from jaxgan import apps

  pieces = pathlib.Path(apps.__path__[0]).glob('*.py')
  assert {p.stem for p in pieces if '\ndef main(' in p.read_text()} == set(main.COMMANDS) - {
    'train'
  }


@pytest.mark.parametrize(
  ('argv', 'words'),
  [(['sampel'], "'sampel': perhaps you meant sample"), (['xyz'], 'train, sample'), (['-x'], '-x')],
)
def test_an_unknown_command_is_refused_in_a_line(argv, words, capsys):
  assert main.jaxgan(argv) == 2
  said = capsys.readouterr()
  assert words in said.err and len(said.err.splitlines()) == 1 and not said.out


def test_the_version_is_that_of_the_package(capsys):
  assert main.jaxgan(['--version']) == 0
  assert capsys.readouterr().out == f'jaxgan {importlib.metadata.version("jaxgan")}\n'


def test_help_is_printed_where_only_ascii_can_be():
  done = jaxgan('train', '--help', PYTHONIOENCODING='ascii')
  assert done.returncode == 0 and b'--workdir' in done.stdout and not done.stderr


def test_every_help_is_printed_where_only_ascii_can_be():
  code = """
import sys
from jaxgan.main import COMMANDS, jaxgan
for name in COMMANDS:
  for part in {'human': ['make', 'score'], 'anomaly': ['fit', 'score', 'report']}.get(name, ['']):
    try:
      sys.exit(jaxgan([name, *filter(None, [part]), '--help']))
    except SystemExit as stop:
      print('ENDED', name, part, stop.code, file=sys.stderr)
"""
  places = {
    **os.environ,
    'LC_ALL': 'C',
    'LANG': 'C',
    'PYTHONIOENCODING': 'ascii',
    'PYTHONUTF8': '0',
  }
  command = [sys.executable, '-c', code]
  done = subprocess.run(command, capture_output=True, env=places, cwd=ROOT, timeout=300)
  ends = done.stderr.decode().splitlines()
  assert len(ends) == len(main.COMMANDS) + 3 and all(end.endswith(' 0') for end in ends), ends
  assert done.stdout.isascii() and done.stdout.count(b'usage: jaxgan ') == len(ends)


@pytest.mark.parametrize('argv', [['--help'], ['train', '--help']])
def test_a_reader_that_leaves_is_no_error(argv):
  reader, writer = os.pipe()
  os.close(reader)
  command = [sys.executable, '-m', 'jaxgan', *argv]
  done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, cwd=ROOT, timeout=120)
  os.close(writer)
  assert done.stderr == b'' and done.returncode in (0, 141)


@pytest.mark.parametrize(
  ('argv', 'deep'),
  [
    (['--deep'], True),
    (['--no-deep'], False),
    (['--deep=True'], True),
    (['--deep=FALSE'], False),
    (['--deep', 'true'], True),
    (['--deep', 'False'], False),
    (['--deep', '--no-deep'], False),
  ],
)
def test_booleans_read_as_they_are_typed(argv, deep):
  config, _, _ = main.parse(['--variant=biggan', *argv, '--workdir=w'])
  assert config.deep is deep


def test_tuples_take_several_words():
  config, _, _ = main.parse(['--variant=gan', '--widths', '32', '64', '--workdir=w'])
  assert config.widths == (32, 64)


def test_home_is_understood_in_paths(monkeypatch, tmp_path):
  monkeypatch.setenv('HOME', str(tmp_path))
  config, workdir, _ = main.parse(['--data-dir=~/data', '--workdir=~/run'])
  assert config.data_dir == tmp_path / 'data' and workdir == tmp_path / 'run'


def test_a_file_sets_defaults_under_the_flags(tmp_path):
  file = tmp_path / 'options.toml'
  file.write_text('variant = "gan"\nwidths = [8, 16]\nsteps = 7\nbatch-size = 4\n')
  config, _, _ = main.parse([f'--config={file}', '--steps=9', '--workdir=w'])
  assert config == configure('gan', widths=(8, 16), steps=9, batch_size=4)


def test_every_variant_is_read_back_from_its_own_config(tmp_path):
  for name in VARIANTS:
    config = configure(name, 'paper')
    (tmp_path / 'config.json').write_text(json.dumps(to_json(config)))
    assert main.parse([f'--config={tmp_path}', '--workdir=w'])[0] == config


def test_photos_alone_train(tmp_path, monkeypatch, capsys):
  """What is picked is said, and runs."""
  monkeypatch.chdir(tmp_path)
  photos(tmp_path / 'pets', {'cats': 12, 'dogs': 15}, grey=True)
  argv = ['pets', '--steps=1', '--batch-size=8', f'--data-dir={tmp_path / "data"}']
  assert main.jaxgan(['train', *argv, '--image-size=16', '--generator-width=4']) == 0
  said = capsys.readouterr().out
  values = json.loads((tmp_path / 'runs/pets/config.json').read_text())
  wanted = {'channels': 1, 'conditional': True, 'augment': 'diffaugment', 'dataset': 'folder'}
  assert {name: values[name] for name in wanted} == wanted
  for name, value in wanted.items():
    assert f'picked --{name}={value}: ' in said
  assert values['image_size'] == 16 and '--image-size' not in said


MINE = '''
from dataclasses import dataclass
from jaxgan.variants import gan

@dataclass(frozen=True)
class Config(gan.Config):
  """Options of mine."""
  extra: float = 1.0
  """Nothing."""

build = gan.build
'''


def test_a_variant_of_ones_own_is_found_again(tmp_path, data_dir):
  """By other processes, which know nothing but the run."""
  file, run = tmp_path / 'mine.py', f'--workdir={tmp_path / "run"}'
  file.write_text(MINE)
  small = ['--steps=1', '--batch-size=8', '--widths', '8', f'--data-dir={data_dir}', '--extra=2']
  done = jaxgan('train', f'--plugin={file}', '--variant=mine', run, *small)
  assert done.returncode == 0, done.stderr
  picture = ['sample', run, f'--out={tmp_path / "g.png"}']
  assert jaxgan(*picture).returncode == 0
  again = jaxgan('train', f'--config={tmp_path / "run"}', run, '--steps=2', '--widths', '8')
  assert again.returncode == 0 and b'step 2/2' in again.stdout + again.stderr
  moved = file.rename(tmp_path / 'other.py')
  lost = jaxgan(*picture)
  assert lost.returncode == 2 and len(lost.stderr.splitlines()) == 1
  assert b'mine.py is missing' in lost.stderr and b'--plugin=FILE' in lost.stderr
  assert jaxgan(*picture, f'--plugin={moved}').returncode == 0


def test_a_run_starts_from_a_file_of_published_weights(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  arrays, _ = dcgan()
  np.savez('weights.npz', **arrays)
  given = main.read(['--variant=dcgan', '--workdir=w', '--start-from=weights.npz'])
  start = main._start(given)
  assert start.name == str(tmp_path / 'weights.npz') and start.source.config.variant == 'dcgan'
  assert start.source.held == ('generator',)
  assert not start.optimizer and main._start(main.read(['--workdir=w'])) is None


@pytest.mark.parametrize(
  ('words', 'said'),
  [
    (['--start-from=nowhere'], 'nowhere holds no run: config.json is missing'),
    (['--start-from=file'], 'file cannot be read'),
    (['--start-optimizer'], '--start-optimizer has no effect without --start-from'),
    (['--freeze=1'], '--freeze=1 keeps layers that were trained before: give --start-from=RUN'),
    (['--freeze=9'], '--freeze=9 leaves nothing to train'),
    (['--freeze=-1'], '--freeze must be 0 or above'),
  ],
)
def test_a_start_from_nothing_is_one_line(words, said, tmp_path, monkeypatch, capsys):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'file').write_text('no weights')
  assert main.main(['--variant=gan', '--widths=4', '--workdir=w', *words]) == 2
  error = capsys.readouterr().err.strip()
  assert said in error and len(error.splitlines()) == 1
