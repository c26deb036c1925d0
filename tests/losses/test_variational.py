"""Losses of VAE/GAN by hand, and who learns from which term."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.nn import softplus

from jaxgan.core.nets import Nets
from jaxgan.core.network import Network
from jaxgan.losses import gradient_penalties, objectives, variational
from jaxgan.losses.variational import Posterior

IMAGES = jnp.array([1.0, -2.0]).reshape(2, 1, 1, 1)
PRIOR = lambda key, n: jnp.full((n, 1), 3.0)


def nets(**params):
  """G(z) = g z, E(x) = (e x, very sure), D(x) = d x with the features 2 d x."""
  params = {'generator': 2.0, 'encoder': 0.25, 'critic': 1.0} | params
  generate = lambda v, z, train, key=None: (v['params'] * z.reshape(-1, 1, 1, 1), v)
  sure = lambda x: jnp.full((len(x), 1), -60.0)
  encode = lambda v, x, train, key=None: (
    jnp.concatenate([v['params'] * x.reshape(-1, 1), sure(x)], 1),
    v,
  )
  judge = lambda v, x, train, key=None: (v['params'] * x.reshape(-1), v)
  seen = lambda v, x, train, key=None: (
    (judge(v, x, train)[0], 2 * v['params'] * x.reshape(-1, 1)),
    v,
  )
  networks = {
    'generator': Network(None, generate),
    'encoder': Network(None, encode),
    'critic': Network(None, judge, seen),
  }
  return Nets(networks, {n: jnp.float32(p) for n, p in params.items()}, dict.fromkeys(params, {}))


def losses(*penalties, gamma=0.5):
  return variational.variational(objectives.nonsaturating(), *penalties, latent=PRIOR, gamma=gamma)


def test_the_divergence_is_that_of_two_normal_distributions():
  draw = np.random.default_rng(0)
  mean, deviation = draw.normal(size=(3, 4)), np.exp(draw.normal(size=(3, 4)))
  found = variational.divergence(Posterior(jnp.float32(mean), jnp.float32(2 * np.log(deviation))))
  right = (mean**2 + deviation**2) / 2 - 1 / 2 - np.log(deviation)
  assert float(found) == pytest.approx(right.sum(1).mean(), rel=1e-5)
  assert float(variational.divergence(Posterior(jnp.zeros((2, 3)), jnp.zeros((2, 3))))) == 0


def test_latents_are_drawn_with_the_mean_and_the_deviation_asked():
  given = Posterior(jnp.full((40_000, 1), 2.0), jnp.full((40_000, 1), 2 * np.log(0.5)))
  drawn = np.asarray(given.drawn(jax.random.key(0)))
  assert (drawn.mean(), drawn.std()) == pytest.approx((2.0, 0.5), abs=0.01)


def test_values_by_hand():
  """Restored images are x / 2, those of the prior 6."""
  critic, generator = losses()
  loss, _, logs = critic(nets(), {'image': IMAGES}, jax.random.key(0))
  real, restored, drawn = jnp.array([1.0, -2.0]), jnp.array([0.5, -1.0]), jnp.array([6.0, 6.0])
  right = softplus(-real).mean() + (softplus(restored).mean() + softplus(drawn).mean()) / 2
  assert float(loss) == pytest.approx(float(right), rel=1e-5)
  assert float(logs['restored']) == pytest.approx(-0.25) and float(logs['fake']) == 6
  loss, _, logs = generator(nets(), {'image': IMAGES}, jax.random.key(0))
  apart = np.mean([(2 - 1) ** 2, (-4 + 2) ** 2]) / 2
  prior = np.mean([0.25**2, 0.5**2]) / 2 + (60 - 1) / 2
  fooled = float(softplus(-restored).mean() + softplus(-drawn).mean()) / 2
  assert float(logs['unlikely']) == pytest.approx(apart, rel=1e-5)
  assert float(logs['prior']) == pytest.approx(prior, rel=1e-5)
  assert float(loss) == pytest.approx(prior + apart + 0.5 * apart + fooled, rel=1e-5)


def slopes(gamma, generator=2.0, encoder=0.25):
  loss = lambda g, e: losses(gamma=gamma)[1](
    nets(generator=g, encoder=e), {'image': IMAGES}, jax.random.key(0)
  )[0]
  return [float(x) for x in jax.grad(loss, argnums=(0, 1))(generator, encoder)]


def test_each_network_learns_from_its_own_terms():
  """Encoder: prior and likeness, whatever gamma is. Generator: gamma likeness, and the critic."""
  x2 = 2.5  # the mean of x^2
  of_encoder = 0.25 * x2 + 4 * (2 * 0.25 - 1) * 2 * x2
  of_generator = lambda gamma: gamma * 4 * (2 * 0.25 - 1) * 0.25 * x2
  none, some = slopes(0.0), slopes(0.5)
  assert none[1] == pytest.approx(of_encoder, rel=1e-4) == some[1]
  assert some[0] - none[0] == pytest.approx(of_generator(0.5), rel=1e-4)
  z, sigmoid = 0.25 * IMAGES.ravel(), jax.nn.sigmoid
  fooled = -(sigmoid(-2 * z) * z).mean() / 2 - float(sigmoid(-6.0)) * 3 / 2
  assert none[0] == pytest.approx(float(fooled), rel=1e-4)


def test_penalties_are_of_the_critic():
  plain, penalized = losses(), losses(gradient_penalties.r1(2.0))
  batch, key = {'image': IMAGES}, jax.random.key(0)
  loss, _, logs = penalized[0](nets(critic=3.0), batch, key)
  assert float(logs['penalty']) == pytest.approx(9.0)
  assert float(loss) == pytest.approx(
    float(plain[0](nets(critic=3.0), batch, key)[0]) + 9, rel=1e-4
  )
