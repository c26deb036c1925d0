"""Contrastive translation: the loss of patches in closed form, and which images it sees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.nets import Nets
from jaxgan.core.network import Network
from jaxgan.losses import contrastive, objectives


@pytest.mark.parametrize('count, temperature', [(4, 0.07), (16, 0.5)])
def test_values_at_the_ends(count, temperature):
  """Vectors at right angles: ln(1 + (p - 1) exp(-1 / t)). Equal ones: ln p, whatever they are."""
  apart = jnp.eye(count)[None]
  found = float(contrastive.patch_nce(apart, apart, temperature))
  assert found == pytest.approx(
    np.log1p((count - 1) * np.exp(-1 / temperature)), rel=1e-4, abs=1e-6
  )
  same = jnp.ones((2, count, 1))
  assert float(contrastive.patch_nce(same, same, temperature)) == pytest.approx(np.log(count))
  swapped = float(contrastive.patch_nce(apart, jnp.roll(apart, 1, 1), temperature))
  assert swapped == pytest.approx(found + 1 / temperature, rel=1e-5)


def test_a_patch_is_compared_within_its_image_alone():
  draw = jax.random.normal(jax.random.key(0), (2, 3, 5, 4))
  q, k = draw / jnp.linalg.norm(draw, axis=-1, keepdims=True)
  each = [float(contrastive.patch_nce(q[i : i + 1], k[i : i + 1])) for i in range(3)]
  assert float(contrastive.patch_nce(q, k)) == pytest.approx(np.mean(each), rel=1e-5)


def test_keys_are_constants():
  q = k = jnp.eye(3)[None]
  loss = lambda q, k: contrastive.patch_nce(q, k, 1.0)
  of_query, of_key = jax.grad(loss, argnums=(0, 1))(q, k)
  assert float(jnp.abs(of_query).max()) > 0 and float(jnp.abs(of_key).max()) == 0


def test_places_differ_and_patches_are_their_vectors():
  maps = [jnp.arange(32.0).reshape(2, 4, 4, 1), jnp.arange(24.0).reshape(2, 2, 2, 3)]
  at = contrastive.places(maps, 6, jax.random.key(0))
  assert [len(x) for x in at] == [6, 4]
  assert [len(set(np.asarray(x).tolist())) for x in at] == [6, 4]
  few, all_of = contrastive.patches(maps, at)
  assert few.shape == (2, 6, 1) and all_of.shape == (2, 4, 3)
  np.testing.assert_array_equal(few[1, :, 0], 16 + at[0])


class Watched:
  """Networks of one number each that keep what they were given: G(x) = s x, D(x) = E x."""

  def __init__(self):
    self.seen = []

  def nets(self, scale=2.0):
    def generate(v, x, train, key=None):
      self.seen.append(np.asarray(x).ravel().tolist())
      return v['params'] * x, v

    def features(v, x, train, key=None):
      made, v = generate(v, x, train)
      return (made, (x,)), v

    head = lambda v, *maps, train, key=None: (tuple(unit(x) for x in maps), v)
    networks = {
      'generator': Network(None, generate, features),
      'critic': Network(None, lambda v, x, train, key=None: (x.mean((1, 2, 3)), v)),
      'head': Network(None, head),
    }
    params = {'generator': jnp.float32(scale), 'critic': {}, 'head': {}}
    return Nets(networks, params, dict.fromkeys(params, {}))


def unit(x):
  return jnp.concatenate([jnp.cos(x), jnp.sin(x)], -1)


A = jnp.array([0.1, 0.3, 0.2, 0.4]).reshape(1, 2, 2, 1)
B = jnp.array([0.65, 0.51, 0.71, 0.93]).reshape(1, 2, 2, 1)
BATCH = {'image': A, 'target': B}


def nce(x, temperature=0.07):
  """By hand, of G(x) = 2 x and angles as vectors."""
  flat = np.asarray(x).ravel()
  logits = np.cos(2 * flat[:, None] - flat[None]) / temperature
  return (np.log(np.exp(logits).sum(1)) - np.diag(logits)).mean()


@pytest.mark.parametrize('identity', [0.0, 1.0, 0.5])
def test_the_losses_are_those_of_the_formula(identity):
  given = dict(weight=3.0, identity=identity)
  critic, generator = contrastive.contrastive(objectives.least_squares(), **given)
  nets, key = Watched().nets(), jax.random.key(0)
  value, _, logs = critic(nets, BATCH, key)
  wanted = (B.mean() - 1) ** 2 / 2 + (2 * A.mean()) ** 2 / 2
  assert float(value) == pytest.approx(float(wanted), rel=1e-5)
  value, _, logs = generator(nets, BATCH, key)
  fooling = (2 * float(A.mean()) - 1) ** 2
  near = (nce(A) + identity * nce(B)) / (1 + identity)
  assert float(logs['nce']) == pytest.approx(nce(A), rel=1e-4)
  assert float(value) == pytest.approx(fooling + 3 * near, rel=1e-4)
  assert ('identity' in logs) == bool(identity)


def test_without_identity_the_generator_never_sees_the_target():
  for identity in (0.0, 1.0):
    watched = Watched()
    for loss in contrastive.contrastive(objectives.least_squares(), identity=identity):
      loss(watched.nets(), BATCH, jax.random.key(0))
    there = [bool(set(np.asarray(B).ravel().tolist()) & set(x)) for x in watched.seen]
    assert any(there) == bool(identity)


def test_both_turns_translate_the_same_crops():
  shift = lambda batch, key: {n: x + jax.random.uniform(key) for n, x in batch.items()}
  watched = Watched()
  for loss in contrastive.contrastive(objectives.least_squares(), augment=shift):
    loss(watched.nets(), BATCH, jax.random.key(0))
  first, second, _ = watched.seen
  assert len(second) == 2 * len(first) and first == second[: len(first)]
