"""Labels of pixels by the nearest color."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.ops import palette


def test_the_nearest_color_is_that_of_the_smallest_distance():
  draw = np.random.default_rng(0)
  images = draw.uniform(-1, 1, (2, 5, 4, 3)).astype(np.float32)
  colors = draw.uniform(-1, 1, (7, 3)).astype(np.float32)
  far = ((images[..., None, :] - colors) ** 2).sum(-1)
  found = palette.labels(jnp.asarray(images), jnp.asarray(colors))
  np.testing.assert_array_equal(found, far.argmin(-1))
  channels = palette.one_hot(jnp.asarray(images), jnp.asarray(colors))
  np.testing.assert_array_equal(channels.argmax(-1), found)
  np.testing.assert_array_equal(channels.sum(-1), 1)


def test_of_equal_colors_the_first_counts():
  colors = jnp.array([[0.5], [-0.5], [-0.5]])
  assert palette.labels(jnp.full((1, 2, 2, 1), -0.4), colors).ravel().tolist() == [1] * 4


def test_the_strongest_channel_becomes_one():
  """Also after the mixing of neighbors, which moves edges by half a pixel at most."""
  maps = jax.nn.one_hot(jnp.array([[[0, 0, 2, 2]]]), 3)
  mixed = 0.6 * maps + 0.4 * jnp.roll(maps, 1, 2)
  np.testing.assert_array_equal(palette.hardened(mixed), maps)


def test_a_pixel_that_is_not_finite_has_no_label():
  """The guard then skips the step, and counts it."""
  images = jnp.array([[[[0.5], [jnp.nan], [jnp.inf]]]])
  maps = palette.one_hot(images, jnp.array([[-1.0], [1.0]]))
  for found in (maps, palette.hardened(maps)):
    assert np.isnan(found).tolist() == [[[[False] * 2, [True] * 2, [True] * 2]]]
