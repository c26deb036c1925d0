"""What a logit of a patch discriminator sees, and what fits into images."""

import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks.patch_discriminator import (
  MultiscaleCritic,
  PatchCritic,
  field,
  most_layers,
  patches,
)


@pytest.mark.parametrize('layers, seen', [(1, 16), (2, 34), (3, 70)])
def test_a_logit_sees_a_patch(filled, images, layers, seen):
  """A mask of the gradient of one logit inside; without norms, which see everything."""
  size, net = 80, PatchCritic(layers, 1, norm='batch')
  x = images(1, size, size, 1)
  variables = filled(net, x, train=False)
  logits = lambda x: net.apply(variables, x, train=False)
  middle = jax.eval_shape(logits, x).shape[1] // 2
  slope = jax.jit(jax.grad(lambda x: logits(x)[0, middle, middle]))(x)
  rows, columns = np.nonzero(np.asarray(slope)[0, :, :, 0])
  assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == seen == field(layers)


def test_critics_fit_into_images():
  assert [most_layers(size) for size in (16, 33, 34, 69, 70, 256)] == [1, 1, 2, 2, 3, 3]
  with pytest.raises(ValueError, match='16 pixels or more, these are 15'):
    most_layers(15)
  net = PatchCritic(3, 64)
  start = lambda: net.init_with_output(jax.random.key(0), jnp.zeros((2, 256, 256, 3)), train=True)
  chex.assert_shape(jax.eval_shape(start)[0], (2, 30, 30))


@pytest.mark.parametrize('size, layers, scales', [(16, 1, 2), (64, 2, 2), (256, 3, 2), (64, 1, 3)])
def test_each_scale_gives_its_logits_and_its_maps(size, layers, scales):
  x, net = jnp.zeros((2, size, size, 3)), MultiscaleCritic(scales, layers, 2)
  start = lambda: net.init_with_output(jax.random.key(0), x, train=True)[0]
  logits, maps = jax.eval_shape(start)
  counts = patches(size, layers, scales)
  chex.assert_shape(logits, (2, sum(counts)))
  assert [len(seen) for seen in maps] == [layers + 1] * scales
  assert [math.prod((seen[-1].shape[1] - 1,) * 2) for seen in maps] == counts


def test_scales_that_no_image_is_left_for_are_refused():
  assert patches(48, 2, 3) == [100, 16, 1]
  with pytest.raises(
    ValueError, match='--scales=3 needs images of 48 pixels or more, these are 46'
  ):
    patches(46, 2, 3)


def test_the_second_scale_sees_the_image_with_half_the_pixels(filled, images):
  """Changes between neighbors that smoothing takes out move the first scale's logits alone."""
  x, net = images(1, 32, 32, 1), MultiscaleCritic(2, 1, 2)
  fine = jnp.where(jnp.indices((32, 32)).sum(0)[None, :, :, None] % 2 == 0, 1.0, -1.0)
  middle = fine.at[:, :10].set(0).at[:, -10:].set(0).at[:, :, :10].set(0).at[:, :, -10:].set(0)
  variables = filled(net, x, train=False)
  judge = lambda x: net.apply(variables, x, train=False)[0]
  moved = np.abs(judge(x + middle) - judge(x))
  first = patches(32, 1, 2)[0]
  assert moved[:, :first].max() > 20 * moved[:, first:].max()
