"""Runs that start from another one: what they take, what they keep of it, and when they may."""

import dataclasses
import hashlib
import json
import shutil

import chex
import numpy as np
import pytest

import jaxgan.published.runs
from jaxgan import variants
from jaxgan.core.state import named
from jaxgan.training.loop import train
from jaxgan.training.run import load
from jaxgan.training.session import Refused
from published_files import dcgan

IMAGES = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), np.uint8)
OTHERS = IMAGES[::-1] // 2


def trained(folder, images=OTHERS, source=None, *, optimizer=False, quiet=True, **options):
  usual = dict(widths=(4,), latent_size=3, batch_size=8, steps=2, checkpoint_every=2, report=False)
  config = variants.configure('gan', **{**usual, **options})
  return train(
    config, folder, data=images, start_from=source, start_optimizer=optimizer, quiet=quiet
  )


@pytest.fixture(scope='module')
def home(tmp_path_factory):
  return tmp_path_factory.mktemp('start')


@pytest.fixture(scope='module')
def source(home):
  """A run of two steps, which no test may change."""
  trained(home / 'source', IMAGES)
  return home / 'source'


@pytest.fixture(scope='module')
def begun(home, source):
  """A run that began from it, other images and another rate, and has played no step."""
  trained(home / 'begun', source=source, steps=0, generator_lr=1e-3)
  return home / 'begun'


def start_of(folder):
  return json.loads((folder / 'config.json').read_text())['start']


def test_a_run_begins_with_what_the_other_learnt(source, begun):
  one, other = load(source).state, load(begun).state
  assert int(one.step) == 2 and int(other.step) == 0
  for field in ('params', 'variables', 'ema'):
    chex.assert_trees_all_equal(getattr(one, field), getattr(other, field))
  assert not np.any(other.opt['critic'][0].mu['critic']['Dense_0']['bias'])


def test_the_source_is_recorded_with_its_hash(source, begun):
  arrays = named(load(source).state)
  digest = hashlib.sha256()
  for name in sorted(arrays):
    if name.partition('/')[0] in ('params', 'variables', 'ema', 'opt'):
      digest.update(name.encode() + np.asarray(arrays[name]).tobytes())
  found = start_of(begun)
  assert found == {
    **{'from': str(source.resolve()), 'variant': 'gan', 'step': 2, 'optimizer': False},
    **{'arrays': found['arrays'], 'sha256': digest.hexdigest()},
  }


def test_a_run_of_memory_is_taken_as_well(source, begun, tmp_path):
  state = trained(tmp_path / 'run', source=load(source), steps=0, optimizer=True).state
  chex.assert_trees_all_equal(state.params, load(begun).state.params)
  chex.assert_trees_all_equal(state.opt, load(source).state.opt)
  assert start_of(tmp_path / 'run')['optimizer']


def test_a_run_goes_on_without_its_source_and_never_begins_again(home, source, begun, tmp_path):
  straight = trained(tmp_path / 'straight', source=source, generator_lr=1e-3)
  shutil.copytree(source, tmp_path / 'source')
  trained(tmp_path / 'parts', source=tmp_path / 'source', generator_lr=1e-3, steps=1)
  shutil.rmtree(tmp_path / 'source')
  again = trained(tmp_path / 'parts', source=tmp_path / 'source', generator_lr=1e-3)
  chex.assert_trees_all_equal(again.state.params, straight.state.params)
  chex.assert_trees_all_equal(again.state.opt, straight.state.opt)
  record = start_of(tmp_path / 'parts')
  assert record['sha256'] == start_of(tmp_path / 'straight')['sha256']
  trained(tmp_path / 'parts', generator_lr=1e-3, steps=3)  # the flag may be left out now
  assert start_of(tmp_path / 'parts') == record


def test_what_was_taken_is_said_in_a_line_for_each_group(source, tmp_path, capsys):
  images = np.zeros((8, 12, 12, 1), np.uint8)
  trained(tmp_path / 'run', images, source, steps=0, quiet=False)
  said = capsys.readouterr().out.splitlines()
  assert said[:4] == [
    f'jaxgan: starts from {source.resolve()}',
    'jaxgan:   critic: 3 of 4 arrays taken; of another shape: Dense_0/weight/kernel',
    'jaxgan:   generator: 5 of 7 arrays taken; '
    'of another shape: Dense_1/bias, Dense_1/weight/kernel',
    'jaxgan:   average of generator: 3 of 5 arrays taken; '
    'of another shape: Dense_1/bias, Dense_1/weight/kernel',
  ]


