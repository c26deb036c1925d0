"""Every variant keeps the same promises; a new one is found here by itself."""

import dataclasses
import functools
import json
import os
import shutil
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_tables
from PIL import Image

from by_path import leaves
from jaxgan import data, main, variants
from jaxgan.core import game, network
from jaxgan.core.typing import Spec
from jaxgan.parallel import devices
from jaxgan.recipes import stages
from jaxgan.recipes.config_json import from_json, to_json
from jaxgan.recipes.types import Sampler, Translator
from jaxgan.training import run

BATCH, CLASSES = 16, 10
SMALL = {
  'width': 8,
  'widths': (32, 32),
  'generator_width': 8,
  'critic_width': 8,
  'critic_hidden': 16,
  'hidden': 16,
  'head_size': 16,
  'nce_patches': 16,
  'modulation': 4,
  'scales': 1,
  'base': 64,
  'stage_images': 2 * BATCH,  # a run of 6 steps sees three stages
  'unroll': 2,
  'blocks': 1,
  'pool': 24,
  'pretrain': 2,
  'scale': 2,
  'growth': 4,
  'horizon': 6,
}
OWN = {'ctgan': {'pack': 1}}
"""Options of single variants that their usual batch size goes with."""
LAST_BIAS = "['critic']['Dense_2']['bias']"
SHIFT_FREE = {
  **dict.fromkeys(('wgan', 'wgan_gp'), "['critic']['Dense_0']['bias']"),
  'ctgan': LAST_BIAS,
}
"""Their losses are differences of logits: the critic's last bias has no gradient, rightly."""
IDLE = {'stargan': "['generator']['Conv_0']['weight']['kernel']"}
"""Kernels with weights that have no gradient but rounding, which Adam makes large: the middle ones
over the maps of the domain add the same to all pixels, which instance norm takes out."""

AS_USERS_RUN = {'xla_backend_optimization_level': 3}
"""What is compared to the last digits is compiled in full: without, sums are of another order."""
if 'xla_cpu_use_fusion_emitters' in os.environ.get('XLA_FLAGS', ''):
  AS_USERS_RUN['xla_cpu_use_fusion_emitters'] = True

AT_REST = (
  ".memory['ada']['p']",
  ".memory['palette']",
  "['critic']['PatchCritic_0']['Conv_2']['bias']",
)
"""The strength of augmentation stays at 0 as long as the critic is not sure of real images. The
colors of labels are constants of a run. Where all logits lie within the margins of the hinge loss,
as in the first steps of spade, it is a difference of logits."""


def small(variant, **options):
  """The variant's config with narrow networks."""
  fields = {f.name for f in dataclasses.fields(variants.VARIANTS[variant].Config)}
  narrow = {name: value for name, value in SMALL.items() if name in fields} | OWN.get(variant, {})
  return variants.configure(variant, **{'batch_size': BATCH, **narrow, **options})


@functools.cache
def recipe_of(variant, size=16, channels=1, **options):
  config = small(variant, image_size=size, channels=channels, **options)
  return config, variants.build(config, Spec(size, channels, CLASSES))


def batches_of(played, size=16, channels=1, seed=0):
  return random_batches((played.microbatches, BATCH), size, channels, seed)


def floats(played, **options):
  """Batches in [-1, 1], which the step takes as well: one program serves many of these tests."""
  return devices.scaled(batches_of(played, **options))


def random_batches(shape, size=16, channels=1, seed=0):
  draw = np.random.default_rng(seed)
  images = lambda: draw.integers(0, 256, (*shape, size, size, channels)).astype(np.uint8)
  labels = draw.integers(0, CLASSES, shape).astype(np.int32)
  return {'image': images(), 'label': labels, 'target': images()}


def owned(played, params, player):
  """The parameters of all networks of a player."""
  return leaves({name: params[name] for name in played.players[player].networks})


def start(recipe, mesh, seed=0):
  return stages.first_state(recipe.stages[-1], jax.random.key(seed), devices.replicated(mesh))


@pytest.fixture(params=variants.VARIANTS, scope='module')
def variant(request):
  """One after another; its programs go with it: they hold memory maps, which have a limit."""
  yield request.param
  for kept in (recipe_of, step_of, played_steps):
    kept.cache_clear()
  jax.clear_caches()


