"""The losses of a game of pairs, against their formulas and their optimum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.nn import softplus

from jaxgan.core.nets import Nets
from jaxgan.core.network import Network
from jaxgan.losses import bidirectional, gradient_penalties, objectives

OBJECTIVE = objectives.roles_exchanged(objectives.nonsaturating())
IMAGES = jax.random.normal(jax.random.key(0), (5000, 1, 1, 1)) * 2 + 1
LATENT = lambda key, n: jax.random.normal(key, (n, 1))


def linear(scale, shift):
  """A network x -> scale x + shift of numbers, which keeps the shape of images and latents."""
  params = {'scale': jnp.float32(scale), 'shift': jnp.float32(shift)}

  def apply(v, x, train, key=None):
    made = v['params']['scale'] * x.reshape(len(x), 1) + v['params']['shift']
    return (made.reshape(-1, 1, 1, 1) if x.ndim == 2 else made), v

  return Network(lambda key, x: {'params': params}, apply), params


def ratio(v, x, z, train, key=None):
  """The best critic against G(z) = a z + b and E(x) = c x + d, for images from N(1, 4)."""
  p = v['params']
  x = x.reshape(-1, 1)
  real = -((x - 1) ** 2) / 8 - (z - p['c'] * x - p['d']) ** 2 / (2 * p['s'] ** 2)
  fake = -(z**2) / 2 - (x - p['a'] * z - p['b']) ** 2 / (2 * p['s'] ** 2)
  return (real - fake)[:, 0] - jnp.log(2.0), v


def nets(a, b, c, d, critic=ratio):
  generator, of_generator = linear(a, b)
  encoder, of_encoder = linear(c, d)
  params = {'generator': of_generator, 'encoder': of_encoder}
  params['critic'] = dict(a=a, b=b, c=c, d=d, s=1.0)
  networks = {'generator': generator, 'encoder': encoder}
  networks['critic'] = Network(lambda key, *x: {'params': {}}, critic)
  return Nets(networks, params, {name: {} for name in params})


def values(of, *penalties):
  pair = bidirectional.bidirectional(OBJECTIVE, *penalties, latent=LATENT)
  return [loss(of, {'image': IMAGES}, jax.random.key(1)) for loss in pair]


def test_where_the_encoder_inverts_the_generator_nothing_tells_the_pairs_apart():
  """At G(z) = 2 z + 1 and E(x) = (x - 1) / 2: both kinds of pairs have one distribution."""
  flat = lambda v, x, z, train, key=None: (jnp.zeros(len(x)), v)
  (critic, _, _), (generator, _, _) = values(nets(2.0, 1.0, 0.5, -0.5, flat))
  assert float(critic) == pytest.approx(2 * np.log(2)) == float(generator)
  means = lambda of: [x.mean(0) for x in pairs_of(of)]
  real, fake = means(nets(2.0, 1.0, 0.5, -0.5))
  np.testing.assert_allclose(real, fake, atol=0.1)


def pairs_of(of):
  """Rows of image, latent and their product: of the real pairs and of the fake ones."""
  seen = []

  def watch(v, x, z, train, key=None):
    x = x.reshape(-1, 1)
    seen.append(np.concatenate([x, z, x * z, x**2, z**2], 1))
    return jnp.zeros(len(x)), v

  networks = {**of.networks, 'critic': Network(lambda *_: {}, watch)}
  values(of.replace(networks=networks))
  return seen[:2]


def test_the_critic_sees_each_image_with_its_own_latent():
  """The product tells: E x E(x) = c E x^2 + d E x, and E G(z) z = a."""
  real, fake = pairs_of(nets(3.0, 0.5, 0.25, 0.1))
  np.testing.assert_allclose(real[:, 1], 0.25 * real[:, 0] + 0.1, rtol=1e-5)
  np.testing.assert_allclose(fake[:, 0], 3 * fake[:, 1] + 0.5, rtol=1e-5)


def test_losses_are_those_of_the_logits():
  of = nets(3.0, 0.5, 0.25, 0.1)
  (critic, _, logs), (generator, _, _) = values(of)
  rows = pairs_of(of)
  real, fake = (ratio({'params': of.params['critic']}, x[:, :1], x[:, 1:2], True)[0] for x in rows)
  assert float(critic) == pytest.approx(float((softplus(-real) + softplus(fake)).mean()), rel=1e-4)
  assert float(logs['real']) == pytest.approx(float(real.mean()), rel=1e-4)
  # The other turn draws other latents.
  wanted = (softplus(real) + softplus(-fake)).mean()
  assert float(generator) == pytest.approx(float(wanted), rel=0.05)


def test_encoder_and_generator_both_have_a_slope():
  of, loss = nets(3.0, 0.5, 0.25, 0.1), bidirectional.bidirectional(OBJECTIVE, latent=LATENT)[1]
  own = {name: of.params[name] for name in ('generator', 'encoder')}
  value = lambda own: loss(
    of.replace(params={**of.params, **own}), {'image': IMAGES}, jax.random.key(1)
  )[0]
  slopes = jax.tree.leaves(jax.grad(value)(own))
  assert len(slopes) == 4 and all(float(jnp.abs(x)) > 1e-3 for x in slopes)


def test_penalties_are_of_image_and_latent_together():
  """R1 of 3 x + 4 z is gamma / 2 (9 + 16)."""
  plane = lambda v, x, z, train, key=None: (3 * x.reshape(-1) + 4 * z[:, 0], v)
  of = nets(2.0, 1.0, 0.5, -0.5, plane)
  (_, _, logs), _ = values(of, gradient_penalties.r1(1.0))
  assert float(logs['penalty']) == pytest.approx(12.5)


def test_rows_come_back_as_pairs():
  pairs = bidirectional.Pairs(jnp.arange(24.0).reshape(2, 2, 3, 2), jnp.ones((2, 4)))
  rows = bidirectional.joined(pairs)
  assert rows.shape == (2, 16)
  back = bidirectional.parted(rows, pairs)
  assert all((a == b).all() for a, b in zip(back, pairs, strict=True))
