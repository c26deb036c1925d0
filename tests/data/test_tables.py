"""Tables as rows of numbers, and back; drawing by condition."""

import numpy as np
import pytest
import small_tables

from jaxgan import data
from jaxgan.core.columns import spans
from jaxgan.data import csv_files, tables
from jaxgan.data.csv_files import Kinds


@pytest.fixture
def path(tmp_path):
  (tmp_path / 'rows.csv').write_text(small_tables.text(400))
  return tmp_path / 'rows.csv'


def cells(source):
  return tables.decoded(source.spec.columns, source.all())


def test_rows_come_back_as_they_were(path):
  """Texts to the letter; numbers, in their formats, to the rounding of float32."""
  table, source = csv_files.read(path), tables.load(path)
  found, at = cells(source), table.names.index
  for name in ('kind', 'unit', 'sex'):
    assert [row[at(name)] for row in found] == table.column(name)
  for name, form in (('size', '.2f'), ('count', '.0f')):
    for cell, old in zip([row[at(name)] for row in found], table.column(name), strict=True):
      assert cell == (format(float(old), form) if old else '')


def test_encoded_rows_are_in_range_and_one_hot(path):
  source = tables.load(path)
  rows = source.all()
  assert rows.dtype == np.float32 and rows.shape == (400, *source.spec.shape)
  assert np.abs(rows).max() <= 1
  for _, (first, width, one_hot) in spans(source.spec.columns):
    part = rows[:, 0, 0, first : first + width]
    if one_hot:
      assert set(np.unique(part)) == {0, 1} and (part.sum(1) == 1).all()


def test_a_run_reads_the_same_rows_each_time(path):
  one, other = tables.load(path), tables.load(path)
  assert one.fingerprint == other.fingerprint and (one.all() == other.all()).all()
  assert tables.load(path, kinds=Kinds(dropped=('sex',))).fingerprint != one.fingerprint
  path.write_text(path.read_text().replace(',39,', ',38,', 1))
  assert tables.load(path).fingerprint != one.fingerprint


def test_classes_are_the_categories_with_their_rows(path):
  source, table = tables.load(path), csv_files.read(path)
  counts = dict(zip(source.spec.names, source.class_counts(), strict=True))
  for name in ('kind', 'sex'):
    values = table.column(name)
    assert {v: counts[f'{name}={v}'] for v in set(values)} == {
      v: values.count(v) for v in set(values)
    }
  assert not any(name.startswith('unit') for name in counts)


def test_drawn_rows_have_their_condition(path):
  source, seen = tables.load(path), set()
  stream = data.batches(source, batch_size=64, microbatches=2, seed=1)
  for _, batch in zip(range(5), stream, strict=False):
    assert batch['image'].dtype == np.float32 and batch['image'].shape[:2] == (2, 64)
    rows = tables.decoded(source.spec.columns, batch['image'].reshape(128, 1, 1, -1))
    names = [column.name for column in source.spec.columns]
    for row, label in zip(rows, batch['label'].ravel(), strict=True):
      name, value = source.spec.names[label].split('=')
      assert row[names.index(name)] == value
      seen.add(label)
  assert seen == set(range(source.spec.classes))


def test_categories_are_drawn_by_the_logarithm_of_their_rows():
  ids = np.array([0] * 90 + [1] * 9 + [2])[:, None]
  drawing = tables.Drawing(ids, 3)
  examples = np.concatenate([drawing.draw(0, step, 1000) for step in range(20)])
  shares = np.bincount(drawing.labels(examples), minlength=3) / len(examples)
  wanted = np.log1p([90, 9, 1])
  np.testing.assert_allclose(shares, wanted / wanted.sum(), atol=0.01)
  assert len(np.unique(examples)) == 100  # each row of a category is drawn


def test_hosts_share_a_batch_and_steps_are_their_own(path):
  source = tables.load(path)
  given = dict(batch_size=8, microbatches=2, seed=3)
  whole = next(data.batches(source, **given, start_step=4))
  parts = [next(data.batches(source, **given, start_step=4, host=i, hosts=2)) for i in (0, 1)]
  for name in ('image', 'label'):
    joined = np.concatenate([part[name] for part in parts], 1)
    np.testing.assert_array_equal(joined, whole[name])
  blank = data.blank(source, batch_size=8, microbatches=2)
  assert {n: (x.shape, x.dtype) for n, x in blank.items()} == {
    n: (x.shape, x.dtype) for n, x in whole.items()
  }


def test_numbers_alone_have_no_classes_and_are_drawn_in_turn(tmp_path):
  (tmp_path / 'a.csv').write_text('x,y\n' + '\n'.join(f'{i}.5,{i}' for i in range(20)))
  source = tables.load(tmp_path / 'a.csv')
  batch = next(data.batches(source, batch_size=20, microbatches=1, seed=0))
  assert source.spec.classes == 0 and 'label' not in batch
  assert sorted(map(tuple, batch['image'].reshape(20, -1))) == sorted(
    map(tuple, source.all().reshape(20, -1))
  )


def test_numbers_keep_their_formats_and_ranges():
  spec = small_tables.SPEC
  rows = np.random.default_rng(0).uniform(-1, 1, (200, spec.channels))
  found = tables.decoded(spec.columns, rows)
  sizes = [float(row[0]) for row in found if row[0]]
  assert min(sizes) >= 0 and max(sizes) <= 15 and len(sizes) < 200
  assert all(row[0] == '' or row[0].partition('.')[2].isdigit() for row in found)
  assert all(row[3].isdigit() and int(row[3]) <= 39 and row[2] == 'cm' for row in found)


def test_held_out_rows_are_encoded_by_the_training_rows(tmp_path, caplog):
  (tmp_path / 'train.csv').write_text(small_tables.text(40))
  (tmp_path / 'test.csv').write_text(
    'sex,count,kind,unit,size\nf,12,a,cm,9.1\nother,12,a,cm,9.1\nf,x,a,cm,1\n'
  )
  train, test = tables.load(tmp_path), tables.load(tmp_path, 'test')
  assert train.has_held_out and test.spec == train.spec
  assert cells(test) == [['9.10', 'a', 'cm', '12', 'f']]
  assert '2 rows have values that no training row has' in caplog.text


def test_what_columns_are_is_said(path, caplog):
  tables.load(path)
  assert '400 rows; 2 columns of numbers: size, count' in caplog.text
  assert '2 columns of categories: kind (3), sex (2); 1 constant columns: unit' in caplog.text
  assert 'missing cells are learnt as such, in size (50)' in caplog.text


@pytest.mark.parametrize(
  'given, said',
  [
    (dict(folder=None), 'needs --folder=FILE.csv'),
    (dict(folder='none.csv'), 'there is no table'),
    (dict(folder='.'), 'has no train.csv'),
    (dict(split='test'), "there is no split 'test'"),
    (dict(image_size=8), '--image-size has no effect'),
  ],
)
def test_what_a_table_is_not_is_refused(path, given, said):
  folder = given.pop('folder', 'rows.csv')
  with pytest.raises(ValueError, match=said):
    data.load('table', folder=folder and path.parent / folder, **given)


def test_classes_of_images_cannot_be_taken_from_rows(path):
  with pytest.raises(ValueError, match='--without-classes is for images'):
    data.without(tables.load(path), [0])
