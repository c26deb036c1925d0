"""The command makes a film of the pictures of a run."""

import pytest
from PIL import Image

from jaxgan.apps import film
from run_folders import written


@pytest.fixture
def run(tmp_path):
  return written(tmp_path / 'run')


def test_a_film_is_in_the_folder_of_the_run(run, said):
  found = said(film.main, f'--workdir={run}', '--seconds=0.2')
  assert (found.code, found.err) == (0, '') and '5 frames in' in found.out
  with Image.open(run / 'samples.gif') as gif:
    assert gif.n_frames == 5 and gif.info['duration'] == 200


@pytest.mark.parametrize(
  ('option', 'words'),
  [
    ('--out=film.avi', '.gif or .mp4'),
    ('--seconds=0', '--seconds'),
    ('--seconds=nan', '--seconds'),
  ],
)
def test_wrong_options_are_refused_in_a_line(run, said, option, words):
  found = said(film.main, f'--workdir={run}', option)
  assert found.code == 2 and words in found.err and len(found.err.splitlines()) == 1


def test_a_run_without_pictures_is_refused(run, said):
  for path in (run / 'samples').iterdir():
    path.unlink()
  found = said(film.main, f'--workdir={run}')
  assert found.code == 2 and 'two pictures' in found.err and not (run / 'samples.gif').exists()
