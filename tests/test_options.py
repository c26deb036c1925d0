"""No option does nothing: every option of every variant changes the step, the state or the loop.

The options are those that a variant's `Config` has, so a new one is found here by itself. A changed
value must change the program of a training step (after dead code is taken out), the shapes of the
first state, the turns and lengths of the stages, or the program that draws samples. What the loop
or the data reading does with an option has a probe of its own in `PROBES`.
"""

import dataclasses
import functools
import json
import pathlib
import re
import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_tables
from jax.interpreters import partial_eval

from jaxgan import data, variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.recipes import option_groups as options
from jaxgan.recipes import perceptual
from jaxgan.recipes.types import Sampler
from jaxgan.training import best_checkpoint, loop, session
from jaxgan.training.loop import train

BATCH, CLASSES, STEPS = 4, 3, 20
NARROW = dict(
  **dict(width=4, widths=(4,), generator_width=4, critic_width=4, base=16, latent_size=3),
  **dict(blocks=1, growth=2, pool=4, unroll=1, mapping_layers=1, attention=16, shared_size=4),
  **dict(
    critic_hidden=8,
    **dict(hidden=8, head_size=4, nce_patches=8, modulation=4),
    cardinality=4,
    group=2,
    pretrain=2,
    scale=2,
    horizon=6,
    stage_images=8,
  ),
  **dict(batch_size=BATCH, steps=STEPS, pack=1),
)
SIZES = {'cyclegan': 32, 'cut': 32, 'pix2pix': 32, 'spade': 32, 'srgan': 16, 'esrgan': 16}
BESIDE: dict[str, dict[str, typing.Any]] = {
  'idle_biases': {'conditional': False},
  'pack': {'conditional': False},
  'critic_layers': {'image_size': 64},
  'critic_norm': {'image_size': 16},
  'r1': {'critic_norm': False},
  'r2': {'critic_norm': False},
  'share_generator': {'n_critic': 1},
  'stylegan stage_images': {'image_size': 16},
  'attention': {'image_size': 16},
  'cgan maxout': {'width': 64},
  'bigan perceptrons': {'width': 64},
  'unrolled top_k_images': {'objective': 'nonsaturating', 'top_k': 0.5},
  'r3gan minibatch': {'r1': 0.0, 'r2': 0.0},
  'lsgan critic_norm': {'r1': 0.0},
  'lsgan minibatch': {'r1': 0.0},
  'sngan minibatch': {'r1': 0.0},
  'dcgan critic_norm': {'r1': 0.0},
  'dcgan minibatch': {'r1': 0.0},
  'cgan critic_norm': {'r1': 0.0},
  'gan_cls critic_norm': {'r1': 0.0},
  'cgan minibatch': {'r1': 0.0},
  'acgan critic_norm': {'r1': 0.0},
  'gan minibatch': {'r1': 0.0},
  'unrolled minibatch': {'r1': 0.0},
  'unrolled optimizer': {'schedule': 'constant'},
  'unrolled update_clip': {'unroll': 0},
  'biggan minibatch': {'r1': 0.0},
  'biggan optimizer': {'schedule': 'constant'},
  'progan accumulate': {'batch_size': 8},
  'stylegan accumulate': {'batch_size': 8},
}
"""What must stand beside a changed option (of one variant), other than what it needs by itself."""
CHANGED: dict[str, list[typing.Any]] = dict(
  **dict(policy=['color', 'translation,cutout'], top_k=[0.5], pack=[2], minibatch=[2]),
  **dict(critic_layers=[1], blocks=[2], crop=[8], psi=[0.7], psi_layers=[1], beta2_end=[0.5]),
  **dict(attention=[0], group=[4], cardinality=[2], smoothing=[0.1], growth=[3], stage_images=[12]),
  conditional=[False],
  text_encoder=['encoding:sums'],
  **dict(mixing=[0.0, 0.5], ada_cap=[0.3], ada_target=[0.3], horizon=[8, None], base=[8]),
)
"""Values where no rule by type finds one that means something."""


