"""A film shows every picture in order, at one size."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.reports import film, records


def frames_of(path):
  with Image.open(path) as image:
    for i in range(image.n_frames):
      image.seek(i)
      yield np.asarray(image.convert('L')), image.info['duration']


def test_a_film_shows_the_pictures_in_order(lsgan, tmp_path):
  shots = records.pictures(lsgan)
  assert film.write(shots, tmp_path / 'a.gif', 0.1) == 5
  frames, durations = zip(*frames_of(tmp_path / 'a.gif'), strict=True)
  assert durations == (100, 100, 100, 100, 1500)
  for picture, path in zip(frames, shots.values(), strict=True):
    with Image.open(path) as image:
      wanted = np.asarray(image)
    assert picture.shape == (wanted.shape[0] + film.BAND, wanted.shape[1])
    np.testing.assert_array_equal(picture[: wanted.shape[0]], wanted)
    assert (picture[wanted.shape[0] :] > 200).any()  # the step


def test_pictures_of_other_sizes_are_brought_to_one(tmp_path):
  shots = {}
  for step, size in ((0, 18), (1, 36), (2, 72)):
    shots[step] = tmp_path / f'{step}.png'
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (size, size), np.uint8)).save(
      shots[step]
    )
  film.write(shots, tmp_path / 'a.gif')
  assert {frame.shape for frame, _ in frames_of(tmp_path / 'a.gif')} == {(432 + film.BAND, 432)}


def test_a_long_training_becomes_a_short_film(tmp_path):
  picture = tmp_path / 'p.png'
  Image.fromarray(np.zeros((600, 900, 3), np.uint8)).save(picture)
  film.write(dict.fromkeys(range(3), picture), tmp_path / 'a.gif')
  assert next(frames_of(tmp_path / 'a.gif'))[0].shape == (320 + film.BAND, 480)
  small = tmp_path / 's.png'
  Image.fromarray(np.zeros((4, 4), np.uint8)).save(small)
  assert film.write(dict.fromkeys(range(1000), small), tmp_path / 'b.gif') == film.FRAMES


@pytest.mark.parametrize('count', [0, 1])
def test_one_picture_is_no_film(lsgan, tmp_path, count):
  shots = dict(list(records.pictures(lsgan).items())[:count])
  with pytest.raises(ValueError, match='two pictures'):
    film.write(shots, tmp_path / 'a.gif')
  assert not list(tmp_path.iterdir())


def test_another_ending_is_refused(lsgan, tmp_path):
  with pytest.raises(ValueError, match=r'\.gif or \.mp4'):
    film.write(records.pictures(lsgan), tmp_path / 'a.avi')


def test_mp4_without_its_package_names_it(lsgan, tmp_path, monkeypatch):
  monkeypatch.setitem(__import__('sys').modules, 'av', None)
  with pytest.raises(ValueError, match='jaxgan.film.'):
    film.write(records.pictures(lsgan), tmp_path / 'a.mp4')


def test_mp4_has_all_frames(lsgan, tmp_path):
  av = pytest.importorskip('av', reason='needs av')
  film.write(records.pictures(lsgan), tmp_path / 'a.mp4', 0.5)
  with av.open(str(tmp_path / 'a.mp4')) as found:
    (stream,) = found.streams.video
    frames = [frame.to_ndarray(format='gray').astype(float) for frame in found.decode(stream)]
    assert stream.codec.name == 'h264' and stream.average_rate == 2
  assert len(frames) == 5 + 2 and frames[0].shape == (426 + film.BAND, 426)
  with Image.open(records.pictures(lsgan)[400]) as image:
    assert abs(frames[-1][:426] - np.asarray(image)).mean() < 12
