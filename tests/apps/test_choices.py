"""What is picked for a folder of images follows from what it holds, by the rule."""

import pathlib

import numpy as np
import pytest
from hypothesis import given, strategies
from PIL import Image

from jaxgan.apps import choices, training_options
from jaxgan.apps.choices import Found
from jaxgan.core.typing import Spec
from jaxgan.variants import VARIANTS, build, configure

SNGAN = training_options.accepted(VARIANTS['sngan'].Config)
FOUND = strategies.builds(
  Found,
  folder=strategies.just(pathlib.Path('p')),
  kind=strategies.sampled_from(['folder', 'captions', 'domains', 'pairs']),
  layout=strategies.just('layout'),
  total=strategies.integers(1, 10**6),
  side=strategies.integers(1, 5000),
  grey=strategies.booleans(),
  classes=strategies.integers(0, 5),
  fewest=strategies.integers(0, 1000),
)


def picked(found, accepted=SNGAN):
  return {pick.option: pick.value for pick in choices.picks(found, accepted)}


PLAIN = Found(pathlib.Path('p'), 'folder', 'any', 5000, 200, False)


@pytest.mark.parametrize(
  ('change', 'option', 'value'),
  [
    ({'side': 200}, 'image_size', 64),
    ({'side': 64}, 'image_size', 64),
    ({'side': 63}, 'image_size', 32),
    ({'side': 20}, 'image_size', 16),
    ({'side': 9}, 'image_size', 16),
    ({'grey': True}, 'channels', 1),
    ({'grey': False}, 'channels', 3),
    ({'classes': 2, 'fewest': 10}, 'conditional', True),
    ({'classes': 2, 'fewest': 9}, 'conditional', False),
    ({'classes': 0}, 'conditional', False),
    ({'total': 1999}, 'augment', 'diffaugment'),
    ({'total': 2000}, 'augment', None),
  ],
)
def test_the_rule(change, option, value):
  assert picked(PLAIN._replace(**change)).get(option) == value


def test_ada_is_preferred_where_the_variant_has_it():
  accepted = training_options.accepted(VARIANTS['stylegan2'].Config)
  assert picked(PLAIN._replace(total=100), accepted)['augment'] == 'ada'


def test_nothing_is_picked_that_the_variant_does_not_have():
  accepted = training_options.accepted(VARIANTS['dcgan'].Config)
  assert 'conditional' not in picked(PLAIN, accepted)


@given(FOUND)
def test_every_pick_is_an_option_with_a_reason(found):
  name = choices.variant(found).value
  kind = VARIANTS[name].Config
  made = choices.picks(found, training_options.accepted(kind))
  options = {pick.option: pick.value for pick in made}
  config = configure(name, **options)
  assert all(getattr(config, option) == value for option, value in options.items())
  assert all(pick.why and '\n' not in str(pick) for pick in made)


@pytest.mark.parametrize('side', choices.SIZES)
@pytest.mark.parametrize('kind', ['folder', 'domains', 'pairs'])
def test_the_picked_variant_makes_images_of_every_picked_size(kind, side):
  found = PLAIN._replace(kind=kind, side=side)
  name = choices.variant(found).value
  options = picked(found, training_options.accepted(VARIANTS[name].Config))
  build(configure(name, **options), Spec(side, 3, 0))


def put(folder, n, size=(20, 30), tint=0):
  """`n` images of height and width, grey but for the tint."""
  folder.mkdir(parents=True, exist_ok=True)
  random = np.random.default_rng(n)
  for i in range(n):
    grey = random.integers(0, 200, (*size, 1)).astype(np.uint8)
    Image.fromarray(grey + np.array([0, 0, tint], np.uint8)).save(folder / f'{i}.png')


def test_images_are_looked_at(tmp_path):
  put(tmp_path / 'p', 7, (20, 30))
  put(tmp_path / 'p', 3, (60, 50), tint=40)
  found = choices.look(tmp_path / 'p')
  assert found[:2] == (tmp_path / 'p', 'folder')
  assert found[3:] == (7, 20, False, 0, 0)