def test_every_critic_shows_its_features(variant):
  """What its last layer sees, a row for each image, without a trace in parameters or state."""
  _, recipe = recipe_of(variant)
  stage = recipe.stages[-1]
  critics = [name for name in stage.game.networks if name.startswith('critic')]
  assert critics
  for name in critics:
    net, inputs = stage.game.networks[name], stage.example[name]
    variables = jax.eval_shape(net.init, jax.random.key(0), *inputs)
    assert 'intermediates' not in variables
    apply = functools.partial(network.with_features(net), train=True, key=jax.random.key(0))
    (_, seen), moved = jax.eval_shape(apply, variables, *inputs)
    assert seen.shape[0] == len(inputs[0]) and seen.size > len(inputs[0])
    chex.assert_trees_all_equal_shapes(moved, variables)


@pytest.mark.parametrize('grouping', ['progan', 'stylegan', 'stylegan2'])
def test_batches_without_groups_are_refused(grouping):
  with pytest.raises(ValueError, match='a batch of 7 does not divide into groups of 2 to 4'):
    recipe_of(grouping, batch_size=7)
  recipe_of(grouping, batch_size=6)


TRICKS = {
  'augment': 'diffaugment',
  'instance_noise': 0.1,
  'pack': 2,
  'minibatch': 4,
  'virtual_batch': 3,
  'lecam': 0.1,
  'top_k': 0.5,
  'history': 0.1,
  'cr': 1.0,
  'cr_fake': 1.0,
  'zcr': 1.0,
  'zcr_generator': 1.0,
}


def assert_keys_used_once(variant, **options):
  """No random number is drawn twice but where the code says so, by `jax.random.clone`."""
  check = pytest.importorskip('jax.experimental.key_reuse._core').check_key_reuse
  _, recipe = recipe_of(variant, **options)
  stage = recipe.stages[-1]
  key, example = jax.random.key(0), dict(stage.example)
  start = functools.partial(game.init, stage.game)
  check(start, key, example)
  state = jax.eval_shape(start, key, example)
  check(functools.partial(game.train_step, stage.game), state, floats(stage.game))


def test_a_step_uses_each_key_once(variant):
  assert_keys_used_once(variant)


@pytest.mark.parametrize(
  'options',
  [TRICKS, {'maxout': True, 'r1': 1.0, 'r2': 1.0, 'n_critic': 2}, {'feature_matching': 'squared'}],
  ids=['tricks', 'dropout', 'features'],
)
def test_tricks_use_each_key_once(options):
  assert_keys_used_once('gan', **{'r1': 0.0, **options})


@functools.cache
def step_of(variant, precision='float32'):
  """The jitted step of the last stage on one device."""
  _, recipe = recipe_of(variant, precision=precision)
  return devices.compile_step(recipe.stages[-1].game, devices.mesh(BATCH, jax.devices()[:1]))


@functools.cache
def played_steps(variant):
  """States before and after three steps on one device, with the logs."""
  _, recipe = recipe_of(variant)
  mesh = devices.mesh(BATCH, jax.devices()[:1])
  step, state = step_of(variant), start(recipe, mesh)
  before = leaves(state)
  for i in range(3):
    state, logs = step(state, devices.place(mesh, floats(recipe.stages[-1].game, seed=i)))
  return before, state, game.played(recipe.stages[-1].game, i, logs)


def test_compiles_once(variant):
  played_steps(variant)
  assert step_of(variant)._cache_size() == 1


def test_stays_finite(variant):
  _, state, logs = played_steps(variant)
  for name, value in {**leaves(state), **logs}.items():
    assert np.isfinite(value).all(), name


def test_survives_a_batch_that_is_not_finite(variant):
  """It is counted, what lasts stays finite, and moves again with the next.

  XLA:CPU takes max(NaN, 0) for 0: a loss may be finite whose gradient is not.
  """
  _, recipe = recipe_of(variant)
  played, mesh = recipe.stages[-1].game, devices.mesh(BATCH, jax.devices()[:1])
  step, state = step_of(variant), start(recipe, mesh)
  for i, bad in enumerate((0.0, np.nan, np.inf, 0.0)):
    batches = floats(played, seed=i)
    batches['image'][:, :, i, i] += bad
    before = owned(played, state.params, 'critic')
    state, logs = step(state, devices.place(mesh, batches))
    assert int(logs['skipped_in_a_row']) == (i if bad else 0)
    for name, value in leaves(state).items():
      assert np.isfinite(value).all(), name
  after = owned(played, state.params, 'critic')
  assert any((v != before[name]).any() for name, v in after.items())


