"""CUT: the sizes of its article, one way, and less work than CycleGAN."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec


def made(variant='cut', *given, size=16, **options):
  return variants.build(variants.configure(variant, *given, **options), Spec(size, 3))


def test_the_networks_of_the_article():
  """CycleGAN's generator and critic without the biases that norms take out, and five heads."""
  stage = made('cut', 'paper', size=256).stages[0]
  state = jax.eval_shape(lambda: game.init(stage.game, jax.random.key(0), dict(stage.example)))
  count = lambda tree: sum(math.prod(x.shape) for x in jax.tree.leaves(tree))
  idle = 64 + 128 + 256 + 9 * 2 * 256 + 128 + 64
  assert count(state.params['generator']) == 11_378_179 - idle
  assert count(state.params['critic']) == 2_764_737 - 128 - 256 - 512
  perceptron = lambda width: width * 256 + 256 + 256 * 256 + 256
  assert count(state.params['head']) == sum(map(perceptron, (3, 128, 256, 256, 256)))
  assert [x.shape for x in stage.example['head']] == [(2, 256, c) for c in (3, 128, 256, 256, 256)]


@pytest.mark.parametrize('direction, shown', [('AtoB', ('A', 'A to B')), ('BtoA', ('B', 'B to A'))])
def test_it_translates_one_way(direction, shown):
  interface = made(width=4, blocks=1, direction=direction).interface
  assert list(interface.ways) == [direction] and interface.shown[:2] == shown
  assert interface.needs == 'target'


def test_the_generators_player_moves_the_head():
  stage = made(width=4, blocks=1).stages[0]
  assert stage.game.players['generator'].networks == ('generator', 'head')
  assert stage.game.players['critic'].networks == ('critic',)


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    (dict(nce=0.0), '--nce must be above 0'),
    (dict(temperature=0.0), '--temperature must be above 0'),
    (dict(nce_patches=0), '--nce-patches must be above 0'),
    (dict(identity=-1.0), '--identity must'),
  ],
)
def test_what_means_nothing_is_refused(options, words):
  with pytest.raises(ValueError, match=words):
    variants.configure('cut', **options)


def test_sizes_that_do_not_divide_are_refused():
  with pytest.raises(ValueError, match='cut needs images of a multiple of 4 pixels, these are 18'):
    made(size=18)


def work(variant, **options):
  """Floating-point operations of a step, as the compiler counts them, and its working memory."""
  stage = made(variant, size=32, width=16, blocks=4, jitter=False, **options).stages[0]
  state = jax.eval_shape(lambda: game.init(stage.game, jax.random.key(0), dict(stage.example)))
  image = jax.ShapeDtypeStruct((1, 1, 32, 32, 3), jnp.float32)
  step = jax.jit(lambda s, b: game.train_step(stage.game, s, b))
  compiled = step.lower(state, {'image': image, 'target': image}).compile()
  costs = compiled.cost_analysis()
  return np.array([costs['flops'], compiled.memory_analysis().temp_size_in_bytes])


@pytest.mark.slow
def test_a_step_has_less_work_and_memory_than_one_of_cyclegan():
  """Counted, not timed; the experiment times it."""
  few = dict(head_size=16, nce_patches=16)  # beside images as small as these
  share = work('cut', **few) / work('cyclegan')
  assert (share <= 0.7).all(), share  # 0.60 of the operations, 0.67 of the memory
