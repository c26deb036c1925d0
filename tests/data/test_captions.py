"""Folders of images with captions: what is read, what is counted, what is refused."""

import itertools
import json

import numpy as np
import pytest
from PIL import Image

from jaxgan import data

COLOURS = {'red.png': (250, 0, 0), 'blue.png': (0, 0, 250), 'deep/green.png': (0, 250, 0)}


@pytest.fixture
def photos(tmp_path):
  """A folder of three images of one colour each."""
  for name, colour in COLOURS.items():
    path = tmp_path / 'photos' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (8, 8), colour).save(path)
  return tmp_path / 'photos'


def load(folder, **options):
  place = folder.parent / 'prepared'
  return data.load('captions', folder=folder, data_dir=place, image_size=8, **options)


def told(source):
  """The captions of each image, by its colour."""
  found, names = {}, source.spec.names
  for i, image in enumerate(source.all()):
    ids = source.captions.ids[source.captions.starts[i] : source.captions.starts[i + 1]]
    found[tuple(image[0, 0].tolist())] = [names[k] for k in ids]
  return {name: found[colour] for name, colour in COLOURS.items() if colour in found}


WANTED = {
  'red.png': ['a red square', 'red'],
  'blue.png': ['a blue square'],
  'deep/green.png': ['größe, grün'],
}
CSV = """file_name,caption
red.png,a red square
red.png,"red"
blue.png,  a blue\u00a0square
deep/green.png,"gro\u0308ße, grün"
"""


def written(folder, kind):
  if kind == 'txt':
    for name, captions in WANTED.items():
      (folder / name).with_suffix('.txt').write_text('\n'.join(captions), encoding='utf-8')
  elif kind == 'jsonl':
    rows = [json.dumps({'file_name': name, 'text': texts}) for name, texts in WANTED.items()]
    (folder / 'metadata.jsonl').write_text('\n'.join(rows), encoding='utf-8')
  else:
    encoding = 'utf-8-sig' if kind == 'bom' else 'utf-8'
    (folder / 'captions.csv').write_text(CSV, encoding=encoding)


@pytest.mark.parametrize('kind', ['csv', 'bom', 'jsonl', 'txt'])
def test_captions_come_with_their_images(photos, kind, caplog):
  written(photos, kind)
  source = load(photos)
  assert told(source) == WANTED
  assert '4 captions of 3 images' in caplog.text and 'not images' not in caplog.text
  assert source.class_counts() == (1, 1, 1, 1) and source.spec.classes == 4
  assert [source.spec.names[i] for i in source.labels] == [
    source.spec.names[i] for i in source.captions.first
  ]
  assert source.class_table() == '3 images have 4 captions, of which 4 differ'


def test_what_has_no_caption_is_named_and_counted(photos, caplog):
  text = 'image,text\nred.png,red\nblue.png," "\ngone.png,gone\n'
  (photos / 'captions.csv').write_text(text)
  assert told(load(photos)) == {'red.png': ['red']}
  assert '1 images have no caption and are not used: deep/green.png' in caplog.text
  assert '1 images have an empty caption and are not used: blue.png' in caplog.text
  assert '1 captions name no image: gone.png' in caplog.text


REFUSED = {
  'is in UTF-16, not in UTF-8 .line 1.: save it as UTF-8': CSV.encode('utf-16'),
  r'is in another encoding, not in UTF-8 \(line 3\)': b'file_name,caption\nred.png,a\nx,gr\xfcn\n',
  'should have file_name and caption, it has name, words': b'name,words\nred.png,red\n',
  'has no caption for its 3 images': b'file_name,caption\nred.png,\n',
}


@pytest.mark.parametrize('message', REFUSED)
def test_a_table_that_cannot_be_read_is_refused(photos, message):
  (photos / 'captions.csv').write_bytes(REFUSED[message])
  with pytest.raises(ValueError, match=message):
    load(photos)


def test_lines_that_are_no_objects_are_refused_by_number(photos):
  (photos / 'captions.jsonl').write_text('{"file_name": "red.png", "caption": "red"}\n[1]\n')
  with pytest.raises(ValueError, match=r'captions\.jsonl, line 2: an object was expected'):
    load(photos)
  (photos / 'captions.jsonl').write_text('{"file_name": \n')
  with pytest.raises(ValueError, match='line 1: no JSON'):
    load(photos)


def test_no_captions_or_two_tables_are_refused(photos):
  with pytest.raises(ValueError, match='has no caption for its 3 images: give captions.csv'):
    load(photos)
  written(photos, 'csv')
  written(photos, 'jsonl')
  with pytest.raises(ValueError, match='has the tables captions.csv, metadata.jsonl: keep one'):
    load(photos)


def test_other_captions_are_other_data(photos):
  written(photos, 'csv')
  before = load(photos)
  (photos / 'captions.csv').write_text(CSV.replace('a red', 'the red'))
  after = load(photos)
  assert before.fingerprint != after.fingerprint
  assert (
    before.fingerprint
    != data.load(
      'folder', folder=photos, image_size=8, data_dir=photos.parent / 'prepared'
    ).fingerprint
  )


def test_splits_share_their_numbers(photos):
  for split, name in (('train', 'red'), ('train', 'blue'), ('test', 'red')):
    (photos / split).mkdir(exist_ok=True)
    Image.new('RGB', (8, 8), COLOURS[f'{name}.png']).save(photos / split / f'{name}.png')
    (photos / split / f'{name}.txt').write_text(f'{name} of {split}')
  for name in COLOURS:
    (photos / name).unlink()
  train, held = load(photos), load(photos, split='test')
  assert train.has_held_out and train.spec.names == held.spec.names
  assert train.class_counts() == (1, 1, 0)
  assert held.spec.names[held.labels[0]] == 'red of test'


def test_a_caption_is_a_function_of_image_seed_and_step(photos):
  written(photos, 'csv')
  source = load(photos)
  options = dict(batch_size=6, microbatches=2, seed=3)
  draw = lambda n, **more: [
    batch['label'] for batch in itertools.islice(data.batches(source, **options, **more), n)
  ]
  whole = draw(40)
  assert all((a == b).all() for a, b in zip(whole[30:], draw(10, start_step=30), strict=True))
  halves = [draw(40, host=host, hosts=2) for host in (0, 1)]
  joined = [np.concatenate(pair, 1) for pair in zip(*halves, strict=True)]
  assert all((a == b).all() for a, b in zip(whole, joined, strict=True))
  names = np.array(source.spec.names)[np.concatenate(whole).ravel()]
  both = [(names == name).sum() for name in WANTED['red.png']]
  assert sum(both) == 40 * 12 / 3 and min(both) > 50  # 160 draws of one of two


def test_captions_are_no_classes_to_leave_out(photos):
  written(photos, 'csv')
  with pytest.raises(ValueError, match='--without-classes is for classes'):
    data.without(load(photos), [0])
