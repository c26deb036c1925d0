"""CTGAN: a run on a table, from the file to rows of it, and what its paper says of the losses."""

import csv
import dataclasses
import json

import jax
import numpy as np
import pytest
import small_tables

from by_path import leaves
from jaxgan import data, variants
from jaxgan.apps import doctor, evaluate, interpolate, report, sample
from jaxgan.core import game
from jaxgan.data import tables
from jaxgan.main import jaxgan
from jaxgan.parallel import devices
from jaxgan.recipes import stages
from jaxgan.training import session
from jaxgan.training.loop import train

SMALL = dict(widths=(16,), latent_size=4, batch_size=16, pack=2, log_every=2, sample_every=4)


@pytest.fixture(scope='module')
def path(tmp_path_factory):
  file = tmp_path_factory.mktemp('table') / 'rows.csv'
  file.write_text(small_tables.text(80))
  return file


@pytest.fixture(scope='module')
def finished(path, tmp_path_factory):
  folder = tmp_path_factory.mktemp('finished')
  config = variants.configure('ctgan', folder=path, steps=4, **SMALL)
  return folder, train(config, folder, quiet=True)


def refused(capsys, code):
  said = capsys.readouterr().err.splitlines()
  assert code == 2 and len(said) == 1
  return said[0]


def test_rows_of_a_run_have_the_columns_and_formats_of_the_table(finished, path, tmp_path):
  folder, run = finished
  out = tmp_path / 'rows.csv'
  assert sample.main([f'--workdir={folder}', '--num=70', f'--csv={out}', '--seed=3']) == 0
  with open(out, newline='') as file:
    rows = list(csv.reader(file))
  assert rows[0] == ['size', 'kind', 'unit', 'count', 'sex'] and len(rows) == 71
  assert rows[1:] == tables.decoded(run.spec.columns, run.sample(3, 70))
  for size, kind, unit, count, sex in rows[1:]:
    assert kind in 'abc' and unit == 'cm' and sex in 'fm' and 0 <= int(count) < 80
    assert size == '' or 0 <= float(size) <= 12
  again = data.load('table', folder=out)  # which is a table of the same columns, too
  assert [column.name for column in again.spec.columns] == rows[0]


def test_rows_can_be_drawn_by_a_category(finished):
  _, run = finished
  assert run.class_of('sex=m') == 4 and run.spec.names[4] == 'sex=m'
  one, other = (run.sample(0, 8, label=name) for name in ('sex=f', 'sex=m'))
  assert not np.array_equal(one, other)


def test_a_run_shows_histograms_and_keeps_its_columns(finished):
  folder, run = finished
  assert (folder / 'samples/000004.png').is_file() and (folder / 'report.html').is_file()
  page = (folder / 'report.html').read_text()
  assert '5 columns' in page and 'Nearest training' not in page and 'By class' not in page
  about = json.loads((folder / 'data.json').read_text())
  assert [column['name'] for column in about['columns']] == ['size', 'kind', 'unit', 'count', 'sex']
  assert 'generator/condition' in run.history


def test_commands_take_rows_or_refuse_them_in_one_sentence(finished, capsys, tmp_path):
  folder, _ = finished
  out = f'--out={tmp_path / "a.png"}'
  assert 'draws rows' in refused(capsys, sample.main([f'--workdir={folder}', out]))
  gif = f'--out={tmp_path / "a.gif"}'
  assert 'interpolate is for images' in refused(
    capsys, interpolate.main([f'--workdir={folder}', gif])
  )
  assert '--features' in refused(capsys, evaluate.main([f'--workdir={folder}', '--features=turns']))
  assert evaluate.main([f'--workdir={folder}', '--repeats=2', '--num=20']) == 0
  assert 'distance to nearest record' in capsys.readouterr().out
  scores = json.loads((folder / 'evaluation.json').read_text())['scores']
  assert len(scores) == 5 and scores[0]['real'] < scores[0]['of']['value']
  assert report.main([f'--workdir={folder}']) == 0
  assert doctor.main([f'--workdir={folder}']) == 0
  assert 'not looked at as images' in capsys.readouterr().out


