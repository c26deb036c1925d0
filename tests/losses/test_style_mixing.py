"""Style mixing: which layer has whose style."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.losses import style_mixing
from jaxgan.losses.style_mixing import Drawing
from linear_styles import BATCH, LAYERS, drawing, latent, nets


def test_mixing_uses_both_latents(key):
  """Layers before the crossover have the first latent's style, the others the second's."""
  bound = nets()
  plain = drawing().styles(bound, BATCH, key)[0]
  mixed, moved = drawing(mixing=1.0).styles(bound, BATCH, key)
  same = (plain == mixed).all((0, 2))
  assert same[0] and not same[-1]
  assert (jnp.diff(same.astype(int)) <= 0).all()
  # Within the second part all layers have one style, and the average saw the first latents alone.
  chex.assert_trees_all_equal(mixed[:, -1], mixed[:, int(same.sum())])
  first = latent(jax.random.split(key, 3)[0], 6)
  chex.assert_trees_all_close(moved.variables['mapping']['seen'], first.mean())


def test_gradients_reach_both_latents(key):
  """Of a weight for each latent, in place of the draws."""
  bound = nets()

  def loss(weights):
    calls = iter(weights)
    drawn = Drawing(lambda key, n: next(calls) * latent(key, n), LAYERS, mixing=1.0)
    return (drawn.generate(bound, BATCH, key)[0] ** 2).sum()

  slopes = jax.grad(loss)((jnp.float32(1), jnp.float32(1)))
  assert all(abs(s) > 1e-3 for s in slopes)


def test_crossovers():
  """Evenly among all layers but the first; with probability 1 - p there is none."""
  draw = jax.jit(jax.vmap(lambda key: style_mixing.crossover(key, 4, 0.9)))
  places = np.asarray(draw(jax.random.split(jax.random.key(0), 20_000)))
  shares = np.bincount(places, minlength=5) / len(places)
  np.testing.assert_allclose(shares, [0, 0.3, 0.3, 0.3, 0.1], atol=0.012)
