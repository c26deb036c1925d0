"""Networks that grow: sizes by a formula written out, and one size's images inside the next's."""

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
from jaxgan.networks.progan import Critic, Generator, widths
from jaxgan.ops.resample import pool, upsample


def by_hand(levels):
  """Parameters of a generator and a critic of 3 colours and 2^(levels + 1) pixels."""
  n = {s: min(8192 // 2**s, 512) for s in range(levels + 1)}
  conv = lambda i, o, k=9: k * i * o + o
  generator = 512 * 16 * n[1] + n[1] + conv(n[1], n[1]) + conv(n[levels], 3, 1)
  critic = conv(3, n[levels], 1) + conv(n[1] + 1, n[1]) + 16 * n[1] * n[0] + n[0] + n[0] + 1
  for s in range(2, levels + 1):
    generator += conv(n[s - 1], n[s]) + conv(n[s], n[s])
    critic += conv(n[s], n[s]) + conv(n[s], n[s - 1])
  return generator, critic


@pytest.mark.parametrize('levels', [4, 9])
def test_sizes(levels):
  size = 2 ** (levels + 1)
  recipe = variants.build(variants.configure('progan', 'paper'), Spec(size, 3))
  stage = recipe.stages[-1]
  state = jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))
  assert (count(state.params['generator']), count(state.params['critic'])) == by_hand(levels)


def test_widths():
  assert widths(9) == (512, 512, 512, 512, 512, 256, 128, 64, 32, 16)
  assert widths(3, base=12, most=8) == (8, 6, 3, 1)


SIZES, WIDTHS = (4, 8, 16), (6, 5, 4, 3)
ONE = jnp.ones(())


def generator(level, fades=False):
  return Generator(SIZES[: level + 1], WIDTHS[1 : level + 2], 2, fades)


def critic(level, fades=False):
  return Critic(SIZES[: level + 1], WIDTHS[: level + 2], fades)


@partial(jax.jit, static_argnums=0)
def apply(net, variables, x, weight):
  return net.apply(variables, x, jnp.float32(weight), train=True)


@pytest.mark.parametrize('level', [1, 2])
def test_images_of_both_ends_of_a_fade(filled, images, level):
  """At 0 those of the smaller network, enlarged; at 1 those of the larger; between a mixture."""
  z, fading = images(3, 7), generator(level, fades=True)
  variables = filled(fading, z, ONE, train=True)
  run = lambda net, weight: apply(net, variables, z, weight)
  old, new = upsample(run(generator(level - 1), 1)), run(generator(level), 1)
  chex.assert_trees_all_equal(run(fading, 0), old)
  chex.assert_trees_all_close(run(fading, 1), new, atol=1e-5)
  chex.assert_trees_all_close(run(fading, 0.3), 0.7 * old + 0.3 * new, atol=1e-5)
  assert not np.allclose(old, new)


@pytest.mark.parametrize('level', [1, 2])
def test_logits_of_both_ends_of_a_fade(filled, images, level):
  x, fading = images(4, SIZES[level], SIZES[level], 2), critic(level, fades=True)
  variables = filled(fading, x, ONE, train=True)
  run = lambda net, x, weight: apply(net, variables, x, weight)
  chex.assert_trees_all_close(run(fading, x, 0), run(critic(level - 1), pool(x), 1), atol=1e-5)
  chex.assert_trees_all_close(run(fading, x, 1), run(critic(level), x, 1), atol=1e-5)


def test_the_generator_forgets_the_length_of_latents(filled, images):
  z, net = images(3, 7), generator(1)
  variables = filled(net, z, ONE, train=True)
  run = lambda z: apply(net, variables, z, 1)
  chex.assert_trees_all_close(run(5 * z), run(z), rtol=1e-4, atol=1e-5)


def test_the_critic_sees_its_images_together(filled, images):
  """Of four equal images in place of four that differ, the first has another logit."""
  x, net = images(4, 4, 4, 2), critic(0)
  variables = filled(net, x, ONE, train=True)
  run = lambda x: apply(net, variables, x, 1)
  same = run(jnp.broadcast_to(x[:1], x.shape))
  chex.assert_trees_all_close(same, jnp.broadcast_to(same[:1], (4,)), atol=1e-6)
  assert abs(same[0] - run(x)[0]) > 1e-3
