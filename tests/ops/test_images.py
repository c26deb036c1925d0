import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.ops.images import from_unit, on_white, to_uint8, to_unit

BYTES = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)


@pytest.mark.parametrize('kind', [np.asarray, jnp.asarray])
def test_every_byte_comes_back(kind):
  unit = to_unit(kind(BYTES))
  assert unit.dtype == np.float32 and isinstance(unit, type(kind(BYTES)))
  assert float(unit.min()) == -1 and float(unit.max()) == 1
  back = to_uint8(unit)
  assert back.dtype == np.uint8 and isinstance(back, type(kind(BYTES)))
  np.testing.assert_array_equal(back, BYTES)


def test_numpy_and_jax_agree():
  """To the byte; in [-1, 1] to the last bit but one, for XLA may multiply by the reciprocal."""
  np.testing.assert_allclose(to_unit(jnp.asarray(BYTES)), to_unit(BYTES), rtol=0, atol=2**-23)
  x = np.random.default_rng(0).uniform(-1.2, 1.2, 10_000).astype(np.float32)
  np.testing.assert_array_equal(to_uint8(jnp.asarray(x)), to_uint8(x))


def test_values_outside_are_clipped_and_halves_go_to_even():
  np.testing.assert_array_equal(to_uint8(np.array([-7.0, 1.5, 0.0])), [0, 255, 128])


def test_the_way_back_without_rounding():
  np.testing.assert_array_equal(from_unit(np.array([-1.0, 0.0, 1.0])), [0, 127.5, 255])


@pytest.mark.parametrize('kind', [np.asarray, jnp.asarray])
def test_alpha_lays_images_on_white(kind):
  pixels = kind(np.array([[-1.0, 0, 1, -1], [-1, 0, 1, 0], [-1, 0, 1, 1.5]], np.float32))
  np.testing.assert_allclose(on_white(pixels), [[1, 1, 1], [0, 0.5, 1], [-1, 0, 1]], atol=1e-6)
  for channels in (1, 3):
    np.testing.assert_array_equal(on_white(pixels[:, :channels]), pixels[:, :channels])