def refused(words, *args, **options):
  with pytest.raises(Refused, match=words):
    trained(*args, **options)


class TestRefused:
  def test_nothing_to_start_from(self, source, begun, tmp_path):
    refused('holds no run: config.json is missing', tmp_path / 'run', source=tmp_path)
    shutil.copytree(source, tmp_path / 'empty', ignore=shutil.ignore_patterns('checkpoints'))
    refused('has no checkpoint yet', tmp_path / 'run', source=tmp_path / 'empty')
    file = source / 'config.json'
    refused('is a file: .*jaxgan.from_published', tmp_path / 'run', source=file)
    refused('no effect without --start-from', tmp_path / 'run', optimizer=True)
    assert not [*(tmp_path / 'run').glob('*.json')]

  def test_nothing_that_fits(self, source, tmp_path):
    words = r'no weights fit .*there -> here: latent_size: 3 -> 5; widths: \[4\] -> \[6\]'
    refused(words, tmp_path / 'run', source=source, widths=(6,), latent_size=5)
    assert not (tmp_path / 'run' / 'config.json').exists()
    trained(tmp_path / 'run', steps=0)  # the folder is as free as before

  def test_another_source_than_before(self, source, begun, tmp_path):
    same = dict(steps=0, generator_lr=1e-3)
    refused('holds a run that started from', begun, source=tmp_path, **same)
    refused('without --start-optimizer', begun, source=source, optimizer=True, **same)
    refused('is the --workdir itself', begun, source=begun, **same)
    refused('began without --start-from, at step 2', source, IMAGES, begun)

  def test_a_start_that_saved_nothing_is_made_again(self, begun, source, tmp_path):
    """The program died between config.json and the first checkpoint."""
    shutil.copytree(begun, tmp_path / 'run', ignore=shutil.ignore_patterns('checkpoints'))
    refused('has saved no step yet: give --start-from=', tmp_path / 'run', generator_lr=1e-3)
    state = trained(tmp_path / 'run', source=source, steps=0, generator_lr=1e-3).state
    chex.assert_trees_all_equal(state.params, load(begun).state.params)

  def test_frozen_layers_that_were_never_trained(self, tmp_path):
    refused('--freeze=1 keeps layers that were trained before', tmp_path / 'run', freeze=1)


def test_networks_that_no_published_file_held_are_new(tmp_path, capsys):
  """They begin as in training, so they are not taken, and no layer of theirs can be frozen."""
  np.savez(tmp_path / 'weights.npz', **dcgan()[0])
  jaxgan.published.runs.write([tmp_path / 'weights.npz'], tmp_path / 'imported')
  config = dataclasses.replace(
    load(tmp_path / 'imported').config, steps=0, image_size=None, dataset='digits', report=False
  )
  images = np.zeros((8, 8, 8, 3), np.uint8)
  begin = lambda config, folder, source: train(config, folder, data=images, start_from=source)
  begin(config, tmp_path / 'run', tmp_path / 'imported')
  assert 'critic: none of 2 arrays taken; new: ' in capsys.readouterr().out
  with pytest.raises(Refused, match='--freeze=1 keeps .* critic/Conv_0/weight/kernel does not fit'):
    source = jaxgan.from_published(tmp_path / 'weights.npz')
    begin(dataclasses.replace(config, freeze=1), tmp_path / 'frozen', source)


def test_a_checkpoint_of_another_run_names_the_honest_way_too(source, tmp_path):
  shutil.copytree(source / 'checkpoints', tmp_path / 'run' / 'checkpoints')
  refused('holds a checkpoint of another run, .* --start-from=RUN$', tmp_path / 'run')


def test_the_refusal_of_other_options_names_the_honest_way(source):
  refused(f'another --workdir, with --start-from={source}', source, IMAGES, critic_lr=0.1)
  refused(f'another --workdir and --start-from={source}', source, OTHERS)
