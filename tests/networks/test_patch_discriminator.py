"""What a logit of a patch discriminator sees, and what fits into images."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks.patch_discriminator import PatchCritic, field, most_layers


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