def configured(variant, **given):
  kind = variants.module(variant).Config
  names = {f.name for f in dataclasses.fields(kind)}
  narrow = {name: value for name, value in NARROW.items() if name in names}
  if variant == 'stylegan2':
    narrow |= dict(augment='none', path_weight=0.0)  # ten times as quick to trace
  size = SIZES.get(variant, 8)
  return variants.configure(variant, **{'image_size': size, **narrow, **given})


@pytest.fixture(params=variants.VARIANTS, scope='module')
def variant(request):
  return request.param


# --- what a config makes


def program(function, *inputs):
  """The text of what a function computes, with its constants, without dead code and addresses."""
  closed = jax.make_jaxpr(function)(*inputs)
  alive, used = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
  constants = [
    np.asarray(x).tobytes()
    for x in closed.consts
    if not jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
  ]
  return re.sub('0x[0-9a-f]+', '', str(alive)), used, constants


def abstract(stage):
  return jax.eval_shape(lambda: game.init(stage.game, jax.random.key(0), dict(stage.example)))


def batches(shape, spec):
  image = jax.ShapeDtypeStruct((*shape, *spec.shape), jnp.float32)
  return {'image': image, 'target': image, 'label': jax.ShapeDtypeStruct(shape, jnp.int32)}


def step_of(stage, spec, batch_size):
  given = batches((stage.game.microbatches, batch_size), spec)
  return program(functools.partial(game.train_step, stage.game), abstract(stage), given)


def rules(played, state):
  """The programs of optimizers and averages, which are quick to trace beside a whole step."""
  found = []
  for name, player in played.players.items():
    params = {network: state.params[network] for network in player.networks}
    found.append(program(player.optimizer.update, params, state.opt[name], params))
  return found + [program(rule, state) for rule in (*played.averages.values(), *played.after)]


def drawn(recipe, spec):
  """The programs that draw samples, and that translate."""
  stage = recipe.stages[-1]
  state, key = abstract(stage), jax.eval_shape(lambda: jax.random.key(0))
  bound = lambda state: game.nets(stage.game, state)
  found, interface = [], recipe.interface
  if isinstance(interface, Sampler):
    labels = jax.ShapeDtypeStruct((2,), jnp.int32)
    return [program(lambda s, k, y: interface.sample(bound(s), k, y), state, key, labels)]
  for name, way in sorted(interface.ways.items()):
    image = batches((2,), spec)['image']
    make = lambda s, x, k, way=way: way.apply(bound(s), x, k, *way.given)
    found += [name, program(make, state, image, key)]
  return found


def spec_of(chosen):
  """The data that a config is for."""
  if chosen.dataset == 'table':
    return small_tables.SPEC
  return Spec(chosen.image_size, chosen.channels or 1, CLASSES)


def traits(chosen):
  """What a config makes, piece by piece, the quickest to find first."""
  spec = spec_of(chosen)
  recipe = variants.build(chosen, spec)
  turns = lambda turn: (turn.player, turn.name, turn.repeats, turn.every, turn.draws)
  yield [(s.steps, s.fresh, [*map(turns, s.game.turns)]) for s in recipe.stages]
  shapes = abstract(recipe.stages[-1])
  leaves = jax.tree_util.tree_leaves_with_path(shapes)
  yield [(jax.tree_util.keystr(path), x.shape, str(x.dtype)) for path, x in leaves]
  yield rules(recipe.stages[-1].game, shapes)
  yield step_of(recipe.stages[-1], spec, chosen.batch_size)
  yield drawn(recipe, spec)
  for stage in recipe.stages[:-1]:
    yield step_of(stage, spec, chosen.batch_size)


_BASE = {}


def base_traits(chosen):
  """Those of a config that many are compared with, made once."""
  kept = _BASE.setdefault(chosen, [[], traits(chosen)])
  index = 0
  while True:
    if index == len(kept[0]):
      try:
        kept[0].append(next(kept[1]))
      except StopIteration:
        return
    yield kept[0][index]
    index += 1


