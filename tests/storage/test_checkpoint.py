import json
import logging
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time
import zlib

import chex
import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from absl import logging as absl_logging
from jax.sharding import AxisType, NamedSharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P
from orbax.checkpoint import v1 as ocp

from jaxgan.storage import checkpoint
from jaxgan.storage.checkpoint import CheckpointError, Checkpoints, Incompatible, Unrestorable

ROOT = pathlib.Path(__file__).parents[2]


@flax.struct.dataclass
class State:
  step: jax.Array
  key: jax.Array
  params: dict
  opt: dict
  memory: dict


def test_arrays_are_read_by_name_whatever_model_they_are_of(tmp_path):
  state = {'a': jnp.arange(3.0), 'b': {'c': jnp.int32(4), 'none': jnp.zeros((0, 2))}}
  state['key'] = jax.random.key(5)
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, state, wait=True)
    checkpoints.save(2, state, wait=True)
    (tmp_path / '2' / 'description.json').write_text('{}')
    said = []
    step, arrays = checkpoints.restore(checkpoint.as_stored(tmp_path, one()), log=said.append)
  assert step == 1 and ['checkpoint 2 refused' in line for line in said] == [True]
  assert set(arrays) == {'a', 'b/c', 'b/none', 'key'} and arrays['b/none'].shape == (0, 2)
  chex.assert_trees_all_equal((arrays['a'], arrays['b/c']), (state['a'], state['b']['c']))
  assert jax.random.key_data(arrays['key']).tolist() == jax.random.key_data(state['key']).tolist()


def one():
  return SingleDeviceSharding(jax.devices()[0])


def replicated(devices):
  mesh = jax.make_mesh(
    (devices,), ('data',), axis_types=(AxisType.Auto,), devices=jax.devices()[:devices]
  )
  return NamedSharding(mesh, P())


def make_state(seed, sharding=None, width=40):
  def init():
    key = jax.random.key(seed)
    params = {
      name: {'Dense_0': {'kernel': jax.random.normal(key, (30, width)), 'bias': jnp.zeros(width)}}
      for name in ('critic', 'generator')
    }
    opt = {
      name: optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3)).init(p)
      for name, p in params.items()
    }
    memory = {
      'pool': jnp.zeros((0, 4, 4, 1)),
      'half': jax.random.normal(key, (7, 5), jnp.bfloat16),
      'bytes': jax.random.bits(key, (5,), jnp.uint8),
      'on': jnp.array([True, False]),
      'nothing': {},
      'nan': jnp.array([jnp.nan, -0.0, jnp.inf]),
    }
    return State(jnp.int32(seed), jax.random.fold_in(key, 1), params, opt, memory)

  return jax.jit(init, out_shardings=sharding or one())()


def bits(tree):
  """Every leaf as its bytes, so that NaN equals itself and -0.0 does not equal 0.0."""
  is_key = lambda x: jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
  raw = jax.tree.map(lambda x: np.asarray(jax.random.key_data(x) if is_key(x) else x), tree)
  return jax.tree.map(lambda x: np.frombuffer(x.tobytes(), np.uint8), raw)


def assert_same(a, b):
  chex.assert_trees_all_equal_shapes_and_dtypes(a, b)
  chex.assert_trees_all_equal(bits(a), bits(b))


def assert_found(found, step, state):
  assert found is not None and found[0] == step
  assert_same(found[1], state)


@pytest.fixture(scope='module')
def two_steps(tmp_path_factory):
  """A folder that holds steps 1 and 2 of one run, not to be changed, and their states."""
  folder = tmp_path_factory.mktemp('run') / 'checkpoints'
  states = {step: make_state(step) for step in (1, 2)}
  with Checkpoints(folder, metric='fid') as checkpoints:
    for step, state in states.items():
      checkpoints.save(step, state, metrics={'fid': 10.0 + step})
  return folder, states


@pytest.fixture
def copy(two_steps, tmp_path):
  return pathlib.Path(shutil.copytree(two_steps[0], tmp_path / 'copy'))


def restore(folder, like):
  lines = []
  found = Checkpoints(folder).restore(checkpoint.abstract(like, one()), log=lines.append)
  return found, lines


