"""StyleGAN's networks: the adaptive norm, blurs, and one size's images inside the next's."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_path import count
from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.networks import stylegan
from jaxgan.networks.stylegan import Synthesis, adaptive_norm
from jaxgan.ops.convolution import convolve, convolve_pool, upsample_convolve
from jaxgan.ops.resample import filtered, upsample


def test_sizes():
  """By a formula written out, at 1024 pixels of 3 colours."""
  n = [min(8192 // 2**s, 512) for s in range(10)]
  style = lambda c: 512 * 2 * c + 2 * c + 2 * c  # and noise strengths, and biases
  synthesis = 16 * n[1] + style(n[1]) - n[1] + 9 * n[1] ** 2 + style(n[1]) + 3 * n[9] + 3
  for s in range(2, 10):
    synthesis += 9 * n[s - 1] * n[s] + 9 * n[s] ** 2 + 2 * style(n[s])
  config = variants.configure('stylegan', 'paper', image_size=1024)
  stage = variants.build(config, Spec(1024, 3)).stages[-1]
  params = jax.eval_shape(
    partial(game.init, stage.game), jax.random.key(0), dict(stage.example)
  ).params
  assert count(params['synthesis']) == synthesis
  assert count(params['mapping']) == 8 * (512 * 512 + 512)


def test_growth_begins_at_the_second_size():
  recipe = variants.build(variants.configure('stylegan', width=4, base=8), Spec(28, 1))
  sizes = [stage.example['critic'][0].shape[1] for stage in recipe.stages]
  assert sizes == [14, 28, 28]


def test_adaptive_norm_sets_mean_and_deviation(images):
  x, style = 3 * images(4, 6, 6, 5) + 2, images(4, 10)
  y = adaptive_norm(x, style)
  np.testing.assert_allclose(y.mean((1, 2)), style[:, 5:], atol=1e-5)
  np.testing.assert_allclose(y.std((1, 2)), np.abs(style[:, :5] + 1), rtol=1e-4, atol=1e-5)


def test_blurs(images):
  x, w = images(2, 4, 4, 3), images(3, 3, 3, 5)
  taps = (1, 2, 1), (1, 1)
  chex.assert_trees_all_close(
    stylegan.blurred_upsample(x, w), filtered(convolve(upsample(x), w), *taps), atol=1e-4
  )
  chex.assert_trees_all_close(
    stylegan.blurred_pool(x, w), convolve_pool(filtered(x, *taps), w), atol=1e-5
  )
  assert not np.allclose(stylegan.blurred_upsample(x, w), upsample_convolve(x, w))


@partial(jax.jit, static_argnums=0)
def apply(net, variables, w, weight):
  return net.apply(variables, w, jnp.float32(weight), train=True)


def test_images_of_both_ends_of_a_fade(filled, images):
  """Noise, which is drawn for all sizes at once, is silenced."""
  w, sizes, widths = images(3, 6, 4), (4, 8, 16), (5, 4, 3)
  fading = Synthesis(sizes, widths, 2, fades=True)
  variables = filled(fading, w, jnp.ones(()), train=True)
  silent = lambda path, x: jnp.zeros_like(x) if path[-1].key == 'noise' else x
  variables = jax.tree_util.tree_map_with_path(silent, variables)
  old = upsample(apply(Synthesis(sizes[:2], widths[:2], 2), variables, w, 1))
  new = apply(Synthesis(sizes, widths, 2), variables, w, 1)
  chex.assert_trees_all_close(apply(fading, variables, w, 0), old, atol=1e-5)
  chex.assert_trees_all_close(apply(fading, variables, w, 1), new, atol=1e-4)
  chex.assert_trees_all_close(apply(fading, variables, w, 0.3), 0.7 * old + 0.3 * new, atol=1e-4)


@pytest.mark.parametrize('channel', [0, 2])
def test_noise_has_a_strength_for_each_channel(images, channel):
  x, w, noise = images(2, 4, 4, 3), jnp.zeros((2, 4)), images(2, 4, 4, 1)
  module = stylegan.Styled()
  variables = module.init(jax.random.key(0), x, w, noise)
  plain = module.apply(variables, x, w, noise)
  variables['params']['noise'] = variables['params']['noise'].at[channel].set(1.0)
  moved = jnp.abs(module.apply(variables, x, w, noise) - plain).max((0, 1, 2)) > 1e-3
  assert moved.tolist() == [i == channel for i in range(3)]
