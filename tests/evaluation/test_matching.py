import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import data
from jaxgan.evaluation import matching
from jaxgan.evaluation.metrics.retrieval import r_precision


def test_the_loss_is_least_where_each_image_is_at_its_text():
  unit, labels = jnp.eye(4), jnp.arange(4)
  at = matching.loss(unit, unit, labels)
  assert at == pytest.approx(np.log(1 + 3 * np.exp(-matching.SHARPNESS)), rel=1e-2)
  assert matching.loss(unit, unit[::-1], labels) == pytest.approx(
    matching.SHARPNESS + np.log(1 + 3 * np.exp(-matching.SHARPNESS)), rel=1e-3
  )


def test_another_image_of_the_same_text_is_no_wrong_one():
  unit = jnp.eye(4)[jnp.array([0, 0, 1, 2])]
  apart, same = (matching.loss(unit, unit, jnp.array(x)) for x in ([0, 1, 2, 3], [0, 0, 2, 3]))
  assert same < 0.01 < 0.3 < apart


def test_colours_are_matched_with_their_names():
  random = np.random.default_rng(0)
  labels = np.arange(256) % 8
  colours = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)]) * 200
  images = colours[labels][:, None, None] + random.integers(0, 50, (256, 8, 8, 3))
  source = data.from_arrays(images.astype(np.uint8), labels)
  table = random.normal(size=(8, 16)).astype(np.float32)
  match = matching.fit(source, table, steps=60)
  found = r_precision(match.images(source.all()), match.texts(table), labels, top=1, candidates=8)
  assert found.value > 0.9