class TestRoundTrip:
  @pytest.mark.parametrize('devices', [1, 8])
  def test_every_bit_and_the_structure_return(self, tmp_path, devices):
    sharding = replicated(devices)
    state = make_state(3, sharding)
    with Checkpoints(tmp_path / 'new' / 'folder') as checkpoints:
      checkpoints.save(3, state, wait=True)
      step, restored = checkpoints.restore(checkpoint.abstract(state, sharding))
    assert step == 3
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    assert_same(restored, state)
    assert all(x.sharding == sharding for x in jax.tree.leaves(restored))
    chex.assert_trees_all_equal(
      jax.random.normal(restored.key, (4,)), jax.random.normal(state.key, (4,))
    )

  @pytest.mark.parametrize('devices', [1, 8])
  def test_state_may_be_donated_while_it_is_written(self, tmp_path, devices):
    sharding = replicated(devices)
    step = jax.jit(
      lambda s: jax.tree.map(lambda x: x + 1, s), donate_argnums=0, out_shardings=sharding
    )
    state = jax.jit(
      lambda: {str(i): jnp.zeros((500, 500)) for i in range(8)}, out_shardings=sharding
    )()
    like = checkpoint.abstract(state, sharding)
    for saved in (0, 5, 10):
      with Checkpoints(tmp_path / str(saved)) as checkpoints:
        checkpoints.save(saved, state)
        for _ in range(5):
          before, state = state, step(state)
        assert before['0'].is_deleted()
        jax.block_until_ready(state)
      found = checkpoints.restore(like, log=pytest.fail)
      expected = {name: jnp.full((500, 500), float(saved)) for name in state}
      assert_found(found, saved, expected)

  def test_from_a_shape_only_description(self, two_steps):
    folder, states = two_steps
    like = checkpoint.abstract(jax.eval_shape(lambda: make_state(0)), one())
    assert_found(Checkpoints(folder).restore(like), 2, states[2])

  def test_other_numbers_of_devices(self, tmp_path):
    """Eight to one and one to eight, the one in a process that has no more."""
    state = make_state(4, replicated(8))
    with Checkpoints(tmp_path / 'eight') as checkpoints:
      checkpoints.save(4, state)
    run_python(
      """
      import jax, sys
      sys.path[:0] = [TESTS, TESTS + '/storage']
      from test_checkpoint import Checkpoints, assert_found, checkpoint, make_state, one
      assert jax.device_count() == 1
      state = make_state(4)
      found = Checkpoints(FOLDER + '/eight').restore(checkpoint.abstract(state, one()))
      assert_found(found, 4, state)
      with Checkpoints(FOLDER + '/one') as checkpoints:
        checkpoints.save(4, found[1])
      """,
      tmp_path,
    )
    found = Checkpoints(tmp_path / 'one').restore(checkpoint.abstract(state, replicated(8)))
    assert_found(found, 4, state)
    found = Checkpoints(tmp_path / 'eight').restore(checkpoint.abstract(state, replicated(4)))
    assert_found(found, 4, state)


def flip(data, rng):
  at = rng.randrange(len(data))
  return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


