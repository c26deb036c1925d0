"""What a run takes of another one: what fits by name and shape, and of the right stage."""

import jax
import numpy as np
import optax
import pytest
from jax.sharding import SingleDeviceSharding

from jaxgan import variants
from jaxgan.core.state import named
from jaxgan.core.typing import Spec
from jaxgan.recipes import stages, transfer

ONE = SingleDeviceSharding(jax.devices()[0])
KEY = jax.random.key(0)


def recipe(variant='gan', size=8, classes=0, **options):
  usual = {'gan': dict(widths=(4,), latent_size=3), 'ctgan': dict(pack=1)}.get(variant, {})
  config = variants.configure(
    variant, image_size=size, batch_size=4, steps=20, **{**usual, **options}
  )
  return variants.build(config, Spec(size, 1, classes))


def marked(made, stage=-1):
  """The arrays of a run in some stage, all of them sevens."""
  shapes = named(stages.shapes_of(made.stages[stage]))
  fields = ('params', 'variables', 'ema', 'opt')
  full = lambda x: np.full(x.shape, 7, x.dtype)
  return {name: full(x) for name, x in shapes.items() if name.startswith(fields)}


def sevens(state):
  return {name for name, x in named(state).items() if _seven(name, x)}


def _seven(name, x):
  return name.startswith(('params', 'variables', 'ema', 'opt')) and bool((np.asarray(x) == 7).all())


def test_all_that_fits_is_taken_and_the_optimizer_begins_anew():
  made = recipe()
  begun = transfer.begin(made, marked(made), KEY, ONE)
  fields = ('params', 'variables', 'ema')
  taken = {name for name in named(begun.state) if name.startswith(fields)}
  assert sevens(begun.state) == taken and begun.taken == len(taken)
  assert begun.lines == [
    'critic: 4 of 4 arrays taken',
    'generator: 7 of 7 arrays taken',
    'average of generator: 5 of 5 arrays taken',
  ]


def test_the_optimizer_is_taken_where_asked_but_not_the_count_of_a_schedule():
  made = recipe(schedule='linear')
  begun = transfer.begin(made, marked(made), KEY, ONE, optimizer=True)
  adam, schedule = begun.state.opt['critic']
  assert int(adam.count) == 7 and isinstance(schedule, optax.ScaleByScheduleState)
  assert int(schedule.count) == 0


def test_an_average_that_is_not_there_begins_as_the_parameters():
  source = {k: x for k, x in marked(recipe()).items() if not k.startswith('ema')}
  begun = transfer.begin(recipe(), source, KEY, ONE)
  assert {name for name in sevens(begun.state) if name.startswith('ema')}
  assert 'average of generator: none of 5 arrays taken; new: BatchNorm_0/bias, ' in begun.lines[-1]


def test_another_size_keeps_what_does_not_depend_on_it():
  begun = transfer.begin(recipe(size=12), marked(recipe()), KEY, ONE)
  assert {name for name in sevens(begun.state) if name.startswith('params')} == {
    *(
      'params/critic/Dense_0/bias',
      'params/critic/Dense_1/bias',
      'params/critic/Dense_1/weight/kernel',
    ),
    *('params/generator/BatchNorm_0/bias', 'params/generator/BatchNorm_0/scale'),
    'params/generator/Dense_0/weight/kernel',
  }
  assert begun.lines[0] == 'critic: 3 of 4 arrays taken; of another shape: Dense_0/weight/kernel'


def test_what_has_no_place_is_named():
  begun = transfer.begin(recipe(), marked(recipe(widths=(4, 4))), KEY, ONE)
  assert 'without a place here: Dense_2/bias, Dense_2/weight/kernel' in begun.lines[0]


def test_clipped_parameters_begin_in_their_bounds():
  made = recipe('wgan', width=4, clip=0.01)
  state = transfer.begin(made, marked(made), KEY, ONE).state
  assert max(float(x.max()) for x in jax.tree.leaves(state.params['critic'])) <= 0.01


def test_nothing_in_common_is_refused():
  source = marked(recipe(widths=(5,), latent_size=6))
  with pytest.raises(ValueError, match='no weights fit by name and shape'):
    transfer.begin(recipe(), source, KEY, ONE)
  source = {k: x for k, x in marked(recipe()).items() if not k.startswith('opt')}
  with pytest.raises(ValueError, match='nothing of the optimizer fits'):
    transfer.begin(recipe(), source, KEY, ONE, optimizer=True)


GROWING = dict(width=4, base=16, latent_size=4, stage_images=8)


@pytest.mark.parametrize(
  ('source', 'size', 'stage'),
  [
    ((16, -1), 16, 4),  # where the other run ended
    ((8, -1), 16, 2),  # 8 pixels stand; 16 fade in next
    pytest.param((16, -1), 8, 2, marks=pytest.mark.slow),
    pytest.param((16, 0), 16, 0, marks=pytest.mark.slow),  # 4 pixels only
  ],
)
def test_a_growing_run_begins_at_the_size_that_the_other_had(source, size, stage):
  other, number = source
  arrays = marked(recipe('progan', other, **GROWING), number)
  made = recipe('progan', size, **GROWING)
  begun = transfer.begin(made, arrays, KEY, ONE)
  step = int(begun.state.step)
  assert stages.index(made, step) == stage and step == stage * made.stages[0].steps
  names = {name for name in named(begun.state) if name.startswith('params')}
  new = {name for name in names - sevens(begun.state) if 'image_8' not in name}
  assert not new  # what a smaller image goes through was given up when that size was left


def test_frozen_layers_must_come_from_the_source():
  source, made = marked(recipe()), recipe(freeze=1)
  assert transfer.begin(made, source, KEY, ONE, freeze=1).taken
  wide = recipe(size=12, freeze=1)
  with pytest.raises(
    ValueError, match='--freeze=1 keeps .* critic/Dense_0/weight/kernel does not fit'
  ):
    transfer.begin(wide, source, KEY, ONE, freeze=1)
  grown = recipe('progan', 16, **GROWING, freeze=2)
  with pytest.raises(ValueError, match='--freeze=2 keeps .* critic/image_16/'):
    transfer.begin(grown, marked(recipe('progan', 8, **GROWING)), KEY, ONE, freeze=2)


def test_the_digest_depends_on_every_name_and_number():
  source = marked(recipe())
  first = transfer.digest(source)
  assert first == transfer.digest(dict(reversed(source.items()))) and len(first) == 64
  name = 'params/critic/Dense_0/bias'
  changed = {**source, name: source[name] + np.eye(4, dtype=np.float32)[0]}
  renamed = {('params/critic/Dense_9/bias' if k == name else k): x for k, x in source.items()}
  assert len({first, transfer.digest(changed), transfer.digest(renamed)}) == 3


@pytest.mark.slow
@pytest.mark.parametrize('variant', variants.VARIANTS)
def test_every_variant_takes_all_of_itself(variant):
  size = {'cyclegan': 32, 'cut': 32, 'pix2pix': 32}.get(variant, 16)
  made = recipe(variant, size, 3)
  begun = transfer.begin(made, marked(made), KEY, ONE, optimizer=True)
  assert stages.index(made, int(begun.state.step)) == len(made.stages) - 1
  assert not [line for line in begun.lines if ';' in line]
  free = {k for k in named(begun.state) if k.startswith(('variables', 'ema', 'opt'))}
  assert free <= sevens(begun.state) | {k for k in free if k.endswith('count')}
