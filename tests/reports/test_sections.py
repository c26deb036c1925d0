"""Sections say what the files of a run say, in words for screen readers too."""

import json
import re
import shutil

import numpy as np
import pytest

from jaxgan import data
from jaxgan.reports import nearest, records, sections, wording
from run_folders import DIAGNOSIS, NAMES


def test_the_header_says_what_and_how_far(lsgan):
  head = sections.header(records.read(lsgan))
  for words in ('lsgan on digits', 'Finished: step 400 of 400', '40 s', '640 images/s', 'cpu'):
    assert words in head
  assert '16 x 16 x 1' in head and '<small>36 to 44</small>' in head


def test_a_run_that_goes_on_is_not_finished(lsgan, tmp_path):
  folder = shutil.copytree(lsgan, tmp_path / 'run')
  for path in sorted((folder / 'samples').iterdir())[-2:]:
    path.unlink()
  lines = (folder / 'metrics.jsonl').read_text().splitlines()[:25]
  (folder / 'metrics.jsonl').write_text('\n'.join(lines))
  head = sections.header(records.read(folder))
  assert 'Finished' not in head and 'Step 250 of 400' in head


def test_rows_and_columns_are_named(cgan, cyclegan):
  frames = [(400, 'data:image/png;base64,')]
  rows = sections.film(records.read(cgan), frames)
  assert all(f'<span>{name}</span>' in rows for name in NAMES)
  assert 'a row for each class: 0, 1, 2' in rows
  columns = sections.film(records.read(cyclegan), frames)
  assert 'columns: A, A to B, back to A, B, B to A, back to B' in columns
  assert '<input' not in columns  # one picture needs no slider


def test_samples_are_those_of_the_last_picture(lsgan, cyclegan):
  found = sections.samples_of(records.read(lsgan))
  assert found.shape == (8, 8, 16, 16, 1)
  assert sections.samples_of(records.read(cyclegan)) is None


def test_each_class_has_samples_and_real_images(cgan):
  record = records.read(cgan)
  alone = sections.by_class(record)
  assert alone.count('<img') == 10 and 'Real images' not in alone
  real = {name: np.zeros((8, 16, 16, 1), np.uint8) for name in NAMES[:9]}
  both = sections.by_class(record, real)
  assert both.count('<img') == 19 and 'alt="Real images of class 3"' in both


def test_pairs_say_their_distance():
  images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1)).astype(np.uint8)
  found = nearest.nearest(images[:3], data.from_arrays(images))
  made = sections.closest(found)
  assert made.count('alt="Sample') == 3 and 'the nearest of 20 training images' in made
  assert '5 of 20' in sections.closest(found._replace(searched=5))
  assert sections.closest(None) is None


def test_scores_stand_beside_real_images(lsgan):
  made = sections.scores(records.read(lsgan))
  assert re.search(r'Fréchet distance</th>.*<strong>40</strong>.*36 to 44.*8\.5', made)
  assert 'classifier 1a2b' in made


def test_only_what_differs_stands_first(lsgan):
  record = records.read(lsgan)
  first = sections.options(record).partition('<details>')[0]
  assert re.search(r'<code>width</code></th><td>16</td><td>64</td>', first)
  assert 'generator_lr' not in first and 'image_size' not in first
  assert 'generator_lr' in sections.options(record)


def test_the_data_set_is_described(lsgan):
  made = sections.data_set(records.read(lsgan))
  for words in ('digits', wording.number(1045), '16 x 16 pixels, grey', 'f00d', '<td>104</td>'):
    assert words in made


def test_what_users_wrote_is_escaped(cyclegan, tmp_path):
  made = sections.data_set(records.read(cyclegan)) + sections.repeat(records.read(cyclegan))
  assert 'a <b>' not in made and 'a &lt;b&gt; &amp; &quot;c&quot;' in made


@pytest.mark.parametrize(('dataset', 'words'), [('arrays', 'data='), ('digits', 'jaxgan train')])
def test_a_run_says_how_to_train_it_again(lsgan, tmp_path, dataset, words):
  folder = shutil.copytree(lsgan, tmp_path / 'run')
  values = json.loads((folder / 'config.json').read_text())
  (folder / 'config.json').write_text(json.dumps({**values, 'dataset': dataset}))
  assert words in sections.repeat(records.read(folder))


def test_rollbacks_and_skipped_updates_are_counted(lsgan, tmp_path):
  folder = shutil.copytree(lsgan, tmp_path / 'run')
  with open(folder / 'metrics.jsonl', 'a') as file:
    file.write(json.dumps({'step': 300, 'rolled_back_from': 400, 'images': 1, 'skipped': 12}))
  made = sections.machine(records.read(folder))
  assert re.search(r'not finite</dt><dd>12', made) and re.search(r'checkpoint</dt><dd>1<', made)


def test_a_diagnosis_names_evidence_and_remedies(lsgan):
  made = sections.diagnosis(records.read(lsgan), DIAGNOSIS)
  assert 'full mode collapse' in made and '90% sure: the samples are &lt;nearly&gt; all' in made
  assert 'diversity = 0.0312 at step 400 (below 0.5)' in made
  assert 'Try <code>--critic-lr=0.0001</code>' in made and 'seen &lt;alone&gt;' in made
  assert sections.diagnosis(records.read(lsgan), {}) is None


def test_warnings_of_the_training_are_listed(lsgan, tmp_path):
  folder = shutil.copytree(lsgan, tmp_path / 'run')
  warning = {'step': 120, 'warning': 'critic <too> strong', 'evidence': 'a = 1', 'remedy': '--r1=1'}
  with open(folder / 'metrics.jsonl', 'a') as file:
    file.write(json.dumps(warning))
  made = sections.diagnosis(records.read(folder), {})
  for words in ('120', 'critic &lt;too&gt; strong', 'a = 1', '<code>--r1=1</code>'):
    assert words in made
