import chex
import numpy as np
import pytest
from PIL import Image

from jaxgan import data
from jaxgan.data.source import fingerprint

IMAGES = np.arange(5 * 4 * 4 * 3, dtype=np.uint8).reshape(5, 4, 4, 3)
LABELS = np.array([0, 2, 1, 0, 2])


def test_arrays_come_back_by_index():
  source = data.from_arrays(IMAGES, LABELS, names=('a', 'b', 'c', 'd'))
  assert source.spec == data.Spec(4, 3, 4, ('a', 'b', 'c', 'd'))
  assert len(source) == 5
  chex.assert_trees_all_equal(source.images(np.array([3, 3, 0])), IMAGES[[3, 3, 0]])
  assert source.labels.dtype == np.int32


def test_classes_are_numbered_without_names():
  assert data.from_arrays(IMAGES, LABELS).spec.names == ('0', '1', '2')
  unlabelled = data.from_arrays(IMAGES)
  assert unlabelled.spec.classes == 0 and unlabelled.labels is None


def test_fingerprint_is_of_the_content():
  same = data.from_arrays(IMAGES.copy(), LABELS.copy())
  other = IMAGES.copy()
  other[4, 3, 3, 2] ^= 1
  first = data.from_arrays(IMAGES, LABELS).fingerprint
  assert first == same.fingerprint
  assert first != data.from_arrays(other, LABELS).fingerprint
  assert first != data.from_arrays(IMAGES, LABELS[::-1]).fingerprint
  assert fingerprint('ab', 'c') != fingerprint('a', 'bc')


@pytest.mark.parametrize(
  'images, labels, message',
  [
    (IMAGES.astype(np.float32), None, 'images should be uint8'),
    (IMAGES[0], None, 'images should be uint8'),
    (IMAGES[:, :2], None, 'images should be uint8'),
    (IMAGES[:0], None, 'images should be uint8'),
    (IMAGES, LABELS[:4], r'labels should be integers \[5\]'),
    (IMAGES, LABELS.astype(float), r'labels should be integers \[5\]'),
    (IMAGES, LABELS - 1, 'labels should lie'),
  ],
)
def test_what_is_not_a_data_set_is_refused(images, labels, message):
  with pytest.raises(ValueError, match=message):
    data.from_arrays(images, labels)


def test_labels_beyond_the_names_are_refused():
  with pytest.raises(ValueError, match='from 0 to 1, got 0 to 2'):
    data.from_arrays(IMAGES, LABELS, names=('a', 'b'))


def test_without_classes_the_rest_is_numbered_anew():
  whole = data.from_arrays(IMAGES, LABELS, names=('a', 'b', 'c', 'd'))
  rest = data.without(whole, (1, 3))
  assert rest.spec == data.Spec(4, 3, 2, ('a', 'c'))
  np.testing.assert_array_equal(rest.labels, [0, 1, 0, 1])
  chex.assert_trees_all_equal(rest.images(np.arange(4)), IMAGES[[0, 1, 3, 4]])
  assert len({whole.fingerprint, rest.fingerprint, data.without(whole, (3,)).fingerprint}) == 3
  assert data.without(whole, (3, 1)).fingerprint == rest.fingerprint


@pytest.mark.parametrize(
  'labels, classes, message',
  [
    (LABELS, (3,), 'they are 0 to 2'),
    (LABELS, (0, 1, 2), 'no image remains'),
    (None, (0,), 'has no labels'),
  ],
)
def test_only_classes_that_are_there_can_be_left_out(labels, classes, message):
  with pytest.raises(ValueError, match=message):
    data.without(data.from_arrays(IMAGES, labels), classes)


def test_classes_are_numbered_as_in_a_longer_table():
  source = data.from_arrays(IMAGES, LABELS, names=('a', 'b', 'c'))
  other = data.renamed(source, ('c', 'x', 'a', 'b'))
  assert other.spec == data.Spec(4, 3, 4, ('c', 'x', 'a', 'b'))
  assert other.labels.tolist() == [2, 0, 3, 2, 0] and other.labels.dtype == np.int32
  assert other.class_counts() == (2, 0, 2, 1) and other.fingerprint == source.fingerprint
  assert data.renamed(source, source.spec.names) is source
  assert data.renamed(data.from_arrays(IMAGES), ('a',)).labels is None
  with pytest.raises(ValueError, match="'b' is not one of the classes a, c"):
    data.renamed(source, ('a', 'c'))


def test_the_table_of_classes_is_one_line():
  source = data.from_arrays(IMAGES, LABELS, names=('cat', '1', 'dog'))
  said = '3 classes, with their images: 0 cat (2), 1 (1), 2 dog (2)'
  assert source.class_table() == said
  many = data.from_arrays(IMAGES, LABELS, names=[f'c{i}' for i in range(100)]).class_table()
  assert many.startswith('100 classes') and many.endswith('9 c9 (0), ..., 99 c99 (0)')


def test_all_images_come_whole_or_in_parts():
  source = data.from_arrays(IMAGES)
  chex.assert_trees_all_equal(source.all(), IMAGES)
  parts = list(source.parts(2))
  assert [len(part) for part in parts] == [2, 2, 1]
  chex.assert_trees_all_equal(np.concatenate(parts), IMAGES)


def test_a_set_knows_whether_it_has_held_out_images(tmp_path):
  """And not by its name: a folder has one split, the digits have two."""
  train, test = (data.load('digits', split=x, data_dir=tmp_path) for x in ('train', 'test'))
  assert train.has_held_out and not test.has_held_out
  few = data.load('digits', split='train[:100]', data_dir=tmp_path)
  assert few.has_held_out and few.channels_of == ''
  assert not data.from_arrays(IMAGES).has_held_out
  Image.fromarray(IMAGES[0]).save(tmp_path / 'a.png')
  assert not data.load('folder', folder=tmp_path, data_dir=tmp_path / 'data').has_held_out


def test_what_is_known_of_a_set_by_name():
  assert data.DATASETS['stacked_mnist'].channels_of == 'mnist'
  assert [name for name, each in data.DATASETS.items() if each.two] == ['domains', 'pairs']
  assert data.known('some_set_of_tensorflow_datasets') is None
