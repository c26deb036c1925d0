"""The U-Net: halvings, noise and statistics."""

import chex
import jax
import jax.numpy as jnp
import pytest

from jaxgan.networks.patch_discriminator import PatchCritic
from jaxgan.networks.pix2pix import UNet, halvings


def test_halvings():
  assert [halvings(size) for size in (8, 9, 16, 28, 64, 128, 256, 512)] == [3, 4, 4, 5, 6, 7, 8, 8]
  with pytest.raises(ValueError, match='8 pixels or more'):
    halvings(7)


def test_noise_is_drawn_where_a_key_is_given(filled, images):
  net, x = UNet(1, 4, 4), images(2, 16, 16, 1)
  variables = filled(net, x, train=False)
  noise = lambda key: {} if key is None else {'dropout': key}
  apply = jax.jit(lambda key=None: net.apply(variables, x, train=False, rngs=noise(key)))
  still, one, two = apply(), *(apply(jax.random.key(i)) for i in (0, 1))
  assert (one != still).any() and (one != two).any()
  chex.assert_trees_all_equal(one, apply(jax.random.key(0)))


def test_only_batch_norm_has_statistics(key):
  for norm, kinds in (('batch', {'params', 'batch_stats'}), ('instance', {'params'})):
    for net in (UNet(1, 4, 4, norm), PatchCritic(1, 4, norm)):
      start = lambda net=net: net.init(key, jnp.zeros((2, 16, 16, 1)), train=True)
      assert set(jax.eval_shape(start)) == kinds