DAMAGE = {
  'half': lambda data, rng: data[: len(data) // 2],
  'empty': lambda data, rng: b'',
  'flip': flip,
}


def trials(folder, flips):
  """(damage, file) for every file of step 2, the largest one flipped more often."""
  files = sorted(p for p in (folder / '2').rglob('*') if p.is_file())
  largest = max(files, key=lambda p: p.stat().st_size)
  for path in files:
    kinds = ['half', 'empty', *['flip'] * (5 * flips if path == largest else flips)]
    for kind in ['delete', *kinds] if path.stat().st_size else ['delete']:
      yield kind, path.relative_to(folder)


def assert_all_fall_back(two_steps, scratch, chosen):
  folder, states = two_steps
  rng = random.Random(0)
  for kind, path in chosen:
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(folder, scratch)
    if kind == 'delete':
      (scratch / path).unlink()
    else:
      (scratch / path).write_bytes(DAMAGE[kind]((folder / path).read_bytes(), rng))
    found, lines = restore(scratch, states[1])
    assert_found(found, 1, states[1])
    assert len(lines) == 1 and lines[0].startswith('checkpoint 2 refused: '), (kind, path, lines)
    assert path.name in lines[0] and '\n' not in lines[0]


class TestDamage:
  def test_falls_back(self, two_steps, tmp_path):
    chosen = list(trials(two_steps[0], flips=1))
    assert len(chosen) >= 30
    assert_all_fall_back(two_steps, tmp_path / 'copy', chosen)

  @pytest.mark.slow
  def test_falls_back_in_full(self, two_steps, tmp_path):
    chosen = list(trials(two_steps[0], flips=8))
    assert len(chosen) >= 100
    assert_all_fall_back(two_steps, tmp_path / 'copy', chosen)

  def test_empty_folder(self, copy, two_steps):
    shutil.rmtree(copy / '2')
    (copy / '2').mkdir()
    found, lines = restore(copy, two_steps[1][1])
    assert found[0] == 1 and lines[0].startswith('checkpoint 2 refused: ')

  @pytest.mark.parametrize('part', ['.', 'state', 'description.json'])
  def test_part_of_another_step(self, copy, two_steps, part):
    """Sound in itself, and in the wrong place."""
    old, new = copy / '1' / part, copy / '2' / part
    if old.is_dir():
      shutil.rmtree(new)
      shutil.copytree(old, new)
    else:
      shutil.copy(old, new)
    found, lines = restore(copy, two_steps[1][1])
    assert_found(found, 1, two_steps[1][1])
    assert len(lines) == 1 and lines[0].startswith('checkpoint 2 refused: ')

  def test_wrong_array_from_sound_files(self, copy, two_steps, monkeypatch):
    """What the checksums of files cannot see: an array that changed on its way to or from them."""
    load = ocp.load

    def wrong(path, like):
      arrays = load(path, like)
      if path.name == '2':
        arrays['packed'][-1] ^= 1
      return arrays

    monkeypatch.setattr(ocp, 'load', wrong)
    found, lines = restore(copy, two_steps[1][1])
    assert_found(found, 1, two_steps[1][1])
    assert lines == ['checkpoint 2 refused: 1 of 20 arrays are not as they were saved: memory/on']

  @pytest.mark.parametrize('old, new', [('[30, 40]', '[30, 41]'), ('/kernel', '/kernal')])
  def test_damage_does_not_pass_for_another_model(self, copy, two_steps, old, new):
    path = copy / '2' / 'description.json'
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    found, lines = restore(copy, two_steps[1][1])
    assert_found(found, 1, two_steps[1][1])
    assert lines == ['checkpoint 2 refused: description.json is missing or not as it was written']

  def test_all_damaged_is_an_error(self, copy, two_steps):
    for step in (1, 2):
      (copy / str(step) / 'description.json').unlink()
    lines = []
    checkpoints = Checkpoints(copy)
    with pytest.raises(Unrestorable, match=f'none of the 2 checkpoints in {re.escape(str(copy))}'):
      checkpoints.restore(checkpoint.abstract(two_steps[1][1], one()), log=lines.append)
    assert [line[:20] for line in lines] == ['checkpoint 2 refused', 'checkpoint 1 refused']

  def test_no_checkpoint_is_none_and_makes_nothing(self, tmp_path, two_steps):
    (tmp_path / '7.unfinished').mkdir()
    (tmp_path / 'note').touch()
    for folder in (tmp_path, tmp_path / 'missing'):
      assert restore(folder, two_steps[1][1]) == (None, [])
    assert {p.name for p in tmp_path.iterdir()} == {'7.unfinished', 'note'}

  def test_orbax_is_not_heard_and_others_are(self, copy, two_steps, caplog, capfd, monkeypatch):
    def fail(*_):
      absl_logging.error('a traceback')
      raise OSError('unreadable')

    fail.__code__ = fail.__code__.replace(co_filename='/site-packages/orbax/checkpoint/load.py')
    monkeypatch.setattr(ocp, 'load', fail)
    with pytest.raises(Unrestorable):
      restore(copy, two_steps[1][1])
    with Checkpoints(copy) as checkpoints:
      checkpoints.save(3, two_steps[1][1])
    assert logging.getLogger('absl').filters == []
    absl_logging.error('something else')
    assert caplog.messages == ['something else'] and capfd.readouterr() == ('', '')


class TestRetention:
  def steps_kept(self, folder, fids, **options):
    with Checkpoints(folder, **options) as checkpoints:
      for step, fid in enumerate(fids, 1):
        checkpoints.save(step, {'x': jnp.arange(3)}, metrics={'fid': fid} if fid else None)
    return checkpoints.steps()

  def test_latest(self, tmp_path):
    assert self.steps_kept(tmp_path, [3.0] * 5, keep_latest=3) == [3, 4, 5]

  def test_best(self, tmp_path):
    fids = [50.0, 30.0, 10.0, 20.0, 25.0, 40.0]
    assert self.steps_kept(tmp_path / 'min', fids, metric='fid') == [3, 5, 6]
    assert self.steps_kept(tmp_path / 'two', fids, metric='fid', keep_best=2) == [3, 4, 5, 6]
    assert self.steps_kept(tmp_path / 'max', fids, metric='fid', minimise=False) == [1, 5, 6]
    assert self.steps_kept(tmp_path / 'other', fids, metric='precision') == [5, 6]

  def test_unmeasured_and_nan_are_not_best(self, tmp_path):
    fids = [float('nan'), 9.0, None, 20.0, None, 40.0]
    assert self.steps_kept(tmp_path, fids, metric='fid') == [2, 5, 6]

  def test_metrics_are_remembered_by_the_next_process(self, copy, two_steps):
    with Checkpoints(copy, metric='fid', keep_latest=1) as checkpoints:
      checkpoints.save(3, two_steps[1][2], metrics={'fid': 50.0})
    assert checkpoints.steps() == [1, 3]
    assert sorted(p.name for p in copy.iterdir()) == ['1', '3']

  def test_leftovers_of_a_killed_run_are_removed(self, copy, two_steps):
    for name in ('3.unfinished', '3.unfinished.orbax-checkpoint-tmp', '0.deleted'):
      (copy / name).mkdir()
      (copy / name / 'file').touch()
    with Checkpoints(copy) as checkpoints:
      checkpoints.save(3, two_steps[1][2])
    assert sorted(p.name for p in copy.iterdir()) == ['2', '3']


class TestExistingStep:
  def test_saved_by_this_object_is_left(self, tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
      checkpoints.save(7, {'x': jnp.zeros(3)})
      checkpoints.save(7, {'x': jnp.ones(3)}, wait=True)
    found, _ = restore(tmp_path, {'x': jnp.zeros(3)})
    chex.assert_trees_all_equal(found, (7, {'x': jnp.zeros(3)}))

  def test_restored_is_left(self, copy, two_steps):
    before = sorted(p.stat().st_mtime_ns for p in (copy / '2').rglob('*'))
    with Checkpoints(copy) as checkpoints:
      step, state = checkpoints.restore(checkpoint.abstract(two_steps[1][1], one()))
      checkpoints.save(step, state, wait=True)
    assert sorted(p.stat().st_mtime_ns for p in (copy / '2').rglob('*')) == before

  def test_damaged_is_replaced(self, copy, two_steps):
    """Back at 1 for damage in 2, then 2 again: the new one is the one restored."""
    (copy / '2' / 'description.json').write_text('{}')
    like = checkpoint.abstract(two_steps[1][1], one())
    with Checkpoints(copy) as checkpoints:
      assert checkpoints.restore(like, log=lambda _: None)[0] == 1
      checkpoints.save(2, two_steps[1][2])
    assert sorted(p.name for p in copy.iterdir()) == ['1', '2', '2.refused']
    assert_found(Checkpoints(copy).restore(like, log=pytest.fail), 2, two_steps[1][2])

  def test_refused_ones_displace_no_sound_one(self, copy, two_steps):
    """Damaged 4 and 5 are newer than what is saved next, and are not what is kept."""
    for step in ('4', '5'):
      (copy / step).mkdir()
    with Checkpoints(copy, keep_latest=2) as checkpoints:
      like = checkpoint.abstract(two_steps[1][1], one())
      assert checkpoints.restore(like, log=lambda _: None)[0] == 2
      checkpoints.save(3, two_steps[1][2])
    assert checkpoints.steps() == [2, 3]

  def test_found_but_never_read_is_set_aside(self, copy, two_steps):
    with Checkpoints(copy) as checkpoints:
      checkpoints.save(2, two_steps[1][2].replace(step=jnp.int32(99)))
    assert (copy / '2.refused' / 'state').is_dir()
    assert restore(copy, two_steps[1][1])[0][1].step == 99


def test_a_frozen_network_of_version_0_1_0_is_read_over(tmp_path):
  """It was in the state, between other leaves; now it is a constant beside it."""
  weights = {'conv': {'kernel': jnp.ones((2, 3)), 'bias': jnp.zeros(3, jnp.bfloat16)}}
  params = {'critic': jnp.arange(4.0), 'generator': jnp.float32([1, 2, 3])}
  state = lambda params: {'params': params, 'step': jnp.int32(5)}
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(5, state({**params, 'features': weights}), wait=True)
  found, _ = restore(tmp_path, state(params))
  chex.assert_trees_all_equal(found, (5, state(params)))
  with pytest.raises(Incompatible, match='params/generator'):  # which nobody may lose
    restore(tmp_path, state({'critic': params['critic']}))


class TestOtherModel:
  def raised(self, folder, like):
    with pytest.raises(Incompatible) as info:
      restore(folder, like)
    return str(info.value).splitlines()

  def test_names_leaf_and_both_values(self, two_steps):
    folder, states = two_steps
    like = states[1].replace(
      key=jax.random.key(0, impl='rbg'), step=jnp.float32(0), memory={'new': jnp.zeros((0, 2))}
    )
    head, *lines = self.raised(folder, like)
    assert head.startswith(f'checkpoint 2 in {folder} is of another model')
    assert lines == [
      '  key: key<fry>[] -> key<rbg>[]',
      '  memory/bytes: uint8[5] -> absent',
      '  memory/half: bfloat16[7, 5] -> absent',
      '  memory/nan: float32[3] -> absent',
      '  memory/new: absent -> float32[0, 2]',
      '  memory/on: bool[2] -> absent',
      '  and 2 more',
    ]

  def test_changed_width(self, two_steps):
    folder, _ = two_steps
    lines = self.raised(folder, make_state(0, width=41))
    assert '  params/critic/Dense_0/kernel: float32[30, 40] -> float32[30, 41]' not in lines
    assert '  opt/critic/1/0/mu/Dense_0/kernel: float32[30, 40] -> float32[30, 41]' in lines
    assert len(lines) == 8 and lines[-1] == '  and 6 more'

  def test_is_no_reason_to_fall_back(self, copy, two_steps):
    """An older checkpoint would fit; training on from it would lose what came after."""
    with Checkpoints(copy) as checkpoints:
      checkpoints.save(3, {'x': jnp.zeros(3)})
    assert self.raised(copy, two_steps[1][1])[0].startswith('checkpoint 3 ')

  def test_after_damage_names_the_sound_one(self, copy):
    (copy / '2' / 'description.json').unlink()
    assert self.raised(copy, {'x': jnp.zeros(3)})[0].startswith('checkpoint 1 ')


def test_one_from_before_arrays_were_packed_is_restored(copy, two_steps):
  """Orbax had each array under its name."""
  state, folder = two_steps[1][2], copy / '2'
  pairs = jax.tree_util.tree_leaves_with_path(state)
  named = {jax.tree_util.keystr(path, simple=True, separator='/'): x for path, x in pairs}
  description = json.loads((folder / 'description.json').read_text())['description']
  shutil.rmtree(folder)
  ocp.save(folder, {name: x for name, x in named.items() if x.size})
  files = {
    str(p.relative_to(folder)): zlib.crc32(p.read_bytes()) for p in folder.rglob('*') if p.is_file()
  }
  description = {name: x for name, x in {**description, 'files': files}.items() if name != 'packed'}
  checksum = zlib.crc32(json.dumps(description, sort_keys=True).encode())
  sealed = {'description': description, 'checksum': checksum}
  (folder / 'description.json').write_text(json.dumps(sealed))
  found, lines = restore(copy, state)
  assert_found(found, 2, state)
  assert lines == [] and found[1].key.sharding == one()


class TestFailure:
  def test_folder_that_cannot_be_made(self, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(CheckpointError, match=r'checkpoint 1 was not saved in .*bytes free'):
      Checkpoints(tmp_path / 'file' / 'checkpoints').save(1, {'x': jnp.zeros(3)})

  def test_full_disk_is_one_error_and_loses_nothing(self, tmp_path):
    said = run_python(
      """
      import resource, signal
      import jax, jax.numpy as jnp
      from jaxgan.storage.checkpoint import Checkpoints, CheckpointError
      signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
      checkpoints = Checkpoints(FOLDER)
      checkpoints.save(1, {'x': jnp.arange(9)}, wait=True)
      resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
      noise = jax.random.normal(jax.random.key(0), (9, 99_999))
      checkpoints.save(2, {'x': noise})
      for attempt in (lambda: checkpoints.save(3, {'x': noise}), checkpoints.close):
        try:
          attempt()
          print('fine')
        except CheckpointError as error:
          print(error)
      """,
      tmp_path,
    )
    error, closing = said.splitlines()
    assert error.startswith(f'checkpoint 2 was not saved in {tmp_path} (') and 'too large' in error
    assert closing == 'fine'
    found, lines = restore(tmp_path, {'x': jnp.arange(9)})
    chex.assert_trees_all_equal(found, (1, {'x': jnp.arange(9)}))
    assert lines == []

  def test_options_are_checked(self, tmp_path):
    with pytest.raises(ValueError, match='keep_latest >= 1'):
      Checkpoints(tmp_path, keep_latest=0)

  def test_paths_that_collide(self):
    with pytest.raises(ValueError, match='distinct'):
      Checkpoints('unused').restore({'a/b': jnp.zeros(1), 'a': {'b': jnp.zeros(1)}})

  @pytest.mark.parametrize('kills', [3, pytest.param(20, marks=pytest.mark.slow)])
  def test_kill_loses_nothing_completed(self, tmp_path, kills):
    """Each life checks what it restores, then saves for ever until it is killed."""
    rng, complete, in_flight = random.Random(1), 0, 0
    for _ in range(kills):
      process = subprocess.Popen(
        [sys.executable, '-c', script(LIFE, tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
      )
      word, step = process.stdout.readline().split()
      assert word == 'restored' and int(step) >= complete
      seen = {'called': int(step), 'complete': int(step)}
      last = int(step) + rng.randint(1, 4)
      while seen['called'] < last:
        note(process.stdout.readline(), seen)
      time.sleep(rng.choice([0.0, rng.uniform(0.0, 0.05)]))
      process.kill()
      for line in process.communicate()[0].splitlines():
        note(line, seen)
      complete = seen['complete']
      in_flight += seen['called'] > complete
    if kills == 20:  # of three, chance may catch none
      assert in_flight >= 8


def note(line, seen):
  word, step = line.split()
  seen[word] = int(step)


LIFE = """
      import jax, jax.numpy as jnp, sys
      sys.path[:0] = [TESTS, TESTS + '/storage']
      from test_checkpoint import Checkpoints, assert_found, checkpoint, one
      make = lambda step: {str(i): jnp.full((500, 500), step + i / 8) for i in range(8)}
      with Checkpoints(FOLDER) as checkpoints:
        found = checkpoints.restore(checkpoint.abstract(make(0), one()), log=sys.exit)
        step = found[0] if found else 0
        if found:
          assert_found(found, step, make(step))
        print('restored', step, flush=True)
        while True:
          step += 1
          checkpoints.save(step, make(step))
          print('called', step, flush=True)
          checkpoints.wait()
          print('complete', step, flush=True)
      """


def script(source, folder):
  lines = [line[6:] if line.startswith('      ') else line for line in source.splitlines()]
  return '\n'.join([f'FOLDER, TESTS = {str(folder)!r}, {str(ROOT / "tests")!r}', *lines])


def run_python(source, folder):
  """What the script prints; it must end well and say nothing on stderr."""
  done = subprocess.run(
    [sys.executable, '-W', 'error', '-c', script(source, folder)],
    capture_output=True,
    text=True,
    timeout=120,
    cwd=ROOT,
  )
  assert done.returncode == 0 and done.stderr == '', done.stderr
  return done.stdout
