"""Losses of a class's head, against their formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import classes
from jaxgan.networks.heads import unit

LABELS = jnp.array([0, 1, 1, 2])
SEEN = unit(jax.random.normal(jax.random.key(0), (4, 5)))
COSINES = SEEN @ unit(jax.random.normal(jax.random.key(1), (3, 5))).T


def test_of_even_logits_it_is_the_logarithm_of_the_number_of_classes():
  assert float(classes.cross_entropy(jnp.ones((4, 3)), LABELS)) == pytest.approx(np.log(3))


@pytest.mark.parametrize('temperature, margin', [(0.5, 0.98), (0.25, 0.7)])
def test_images_are_compared_with_their_class_and_with_images_of_others(temperature, margin):
  """Pair by pair, in NumPy."""
  seen, cosines, wanted = np.asarray(SEEN), np.asarray(COSINES), []
  for i, label in enumerate(np.asarray(LABELS)):
    near = np.exp(min(cosines[i, label] - margin, 0) / temperature)
    others = [j for j in range(4) if LABELS[j] != label]
    far = [np.exp(max(seen[i] @ seen[j] - (1 - margin), 0) / temperature) for j in others]
    wanted.append(-np.log(near / (near + sum(far))))
  found = classes.data_to_data(COSINES, SEEN, LABELS, temperature=temperature, margin=margin)
  assert float(found) == pytest.approx(np.mean(wanted), rel=1e-5)


def test_what_is_within_the_margins_has_no_gradient():
  """Images on their proxy, at right angles to those of other classes."""
  seen = jnp.eye(4)[jnp.array([0, 1, 1, 2])]
  loss = lambda seen: classes.data_to_data(seen[:, :3], seen, LABELS, margin=0.9)
  assert float(jnp.abs(jax.grad(loss)(seen)).max()) == 0
  assert float(jnp.abs(jax.grad(loss)(unit(seen + 0.5))).max()) > 0


def test_a_batch_of_one_class_has_a_loss_of_zero():
  same = jnp.zeros(4, jnp.int32)
  value, slope = jax.value_and_grad(lambda c: classes.data_to_data(c, SEEN, same))(COSINES)
  assert float(value) == 0 and np.isfinite(slope).all()