def test_hostile_tables_and_options_are_refused_in_one_sentence(path, tmp_path, capsys):
  run = lambda *words: jaxgan(['train', '--variant=ctgan', f'--workdir={tmp_path / "run"}', *words])
  (tmp_path / 'a.csv').write_bytes(b'\xff\xfea\x00')
  assert 'UTF-16' in refused(capsys, run(f'--folder={tmp_path / "a.csv"}'))
  (tmp_path / 'a.csv').write_text('a\n1,2\n')
  assert 'no row below' in capsys_last(capsys, run(f'--folder={tmp_path / "a.csv"}'))
  assert 'needs --folder=FILE.csv' in refused(capsys, run())
  assert 'has no effect on a table' in refused(capsys, run(f'--folder={path}', '--image-size=8'))
  words = ['--variant=lsgan', '--dataset=table', f'--folder={path}']
  assert 'give --variant=ctgan' in capsys_last(capsys, run(*words))
  assert not (tmp_path / 'run').exists()


def capsys_last(capsys, code):
  """The last line, after what is said of the table itself."""
  assert code == 2
  return capsys.readouterr().err.splitlines()[-1]


def test_a_table_is_trained_on_by_its_name(path, tmp_path, monkeypatch, capsys):
  monkeypatch.chdir(tmp_path)
  small = ['--steps=0', '--widths', '8', '--latent-size=4']
  assert jaxgan(['train', str(path), *small]) == 0
  assert 'picked --variant=ctgan: it draws rows of a table' in capsys.readouterr().out
  assert (tmp_path / 'runs/rows/config.json').is_file()


def test_a_changed_table_is_refused(finished, tmp_path):
  folder, run = finished
  (tmp_path / 'rows.csv').write_text(small_tables.text(79))
  config = dataclasses.replace(run.config, folder=tmp_path / 'rows.csv', steps=6)
  with pytest.raises(session.Refused, match='changed since'):
    train(config, folder, quiet=True)


def _after(recipe, source, count, steps):
  """The state after some steps in double precision on so many devices."""
  with jax.enable_x64(True):
    played, wide = (
      recipe.stages[0].game,
      lambda x: x.astype('float64') if x.dtype == 'float32' else x,
    )
    mesh = devices.mesh(16, jax.devices()[:count])
    first = stages.first_state(recipe.stages[0], jax.random.key(0), devices.replicated(mesh))
    state = jax.tree.map(wide, first)
    step = jax.jit(lambda s, b: game.train_step(played, s, b)[0])
    stream = data.batches(source, batch_size=16, microbatches=played.microbatches, seed=0)
    for batch, _ in zip(stream, range(steps), strict=False):
      state = step(state, devices.place(mesh, jax.tree.map(wide, batch)))
    return leaves(state)


@pytest.mark.slow
def test_devices_agree_on_a_table(path):
  source = data.load('table', folder=path)
  recipe = variants.build(variants.configure('ctgan', **SMALL), source.spec)
  one, many = (_after(recipe, source, count, 2) for count in (1, 8))
  for name, value in one.items():
    apart = np.linalg.norm((many[name] - value).ravel())
    assert apart <= 1e-10 * max(np.linalg.norm(value.ravel()), 1e-30), name


def test_each_key_is_used_once_with_columns():
  check = pytest.importorskip('jax.experimental.key_reuse._core').check_key_reuse
  recipe = variants.build(variants.configure('ctgan', **SMALL), small_tables.SPEC)
  stage = recipe.stages[0]
  state = jax.eval_shape(lambda: game.init(stage.game, jax.random.key(0), dict(stage.example)))
  shape = (stage.game.microbatches, 16)
  batch = {'image': np.zeros((*shape, *small_tables.SPEC.shape), np.float32)}
  batch['label'] = np.zeros(shape, np.int32)
  check(lambda s: game.train_step(stage.game, s, batch), state)


def test_the_settings_of_the_article():
  paper = variants.configure('ctgan', 'paper')
  assert (paper.pack, paper.batch_size, paper.temperature) == (10, 500, 0.2)
  assert paper.widths == (256, 256) and paper.generator_lr == 2e-4
  assert paper.steps == 300 * 10_000 // 500


def test_options_that_mean_nothing_are_refused():
  for options, said in (
    (dict(dropout=1.0), '--dropout must be in'),
    (dict(temperature=0.0), '--temperature must be above 0'),
    (dict(condition=-1.0), '--condition must be 0 or above'),
    (dict(batch_size=64), 'does not divide by --pack=10'),
    (dict(eval_every=5), 'ctgan has no --eval-every'),
    (dict(mirror=True), 'ctgan has no --mirror'),
  ):
    with pytest.raises(ValueError, match=said):
      variants.configure('ctgan', **options)
