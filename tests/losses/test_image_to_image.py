"""Losses between images: pools by hand, values in closed form, crops that match."""

from collections import Counter

import chex
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.game import Nets
from jaxgan.core.network import Network
from jaxgan.losses import image_to_image, objectives


def constant(value):
  """A network of no parameters."""
  apply = lambda variables, *inputs, train, key=None: (value(*inputs), variables)
  return Network(lambda key, *inputs: {'params': {}}, apply)


def nets_of(memory=None, **networks):
  made = {name: constant(value) for name, value in networks.items()}
  nothing = {name: {} for name in made}
  return Nets(made, nothing, nothing, memory or {})


# --- pools


def played(pool_size, batches, n=2, seed=0):
  """Numbered images through a pool: what went in and what was shown, and the pool at the end."""
  pool, held = jnp.zeros((pool_size, 1)), jnp.int32(0)
  exchange, pairs = jax.jit(image_to_image.exchange), []
  for i in range(batches):
    images = 1.0 + i * n + jnp.arange(n)[:, None]
    shown, pool, held = exchange(images, pool, held, jax.random.fold_in(jax.random.key(seed), i))
    pairs += zip(np.ravel(images), np.ravel(shown), strict=True)
  return pairs, np.ravel(pool), int(held)


def test_a_pool_fills_first():
  pairs, pool, held = played(6, 2)
  assert all(given == shown for given, shown in pairs) and held == 4
  assert pool.tolist() == [1, 2, 3, 4, 0, 0]


def test_a_full_pool_swaps_half_of_the_time():
  pairs, pool, held = played(6, 503)
  given, shown = (np.array(x) for x in zip(*pairs[6:], strict=True))
  swapped = given != shown
  assert held == 6 and abs(swapped.mean() - 0.5) < 0.05
  assert (shown[swapped] < given[swapped]).all()
  # Nothing is lost or doubled: what was kept was shown later, once, or is still there.
  kept = Counter([g for g, s in pairs[:6]] + given[swapped].tolist())
  assert kept == Counter(shown[swapped].tolist() + pool.tolist())


def test_random_places():
  """Each of the stored images leaves at a rate of its own: ages are geometric, 2 / 1 / size."""
  pairs, _, _ = played(5, 1000)
  given, shown = (np.array(x) for x in zip(*pairs[5:], strict=True))
  ages = (given - shown)[given != shown]
  assert abs(ages.mean() - 10) < 1.5


def test_without_a_pool_all_is_shown():
  images = jnp.ones((2, 3))
  chex.assert_trees_all_equal(
    image_to_image.exchange(images, jnp.zeros((0, 3)), jnp.int32(0), jax.random.key(0))[0], images
  )


# --- losses


def test_cycle_in_closed_form():
  """G adds 0.5, F doubles; critics are means: every term by hand."""
  score = lambda x: x.mean((1, 2, 3))
  memory = jax.tree.map(jnp.asarray, image_to_image.first_memory((2, 2, 1), 3, 4))
  nets = nets_of(
    memory,
    generator_ab=lambda x: x + 0.5,
    generator_ba=lambda x: 2 * x,
    critic_a=score,
    critic_b=score,
  )
  a, b = jnp.full((3, 2, 2, 1), 0.1), jnp.full((3, 2, 2, 1), 0.3)
  losses = image_to_image.cycle(objectives.least_squares(), weight=10.0, identity=0.5)
  loss, moved, logs = losses[0](nets, {'image': a, 'target': b}, jax.random.key(0))
  fake_b, fake_a = 0.6, 0.6
  adversarial = (fake_b - 1) ** 2 + (fake_a - 1) ** 2
  cycle = abs(2 * fake_b - 0.1) + abs(fake_a + 0.5 - 0.3)
  identity = abs(0.3 + 0.5 - 0.3) + abs(0.2 - 0.1)
  expected = adversarial + 10 * cycle + 5 * identity
  chex.assert_trees_all_close(float(loss), expected, rtol=1e-6)
  chex.assert_trees_all_close(float(logs['cycle']), cycle, rtol=1e-6)
  chex.assert_trees_all_close(moved.memory['b']['shown'], jnp.full((3, 2, 2, 1), fake_b))
  chex.assert_trees_all_close(moved.memory['a']['pool'][:3], jnp.full((3, 2, 2, 1), fake_a))
  assert int(moved.memory['a']['held']) == 3
  judged, _, _ = losses[1](moved, {'image': a, 'target': b}, jax.random.key(0))
  halves = [(0.1 - 1) ** 2, fake_a**2, (0.3 - 1) ** 2, fake_b**2]
  chex.assert_trees_all_close(float(judged), sum(halves) / 2, rtol=1e-6)


def test_paired_in_closed_form():
  nets = nets_of(generator=lambda x: x - 0.2, critic=lambda x, y: (y - x).mean((1, 2, 3)))
  x, y = jnp.zeros((2, 4, 4, 1)), jnp.full((2, 4, 4, 1), 0.5)
  critic, generator = image_to_image.paired(objectives.nonsaturating(), weight=100.0)
  batch, softplus = {'image': x, 'target': y}, lambda t: np.log1p(np.exp(t))
  judged, _, _ = critic(nets, batch, jax.random.key(0))
  chex.assert_trees_all_close(float(judged), (softplus(-0.5) + softplus(-0.2)) / 2, rtol=1e-6)
  loss, _, _ = generator(nets, batch, jax.random.key(0))
  chex.assert_trees_all_close(float(loss), softplus(0.2) + 100 * 0.7, rtol=1e-6)
