"""Losses of a head that names the class of an image."""

import jax
import jax.numpy as jnp
import optax

from jaxgan.core.typing import Array


def cross_entropy(logits: Array, labels: Array) -> Array:
  """Return the mean of -log P(label), from logits `[B, K]` and labels `[B]`.

  Example:
    >>> float(cross_entropy(jnp.zeros((3, 1)), jnp.zeros(3, jnp.int32)))
    0.0
  """
  return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def data_to_data(
  cosines: Array, seen: Array, labels: Array, *, temperature: float = 0.5, margin: float = 0.98
) -> Array:
  """Return the data-to-data cross-entropy, which compares images with their class and each other.

  -mean log(p_i / (p_i + sum_j exp(max(s_i s_j - (1 - m), 0) / t))), p_i = exp(min(c_i - m, 0) / t)

  where c_i is the cosine of image i with its class, and j are the images of other classes. An image
  that is as near to its class, and as far from the others, as the margins ask has no gradient.

  Args:
    cosines: of the images with the classes, `[B, K]`.
    seen: the images' vectors s of length 1, `[B, d]`.
    labels: the classes, `[B]`.
    temperature: t, above 0.
    margin: m, from 0 to 1.

  Example:
    >>> alone = data_to_data(jnp.ones((2, 1)), jnp.ones((2, 1)), jnp.zeros(2, jnp.int32))
    >>> abs(float(alone))  # there is no other class
    0.0

  Reference: Kang et al., Rebooting ACGAN: Auxiliary Classifier GANs with Stable Training, 2021.
  """
  own = jnp.take_along_axis(cosines, labels[:, None], 1)[:, 0]
  near = jnp.minimum(own - margin, 0) / temperature
  far = jnp.maximum(seen @ seen.T - (1 - margin), 0) / temperature
  far = jnp.where(labels[:, None] == labels[None], -jnp.inf, far)
  whole = jax.nn.logsumexp(jnp.concatenate([near[:, None], far], 1), axis=1)
  return (whole - near).mean()
