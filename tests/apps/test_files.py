import pytest
from PIL import Image

from jaxgan.apps import files
from jaxgan.apps.transparency import enlarged


def opened(path):
  with Image.open(path) as image:
    return image.copy()


def save(path, mode='RGB', size=(4, 4), value=None):
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.new(mode, size, value or 0).save(path)


def test_names_are_kept_and_what_is_bad_is_counted(tmp_path, capsys):
  for name in ('a.png', 'sub/b.jpg', 'twice.png', 'twice.bmp'):
    save(tmp_path / 'in' / name)
  (tmp_path / 'in/bad.png').write_bytes(b'')
  work = files.found(tmp_path / 'in', tmp_path / 'out')
  assert files.convert(work, tmp_path / 'out', lambda image: image.resize((8, 8)), enlarged) == 4
  made = {p.relative_to(tmp_path / 'out').as_posix() for p in (tmp_path / 'out').rglob('*.png')}
  assert made == {'a.png', 'sub/b.png', 'twice.png.png', 'twice.bmp.png'}
  said = capsys.readouterr().err
  assert "skipped 'bad.png': UnidentifiedImageError" in said and 'skipped 1 of 5 images' in said


@pytest.mark.parametrize('mode, seen', [('L', 'L'), ('LA', 'L'), ('RGB', 'RGB'), ('RGBA', 'RGB')])
def test_grey_and_transparency(mode, seen, tmp_path):
  value = {'L': 9, 'LA': (9, 50), 'RGB': (9, 8, 7), 'RGBA': (9, 8, 7, 50)}[mode]
  save(tmp_path / 'a.png', mode, value=value)
  modes = set()

  def make(image):
    modes.add(image.mode)
    return image.resize((8, 8))

  work = files.found(tmp_path / 'a.png', tmp_path / 'out')
  assert files.convert(work, tmp_path / 'out', make, enlarged) == 1
  made = opened(tmp_path / 'out/a.png')
  assert modes <= {seen, 'L'} and seen in modes and made.mode == mode and made.size == (8, 8)
  assert made.getpixel((3, 3)) == value


def test_files_of_systems_are_not_converted(tmp_path, caplog):
  for name in ('a.png', '._a.png', '.thumbs/a.png', 'sub/@eaDir/a.png'):
    (tmp_path / 'in' / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (8, 8)).save(tmp_path / 'in' / name)
  assert files.found(tmp_path / 'in').names == ('a.png',)
  assert 'in: skipped what is hidden or of systems and tools, 3 in all' in caplog.text


def test_what_is_no_image_is_refused(tmp_path):
  (tmp_path / 'in').mkdir()
  refused = {
    'missing': 'neither an image nor a folder',
    'in': 'has no image: none of its 0 files',
  }
  for name, message in refused.items():
    with pytest.raises(ValueError, match=message):
      files.found(tmp_path / name, tmp_path / 'out')
  save(tmp_path / 'in/a.png')
  for out in (tmp_path / 'in', tmp_path / 'in/out', tmp_path):
    with pytest.raises(ValueError, match='lie in each other'):
      files.found(tmp_path / 'in', out)
  (tmp_path / 'in/a.png').write_bytes(b'')
  work = files.found(tmp_path / 'in', tmp_path / 'out')
  with pytest.raises(ValueError, match="none of 1 images could be made, first 'a.png'"):
    files.convert(work, tmp_path / 'out', lambda image: image, enlarged)


def test_a_place_that_cannot_be_written(tmp_path):
  save(tmp_path / 'a.png')
  (tmp_path / 'out').write_text('a file')
  with pytest.raises(FileExistsError):
    files.convert(files.found(tmp_path / 'a.png'), tmp_path / 'out', lambda image: image, enlarged)
