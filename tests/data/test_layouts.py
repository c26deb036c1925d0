"""Which subfolders are splits and domains, and which images are halves: see test_folder, too."""

import pathlib
import re

import pytest
from PIL import Image

from jaxgan.data import images, layouts
from jaxgan.data import listing as module
from jaxgan.data.listing import listing


def put(root, *names, size=(8, 8)):
  for name in names:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size).save(root / name)
  return listing(root)


@pytest.mark.parametrize(
  ('names', 'parts'),
  [
    ('train/a test/a', {'train': 'train', 'test': 'test'}),
    ('train/a val/a test/a', {'train': 'train', 'test': 'test'}),
    ('Training/a VALID/a', {'train': 'Training', 'test': 'VALID'}),
    ('train/x/a', {'train': 'train'}),
    ('train/a loose', {}),
    ('train/a car/a', {}),
    ('a b/a', {}),
  ],
)
def test_splits(names, parts, tmp_path):
  assert layouts.parts(put(tmp_path, *(f'{n}.png' for n in names.split()))) == parts


@pytest.mark.parametrize('names', ['A', 'a b', 'X Y', 'A B', 'B A C', 'traina trainb', 'input'])
def test_domains_need_both_names(names, tmp_path):
  put(tmp_path, *(f'{name}/a.png' for name in names.split()))
  whole = [way for way in layouts.ways(tmp_path) if way.complete]
  assert bool(whole) == ({'A', 'B'} <= set(names.split()))


def test_folders_of_systems_are_no_domain(tmp_path):
  put(tmp_path, '.A/a.png', '__MACOSX/A/a.png')
  assert layouts.ways(tmp_path) == [] and layouts.sides(tmp_path) is None


@pytest.mark.parametrize(
  ('size', 'wide'), [((16, 8), True), ((600, 301), True), ((600, 310), False), ((8, 8), False)]
)
def test_wide_is_about_twice_as_wide_as_high(size, wide):
  assert layouts.is_wide(*size) is wide


@pytest.mark.parametrize(('other', 'halves'), [(1, True), (3, False)])
def test_nearly_all_images_must_be_wide(other, halves, tmp_path):
  put(tmp_path, *(f'{i}.png' for i in range(19)), size=(16, 8))
  found = put(tmp_path, *(f'x{i}.png' for i in range(other)), size=(16, 16))
  seen = layouts.halves(found)
  assert bool(seen) is halves
  assert (seen.opened, seen.wide, seen.other) == (19 + other, 19, 'x0.png, 16 x 16')


def test_names_that_are_no_classes():
  assert layouts.no_classes(['.cache', 'cat', 'test', 'train']) == ['.cache', 'test', 'train']
  assert layouts.no_classes(['car', 'plane', 'train']) == []


def test_the_page_on_formats_has_every_name_of_the_rules():
  page = (pathlib.Path(__file__).parents[2] / 'docs/formats.md').read_text()
  named = set(re.findall('`([^`\n]+)`', page))
  small = {name.lower().replace('\\r', '\r') for name in named}
  assert small >= module.NEVER
  for name in (*layouts.TRAIN, *layouts.HELD, *(side for pair in layouts.SIDES for side in pair)):
    assert name in named, name
  assert set(images.EXTENSIONS) <= named
  for value in (f'{images.PIXELS:,}', f'{layouts.NEARLY_ALL:.0%}'.replace('%', ' %')):
    assert value in page
  assert f'of {layouts.SAMPLED}, ' in page and f'within {layouts.TOLERANCE:.0%}'[:-1] in page
