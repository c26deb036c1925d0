"""Super-resolution: what is small, what is cut out, what the losses add up to."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.game import Nets
from jaxgan.core.network import Network
from jaxgan.losses import objectives, super_resolution
from jaxgan.losses.super_resolution import Weights, absolute, downsampled, squared
from jaxgan.ops.resample import resize

# --- losses


def test_small_images_stay_in_range():
  edges = jnp.where(jnp.arange(16) < 7, 1.0, -1.0)[None, None, :, None].repeat(16, 1)
  assert jnp.abs(resize(edges, 8, 8)).max() > 1 >= jnp.abs(downsampled(edges, 2)).max()


def nets_of(**networks):
  adapt = lambda value: Network(
    lambda key, *inputs: {'params': {}},
    lambda variables, *inputs, train, key=None: (value(*inputs), variables),
  )
  nothing = {name: {} for name in networks}
  return Nets({name: adapt(value) for name, value in networks.items()}, nothing, nothing)


@pytest.mark.parametrize('told', [False, True])
def test_the_sum_of_the_terms(told):
  """Flat images: 0.5 high, 0.1 made; features are doubled pixels; values from 0 to 1."""
  nets = nets_of(
    generator=lambda low: jnp.full((3, 8, 8, 1), 0.1) + 0 * low.sum(),
    critic=lambda x: x.mean((1, 2, 3)),
    features=lambda x: 2 * x,
  )
  weights = Weights(pixel=3.0, content=5.0, adversarial=7.0)
  critic, generator = super_resolution.adversarial(
    objectives.nonsaturating(), squared, weights, scale=2, crop=8, perceptual=told
  )
  batch, softplus = {'image': jnp.full((3, 8, 8, 1), 0.5)}, lambda t: np.log1p(np.exp(t))
  loss, _, _ = generator(nets, batch, jax.random.key(0))
  pixel = 0.2**2
  content = 0.8**2 if told else pixel
  chex.assert_trees_all_close(float(loss), 3 * pixel + 5 * content + 7 * softplus(-0.1), rtol=1e-5)
  judged, _, _ = critic(nets, batch, jax.random.key(0))
  chex.assert_trees_all_close(float(judged), softplus(-0.5) + softplus(0.1), rtol=1e-5)
  alone = super_resolution.pixels(absolute, scale=2, crop=8)(nets, batch, jax.random.key(0))[0]
  chex.assert_trees_all_close(float(alone), 0.2, rtol=1e-5)
