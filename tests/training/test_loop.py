"""A run from its first step to its last, and everything that may come between."""

import contextlib
import dataclasses
import functools
import io
import itertools
import json
import random
import signal
import sys
import threading
import time

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from processes import until

from by_path import leaves
from jaxgan import data, main, variants
from jaxgan.apps import evaluate
from jaxgan.core import game
from jaxgan.core.game import Game
from jaxgan.core.typing import Spec
from jaxgan.storage import figures
from jaxgan.storage.checkpoint import Checkpoints
from jaxgan.training import run
from jaxgan.training.loop import Diverged, play, train
from jaxgan.training.session import Refused, prepared
from jaxgan.training.signals import Stopped
from small_runs import LENGTH, config_of, start


def test_leaves_what_it_promises(finished):
  folder, trained = finished
  names = {p.relative_to(folder).as_posix() for p in folder.rglob('*') if p.is_file()}
  pictures_of = {f'samples/{step:06d}.png' for step in (0, 4, 8)}
  assert {'config.json', 'data.json', 'metrics.jsonl', 'curves.png', *pictures_of} <= names
  lines = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
  assert [line['step'] for line in lines] == [2, 4, 6, 8]
  assert [line['images'] for line in lines] == [32, 64, 96, 128]
  assert {'critic/loss', 'generator/loss', 'images_per_second'} <= set(lines[0])
  assert trained.step == LENGTH
  assert Checkpoints(folder / 'checkpoints').steps() == [6, 8]


def test_pictures_show_the_same_latents(finished):
  folder, trained = finished
  images = figures.grid(figures.to_uint8(trained.grid(jax.random.key(1))), 8)
  with Image.open(folder / 'samples' / f'{LENGTH:06d}.png') as shown:
    small = shown.resize((images.shape[1], images.shape[0]), Image.Resampling.NEAREST)
  np.testing.assert_array_equal(np.asarray(small), images[..., 0])


def test_a_loaded_run_is_the_one_trained(finished):
  folder, trained = finished
  loaded = run.load(folder)
  chex.assert_trees_all_equal(leaves(loaded.state), leaves(trained.state))
  np.testing.assert_array_equal(loaded.sample(3, 5), trained.sample(3, 5))


def test_labels_are_refused_where_there_are_none(finished):
  with pytest.raises(ValueError, match='draws no classes'):
    finished[1].sample(0, 1, label=3)


def test_a_finished_run_says_so(finished, data_dir, capsys):
  folder, trained = finished
  before = (folder / 'metrics.jsonl').read_text()
  again = train(config_of(data_dir), folder)
  assert 'nothing left to do' in capsys.readouterr().out
  assert again.step == LENGTH
  assert (folder / 'metrics.jsonl').read_text() == before


def test_a_run_may_grow_and_change_its_rhythm(data_dir, tmp_path):
  train(config_of(data_dir, steps=2), tmp_path, quiet=True)
  longer = train(config_of(data_dir, steps=4, log_every=1), tmp_path, quiet=True)
  straight = train(config_of(data_dir, steps=4), tmp_path / 'straight', quiet=True)
  chex.assert_trees_all_equal(leaves(longer.state), leaves(straight.state))


