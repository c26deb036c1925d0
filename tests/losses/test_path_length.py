"""Path lengths against a Jacobian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import path_length
from linear_styles import BATCH, SIZE, drawing, nets


@pytest.mark.parametrize('mean, weight, interval', [(0.0, 2.0, 4), (0.7, 1.5, 1)])
def test_path_lengths_are_those_of_the_jacobian(key, mean, weight, interval):
  bound, drawn = nets(mean=mean), drawing()
  loss = path_length.path_length(drawn, weight, interval)
  value, moved, logs = jax.jit(loss)(bound, BATCH, key)
  styling, _, directing = jax.random.split(key, 3)
  half = {'image': BATCH['image'][::2]}
  w = drawn.styles(bound, half, styling)[0]
  y = np.asarray(jax.random.normal(directing, (3, SIZE, SIZE, 1))) / SIZE
  lengths = []
  for i in range(3):
    image = lambda w: bound('synthesis', w[None])[0][0]
    jacobian = np.asarray(jax.jacobian(image)(w[i]))  # [H, W, C, layers, d]
    slope = np.einsum('hwc,hwcld->ld', y[i], jacobian)
    lengths.append(np.sqrt((slope**2).sum(1).mean()))
  a = mean + 0.01 * (np.mean(lengths) - mean)
  np.testing.assert_allclose(logs['length'], np.mean(lengths), rtol=1e-5)
  np.testing.assert_allclose(moved.memory['path_mean'], a, rtol=1e-5)
  expected = interval * weight * ((np.array(lengths) - a) ** 2).mean()
  np.testing.assert_allclose(value, expected, rtol=1e-4)


def test_path_lengths_are_of_every_second_image(key):
  """So that devices, each of which holds neighbors, share the work."""
  seen = []
  told = lambda nets, batch: seen.append(np.asarray(batch['label'])) or ()
  loss = path_length.path_length(drawing()._replace(told=told))
  loss(nets(), {**BATCH, 'label': jnp.arange(6)}, key)
  assert seen[0].tolist() == [0, 2, 4]


def test_both_networks_learn_from_path_lengths(key):
  bound = nets()
  loss = path_length.path_length(drawing())
  slopes = jax.jit(jax.grad(lambda p: loss(bound.replace(params=p), BATCH, key)[0]))(bound.params)
  assert all(jnp.abs(x).max() > 1e-4 for x in jax.tree.leaves(slopes))
