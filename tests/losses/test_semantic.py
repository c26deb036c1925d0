"""SPADE's losses by hand, and what the networks are given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.nets import Nets
from jaxgan.core.network import Network
from jaxgan.losses import objectives, semantic

COLORS = jnp.array([[-1.0], [1.0]])


def nets(seen):
  """G(m) = s, everywhere; D(m, y) = ([mean y, mean y, 2 mean y], [[y], [2 y]]): two scales."""

  def generate(v, maps, train, key=None):
    seen.append(np.asarray(maps))
    return v['params'] * jnp.ones((*maps.shape[:3], 1)), v

  def judge(v, maps, y, train, key=None):
    mean = y.mean((1, 2))
    return (jnp.concatenate([mean, mean, 2 * mean], 1), [[y], [2 * y]]), v

  networks = {'generator': Network(None, generate), 'critic': Network(None, judge)}
  params = {'generator': jnp.float32(0.5), 'critic': {}}
  return Nets(networks, params, dict.fromkeys(params, {}), {semantic.PALETTE: COLORS})


BATCH = {
  'image': jnp.array([-0.9, 0.8, 0.7, -0.2]).reshape(1, 2, 2, 1),
  'target': jnp.full((1, 2, 2, 1), -0.25),
}


def test_values_by_hand():
  """Real logits -1/4, -1/4 | -1/2; fakes 1/2, 1/2 | 1; maps apart 3/4 | 3/2."""
  seen = []
  critic, generator = semantic.semantic(objectives.hinge(), [2, 1], weight=10.0)
  loss, _, logs = critic(nets(seen), BATCH, jax.random.key(0))
  assert float(loss) == pytest.approx(((1.25 + 1.5) + (1.5 + 2)) / 2)
  assert float(logs['real']) == pytest.approx(-1 / 3) and float(logs['fake']) == pytest.approx(
    2 / 3
  )
  loss, _, logs = generator(nets(seen), BATCH, jax.random.key(0))
  assert float(logs['adversarial']) == pytest.approx(-(0.5 + 1) / 2)
  assert float(logs['matching']) == pytest.approx((0.75 + 1.5) / 2)
  assert float(loss) == pytest.approx(-0.75 + 10 * 1.125)
  for maps in seen:
    assert maps.argmax(-1).ravel().tolist() == [0, 1, 1, 0] and set(maps.ravel()) == {0, 1}


def test_maps_that_are_changed_stay_maps():
  seen = []
  mixed = lambda batch, key: {**batch, 'image': 0.6 * batch['image'] + 0.1}
  critic, _ = semantic.semantic(objectives.hinge(), [2, 1], augment=mixed)
  critic(nets(seen), BATCH, jax.random.key(0))
  assert seen[0].argmax(-1).ravel().tolist() == [0, 1, 1, 0] and set(seen[0].ravel()) == {0, 1}


def test_real_maps_are_constants():
  fake, real = [[jnp.ones(3)]], [[jnp.zeros(3)]]
  of_fake, of_real = jax.grad(semantic.matching, argnums=(0, 1))(fake, real)
  assert np.abs(of_fake[0][0]).sum() > 0 and not np.abs(of_real[0][0]).any()
