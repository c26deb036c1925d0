"""Pictures are made small without loss, cut into images, and stay within their budget."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from jaxgan.reports import pictures
from jaxgan.storage import figures


def decoded(url):
  kind, _, data = url.partition(';base64,')
  return kind, np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(3, 9), st.integers(0, 2**32 - 1))
def test_a_grid_is_cut_into_what_it_was_made_of(rows, columns, size, seed):
  images = np.random.default_rng(seed).integers(0, 256, (rows * columns, size, size, 1), np.uint8)
  cut = pictures.cells(figures.grid(images, columns), columns)
  np.testing.assert_array_equal(cut.reshape(images.shape), images)


def test_what_is_no_grid_is_not_cut():
  assert pictures.cells(np.zeros((20, 31), np.uint8), 8) is None
  assert pictures.cells(np.zeros((20, 14), np.uint8), 8) is None


@pytest.mark.parametrize('factor', [1, 2, 3, 7])
def test_enlargement_is_undone(factor):
  small = np.random.default_rng(0).integers(0, 256, (11, 13, 3), np.uint8)
  large = small.repeat(factor, 0).repeat(factor, 1)
  np.testing.assert_array_equal(pictures.native(large), small)


def test_a_small_picture_is_kept_exactly():
  picture = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
  kind, found = decoded(pictures.url(picture))
  assert kind == 'data:image/png'
  np.testing.assert_array_equal(found, picture)


def test_a_large_picture_becomes_small():
  picture = np.random.default_rng(0).integers(0, 256, (900, 1800, 3), np.uint8)
  url = pictures.url(picture)
  kind, found = decoded(url)
  assert kind == 'data:image/webp' and found.shape == (320, 640, 3)
  assert len(url) < 300_000


def test_chosen_steps_have_both_ends():
  assert pictures.chosen([0, 5, 9], 5) == [0, 5, 9]
  found = pictures.chosen(range(0, 1000, 10), 7)
  assert len(found) == 7 and found[0] == 0 and found[-1] == 990 and found == sorted(found)


def test_a_film_keeps_to_its_budget(tmp_path):
  paths = {step: tmp_path / f'{step}.png' for step in range(20)}
  for path in paths.values():
    noise = np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)
    Image.fromarray(noise).save(path)
  whole = pictures.film(paths)
  assert [step for step, _ in whole] == list(range(20))
  size = len(whole[0][1])
  part = pictures.film(paths, budget=5 * size)
  assert len(part) == 5 and part[0][0] == 0 and part[-1][0] == 19
  assert len(pictures.film(paths, budget=0)) == 1


def test_unreadable_pictures_are_omitted(tmp_path):
  Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / '0.png')
  (tmp_path / '1.png').write_bytes(b'\x89PNG broken')
  paths = {0: tmp_path / '0.png', 1: tmp_path / '1.png', 2: tmp_path / 'none.png'}
  assert [step for step, _ in pictures.film(paths)] == [0]


def test_a_picture_that_changed_is_read_anew(tmp_path):
  import os

  path = tmp_path / '0.png'
  Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
  first = pictures.of_file(path)
  Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path)
  os.utime(path, ns=(1, 1))
  assert pictures.of_file(path) != first
