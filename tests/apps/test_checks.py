"""Options are checked before any work: numbers, names, and whether outputs can be written."""

import os
import pathlib
import tempfile
from dataclasses import dataclass

import pytest

from jaxgan.apps import checks, command
from jaxgan.storage import files


@dataclass(frozen=True)
class Options:
  """Draw something."""

  workdir: pathlib.Path | None = None
  given: pathlib.Path | None = None
  several: tuple[pathlib.Path, ...] = ()
  out: checks.Picture | None = None
  scores: checks.Json | None = None
  folder: checks.Folder | None = None
  num: int = 1
  sizes: tuple[int, ...] = ()
  rate: float = 1.0
  loud: bool = True
  seed: int = 0


def refused(**options):
  with pytest.raises((ValueError, OSError)) as info:
    checks.options(Options(**options))
  assert len(str(info.value).splitlines()) == 1
  return info.value


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    (dict(num=2**31), '--num must lie from -2147483647 to 2147483647, it is 2147483648'),
    (dict(num=int('9' * 23)), '--num must lie'),
    (dict(sizes=(1, -(2**40))), '--sizes must lie'),
    (dict(rate=float('nan')), '--rate must be a finite number, it is nan'),
    (dict(rate=float('inf')), '--rate must be a finite number, it is inf'),
    (dict(seed=int('1' * 23)), '--seed must lie from 0 to 4294967294'),
    (dict(seed=-1), '--seed must lie from 0 to 4294967294'),
  ],
)
def test_numbers(options, words):
  assert words in str(refused(**options))


def test_what_can_be_done_is_let_through_and_leaves_nothing(tmp_path):
  (tmp_path / 'old.png').write_text('old')
  for out in ('a.png', 'A.PNG', 'new/deep/a.png', 'old.png', 'ü 😀.png', 'x' * 251 + '.png'):
    checks.options(Options(out=tmp_path / out, folder=tmp_path / 'f', seed=2**32 - 2, rate=-1.0))
  assert [path.name for path in tmp_path.iterdir()] == ['old.png']


@pytest.mark.parametrize('out', ['a.jpg', 'a', '.', 'png', 'a.png.gif', 'a.png/'])
def test_the_name_says_what_is_written(out, tmp_path):
  path = pathlib.Path(out) if out == '.' else tmp_path / out
  if out == 'a.png/':
    path.mkdir()
    assert 'a.png is a folder: give the name of a file' in str(refused(out=path))
  else:
    assert '--out must end in .png, which is what is written, it is' in str(refused(out=path))


def test_names_that_no_file_can_have(tmp_path):
  for name in ('a\0b.png', 'x' * 252 + '.png', 'x' * 256 + '/a.png'):
    for option in ('given', 'out'):
      words = str(refused(**{option: tmp_path / name}))
      assert f'--{option}' in words and ('zero byte' in words or 'more than 255 bytes' in words)
  assert '--several' in str(refused(several=(tmp_path, tmp_path / 'a\0')))


def test_what_stands_in_the_way(tmp_path):
  (tmp_path / 'file').write_text('')
  os.mkfifo(tmp_path / 'pipe.png')
  for option, name in (('out', 'file/a.png'), ('out', 'file/b/a.png'), ('folder', 'file')):
    words = str(refused(**{option: tmp_path / name}))
    assert words.endswith(f'cannot be written: {tmp_path / "file"} is no folder')
  assert 'pipe.png is no file' in str(refused(out=tmp_path / 'pipe.png'))


def test_links_to_themselves_are_no_folders(tmp_path):
  (tmp_path / 'loop').symlink_to('loop')
  assert 'cannot be written' in str(refused(out=tmp_path / 'loop/a.png'))
  checks.options(Options(given=tmp_path / 'loop'))


def test_inputs_are_not_replaced(tmp_path):
  (tmp_path / 'a.json').write_text('{}')
  (tmp_path / 'link.json').symlink_to('a.json')
  words = 'would replace --several: give another --scores'
  for name in ('a.json', 'link.json'):
    assert words in str(refused(several=(tmp_path / 'a.json',), scores=tmp_path / name))


@pytest.mark.parametrize('name', ['config.json', 'data.json'])
def test_a_run_is_not_replaced(name, tmp_path):
  words = 'would replace a part of the run'
  assert words in str(refused(workdir=tmp_path, scores=tmp_path / name))
  assert words in str(refused(workdir=tmp_path, folder=tmp_path / 'checkpoints'))
  assert words in str(refused(workdir=tmp_path, out=tmp_path / 'best' / 'a.png'))
  checks.options(Options(workdir=tmp_path, scores=tmp_path / 'scores.json'))


def test_a_place_that_cannot_be_written_ends_with_1_before_the_work(tmp_path, monkeypatch, capsys):
  def forbidden(*_, **__):
    raise PermissionError(13, 'Permission denied')

  worked = []
  monkeypatch.setattr(tempfile, 'TemporaryFile', forbidden)
  code = command.run('draw', Options, worked.append, [f'--out={tmp_path}/new/a.png'])
  said = capsys.readouterr().err
  assert code == 1 and not worked and not list(tmp_path.iterdir())
  assert said == (
    f'jaxgan: --out={tmp_path}/new/a.png cannot be written: {tmp_path}: Permission denied\n'
  )


@pytest.mark.skipif(os.name == 'nt' or os.geteuid() == 0, reason='root writes everywhere')
def test_a_folder_that_may_not_be_written(tmp_path):
  tmp_path.chmod(0o500)
  assert isinstance(refused(out=tmp_path / 'a.png'), files.Unwritable)