def initial(chosen):
  """Values of the first state, for options that change no program, such as an initializer."""
  recipe = variants.build(chosen, spec_of(chosen))
  stage = recipe.stages[0]
  return program(lambda key: game.init(stage.game, key, dict(stage.example)), jax.random.key(0))


def differ(one, other):
  pairs = zip(base_traits(one), traits(other), strict=True)
  return any(a != b for a, b in pairs) or initial(one) != initial(other)


# --- the options, and values to change them to


def kind_of(variant):
  return variants.module(variant).Config


def others(variant, name):
  """Values of an option that differ from its default."""
  kind = kind_of(variant)
  annotation, default = typing.get_type_hints(kind)[name], getattr(configured(variant), name)
  if name in CHANGED:
    return [value for value in CHANGED[name] if value != default]
  arguments = typing.get_args(annotation)
  if typing.get_origin(annotation) is typing.Literal:
    return [value for value in arguments if value != default]
  if isinstance(default, bool):
    return [not default]
  if float in (annotation, *arguments):
    return [0.5 * default] if default else [0.1]
  if int in (annotation, *arguments) and not isinstance(default, tuple):
    return [default + 1, 2 * default] if default else [1]
  if isinstance(default, tuple):
    return [(*default, 8)]
  raise AssertionError(f'tell in CHANGED or PROBES what --{name} may be changed to')


def switched_on(variant, name):
  """What stands beside an option so that it has an effect."""
  given, names = {}, {f.name for f in dataclasses.fields(kind_of(variant))}
  for one in options.needs(kind_of(variant)):
    if name in one.options and not one.on(configured(variant)):
      given |= one.by
  given |= BESIDE.get(name, {}) | BESIDE.get(f'{variant} {name}', {})
  return {key: value for key, value in given.items() if key in names and key != name}


# --- what the loop and the reading of data do


@pytest.fixture(scope='session')
def data_dir(tmp_path_factory):
  folder = tmp_path_factory.mktemp('data')
  data.load('digits', data_dir=folder)
  return folder


@pytest.fixture(scope='session')
def played(tmp_path_factory, data_dir):
  """Plays a tiny run with these options; what it left behind."""

  @functools.cache
  def play(**given):
    folder = tmp_path_factory.mktemp('run')
    rhythm = dict(log_every=2, sample_every=2, checkpoint_every=2, keep=1, steps=4, widths=(4,))
    if 'images' in given:
      del rhythm['steps']
    chosen = variants.configure('gan', data_dir=data_dir, batch_size=8, **{**rhythm, **given})
    train(chosen, folder, quiet=True)
    lines = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
    return {
      'names': sorted(p.name for p in folder.iterdir()),
      'steps': [line['step'] for line in lines],
      'losses': [line['critic/loss'] for line in lines],
      'pictures': sorted(path.stem for path in (folder / 'samples').iterdir()),
      'checkpoints': sorted(p.name for p in (folder / 'checkpoints').iterdir() if p.is_dir()),
    }

  return play


RUNS = {
  'steps': (6, 'steps', [2, 4, 6]),
  'images': (48, 'steps', [2, 4, 6]),
  'minutes': (1e-9, 'steps', [1]),
  'log_every': (1, 'steps', [1, 2, 3, 4]),
  'sample_every': (1, 'pictures', ['000000', '000001', '000002', '000003', '000004']),
  'checkpoint_every': (3, 'checkpoints', ['000003', '000004']),
  'keep': (2, 'checkpoints', ['000002', '000004']),
}
"""option: (value, what it changes of what a run leaves behind, to what)"""


@pytest.mark.parametrize('name', RUNS)
def test_the_rhythm_of_the_loop(played, name):
  value, left, expected = RUNS[name]
  found = played(**{name: value})[left]
  assert played()[left] != found
  assert [str(x).lstrip('0') for x in found] == [str(x).lstrip('0') for x in expected]


