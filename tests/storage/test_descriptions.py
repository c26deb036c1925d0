"""What a checkpoint says about itself, and whose it is."""

import json

import pytest

from jaxgan.storage import descriptions
from jaxgan.storage.descriptions import OLDER, Damaged, Foreign

PLAIN = {'lasting': True, 'metrics': {}, 'leaves': {}}


@pytest.fixture
def folder(tmp_path):
  """A folder with the checkpoints 1 of no run, 2 of run a and 3 of run b."""
  for step, run in ((1, {}), (2, {'run': 'a'}), (3, {'run': 'b'})):
    (tmp_path / str(step)).mkdir()
    descriptions.write(tmp_path / str(step), {'step': step, **run, **PLAIN})
  return tmp_path


def keep(folder, *steps):
  for step in {1, 2, 3} - {*steps}:
    (folder / str(step) / descriptions.NAME).unlink()
    (folder / str(step)).rmdir()


def test_is_read_as_it_was_written(folder):
  assert descriptions.read(folder / '2') == {'step': 2, 'run': 'a', 'files': {}, **PLAIN}
  assert descriptions.steps(folder) == [1, 2, 3] and descriptions.steps(folder / 'none') == []


def test_damage_is_found(folder):
  path = folder / '2' / descriptions.NAME
  path.write_text(path.read_text().replace('"a"', '"c"'))
  with pytest.raises(Damaged):
    descriptions.read(folder / '2')


@pytest.mark.parametrize(
  ('there', 'run'), [((2,), 'a'), ((1,), ''), ((1,), f'{OLDER}a'), ((), 'a')]
)
def test_a_run_has_its_own_checkpoints(folder, there, run):
  keep(folder, *there)
  descriptions.check_run(folder, run)


@pytest.mark.parametrize(
  ('there', 'run', 'step'),
  [
    ((3,), 'a', 3),
    ((2, 3), 'a', 3),  # one of them is enough
    ((2, 3), 'b', 2),
    ((1,), 'a', 1),  # a run with a mark saves no checkpoints without one
    ((2,), '', 2),
    ((1, 3), f'{OLDER}a', 3),
  ],
)
def test_those_of_another_run_are_refused(folder, there, run, step):
  keep(folder, *there)
  with pytest.raises(Foreign, match=f'another run, of step {step}: to continue that run, copy'):
    descriptions.check_run(folder, run)


def test_a_damaged_one_may_belong_to_any(folder):
  keep(folder, 2)
  path = folder / '2' / descriptions.NAME
  path.write_text(json.dumps({'description': {'step': 2, 'run': 'b'}, 'checksum': 0}))
  descriptions.check_run(folder, 'a')
