"""Consistency of linear scores, by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from by_hand import BLACK, SCALE, SLOPE, bound, by_hand, score
from jaxgan.losses import adversarial, consistency
from linear_scores import linear, of_norm, pair


def test_consistency_of_latents_by_hand(key):
  """With G(z) = s z and D(x) = psi x: near latents are std * n apart."""
  noises, drawn = [], lambda key, n: jax.random.normal(key, (n, 2))

  def note(scale, z):
    noises.append(np.asarray(z))
    return scale * z

  critic, generator = consistency.latent_consistency(
    latent=drawn,
    judge=adversarial.judged(adversarial.nothing),
    std=0.1,
    critic_weight=5.0,
    generator_weight=0.5,
  )
  nets, batch = bound(by_hand(note)(jnp.float32(SCALE)), score(SLOPE)), {'image': BLACK['image']}
  value, after, _ = critic(nets, batch, key)
  noise = noises[1] - noises[0]
  n = noise.size
  assert abs(noise.mean()) < 5 * 0.1 / np.sqrt(n)
  np.testing.assert_allclose(noise.std(), 0.1, rtol=5 / np.sqrt(2 * n))
  moved = SCALE * np.float64(noise)
  np.testing.assert_allclose(value, 5 * ((moved @ np.float64(SLOPE)) ** 2).mean(), rtol=1e-4)
  assert after is nets
  np.testing.assert_allclose(generator(nets, batch, key)[0], -0.5 * (moved**2).mean(), rtol=1e-4)


def test_consistency_by_hand(key):
  """Of a linear score w x that sees x and 2 x: E (w x)^2."""
  real, fake = pair(key)
  w = of_norm(1.0)
  made = consistency.consistency(lambda x, key: 2 * x, 10.0, 3.0)
  at = lambda x: float((np.float64(linear(w)(x)) ** 2).mean())
  expected = 10 * at(real) + 3 * at(fake)
  np.testing.assert_allclose(made(linear(w), real, fake, key), expected, rtol=1e-5)
  slope = jax.grad(lambda w: made(linear(w), real, fake, key))(w)
  np.testing.assert_allclose((slope * w).sum(), 2 * expected, rtol=1e-5)
  alone = consistency.consistency(lambda x, key: 2 * x)
  np.testing.assert_allclose(alone(linear(w), real, None, key), 10 * at(real), rtol=1e-5)


def test_consistency_changes_real_and_fake_by_draws_of_their_own(key):
  seen = []

  def change(x, key):
    seen.append(tuple(jax.random.key_data(key).tolist()))
    return x

  made = consistency.consistency(change, 1.0, 1.0)
  assert made(linear(of_norm(1.0)), *pair(key), key) == 0
  assert len(set(seen)) == 2