def test_a_damaged_checkpoint_is_named_and_the_one_before_used(data_dir, tmp_path, capsys):
  whole = train(config_of(data_dir), tmp_path / 'whole', quiet=True)
  train(config_of(data_dir, steps=6), tmp_path / 'hurt', quiet=True)
  files = [p for p in (tmp_path / 'hurt/checkpoints/6').rglob('*') if p.is_file()]
  biggest = max(files, key=lambda p: p.stat().st_size)
  hurt = bytearray(biggest.read_bytes())
  hurt[len(hurt) // 2] ^= 16
  biggest.write_bytes(hurt)
  healed = train(config_of(data_dir), tmp_path / 'hurt', quiet=True)
  assert 'checkpoint 6 refused' in capsys.readouterr().err
  chex.assert_trees_all_equal(leaves(healed.state), leaves(whole.state))


def growing(config, spec):
  """The variant's recipe, its length split over three stages of the same networks."""
  recipe = variants.module('gan').build(config, spec)
  stage = recipe.stages[0]
  again = lambda: Game(**{f.name: getattr(stage.game, f.name) for f in dataclasses.fields(Game)})
  split = (
    stage._replace(steps=3),
    stage._replace(game=again(), steps=2),
    stage._replace(game=again()),
  )
  return recipe._replace(stages=split)


def test_stages_follow_each_other_and_resume_at_their_border(data_dir, tmp_path, monkeypatch):
  """Three stages of one game are one stage; and a run may stop where one ends."""
  whole = train(config_of(data_dir), tmp_path / 'one', quiet=True)
  monkeypatch.setattr(variants, 'build', growing)
  staged = train(config_of(data_dir), tmp_path / 'three', quiet=True)
  chex.assert_trees_all_equal(leaves(staged.state), leaves(whole.state))
  train(config_of(data_dir, steps=3), tmp_path / 'border', quiet=True)
  carried = train(config_of(data_dir), tmp_path / 'border', quiet=True)
  chex.assert_trees_all_equal(leaves(carried.state), leaves(whole.state))


# Steps that are not finite.


def numbers_of(state):
  return jax.random.key_data(state.key)


def losing(config, spec, *, for_ever=False):
  """The variant, whose critic has no finite loss from step 5 on with its first random numbers."""
  recipe = variants.module('gan').build(config, spec)
  stage = recipe.stages[0]
  critic, generator = stage.game.turns

  def loss(nets, batch, key):
    value, nets, logs = critic.loss(nets, batch, key)
    return value + jnp.where(nets.memory['lost'], jnp.nan, 0.0), nets, logs

  def fate(state):
    first = jnp.where(state.step == 0, numbers_of(state), state.memory['first'])
    same = (first == numbers_of(state)).all() | for_ever
    lost = (state.step >= 4) & same
    return dataclasses.replace(state, memory={'first': first, 'lost': lost})

  game = dataclasses.replace(
    stage.game,
    turns=(critic._replace(loss=loss), generator),
    memory={'first': jnp.zeros(2, jnp.uint32), 'lost': jnp.array(False)},
    after=(*stage.game.after, fate),
  )
  return recipe._replace(stages=(stage._replace(game=game),))


def lines_of(folder):
  lines = (folder / 'metrics.jsonl').read_text().splitlines()
  return [{**json.loads(line), 'images_per_second': 0} for line in lines]


DIVERGED = 24


@pytest.fixture(scope='module')
def diverged(data_dir, tmp_path_factory):
  folder = tmp_path_factory.mktemp('whole')
  with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as said:
    patch.setattr(variants, 'build', losing)
    return folder, train(config_of(data_dir, steps=DIVERGED), folder), said.getvalue()


class TestDivergence:
  def test_goes_back_and_on_by_other_random_numbers(self, diverged):
    folder, trained, said = diverged
    assert (
      '11 steps in a row up to step 16 were not finite: back to step 4, with other random numbers'
      in said
    )
    assert trained.step == DIVERGED
    assert all(np.isfinite(x).all() for x in leaves(trained.state).values())
    lines = lines_of(folder)
    assert [line['step'] for line in lines] == [2, 4, 4, *range(6, DIVERGED + 1, 2)]
    assert lines[2]['rolled_back_from'] == 16
    assert [line.get('skipped') for line in lines][:4] == [0, 0, None, 11]
    assert all(line['critic/loss'] is not None for line in lines[3:])

  def test_the_step_is_traced_once_however_often_it_returns(self, data_dir, tmp_path, monkeypatch):
    traced, train_step = [], game.train_step
    counted = lambda *given: traced.append(1) or train_step(*given)
    monkeypatch.setattr(game, 'train_step', counted)
    monkeypatch.setattr(variants, 'build', functools.partial(losing, for_ever=True))
    with pytest.raises(Diverged):
      train(config_of(data_dir, steps=100), tmp_path, quiet=True)
    assert len(traced) == 1

  @pytest.mark.parametrize('stop', [5, 10, 17])
  def test_ends_the_same_wherever_it_was_stopped(
    self, stop, diverged, data_dir, tmp_path, monkeypatch
  ):
    """Before the loss is lost, while steps are left out, and after the return."""
    monkeypatch.setattr(variants, 'build', losing)
    stopped(config_of(data_dir, steps=DIVERGED), tmp_path, stop)
    parts = train(config_of(data_dir, steps=DIVERGED), tmp_path, quiet=True)
    chex.assert_trees_all_equal(leaves(parts.state), leaves(diverged[1].state))
    assert lines_of(tmp_path) == lines_of(diverged[0])

  def test_gives_up_after_three_returns(self, data_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(variants, 'build', functools.partial(losing, for_ever=True))
    with pytest.raises(Diverged, match='as after 3 returns to step 4: try lower learning rates'):
      train(config_of(data_dir, steps=100), tmp_path)
    assert capsys.readouterr().out.count('back to step 4') == 3
    assert run.load(tmp_path).step == 4
    assert (tmp_path / 'report.html').exists(), 'it shows what went wrong'


def stopped(config, folder, step):
  """Train until a signal comes in some step."""

  @contextlib.contextmanager
  def heard(until):
    calls = itertools.count(1)
    yield lambda: signal.SIGTERM if next(calls) == step else 0

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(sys.modules['jaxgan.training.loop'], 'heard', heard)
    with pytest.raises(Stopped, match='which is saved'):
      train(config, folder, quiet=True)


# From Python: whoever watches, stops, or brings images.


class TestCallback:
  def test_gets_every_line_of_the_log(self, data_dir, tmp_path):
    told = []
    run_of = train(config_of(data_dir), tmp_path, quiet=True, callback=told.append)
    assert [now.step for now in told] == [2, 4, 6, 8]
    assert {now.length for now in told} == {LENGTH}
    for now, line in zip(told, lines_of(tmp_path), strict=True):
      assert set(now.metrics) == set(line) - {'step'}
      assert now.metrics['critic/loss'] == line['critic/loss']
      assert all(type(value) in (int, float) for value in now.metrics.values())
    np.testing.assert_array_equal(
      run_of.history['critic/loss'], [now.metrics['critic/loss'] for now in told]
    )

  def test_a_run_that_it_takes_stays_as_it_was(self, data_dir, tmp_path):
    """Though the step donates the state that the run is a copy of."""
    taken = []
    take = lambda now: taken.append((now.step, now.run()))
    last = train(config_of(data_dir), tmp_path / 'a', quiet=True, callback=take)
    for step, snapshot in taken:
      assert step <= snapshot.step <= LENGTH
      until_then = train(config_of(data_dir, steps=snapshot.step), tmp_path / str(step), quiet=True)
      np.testing.assert_array_equal(snapshot.sample(0, 3), until_then.sample(0, 3))
    chex.assert_trees_all_equal(leaves(taken[-1][1].state), leaves(last.state))

  def test_changes_nothing(self, finished, data_dir, tmp_path):
    watched = train(config_of(data_dir), tmp_path, quiet=True, callback=lambda now: now.run())
    chex.assert_trees_all_equal(leaves(watched.state), leaves(finished[1].state))

  def test_its_exception_ends_the_run(self, data_dir, tmp_path):
    def fail(now):
      if now.step == 4:
        raise RuntimeError('enough')

    with pytest.raises(RuntimeError, match='enough'):
      train(config_of(data_dir), tmp_path, quiet=True, callback=fail)
    resumed = train(config_of(data_dir), tmp_path, quiet=True)
    assert resumed.step == LENGTH and [x['step'] for x in lines_of(tmp_path)] == [2, 4, 6, 8]

  def test_never_waits_for_the_device(self, data_dir, tmp_path, monkeypatch):
    """Beside the log's own reading of what is ready, the loop with a callback reads nothing."""
    reads = []
    count = lambda name: lambda get: lambda *args: (reads.append(name), get(*args))[1]
    monkeypatch.setattr(jax, 'device_get', count('get')(jax.device_get))
    monkeypatch.setattr(jax, 'block_until_ready', count('wait')(jax.block_until_ready))
    train(config_of(data_dir), tmp_path / 'without', quiet=True)
    without = list(reads)
    reads.clear()
    train(config_of(data_dir), tmp_path / 'with', quiet=True, callback=lambda now: None)
    assert reads == without and 'get' in reads


class TestStop:
  def test_from_another_thread_saves_the_exact_step(self, data_dir, tmp_path):
    stop, told = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: told.wait(60) and stop.set())
    thread.start()
    config = config_of(data_dir, steps=100_000, checkpoint_every=50_000, sample_every=50_000)
    halted = train(config, tmp_path, quiet=True, stop=stop, callback=lambda now: told.set())
    thread.join()
    assert 2 <= halted.step < 100_000
    assert run.load(tmp_path).step == halted.step

  def test_ends_the_same_as_a_run_left_alone(self, finished, data_dir, tmp_path):
    class AtThird:
      calls = itertools.count(1)

      def is_set(self):
        return next(self.calls) == 3

    assert train(config_of(data_dir), tmp_path, quiet=True, stop=AtThird()).step == 3
    resumed = train(config_of(data_dir), tmp_path, quiet=True, stop=threading.Event())
    chex.assert_trees_all_equal(leaves(resumed.state), leaves(finished[1].state))
    assert [line['step'] for line in lines_of(tmp_path)] == [2, 4, 6, 8]

  def test_is_refused_in_several_processes(self, data_dir, tmp_path, monkeypatch):
    with prepared(config_of(data_dir), tmp_path, quiet=True) as session:
      monkeypatch.setattr(jax, 'process_count', lambda: 2)
      with pytest.raises(Refused, match='stop= is for a run of one process'):
        play(session, stop=threading.Event())


OWN = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
CLASSES = np.arange(40) % 4


def of_arrays(workdir, given=OWN, **options):
  config = variants.configure('gan', **{'steps': 2, 'batch_size': 16, 'widths': (8,), **options})
  return train(config, workdir, quiet=True, data=given)


class TestArrays:
  def test_are_a_data_set_like_any_other(self, tmp_path):
    trained = of_arrays(tmp_path, (OWN, CLASSES))
    assert trained.config.dataset == 'arrays' and trained.spec == Spec(
      8, 3, 4, ('0', '1', '2', '3')
    )
    loaded = run.load(tmp_path)
    assert loaded.config == trained.config and loaded.sample(0, 2).shape == (2, 8, 8, 3)

  @pytest.mark.parametrize('given', [OWN, (OWN,), data.from_arrays(OWN), jnp.asarray(OWN)])
  def test_come_in_several_forms(self, given, tmp_path):
    assert of_arrays(tmp_path, given).spec == Spec(8, 3)

  def test_of_a_loaded_data_set_have_no_held_out_images(self, tmp_path):
    loaded = dataclasses.replace(data.from_arrays(OWN), has_held_out=True)
    trained = of_arrays(tmp_path, loaded, steps=50)  # whose signals would look at them
    assert 'critic/gap' in trained.history and 'critic/overfit' not in trained.history

  def test_a_run_goes_on_with_the_same_ones(self, tmp_path):
    of_arrays(tmp_path / 'parts')
    parts = of_arrays(tmp_path / 'parts', OWN.copy(), steps=4)
    whole = of_arrays(tmp_path / 'whole', steps=4)
    chex.assert_trees_all_equal(leaves(parts.state), leaves(whole.state))
    again = train(dataclasses.replace(parts.config, steps=5), tmp_path / 'parts', data=OWN)
    assert again.step == 5  # with the config that it has itself

  def test_a_run_does_not_go_on_with_others(self, tmp_path):
    of_arrays(tmp_path)
    other = OWN.copy()
    other[3, 2, 1, 0] ^= 1
    with pytest.raises(Refused, match='images of data= changed since .*\n  fingerprint'):
      of_arrays(tmp_path, other, steps=4)
    with pytest.raises(Refused, match='dataset: "arrays" -> "digits"'):
      train(variants.configure('gan', steps=4, batch_size=16, widths=(8,)), tmp_path)

  def test_a_run_does_not_go_on_without(self, tmp_path, capsys):
    trained = of_arrays(tmp_path)
    with pytest.raises(Refused, match='trained on arrays, which are not stored with it'):
      train(dataclasses.replace(trained.config, steps=4), tmp_path)
    flags = ['--widths', '8', '--batch-size=16', '--dataset=arrays']
    code = main.main(['--variant=gan', f'--workdir={tmp_path}', *flags])
    said = capsys.readouterr().err
    assert code == 2 and 'data=...) in Python with the same arrays' in said
    assert len(said.splitlines()) == 1 and 'Traceback' not in said

  def test_no_application_reads_them(self, tmp_path, capsys):
    of_arrays(tmp_path)
    assert evaluate.main([f'--workdir={tmp_path}']) == 2
    assert 'trained on arrays, which are not stored' in capsys.readouterr().err

  def test_classes_may_be_kept_from_a_run(self, tmp_path):
    trained = of_arrays(tmp_path, (OWN, CLASSES), without_classes=(0, 2))
    assert trained.spec.names == ('1', '3')

  @pytest.mark.parametrize(
    ('given', 'options', 'said'),
    [
      (OWN, dict(dataset='mnist'), "data= gives the images, and dataset='mnist' others"),
      (OWN, dict(folder='photos'), 'data= gives the images, and folder=.*photos.* others'),
      (OWN, dict(image_size=16), '8 x 8 x 3, and the config asks for image_size=16'),
      (OWN, dict(channels=1), 'the config asks for image_size=None, channels=1'),
      (OWN[..., :2], {}, 'those of data= have 2'),
      (OWN / 255, {}, 'should be uint8'),
      (OWN[0], {}, 'should be uint8'),
      ((OWN, CLASSES[:3]), {}, r'labels should be integers \[40\]'),
      ((OWN, CLASSES, CLASSES), {}, 'images, or images and labels'),
    ],
  )
  def test_what_does_not_fit_is_refused(self, given, options, said, tmp_path):
    with pytest.raises(Refused, match=said):
      of_arrays(tmp_path / 'run', given, **options)
    assert not (tmp_path / 'run').exists()


# Processes and their ends.


def test_a_full_disk_ends_the_run_and_costs_no_checkpoint(data_dir, tmp_path):
  """No file may grow beyond what the next checkpoint needs: as on a full disk, the write fails."""
  process = start(data_dir, tmp_path, steps=20, widths=256)
  assert process.communicate(timeout=60) and process.returncode == 0
  sizes = [p.stat().st_size for p in (tmp_path / 'checkpoints' / '20').rglob('*') if p.is_file()]
  limit = max(sizes) // 2
  process = start(data_dir, tmp_path, limit, steps=40, widths=256, compilation_cache=False)
  said = process.communicate(timeout=60)[0].splitlines()
  assert process.returncode == 1
  assert said[-1].startswith('jaxgan: checkpoint 40 was not saved in')
  assert 'bytes free' in said[-1] and not any('Traceback' in line for line in said)
  assert run.load(tmp_path).step == 20
  process = start(data_dir, tmp_path, steps=40, widths=256)
  assert process.communicate(timeout=60) and process.returncode == 0
  assert run.load(tmp_path).step == 40


def killed(data_dir, tmp_path, kills, seed):
  """Leaves of a run killed at random points and resumed, and of one that was left alone."""
  chance, length = random.Random(seed), 400
  for _ in range(kills):
    process = start(data_dir, tmp_path / 'killed', steps=length)
    until(process, 'step ')
    time.sleep(chance.uniform(0.0, 0.6))
    process.kill()
    process.communicate(timeout=60)
  for name in ('killed', 'alone'):
    process = start(data_dir, tmp_path / name, steps=length)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
  return (leaves(run.load(tmp_path / name).state) for name in ('killed', 'alone'))


def test_killed_three_times_it_ends_the_same(data_dir, tmp_path):
  chex.assert_trees_all_equal(*killed(data_dir, tmp_path, kills=3, seed=0))


@pytest.mark.slow
def test_killed_twenty_times_it_ends_the_same(data_dir, tmp_path):
  chex.assert_trees_all_equal(*killed(data_dir, tmp_path, kills=20, seed=1))