@pytest.mark.parametrize(
  ('files', 'why'),
  [
    ({'captions.csv': 'file_name,caption\n0.png,a hat\n'}, 'captions.csv has captions'),
    ({'captions.jsonl': 'no JSON'}, 'captions.jsonl has captions'),  # said when it is read
    ({'metadata.csv': 'file_name,text\n0.png,a hat\n'}, 'metadata.csv has captions'),
    ({'metadata.csv': 'file_name,age\n0.png,3\n'}, ''),
    ({'0.txt': 'a hat', '1.txt': 'a cat'}, '2 of 3 images have a text file beside them'),
    ({'0.txt': 'a hat'}, ''),
    ({'0.txt': '0 0.5 0.5', '1.txt': '1 0.1 0.2'}, ''),  # boxes, not words
    ({'notes.txt': 'all hats', 'readme.txt': 'by me'}, ''),
  ],
)
def test_captions_are_found(files, why, tmp_path):
  put(tmp_path / 'train', 3)
  put(tmp_path / 'test', 1)
  for name, text in files.items():
    (tmp_path / 'train' / name).write_text(text)
  found = choices.look(tmp_path)
  assert (found.kind, found.layout) == (('captions', why) if why else ('folder', choices.PLAIN))
  assert choices.variant(found).value == ('gan_cls' if why else 'sngan')


@pytest.mark.parametrize(
  ('given', 'variant', 'dataset'),
  [
    ([], 'gan_cls', 'captions'),
    (['--variant=gan_cls'], 'gan_cls', 'captions'),
    (['--variant=dcgan'], 'dcgan', 'folder'),
    (['--dataset=folder'], 'sngan', 'folder'),
    (['--dataset=captions'], 'gan_cls', 'captions'),
  ],
)
def test_captions_are_picked_for_what_draws_by_text(given, variant, dataset, tmp_path):
  put(tmp_path, 3)
  (tmp_path / 'captions.csv').write_text('file_name,caption\n0.png,a hat\n')
  values = training_options.defaults(tmp_path, given).values
  assert values['variant'] == variant
  assert values['dataset'] == dataset or f'--dataset={dataset}' in given


@pytest.mark.parametrize(('tint', 'grey'), [(0, True), (choices.TINT, True), (30, False)])
def test_grey_is_what_looks_grey(tint, grey, tmp_path):
  put(tmp_path, 3, tint=tint)
  assert choices.look(tmp_path).grey is grey


def test_subfolders_are_counted(tmp_path):
  put(tmp_path / 'a', 4)
  put(tmp_path / 'b' / 'deep', 3)
  found = choices.look(tmp_path)
  assert (found.classes, found.fewest, found.total) == (2, 3, 7)


def test_parts_are_not_classes(tmp_path):
  put(tmp_path / 'train', 4)
  put(tmp_path / 'test', 3)
  found = choices.look(tmp_path)
  assert (found.folder, found.kind, found.classes, found.total) == (
    tmp_path,
    'folder',
    0,
    4,
  )


@pytest.mark.parametrize(
  ('layout', 'kind'),
  [
    ({'trainA': (4, 20), 'trainB': (3, 20), 'testA': (1, 20), 'testB': (1, 20)}, 'domains'),
    ({'A': (4, 20), 'B': (3, 20)}, 'domains'),
    ({'A': (4, 20), 'B': (4, 20)}, 'pairs'),
    ({'train': (4, 40), 'val': (2, 40)}, 'pairs'),
    ({'A': (4, 20), 'B': (3, 20), 'C': (3, 20)}, 'folder'),
    ({'A': (4, 20)}, 'folder'),
    ({'input': (4, 20), 'target': (4, 20)}, 'pairs'),
    ({'source': (4, 40), 'target': (3, 40)}, 'domains'),
    ({'train/A': (4, 20), 'train/B': (4, 20), 'test/A': (1, 20), 'test/B': (1, 20)}, 'pairs'),
    ({'A': (4, 20), 'B': (4, 20), '.ipynb_checkpoints': (1, 20)}, 'pairs'),
    ({'train': (4, 20), 'val': (2, 20)}, 'folder'),
    ({'a': (4, 20), 'b': (4, 20)}, 'folder'),
  ],
)
def test_two_domains_are_known_by_their_layout(layout, kind, tmp_path):
  for name, (n, width) in layout.items():
    put(tmp_path / name, n, (20, width))
  assert choices.look(tmp_path).kind == kind


def test_what_cannot_be_read_is_passed_over(tmp_path):
  put(tmp_path, 2)
  (tmp_path / 'x.png').write_text('no image')
  assert choices.look(tmp_path).side == 20
  for path in tmp_path.glob('[01].png'):
    path.unlink()
  with pytest.raises(ValueError, match='no image that can be read'):
    choices.look(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
  with pytest.raises(ValueError, match='there is no folder .*nowhere'):
    choices.look(tmp_path / 'nowhere')
