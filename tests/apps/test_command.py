"""All commands parse, act and end in one way."""

import errno
import importlib
import io
import os
import pathlib
import types
from dataclasses import dataclass
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import data, variants
from jaxgan.apps import command
from jaxgan.data.images import Form
from jaxgan.main import COMMANDS
from jaxgan.ops.images import to_unit
from jaxgan.training.run import load

NAMES = [name for name in COMMANDS if name != 'train']
PARTS = {'human': ['make', 'score'], 'anomaly': ['fit', 'score', 'report']}
EVERY = [[name, *part] for name in NAMES for part in ([[p] for p in PARTS.get(name, [])] or [[]])]
MISSING = {
  'human make': ['--workdir=NONE', '--out=p.html'],
  'human score': ['--key=NONE', '--answers', 'NONE'],
  'anomaly fit': ['--workdir=NONE'],
  'anomaly score': ['--workdir=NONE', '--images=NONE', '--out=s.csv'],
  'anomaly report': ['--normal', 'NONE', '--abnormal', 'NONE'],
  'captions': ['--workdir=NONE', '--rows=a', '--columns=b', '--out=made.png'],
  'evaluate': ['--workdir=NONE'],
  'doctor': ['--workdir=NONE'],
  'interpolate': ['--workdir=NONE', '--out=made.gif'],
  'film': ['--workdir=NONE', '--out=made.gif'],
  'report': ['--workdir=NONE', '--out=made.html'],
  'plane': ['--workdir=NONE', '--dataset=none'],
  'play': ['--workdir=NONE'],
  'translate': ['--workdir=NONE', '--images=NONE', '--out=made'],
  'upscale': ['--workdir=NONE', '--images=NONE', '--out=made'],
  'encode': ['--workdir=NONE', '--images=NONE', '--out=z.npz'],
  'invert': ['--workdir=NONE', '--images=NONE', '--out=i.png'],
  'import': ['NONE', '--workdir=made'],
  'export': ['--workdir=NONE', '--out=made.stablehlo'],
}
"""Options that name what is not there; of other commands --workdir and --out."""


def ended(argv, capsys):
  """Exit code, what was printed, and what was said of errors."""
  name, *rest = argv
  try:
    code = importlib.import_module(f'jaxgan.apps.{name}').main(rest)
  except SystemExit as stop:
    code = stop.code or 0
  said = capsys.readouterr()
  return code, said.out, said.err


class Lost(io.StringIO):
  """A stream that cannot be written."""

  def __init__(self, number):
    super().__init__()
    self.number = number

  def write(self, text):
    raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize(
  ('number', 'prints', 'code'),
  [
    (errno.EPIPE, True, 0),  # the reader has what it wanted
    (errno.EIO, True, 0),  # the terminal is gone
    (errno.ENOSPC, True, 1),  # the result is lost
    (errno.ENOSPC, False, 0),  # only progress is lost
  ],
)
def test_work_goes_on_where_output_is_lost(number, prints, code, monkeypatch, capsys):
  done = []

  def act():
    print('a line', flush=True)
    done.append(print('another line', flush=True))
    return 0

  monkeypatch.setattr('sys.stdout', Lost(number))
  assert command.ended(act, prints=prints) == code and done
  err = capsys.readouterr().err.splitlines()
  assert len(err) == code and all('No space left on device' in line for line in err)


@pytest.mark.parametrize('name', ['stdout', 'stderr'])
def test_an_error_keeps_its_code_where_output_is_lost(name, monkeypatch):
  def act():
    print('a line', flush=True)
    raise ValueError('wrong input')

  monkeypatch.setattr(f'sys.{name}', Lost(errno.EPIPE))
  assert command.ended(act) == 2
  monkeypatch.setattr(f'sys.{name}', None)
  assert command.ended(act) == 2


@pytest.mark.parametrize('argv', EVERY, ids=' '.join)
def test_help_is_of_the_command(argv, capsys):
  code, out, err = ended([*argv, '--help'], capsys)
  assert code == 0 and not err
  assert out.startswith(f'usage: jaxgan {" ".join(argv)} ')


@pytest.mark.parametrize('argv', EVERY, ids=' '.join)
def test_an_unknown_option_is_refused_in_a_line(argv, capsys):
  code, out, err = ended([*argv, '--workdri=x'], capsys)
  assert code == 2 and not out
  assert err.splitlines() == [err.strip()] and '--workdri' in err


