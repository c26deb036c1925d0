import json

import pytest

from jaxgan import variants
from jaxgan.core.typing import Spec
from jaxgan.recipes.config_json import RUN, to_json
from jaxgan.storage import descriptions, workdir
from jaxgan.training import kept


def write(folder, **about):
  config = variants.configure('cgan', steps=7)
  (folder / workdir.CONFIG).write_text(json.dumps(to_json(config)))
  (folder / workdir.DATA).write_text(json.dumps({'spec': [16, 1, 2, ['a', 'b']], **about}))
  return config


def test_a_run_says_what_it_was_set_to(tmp_path):
  config = write(tmp_path, counts=[9, 1])
  assert kept.read(tmp_path) == (config, Spec(16, 1, 2, ('a', 'b')))
  assert kept.class_counts(tmp_path) == (9, 1)


def test_older_runs_have_no_counts(tmp_path):
  write(tmp_path)
  assert kept.class_counts(tmp_path) == ()


def test_what_is_no_run_is_refused(tmp_path):
  with pytest.raises(ValueError, match='holds no run .config.json is missing'):
    kept.read(tmp_path)
  write(tmp_path)
  (tmp_path / workdir.DATA).write_text('{')
  with pytest.raises(ValueError, match='holds a damaged config.json or data.json'):
    kept.read(tmp_path)


def test_versions_tell_a_run_of_today_from_an_older_one(tmp_path):
  """An option that had no effect before has one now, and its run is read."""
  config = variants.configure('progan', lecam=0.1)
  (tmp_path / workdir.DATA).write_text(json.dumps({'spec': [16, 1, 0, []]}))
  values = {**to_json(config), 'versions': {'jaxgan': '9'}}
  (tmp_path / workdir.CONFIG).write_text(json.dumps(values))
  assert kept.read(tmp_path)[0] == config
  del values['versions']
  (tmp_path / workdir.CONFIG).write_text(json.dumps(values))
  with pytest.raises(ValueError, match='jaxgan 0.1.0'):
    kept.read(tmp_path)


def test_a_new_run_gets_a_mark_of_its_own(tmp_path):
  first, second = kept.marked(tmp_path, 'checkpoints'), kept.marked(tmp_path, 'checkpoints')
  assert first != second and len(first) == 32
  write(tmp_path)
  assert kept.mark(tmp_path) == ''
  (tmp_path / 'checkpoints/7').mkdir(parents=True)  # damaged, and so of any run
  assert kept.marked(tmp_path, 'checkpoints').startswith(descriptions.OLDER)
  values = json.loads((tmp_path / workdir.CONFIG).read_text())
  (tmp_path / workdir.CONFIG).write_text(json.dumps({**values, RUN: first}))
  assert kept.marked(tmp_path, 'checkpoints') == kept.mark(tmp_path) == first
  assert kept.read(tmp_path)[0] == variants.configure('cgan', steps=7)


def test_the_images_of_an_earlier_start(tmp_path):
  assert kept.spec(tmp_path) is None
  write(tmp_path)
  assert kept.spec(tmp_path) == Spec(16, 1, 2, ('a', 'b'))
  for text in ('{', '{}', '{"spec": 3}'):
    (tmp_path / workdir.DATA).write_text(text)
    with pytest.raises(ValueError, match='holds a damaged data.json'):
      kept.spec(tmp_path)


DAMAGED = {
  'a list': ('[1]', None),
  'deep': ('[' * 100_000, None),
  'no variant': ('{}', None),
  'a variant of another type': ('{"variant": 3}', None),
  'an option of another type': ('{"variant": "gan", "widths": "x", "steps": {}}', None),
  'no spec': (None, '{}'),
  'a spec of one number': (None, '{"spec": 1}'),
  'a spec by name': (None, '{"spec": {"a": 1}}'),
  'a spec of words': (None, '{"spec": ["a", "b", "c", "d"]}'),
  'counts of another type': (None, '{"spec": [16, 1, 2, ["a", "b"]], "counts": "x"}'),
}


@pytest.mark.parametrize('kind', DAMAGED)
def test_a_damaged_run_is_refused_in_a_line(kind, tmp_path):
  write(tmp_path)
  for name, text in zip((workdir.CONFIG, workdir.DATA), DAMAGED[kind], strict=True):
    if text is not None:
      (tmp_path / name).write_text(text)
  with pytest.raises(ValueError) as info:
    kept.read(tmp_path)
    kept.class_counts(tmp_path)
  assert len(str(info.value).splitlines()) == 1
