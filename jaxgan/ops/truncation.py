"""Truncation of normal latents and of styles: higher fidelity for less variety."""

import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array, Key


def redrawn(z: Array, threshold: Array | float, key: Key) -> Array:
  """Draw numbers of normal latents beyond the threshold again until they lie within it.

  Args:
    z: `[n, Z]`, N(0, 1).
    threshold: above 0; at infinity nothing changes.
    key: the random key of the new numbers.

  Returns:
    `[n, Z]`, all within `[-threshold, threshold]`.

  Reference: Brock et al., Large Scale GAN Training, 2018 (BigGAN).
  """
  # The inverse of the cumulative function has the same distribution as drawing again.
  within = jax.random.truncated_normal(key, -threshold, threshold, z.shape, z.dtype)
  return jnp.where(jnp.abs(z) <= threshold, z, within)


def towards_mean(w: Array, mean: Array, psi: Array | float, layers: int | None = None) -> Array:
  """Return the first `layers` styles moved towards their mean: m + psi (w - m).

  Args:
    w: styles `[n, L, d]`.
    mean: m, `[d]`.
    psi: 1 keeps the styles, 0 replaces them by the mean.
    layers: the number of layers to change; None: all.

  Returns:
    `[n, L, d]`.

  Reference: Karras et al., A Style-Based Generator Architecture for GANs, 2019.
  """
  if isinstance(psi, float) and psi == 1:
    return w
  near = mean[None, None] + psi * (w - mean[None, None])
  if layers is None:
    return near
  return jnp.where((jnp.arange(w.shape[1]) < layers)[None, :, None], near, w)
