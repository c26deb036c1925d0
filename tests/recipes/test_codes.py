"""Codes: what is drawn, what people write, and where they stand in the latent."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.recipes import codes
from jaxgan.recipes.codes import categorical, continuous

CODES = {'digit': categorical(10), 'style': continuous(2)}
latent = lambda key, n: jax.random.normal(key, (n, 5))


def test_a_choice_is_one_hot_and_evenly_drawn(key):
  drawn = categorical(4).draw(key, 4000)
  chex.assert_shape(drawn, (4000, 4))
  chex.assert_trees_all_equal(drawn.sum(1), jnp.ones(4000))
  np.testing.assert_allclose(drawn.mean(0), 0.25, atol=0.03)  # four standard deviations


def test_numbers_lie_between_minus_one_and_one(key):
  drawn = continuous(3).draw(key, 4000)
  assert drawn.min() >= -1 and drawn.max() <= 1
  np.testing.assert_allclose(drawn.var(0), 1 / 3, atol=0.03)


def test_what_people_write_is_read():
  given = codes.read(CODES, {'digit': '3', 'style': '0.5,-1'})
  assert given['digit'].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
  assert given['style'].tolist() == [0.5, -1.0]


@pytest.mark.parametrize(
  'name, text, message',
  [
    ('digit', '10', '--digit: a choice is a number from 0 to 9'),
    ('digit', '-1', 'from 0 to 9'),
    ('digit', 'three', 'from 0 to 9'),
    ('style', '1', 'give 2 numbers'),
    ('style', '1,x', 'give 2 numbers'),
    ('style', '1,nan', 'give 2 numbers'),
    ('size', '1', "no code 'size', only digit, style"),
  ],
)
def test_what_cannot_be_read_is_refused(name, text, message):
  with pytest.raises(ValueError, match=message):
    codes.read(CODES, {name: text})


def test_codes_follow_the_latent_and_are_found_again(key):
  drawn = codes.with_codes(latent, CODES)(key, 6)
  chex.assert_shape(drawn, (6, 5 + 10 + 2))
  found = codes.parts(drawn, CODES)
  chex.assert_trees_all_equal(jnp.concatenate([found['digit'], found['style']], 1), drawn[:, 5:])
  assert codes.with_codes(latent, {}) is latent


def test_a_chosen_code_replaces_its_own_part_alone(key):
  drawn = codes.with_codes(latent, CODES)(key, 6)
  given = codes.read(CODES, {'digit': '7'})
  moved = codes.chosen(drawn, CODES, given)
  chex.assert_trees_all_equal(moved[:, :5], drawn[:, :5])
  chex.assert_trees_all_equal(moved[:, 15:], drawn[:, 15:])
  assert moved[:, 5:15].argmax(1).tolist() == [7] * 6