def losses_of(variant, precision, steps, source, seed=0):
  """Every loss of a run of narrow networks on digits, `[steps]`."""
  _, recipe = recipe_of(variant, precision=precision)
  played, mesh = recipe.stages[-1].game, devices.mesh(BATCH, jax.devices()[:1])
  step, state = step_of(variant, precision), start(recipe, mesh, seed)
  stream = data.batches(source, batch_size=BATCH, microbatches=played.microbatches, seed=seed)
  logs = []
  for batch, _ in zip(stream, range(steps), strict=False):
    state, log = step(state, devices.place(mesh, devices.scaled(batch)))
    logs.append({n: float(v) for n, v in log.items() if n in ('critic/loss', 'generator/loss')})
  assert int(state.skipped[0]) == 0
  assert all(np.isfinite(x).all() for x in leaves(state).values())
  lasting = (state.params, state.opt, state.ema, state.variables)
  assert jnp.bfloat16 not in {x.dtype for x in jax.tree.leaves(lasting)}
  return {name: np.array([log[name] for log in logs]) for name in logs[0]}


def apart_by_precision(variant, steps, source, seed):
  """How far the mean losses are apart, of what they vary by over the run; the worst of them."""
  wide, narrow = (losses_of(variant, p, steps, source, seed) for p in ('float32', 'bfloat16'))
  return max(abs(wide[n].mean() - narrow[n].mean()) / wide[n].std() for n in wide)


@pytest.mark.slow_for(
  *('biggan', 'stylegan', 'stylegan2', 'r3gan', 'cyclegan', 'srgan', 'esrgan', 'infogan', 'acgan'),
  *('bigan', 'vaegan', 'began', 'cut', 'spade', 'stargan', 'ctgan', 'sagan'),
)
def test_bfloat16_begins_as_float32_does(variant, digits):
  """The first steps, before rounding has grown."""
  wide, narrow = (losses_of(variant, p, 3, digits) for p in ('float32', 'bfloat16'))
  for name in wide:
    chex.assert_trees_all_close(narrow[name], wide[name], rtol=0.05, atol=0.05)
    assert (narrow[name] != wide[name]).any()


@pytest.mark.slow
def test_bfloat16_trains_as_float32_does(variant, digits):
  """500 steps stay finite, and the mean losses lie within the losses' own deviation.

  The mean over two seeds: between seeds alone the mean losses differ by up to 0.9 of it.
  """
  assert np.mean([apart_by_precision(variant, 500, digits, seed) for seed in (0, 1)]) <= 1


def test_all_that_should_move_moves(variant):
  """Every parameter, statistic, average and optimizer moment; key and count of skips do not."""
  before, state, _ = played_steps(variant)
  still = [name for name, value in leaves(state).items() if np.array_equal(value, before[name])]
  free = SHIFT_FREE.get(variant, AT_REST)
  assert [name for name in still if not name.endswith(free)] == ['.key', '.skipped']


def test_a_turn_moves_its_player_alone(variant):
  """All else leaves the program as the variable that came in, so for any input, not for one."""
  _, recipe = recipe_of(variant)
  stage = recipe.stages[-1]
  state = jax.eval_shape(lambda: game.init(stage.game, jax.random.key(0), dict(stage.example)))
  names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(state)]
  for turn in stage.game.turns:
    once = turn._replace(repeats=1, every=1)  # neither in a loop nor in a branch
    alone = dataclasses.replace(stage.game, turns=(once,), after=())
    program = jax.make_jaxpr(functools.partial(game.train_step, alone))(state, floats(stage.game))
    same = dict(zip(names, program.jaxpr.invars, strict=False))
    moved = [n for n, x in zip(names, program.jaxpr.outvars, strict=False) if x is not same[n]]
    kinds = ('.params[', '.variables[', '.opt[')
    own = {*stage.game.players[turn.player].networks, turn.player}
    assert {n.split("'")[1] for n in moved if n.startswith(kinds)} <= own
    assert any(n.startswith('.params[') for n in moved)


