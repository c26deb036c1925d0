"""The doctor reads any folder: it answers, or refuses in one sentence."""

import json
import shutil

import jax
import pytest

import jaxgan
from jaxgan import data, main
from jaxgan.diagnosis import verdicts
from jaxgan.training import doctor
from small_runs import config_of

STILL = dict(steps=150, log_every=50, sample_every=150, checkpoint_every=150, generator_lr=1e-9)


@pytest.fixture(scope='module')
def still(data_dir, tmp_path_factory):
  """A run whose generator stands still."""
  folder = tmp_path_factory.mktemp('still')
  return folder, jaxgan.train(config_of(data_dir, **STILL), folder, quiet=True)


def names(diagnosis):
  return [verdict.name for verdict in diagnosis.verdicts]


def test_names_what_is_wrong_with_remedies_of_the_variant(still):
  folder, run = still
  found = jaxgan.diagnose(folder)
  assert names(found) == [verdicts.SLOW] and found.step == 150 and found.variant == 'gan'
  usual = jaxgan.configure('gan').generator_lr
  assert found.verdicts[0].remedies == (f'--generator-lr={usual}',), 'however low it is'
  assert names(jaxgan.diagnose(run)) == names(found) == names(jaxgan.diagnose(str(folder)))


def test_the_sizes_of_players_are_those_of_their_networks(still):
  run = still[1]
  found = doctor.sizes(run.stage.game, run.state.params)
  assert set(found) == {'generator', 'critic'}
  assert sum(found.values()) == sum(x.size for x in jax.tree.leaves(run.state.params))


def test_works_without_the_data_set(still, monkeypatch):
  monkeypatch.setattr(doctor, 'open_data', lambda config: (_ for _ in ()).throw(OSError('gone')))
  found = jaxgan.diagnose(still[0])
  assert names(found) == [verdicts.FULL] and 'seen alone: gone' in found.notes[0]


def test_other_images_may_be_given(still, data_dir):
  other = data.load('digits', split='test', data_dir=data_dir)
  assert names(jaxgan.diagnose(still[0], data=other)) == [verdicts.SLOW]


def cut(folder, text):
  (folder / 'metrics.jsonl').write_text(text)


DAMAGE = {
  'no log': lambda f: (f / 'metrics.jsonl').unlink(),
  'an empty log': lambda f: cut(f, ''),
  'one line': lambda f: cut(f, (f / 'metrics.jsonl').read_text().splitlines()[0] + '\n'),
  'a truncated log': lambda f: cut(f, (f / 'metrics.jsonl').read_text()[:-40]),
  'a foreign log': lambda f: cut(f, '[1, 2]\nnot json\n{"step": "x"}\n{"a": {}}\n\x00\n'),
  'bytes': lambda f: (f / 'metrics.jsonl').write_bytes(b'\xff\xfe\x00{"step": 1}'),
  'no checkpoint': lambda f: shutil.rmtree(f / 'checkpoints'),
  'a damaged checkpoint': lambda f: [
    p.write_bytes(b'x') for p in (f / 'checkpoints').rglob('*') if p.is_file()
  ],
}


@pytest.mark.parametrize('damage', DAMAGE)
def test_damaged_runs_get_an_answer(damage, still, tmp_path):
  folder = tmp_path / 'run'
  shutil.copytree(still[0], folder)
  DAMAGE[damage](folder)
  found = jaxgan.diagnose(folder)
  assert found.verdicts and json.loads(found.to_json())['verdicts'][0]['name'] in verdicts.ABOUT
  if 'checkpoint' in damage:
    assert 'no samples were drawn' in found.text()


FOREIGN = {
  'nothing': lambda f: None,
  'another config': lambda f: (f / 'config.json').write_text('{"a": 1}'),
  'a list': lambda f: [(f / n).write_text('[]') for n in ('config.json', 'data.json')],
  'half a config': lambda f: [(f / n).write_text('{"vari') for n in ('config.json', 'data.json')],
  'no spec': lambda f: [
    (f / n).write_text('{"variant": "gan"}') for n in ('config.json', 'data.json')
  ],
}


@pytest.mark.parametrize('kind', FOREIGN)
def test_foreign_folders_are_refused_in_one_line(kind, tmp_path, capsys):
  FOREIGN[kind](tmp_path)
  assert main.jaxgan(['doctor', f'--workdir={tmp_path}']) == 2
  said = capsys.readouterr().err
  assert len(said.splitlines()) == 1 and str(tmp_path) in said
