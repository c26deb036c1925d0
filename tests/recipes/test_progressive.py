"""Growing: which stage does what, the weight of a new size, and real images blended alike."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.game import Nets
from jaxgan.core.typing import Spec
from jaxgan.ops import resample
from jaxgan.ops.resample import blend
from jaxgan.recipes import progressive, stages
from jaxgan.recipes.progressive import Growth

GROWTH = Growth((7, 14, 28), steps=4)


def images(size=28, seed=0):
  return jnp.float32(np.random.default_rng(seed).standard_normal((3, size, size, 2)))


def at(step):
  return Nets({}, {}, {}, step=jnp.int32(step))


def test_stages_alternate():
  assert GROWTH.stages == 5
  assert [GROWTH.level(i) for i in range(5)] == [0, 1, 1, 2, 2]
  assert [GROWTH.fades(i) for i in range(5)] == [False, True, False, True, False]
  assert [GROWTH.length(i) for i in range(5)] == [4, 4, 4, 4, None]


def test_the_weight_rises_from_zero_in_every_fade_and_is_one_else():
  ramp, one = [0, 1 / 4, 2 / 4, 3 / 4], [1.0] * 4
  weights = jax.jit(jax.vmap(GROWTH.weight))(jnp.arange(32))
  np.testing.assert_array_equal(weights, one + ramp + one + ramp + one * 4)


def test_a_single_size_never_fades():
  np.testing.assert_array_equal(jax.vmap(Growth((8,), 2).weight)(jnp.arange(8)), np.ones(8))


def test_reals_are_means_of_boxes():
  x = images()
  boxes = x.reshape(3, 7, 4, 7, 4, 2).mean((2, 4))
  chex.assert_trees_all_close(GROWTH.real(at(0), x, stage=0), boxes, atol=1e-6)
  chex.assert_trees_all_equal(GROWTH.real(at(16), x, stage=4), x)


@pytest.mark.parametrize('step, weight', [(4, 0.0), (5, 0.25), (7, 0.75)])
def test_reals_are_blended_with_the_weight(step, weight):
  x = images()
  new = resample.pool(x)
  old = resample.upsample(resample.pool(new))
  expected = (1 - weight) * old + weight * new
  chex.assert_trees_all_close(GROWTH.real(at(step), x, stage=1), expected, atol=1e-6)


def test_blend_is_exact_at_both_ends_of_a_fade():
  old, new = images(), images(seed=1)
  chex.assert_trees_all_equal(blend(old, new, jnp.float32(0)), old)
  chex.assert_trees_all_close(blend(old, new, jnp.float32(1)), new, atol=1e-6)


def test_whole_repeats_pixels():
  x = images(7)
  chex.assert_trees_all_equal(GROWTH.whole(x), x.repeat(4, 1).repeat(4, 2))


@pytest.mark.parametrize(
  'size, expected', [(8, (4, 8)), (16, (4, 8, 16)), (28, (7, 14, 28)), (48, (6, 12, 24, 48))]
)
def test_sizes_double_from_the_smallest(size, expected):
  config = variants.configure('progan', steps=90)
  grown = progressive.growth(config, Spec(size, 1))
  assert grown.sizes == expected
  assert grown.steps == 90 // (2 * len(expected) - 1)  # the run is shared among all


def test_stages_may_be_as_long_as_one_likes():
  config = variants.configure('progan', stage_images=640, batch_size=16, n_critic=2)
  assert progressive.growth(config, Spec(8, 1)).steps == 20
  assert not config.bound_to_length()
  assert 'share' in variants.configure('progan').bound_to_length()


def test_what_does_not_fit_is_said():
  with pytest.raises(ValueError, match='these are 18 pixels'):
    variants.build(variants.configure('progan'), Spec(18, 1))
  with pytest.raises(ValueError, match='progan has no --schedule'):
    variants.configure('progan', schedule='linear')
  with pytest.raises(ValueError, match='--stage-images must be 0 or above'):
    variants.configure('progan', stage_images=-1)


def test_optimizers_start_afresh_and_averages_go_on():
  config = variants.configure(
    'progan', width=4, base=8, latent_size=4, batch_size=4, stage_images=8
  )
  recipe = variants.build(config, Spec(8, 1))
  first, second = recipe.stages[:2]
  shapes = lambda stage: jax.eval_shape(
    partial(game.init, stage.game), jax.random.key(0), dict(stage.example)
  )
  filled = lambda value, stage: jax.tree.map(
    lambda x: np.full(x.shape, value), shapes(stage).replace(key=jnp.uint32(0))
  )
  old, fresh = filled(1, first), filled(2, second)
  new = stages.passage(old, fresh, second.fresh)
  chex.assert_trees_all_equal(new.opt, fresh.opt)
  shared = old.ema['generator'].keys() & new.ema['generator'].keys()
  assert shared == {'dense', 'bias', 'layer_4', 'image_4'}
  for name, layer in new.ema['generator'].items():
    kept = old if name in shared else fresh
    chex.assert_trees_all_equal(layer, kept.ema['generator'][name])