def test_the_given_state_is_consumed(variant):
  """Donated, every leaf, and no buffer twice."""
  _, recipe = recipe_of(variant)
  mesh = devices.mesh(BATCH, jax.devices()[:1])
  state = start(recipe, mesh)
  moved, _ = step_of(variant)(state, devices.place(mesh, floats(recipe.stages[-1].game)))
  jax.block_until_ready(moved)
  assert all(x.is_deleted() for x in jax.tree.leaves(state))


def relative(a, b):
  return np.linalg.norm((a - b).ravel()) / max(np.linalg.norm(b.ravel()), 1e-30)


def apart(variant, source, steps, count, double=False, seed=0):
  """How far so many devices end from one, a leaf each, by relative norm; on digits, under way."""
  dtype = jnp.float64 if double else jnp.float32
  with jax.enable_x64(double):
    _, recipe = recipe_of.__wrapped__(variant, batch_size=64)
    played = recipe.stages[-1].game
    unit = lambda x: x.astype(dtype) / 127.5 - 1 if x.dtype == jnp.uint8 else x
    scaled = lambda b: jax.tree.map(unit, b)
    step = jax.jit(
      lambda s, b: game.train_step(played, s, scaled(b))[0], compiler_options=AS_USERS_RUN
    )

    def play(state, count, first, last):
      mesh = devices.mesh(64, jax.devices()[:count])
      state = jax.device_put(state, devices.replicated(mesh))
      stream = data.batches(
        source, batch_size=64, microbatches=played.microbatches, seed=seed, start_step=first
      )
      for _ in range(first, last):
        state = step(state, devices.place(mesh, next(stream)))
      return state

    widen = lambda x: x.astype(dtype) if x.dtype == jnp.float32 else x
    state = jax.tree.map(widen, start(recipe, devices.mesh(64, jax.devices()[:1])))
    state = play(state, 1, 0, 10)
    one, many = (leaves(play(state, n, 10, 10 + steps)) for n in (1, count))
  return {name: relative(many[name], one[name]) for name in one}


@pytest.mark.slow_for(
  *('biggan', 'progan', 'stylegan', 'stylegan2', 'r3gan', 'cyclegan', 'pix2pix', 'srgan', 'esrgan'),
  *('sngan', 'unrolled', 'wgan', 'gan_cls', 'infogan', 'acgan', 'bigan', 'vaegan'),
  *('ebgan', 'began', 'cut', 'spade', 'stargan', 'ctgan', 'sagan'),
)
@pytest.mark.parametrize('count', [pytest.param(2, marks=pytest.mark.slow), 8])
def test_devices_agree_after_a_step(variant, count, digits):
  """In double precision, where no rounding moves a unit to the other side of its ReLU's corner."""
  worst = busy(variant, apart(variant, digits, 1, count, double=True))
  assert max(worst.values()) <= 1e-12, max(worst, key=worst.get)


def busy(variant, worst):
  """All but what is idle."""
  return {n: e for n, e in worst.items() if variant not in IDLE or not n.endswith(IDLE[variant])}


@pytest.mark.slow
def test_devices_agree_after_a_step_of_single_precision(variant, digits):
  """On two of three batches at least.

  One unit in a million lies so near to 0 that rounding decides whether its ReLU lets it through.
  Where that happens, the gradients below it differ in the third or fourth digit.
  """
  worst = [busy(variant, apart(variant, digits, 1, 8, seed=seed)) for seed in range(3)]
  if variant == 'gan':
    # The gradient of this one number is E sigmoid(f) - E sigmoid(-r), two nearly equal numbers that
    # single precision knows to 1e-7 each: what is left when they cancel has fewer digits.
    worst = [{n: e for n, e in each.items() if not n.endswith(LAST_BIAS)} for each in worst]
  largest = sorted(max(each.values()) for each in worst)
  assert largest[1] <= 1e-5 and largest[2] <= 2e-2


@pytest.mark.slow
@pytest.mark.parametrize('count', [2, 8])
def test_devices_agree_after_ten_steps_of_double_precision(variant, count, digits):
  worst = busy(variant, apart(variant, digits, 10, count, double=True))
  assert max(worst.values()) <= 1e-12, max(worst, key=worst.get)