def test_the_seed_reaches_the_losses(played):
  one, other = played()['losses'], played(seed=1)['losses']
  assert len(one) == len(other) and one != other


READ = {
  'dataset': ('mnist', 'name', 'mnist'),
  'folder': (pathlib.Path('/a'), 'folder', pathlib.Path('/a')),
  'target_folder': (pathlib.Path('/b'), 'target_folder', pathlib.Path('/b')),
  'side_by_side': (True, 'side_by_side', True),
  'direction': ('BtoA', 'direction', 'BtoA'),
  'data_dir': (pathlib.Path('/c'), 'data_dir', pathlib.Path('/c')),
  'image_size': (12, 'image_size', 12),
  'channels': (3, 'channels', 3),
  'fit': ('pad', 'fit', 'pad'),
  'in_memory_limit': (1.0, 'in_memory_limit', 2**30),
  'without_classes': ((1, 2), 'without', (1, 2)),
}
"""option: (value, argument of the reading of data, which it becomes)"""


@pytest.mark.parametrize('name', READ)
def test_the_reading_of_data(monkeypatch, variant, name):
  seen = {}
  monkeypatch.setattr(data, 'load', lambda name, **given: seen.update(given, name=name))
  monkeypatch.setattr(data, 'without', lambda source, classes: seen.update(without=classes))
  value, argument, expected = READ[name]
  session.open_data(variants.configure(variant))
  usual = seen.get(argument)
  session.open_data(variants.configure(variant, **{name: value}))
  assert seen[argument] == expected != usual


@pytest.mark.parametrize('name', ['categorical', 'numeric', 'drop'])
def test_what_is_decided_about_columns_is_read(monkeypatch, name):
  seen = []
  monkeypatch.setattr(data, 'load', lambda name, **given: seen.append(given['kinds']))
  for given in ({}, {name: ('age',)}):
    session.open_data(variants.configure('ctgan', **given))
  assert seen[0] == ((), (), ()) and sum(seen[1], ()) == ('age',)


def test_mirrored_images_reach_the_losses(played):
  assert played()['losses'] != played(mirror=True)['losses']


SCORED = {
  'eval_every': ({}, {'eval_every': 2}),
  'eval_metric': ({'eval_every': 4}, {'eval_every': 4, 'eval_metric': 'kernel'}),
  'eval_num': ({'eval_every': 4}, {'eval_every': 4, 'eval_num': 3}),
}


@pytest.mark.parametrize('name', SCORED)
def test_the_scores_of_the_loop(monkeypatch, data_dir, tmp_path, name):
  class Best:
    key = 0

    def __init__(self, folder, metric, judge, run):
      seen.append(metric)

    def consider(self, step, state, draw):
      seen.append((step, len(draw())))
      return 0.0

    def close(self):
      pass

  monkeypatch.setattr(best_checkpoint, 'Best', Best)
  monkeypatch.setattr(best_checkpoint, 'evaluator', lambda source, held: None)
  found = []
  for i, given in enumerate(SCORED[name]):
    seen = []
    rhythm = dict(steps=4, widths=(4,), batch_size=8)
    chosen = variants.configure('gan', data_dir=data_dir, **rhythm, **given)
    train(chosen, tmp_path / str(i), quiet=True)
    found.append(seen)
  expected = {
    'eval_every': [[], ['frechet', (2, 1000), (4, 1000)]],
    'eval_metric': [['frechet', (4, 1000)], ['kernel', (4, 1000)]],
    'eval_num': [['frechet', (4, 1000)], ['frechet', (4, 3)]],
  }
  assert found == expected[name]


@pytest.mark.parametrize('wanted', [True, False])
def test_the_cache_of_programs_is_set_up_if_wanted(monkeypatch, tmp_path, data_dir, wanted):
  called = []
  monkeypatch.setattr(session, 'cache_programs', lambda: called.append(1))
  given = dict(compilation_cache=wanted, data_dir=data_dir, widths=(4,), batch_size=8)
  with session.prepared(variants.configure('gan', **given), tmp_path, quiet=True):
    assert bool(called) == wanted