@pytest.mark.parametrize('argv', EVERY, ids=' '.join)
def test_a_wrong_path_is_refused_in_a_line(argv, capsys, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  given = MISSING.get(' '.join(argv), ['--workdir=NONE', '--out=made.png'])
  code, _, err = ended([*argv, *given], capsys)
  assert code == 2
  assert len(err.splitlines()) == 1 and ('NONE' in err or 'none' in err)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('argv', [['human'], ['human', 'maek'], ['anomaly', 'scroe']])
def test_a_missing_or_wrong_part_is_refused_in_a_line(argv, capsys):
  code, _, err = ended(argv, capsys)
  assert code == 2 and len(err.splitlines()) == 1
  assert all(word in err for word in argv[1:])


@dataclass(frozen=True)
class Options:
  """Say something."""

  out: pathlib.Path
  """Where."""
  loud: bool = False
  """How."""


def acted(act, capsys, argv=('--out=x',)):
  code = command.run('say', Options, act, list(argv))
  return code, capsys.readouterr().err


def failing(error):
  def act(options):
    raise error

  return act


@pytest.mark.parametrize(
  ('error', 'code', 'words'),
  [
    (ValueError('too few'), 2, 'too few'),
    (FileNotFoundError(errno.ENOENT, 'No such file', 'a.json'), 2, 'a.json: No such file'),
    (IsADirectoryError(errno.EISDIR, 'Is a directory', 'a'), 2, 'a: Is a directory'),
    (OSError(errno.ENOSPC, 'No space left', 'b.png'), 1, 'b.png: No space left'),
    (OSError(errno.EIO, 'Input/output error'), 1, 'Input/output error'),
    (PermissionError(errno.EACCES, 'Permission denied', '/none/b.png'), 1, '/none/b.png'),
    (KeyboardInterrupt(), 130, 'stopped'),
  ],
)
def test_every_end_has_its_code_and_a_line(error, code, words, capsys):
  found, said = acted(failing(error), capsys)
  assert found == code
  assert said.startswith('jaxgan: ') and words in said and len(said.splitlines()) == 1


@pytest.mark.skipif(os.name == 'nt' or os.geteuid() == 0, reason='root reads every file')
def test_a_file_that_may_not_be_read_is_wrong_input(tmp_path, capsys):
  path = tmp_path / 'secret'
  path.write_text('')
  path.chmod(0)
  assert acted(lambda options: path.read_text(), capsys)[0] == 2


def test_the_action_gets_what_was_typed(monkeypatch, capsys):
  monkeypatch.setenv('HOME', '/home/someone')
  got = []
  assert acted(got.append, capsys, ['--out', '~/x', '--loud=true'])[0] == 0
  assert got == [Options(pathlib.Path('/home/someone/x'), True)]


def test_an_error_of_the_programmer_is_not_hidden():
  with pytest.raises(KeyError):
    command.run('say', Options, failing(KeyError('x')), ['--out=x'])


FORM = Form(4)


def saved(path, *colour):
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.new('RGB', (8, 6), colour).save(path)
  return path


def test_images_of_a_folder_come_by_name_in_the_shape_of_a_run(tmp_path):
  saved(tmp_path / 'b.png', 255, 0, 0)
  saved(tmp_path / 'a' / 'deep.png', 0, 255, 0)
  (tmp_path / 'notes.txt').write_text('no image')
  found = command.of_folder(tmp_path, FORM)
  assert found.names == ['a/deep.png', 'b.png'] and found.labels is None
  assert found.images.shape == (2, 4, 4, 3) and found.images.dtype == np.float32
  np.testing.assert_array_equal(found.images[0], np.broadcast_to([-1.0, 1, -1], (4, 4, 3)))
  np.testing.assert_array_equal(found.images[1], np.broadcast_to([1.0, -1, -1], (4, 4, 3)))


def test_files_of_systems_are_no_images_of_a_folder(tmp_path, caplog):
  for name in ('a.png', '._a.png', '__MACOSX/a.png'):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    Image.new('RGB', (8, 8)).save(tmp_path / name)
  assert command.of_folder(tmp_path, Form(8)).names == ['a.png']
  assert 'skipped what is hidden or of systems and tools, 2 in all' in caplog.text


def test_one_image_is_named_by_its_file(tmp_path):
  found = command.of_folder(saved(tmp_path / 'b.png', 0, 0, 0), FORM)
  assert found.names == ['b.png'] and (found.images == -1).all()


def test_what_is_no_image_is_refused_with_its_name(tmp_path):
  for path in (tmp_path / 'nowhere', tmp_path):
    with pytest.raises(ValueError, match='no image at .*: give an image or a folder'):
      command.of_folder(path, FORM)
  (tmp_path / 'bad.png').write_bytes(b'no picture')
  with pytest.raises(ValueError, match=r'bad\.png'):
    command.of_folder(tmp_path, FORM)


def test_images_are_a_folder_or_a_split_and_not_both(plain, tmp_path):
  opened = load(plain)
  for path, split in ((None, None), (tmp_path, 'test')):
    with pytest.raises(ValueError, match='give the images: --images=FOLDER, or --split=test'):
      command.given(opened, path, split)
  saved(tmp_path / 'a.png', 0, 0, 0)
  saved(tmp_path / 'b.png', 0, 0, 0)
  assert len(command.given(opened, tmp_path, None, num=1).names) == 1
  of_split = command.given(opened, None, 'test', num=3)
  assert len(set(of_split.names)) == 3
  assert all(name.startswith('test/') for name in of_split.names)
  assert of_split.images.shape == (3, *opened.spec.shape) and of_split.labels.shape == (3,)
  assert np.abs(of_split.images).max() <= 1


@pytest.mark.parametrize(
  'value, fits', [(None, True), (1, True), (0.5, True), (0, False), (-1, False)]
)
def test_options_above_zero(value, fits):
  options = types.SimpleNamespace(batch_size=value)
  if fits:
    command.positive(options, 'batch_size')
  else:
    with pytest.raises(ValueError, match=f'--batch-size must be above 0, it is {value}'):
      command.positive(options, 'batch_size')


def test_a_command_that_would_write_nothing_says_what_to_give(tmp_path):
  with pytest.raises(ValueError, match='nothing to write: give --out=FILE or --npz=FILE'):
    command.something(out=None, npz=None)
  command.something(out=tmp_path / 'x.png', npz=None)


def test_some_images_of_a_sorted_set_are_of_all_its_classes(tmp_path, monkeypatch):
  """The first ten would be of the first class."""
  images = np.repeat(np.arange(100, dtype=np.uint8), 64).reshape(100, 8, 8, 1)
  source = data.from_arrays(images, np.repeat(np.arange(4), 25))
  monkeypatch.setattr(command, 'open_data', lambda config, split, numbered: source)
  found = command.of_split(variants.configure('gan'), 'test', 10)
  assert len(found.names) == 10 and set(found.labels) == set(range(4))
  at = [int(name.removeprefix('test/')) for name in found.names]
  np.testing.assert_array_equal(found.images, to_unit(images[at]))
  for i in range(100):
    Image.fromarray(images[i, ..., 0]).save(tmp_path / f'{i:02}.png')
  opened = SimpleNamespace(spec=data.Spec(8, 1, 0), config=SimpleNamespace(fit='crop'))
  few = command.given(opened, tmp_path, None, 10)
  assert [int(name[:2]) for name in few.names] == at
  np.testing.assert_array_equal(few.images, found.images)
  assert len(command.of_split(variants.configure('gan'), 'test').names) == 100


def test_too_little_memory_is_a_failure_in_a_line(capsys):
  code, said = acted(lambda options: np.empty(2**50), capsys)
  assert code == 1 and said.startswith('jaxgan: not enough memory: Unable to allocate')
  full = jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.\nmore')
  code, said = acted(failing(full), capsys)
  assert code == 1 and len(said.splitlines()) == 1
  with pytest.raises(jax.errors.JaxRuntimeError):
    acted(failing(jax.errors.JaxRuntimeError('INTERNAL: a bug')), capsys)


def test_missing_options_are_named_without_the_examples_of_their_texts(capsys):
  code, _, err = ended(['captions', '--workdir=x', '--out=y.png'], capsys)
  assert code == 2
  assert err == 'jaxgan: --rows and --columns must be given; see jaxgan captions --help\n'


@pytest.mark.parametrize('argv', EVERY, ids=' '.join)
def test_outputs_are_checked_before_the_run_is_opened(argv, capsys, tmp_path, monkeypatch):
  """Where --out is a folder with a file in it, or lies in a file."""
  monkeypatch.chdir(tmp_path)
  if ' '.join(argv) in ('plane', 'play', 'anomaly fit'):
    pytest.skip('it writes no file besides the run')
  (tmp_path / 'file').write_text('')
  given = [f'{word.partition("=")[0]}=nowhere' for word in MISSING.get(' '.join(argv), [])]
  given = [word for word in given if '--' in word] or ['--workdir=nowhere']
  code, _, err = ended([*argv, *given, '--out=file/a'], capsys)
  assert code == 2 and '--out' in err and len(err.splitlines()) == 1
  assert [path.name for path in tmp_path.iterdir()] == ['file']