@pytest.mark.parametrize(
  'size, channels',
  [(16, 1), (28, 1), (32, 3)]
  + [
    pytest.param(*shape, marks=pytest.mark.slow)
    for shape in ((16, 3), (28, 3), (32, 1), (64, 1), (64, 3))
  ],
)
def test_plays_at_every_size(variant, size, channels):
  """Traced, not run: shapes alone decide. Every stage of 28 pixels, of other sizes the last."""
  _, recipe = recipe_of(variant, size, channels)
  for stage in recipe.stages if size == 28 and channels == 1 else recipe.stages[-1:]:
    _plays(recipe, stage, size, channels, stage is recipe.stages[-1])


def _plays(recipe, stage, size, channels, last):
  played, example = stage.game, dict(stage.example)
  state = jax.eval_shape(lambda: game.init(played, jax.random.key(0), example))
  batches = devices.scaled(jax.tree.map(jnp.asarray, batches_of(played, size, channels)))
  after, logs = jax.eval_shape(lambda s, b: game.train_step(played, s, b), state, batches)
  chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
  images = jnp.zeros((5, size, size, channels))
  for draw, scale in draws(recipe):
    made = jax.eval_shape(
      lambda s, d=draw: d(game.nets(played, s), jax.random.key(1), images), state
    )
    chex.assert_shape(made, (5, scale * size, scale * size, channels))
  assert {'generator/loss', *(['critic/loss'] if last else [])} <= set(logs)


def draws(recipe):
  """What a recipe makes of latents or of images, `(nets, key, images)`, and how much larger."""
  interface = recipe.interface
  if isinstance(interface, Sampler):
    return [(lambda nets, key, x: interface.sample(nets, key, jnp.zeros(len(x), jnp.int32)), 1)]
  ways = {way.apply: way for way in interface.ways.values()}  # many may share a function
  return [
    (lambda nets, key, x, way=way: way.apply(nets, x, key, *way.given), way.scale)
    for way in ways.values()
  ]


def test_stages_hand_on_what_they_share(variant):
  """Between all of them: what has a place in the next is there as it was, or starts afresh."""
  _, recipe = recipe_of(variant)
  shapes = [
    jax.eval_shape(lambda s=s: game.init(s.game, jax.random.key(0), dict(s.example)))
    for s in recipe.stages
  ]
  for old, new, stage in zip(shapes, shapes[1:], recipe.stages[1:], strict=False):
    moved = jax.eval_shape(functools.partial(stages.passage, fresh=stage.fresh), old, new)
    chex.assert_trees_all_equal_shapes_and_dtypes(moved, new)
    before, after = (
      {jax.tree_util.keystr(path): x.shape for path, x in jax.tree_util.tree_leaves_with_path(s)}
      for s in (old.params, new.params)
    )
    assert all(after[name] == before[name] for name in before.keys() & after.keys())
    assert before.keys() & after.keys()
  assert [s.steps is None for s in recipe.stages] == [False] * (len(recipe.stages) - 1) + [True]


def test_samples_lie_in_range_and_hang_on_the_key_alone(variant):
  config, recipe = recipe_of(variant)
  mesh = devices.mesh(BATCH, jax.devices()[:1])
  begun = sum(stage.steps or 0 for stage in recipe.stages)  # the last stage's first step
  state = start(recipe, mesh).replace(step=jnp.int32(begun))
  trained = run.Run(config, Spec(16, 1, CLASSES), recipe, state)
  if isinstance(recipe.interface, Translator):
    return check_translations(trained)
  images = trained.sample(jax.random.key(1), 3)
  chex.assert_shape(images, (3, 16, 16, 1))
  assert np.abs(images).max() <= 1
  np.testing.assert_array_equal(images, trained.sample(1, 5)[:3])
  assert not np.array_equal(images, trained.sample(2, 3))