def test_a_preset_changes_defaults(variant):
  usual, paper = (dataclasses.asdict(variants.configure(variant, p)) for p in ('laptop', 'paper'))
  changed = {name for name in usual if usual[name] != paper[name]} - {'preset'}
  assert changed and changed <= set(variants.module(variant).PAPER)


@pytest.mark.parametrize('name', ['srgan', 'esrgan'])
def test_the_file_of_weights_is_read(monkeypatch, name):
  seen = []
  monkeypatch.setattr(perceptual, 'vgg', lambda path, rectified: seen.append(path))
  for path in ('a.pth', 'b.pth'):
    chosen = configured(name, perceptual='vgg', vgg_weights=pathlib.Path(path), image_size=32)
    variants.build(chosen, Spec(32, 3))
  assert seen == [pathlib.Path('a.pth'), pathlib.Path('b.pth')]


@pytest.mark.parametrize('name', ['srgan', 'esrgan'])
@pytest.mark.parametrize('kind', ['none', 'classifier', 'vgg'])
def test_what_tells_content_is_a_network_of_its_own(name, kind):
  file = pathlib.Path('a.pth') if kind == 'vgg' else None
  chosen = configured(name, perceptual=kind, vgg_weights=file, image_size=32)
  recipe = variants.build(chosen, Spec(32, 3, CLASSES))
  assert ('features' in recipe.stages[-1].game.networks) == (kind != 'none')


LEFT = {'report': (False, 'report.html'), 'log': ('tensorboard', 'log')}
"""option: (value, what it adds to or takes from what a run leaves behind)"""


@pytest.mark.parametrize('name', LEFT)
def test_what_a_run_leaves_for_people(played, name):
  if name == 'log':
    pytest.importorskip('tensorboardX', reason='needs tensorboardX')
  value, changed = LEFT[name]
  one, other = played()['names'], played(**{name: value})['names']
  assert changed in set(one) ^ set(other)


def test_warnings_are_written_if_wanted(played, monkeypatch):
  watched = []
  monkeypatch.setattr(loop, 'Alarms', lambda config: watched.append(config.warnings))
  for value in (True, False):
    played(warnings=value, seed=7)
  assert watched == [True]


PROBES = {
  *('warnings', 'variant', 'preset', 'seed', 'compilation_cache', 'vgg_weights', 'perceptual'),
  *('mirror', 'steps_per_call'),  # which changes nothing: tests/training/test_calls.py
  'native',  # tests/training/test_kernels.py
  *('categorical', 'numeric', 'drop'),
  *RUNS,
  *READ,
  *SCORED,
  *LEFT,
}
"""Options whose effect the tests above show, as it lies in no program of a step."""


# --- every option


@pytest.mark.slow_for(
  *('infogan', 'biggan', 'r3gan', 'progan', 'stylegan', 'stylegan2', 'cut', 'spade', 'esrgan'),
  *('began', 'sagan', 'stargan'),
)
def test_every_option_has_an_effect(variant):
  """Of every value that the variant accepts; each option accepts one at least."""
  silent = []
  for field in dataclasses.fields(kind_of(variant)):
    if field.name in PROBES:
      continue
    beside, tried = switched_on(variant, field.name), []
    for value in others(variant, field.name):
      try:
        chosen = configured(variant, **{**beside, field.name: value})
        tried.append(differ(configured(variant, **beside), chosen))
      except ValueError as error:
        assert options.flag(field.name) in str(error), error
    if not tried or not all(tried):
      silent.append((field.name, tried))
  _BASE.clear()
  assert not silent


def test_the_comparison_itself(variant):
  """The same config twice is no difference."""
  chosen = configured(variant)
  assert not differ(chosen, dataclasses.replace(chosen, log_every=chosen.log_every + 1))
  _BASE.clear()
