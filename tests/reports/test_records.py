"""What the files of a run say, also where they are damaged, foreign or missing."""

import json
import shutil

import pytest

from jaxgan.reports import records


@pytest.fixture
def copy(lsgan, tmp_path):
  return shutil.copytree(lsgan, tmp_path / 'run')


def test_a_record_is_what_the_files_say(lsgan):
  record = records.read(lsgan)
  assert record.title == 'lsgan on digits' and record.step == record.length == 400
  assert list(record.pictures) == [0, 100, 200, 300, 400]
  assert record.changed['width'] == 16 and record.usual['width'] == 64
  assert 'seed' not in record.changed and 'variant' not in record.changed
  assert record.seconds == pytest.approx(40.0)  # 400 steps of 64 images, 640 a second
  assert record.speed == 640 and record.about['machine']['device'] == 'cpu'


def test_layouts_are_those_of_the_variant(lsgan, cgan, cyclegan):
  assert records.read(lsgan).layout == (False, ())
  assert records.read(cgan).layout == (True, ())
  names = 'A', 'A to B', 'back to A', 'B', 'B to A', 'back to B'
  assert records.read(cyclegan).layout == (False, names)


def test_the_time_is_that_of_the_lines(copy):
  lines = [
    {'step': 1, 'images': 100, 'images_per_second': 10.0},
    {'step': 2, 'images': 200, 'images_per_second': 50.0},
    {'step': 1, 'images': 100, 'rolled_back_from': 2},
    {'step': 2, 'images': 200, 'images_per_second': 25.0},
  ]
  (copy / 'metrics.jsonl').write_text('\n'.join(map(json.dumps, lines)))
  assert records.read(copy).seconds == pytest.approx(10 + 2 + 4)


@pytest.mark.parametrize(
  'text',
  [
    '',
    '{"step": 3, "images": 1}\n{"step": 4, "ima',
    '[1]\n7\nnull\n{"step": "x"}\n{}\n',
    '\xff\x00',
  ],
)
def test_a_damaged_log_gives_its_complete_lines(copy, text):
  (copy / 'metrics.jsonl').write_text(text, encoding='latin1')
  found = records.read(copy).lines
  assert [line['step'] for line in found] == ([3] if 'step": 3' in text else [])


@pytest.mark.parametrize('name', ['data.json', 'metrics.jsonl', 'evaluation.json'])
@pytest.mark.parametrize('damage', [None, '', '{', '[]', '{"spec": 3}'])
def test_other_files_may_be_missing_or_damaged(copy, name, damage):
  (copy / name).unlink()
  if damage is not None:
    (copy / name).write_text(damage)
  assert records.read(copy).title == 'lsgan on digits'


def test_a_run_of_an_unknown_variant_is_read(copy):
  values = json.loads((copy / 'config.json').read_text())
  (copy / 'config.json').write_text(json.dumps({**values, 'variant': 'mine', 'extra': 1}))
  record = records.read(copy)
  assert record.title == 'mine on digits' and record.length is None and not record.changed


@pytest.mark.parametrize('damage', [None, '', '{"a', '[1]', '\xff'])
def test_a_folder_without_a_config_is_refused_in_a_sentence(copy, damage):
  (copy / 'config.json').unlink()
  if damage is not None:
    (copy / 'config.json').write_text(damage, encoding='latin1')
  with pytest.raises(ValueError, match='config') as error:
    records.read(copy)
  assert '\n' not in str(error.value)


def test_options_that_say_nothing_of_the_result_are_not_compared(lsgan):
  names = records.options_of(records.read(lsgan))
  assert 'width' in names and not {'log_every', 'report', 'log', 'data_dir'} & set(names)