def check_translations(trained):
  with pytest.raises(ValueError, match='makes images from images, .*use jaxgan '):
    trained.sample(1, 3)
  images = devices.scaled(jax.tree.map(jnp.asarray, random_batches((3,))))
  for way in trained.translator().ways:
    made = trained.translate(images['image'], way, 1)
    assert np.abs(made).max() <= 1 and np.ptp(made) > 0
    np.testing.assert_array_equal(made, trained.translate(images['image'], way, 1))
  shown = trained.show(images, 1)
  assert shown.shape[0] == 3 and shown.shape[2:] == (16, 16, 1) and np.abs(shown).max() <= 1


@pytest.mark.parametrize('preset', ['laptop', 'paper'])
def test_config_survives_json_and_the_command_line(variant, preset, tmp_path):
  config = variants.configure(variant, preset)
  assert from_json(type(config), to_json(config)) == config
  argv = [f'--variant={variant}', f'--preset={preset}', f'--workdir={tmp_path}', '--seed=7']
  parsed, folder, _ = main.parse(argv)
  assert parsed == dataclasses.replace(config, seed=7)
  assert folder == tmp_path


RESUME = """
import json
import sys
from jaxgan import train
from jaxgan.recipes.config_json import from_json
from jaxgan.variants import VARIANTS
values = json.loads(sys.argv[1])
train(from_json(VARIANTS[values['variant']].Config, values), sys.argv[2], quiet=True)
"""


@pytest.mark.slow_for(
  *('stylegan', 'esrgan', 'infogan', 'acgan', 'gan_cls', 'bigan', 'vaegan', 'ebgan', 'cut'),
  *('began', 'stargan', 'spade', 'sagan'),
)
def test_resumes_to_the_bit(variant, tmp_path, data_dir, two_domains, table):
  """N steps against N/2, saved while it goes on, and N/2 more in a new process.

  Networks that grow are cut in mid-fade.
  """
  length = 6
  config = small(
    variant, steps=length, checkpoint_every=length // 2, data_dir=data_dir, log_every=1
  )
  if hasattr(config, 'schedule') and config.bound_to_length():  # then not to another length
    config = dataclasses.replace(config, schedule='constant')
  if config.dataset in ('domains', 'pairs'):
    config = dataclasses.replace(config, folder=two_domains, image_size=16, channels=1)
  if config.dataset == 'table':
    config = dataclasses.replace(config, folder=table)

  def process(config, folder):
    command = [sys.executable, '-c', RESUME, json.dumps(to_json(config)), str(folder)]
    subprocess.run(command, check=True, timeout=300)

  process(config, tmp_path / 'whole')
  # What a kill after the first half leaves: the second half's checkpoint is not there yet.
  shutil.copytree(tmp_path / 'whole', tmp_path / 'halves')
  shutil.rmtree(tmp_path / 'halves' / 'checkpoints' / str(length))
  process(config, tmp_path / 'halves')
  whole, halves = (run.load(tmp_path / name).state for name in ('whole', 'halves'))
  assert int(whole.step) == length
  chex.assert_trees_all_equal(leaves(whole), leaves(halves))
  lines = [(tmp_path / name / 'metrics.jsonl').read_text() for name in ('whole', 'halves')]
  strip = lambda text: [{**json.loads(line), 'images_per_second': 0} for line in text.splitlines()]
  assert strip(lines[0]) == strip(lines[1])


@pytest.fixture(scope='session')
def data_dir(tmp_path_factory):
  """Where the embedded set is prepared, once for all tests."""
  folder = tmp_path_factory.mktemp('data')
  data.load('digits', data_dir=folder)
  return folder


@pytest.fixture(scope='session')
def digits(data_dir):
  """The embedded set, with itself as a second domain."""
  source = data.load('digits', data_dir=data_dir)
  return data.two_domains(source, source)


@pytest.fixture(scope='session')
def table(tmp_path_factory):
  """A table of numbers and categories."""
  path = tmp_path_factory.mktemp('table') / 'rows.csv'
  path.write_text(small_tables.text())
  return path


@pytest.fixture(scope='session')
def two_domains(tmp_path_factory):
  """A folder that is one of domains and one of pairs."""
  folder, draw = tmp_path_factory.mktemp('domains'), np.random.default_rng(0)
  for name in ('trainA/0', 'trainA/1', 'trainB/0', 'trainB/1'):
    path = folder / f'{name}.png'
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(draw.integers(0, 256, (16, 16), np.uint8)).save(path)
  return folder
