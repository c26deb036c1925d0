"""The search for the nearest image: its schedule, and which of its starts it keeps."""

import jax.numpy as jnp
import numpy as np
import pytest

from apps.tiny import sharpened
from jaxgan.apps import latents
from jaxgan.apps.search import Search, schedule, search
from jaxgan.training.run import load


def test_the_rate_rises_stays_and_falls():
  """Over the first twentieth in a line, over the last quarter as half a cosine."""
  rate = schedule(Search(steps=200, rate=0.4))
  at = lambda step: float(rate(step))
  np.testing.assert_allclose([at(i) for i in (0, 10, 80, 150)], [0.04, 0.4, 0.4, 0.4], rtol=1e-6)
  np.testing.assert_allclose(at(175), 0.2, rtol=1e-5)
  np.testing.assert_allclose(at(200), 0, atol=1e-8)
  rising, falling = [at(i) for i in range(10)], [at(i) for i in range(150, 201)]
  assert (np.diff(rising) > 0).all() and (np.diff(falling) < 0).all()


def apart(nets, made, targets, labels):
  """The mean square of what differs."""
  return ((made - targets) ** 2).reshape(len(made), -1).mean(1)


@pytest.fixture
def run(plain):
  return sharpened(load(plain))


def still(run, targets, restarts):
  """What is found where nothing moves: the nearest of the starts."""
  labels = jnp.zeros(len(targets), jnp.int32)
  options = Search(steps=1, rate=0.0, restarts=restarts)
  return search(run, latents.space(run), apart, targets, labels, options)


def test_the_nearest_of_all_starts_is_kept(run):
  """Four starts of one target are the only starts of four equal ones."""
  image = run.sample(7, 1)
  alone = still(run, np.repeat(image, 4, 0), restarts=1)
  assert len(set(alone.distances.tolist())) == 4
  best = alone.distances.argmin()
  found = still(run, image, restarts=4)
  np.testing.assert_allclose(found.distances, alone.distances[[best]], rtol=1e-5)
  np.testing.assert_allclose(found.points[0], alone.points[best], rtol=1e-5, atol=1e-6)


def test_distances_are_those_of_the_images_found(run):
  targets = run.sample(7, 3)
  found = still(run, targets, restarts=2)
  expected = ((found.images - targets) ** 2).reshape(3, -1).mean(1)
  np.testing.assert_allclose(found.distances, expected, rtol=1e-5)


def test_steps_bring_it_nearer(run):
  targets, labels = run.sample(7, 2), jnp.zeros(2, jnp.int32)
  options = Search(steps=20, restarts=2)
  found = search(run, latents.space(run), apart, targets, labels, options)
  assert (found.distances < 0.7 * still(run, targets, restarts=2).distances).all()
