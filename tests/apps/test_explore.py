"""A picture is that of its wish: each change does what its control says."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from apps.tiny import made, sharpened
from apps.tiny_styles import LAYERS
from jaxgan.apps import directions, explore, wishes
from jaxgan.apps.wishes import Wish
from jaxgan.core.seeds import key_of
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.recipes.codes import categorical, continuous
from jaxgan.training.run import load


@pytest.fixture
def one(plain):
  return explore.explorer(sharpened(load(plain)))


@pytest.fixture
def stylish(styled):
  return explore.explorer(sharpened(load(styled)))


def near(a, b):
  np.testing.assert_allclose(np.int32(a), np.int32(b), atol=1)


def test_a_seed_is_the_latent_of_interpolate(one):
  run = one.run
  z = run.bound(one.where.draw)(key_of(7), jnp.zeros(1, jnp.int32))
  near(explore.picture(one, Wish(seed=7)), to_uint8(run.generate(z))[0])
  assert (explore.picture(one, Wish(seed=7)) != explore.picture(one, Wish(seed=8))).any()


def test_a_path_leads_to_a_seed(one):
  at = lambda *path: explore.picture(one, Wish(seed=7, path=path))
  near(at((8, 0.0)), at())
  near(at((3, 0.5), (8, 1.0)), explore.picture(one, Wish(seed=8)))
  middle = one.where.between(explore.drawn(one, 7, 0), explore.drawn(one, 8, 0), jnp.full(1, 0.5))
  np.testing.assert_allclose(explore.point(one, Wish(seed=7, path=((8, 0.5),))), middle, atol=1e-5)


def test_a_move_goes_along_the_directions_of_the_command(one):
  found, _ = directions.sefa(one.run, one.where, jnp.zeros(1, jnp.int32))
  moved = explore.point(one, Wish(moves=(0.0, 2.5))) - explore.point(one, Wish())
  np.testing.assert_allclose(moved[0], 2.5 * found[1], atol=1e-5)


def test_a_class_is_that_of_the_run(conditional):
  one = explore.explorer(sharpened(load(conditional)))
  z = explore.point(one, Wish(seed=1))
  near(explore.picture(one, Wish(seed=1, label=4)), to_uint8(one.run.generate(z, 4))[0])
  assert explore.offered(one)['labels'] == [str(i) for i in range(10)]
  assert one.limits.classes == 10


def test_psi_moves_styles_to_their_mean(stylish):
  w = explore.point(stylish, Wish(seed=3))
  half, none = (explore.point(stylish, Wish(seed=3, psi=psi)) for psi in (0.5, 0.0))
  np.testing.assert_allclose(half, 0.5 * w + 0.05, atol=1e-6)  # the mean is 0.1
  np.testing.assert_allclose(none, 0.1, atol=1e-6)


def test_a_mix_takes_a_third_of_the_layers(stylish):
  w, other = (explore.point(stylish, Wish(seed=seed)) for seed in (3, 9))
  for part in range(3):
    mixed = explore.point(stylish, Wish(seed=3, mix=(9, part)))
    theirs = np.arange(LAYERS) // (LAYERS // 3) == part
    np.testing.assert_array_equal(mixed, np.where(theirs[None, :, None], other, w))


def test_moves_of_styles_are_in_standard_deviations(stylish):
  vectors, values = directions.pca(stylish.run, stylish.where, jnp.zeros(1, jnp.int32))
  moved = explore.point(stylish, Wish(moves=(2.0,))) - explore.point(stylish, Wish())
  np.testing.assert_allclose(moved[0], np.tile(2 * values[0] * vectors[0], (LAYERS, 1)), atol=1e-5)


def test_only_what_a_run_has_is_offered(one, stylish):
  assert explore.offered(one) == {'labels': [], 'psi': None, 'mix': False, 'codes': {}}
  assert explore.offered(stylish) == {'labels': [], 'psi': 1.0, 'mix': True, 'codes': {}}
  with pytest.raises(ValueError, match='psi is for runs with styles'):
    wishes.read(b'{"psi": 0.5}', one.limits)


def test_codes_have_controls_of_their_kinds():
  assert explore._kind(categorical(10)) == 10
  assert explore._kind(continuous()) == 0
  assert explore._kind(continuous(2)) is None


def test_a_text_takes_the_place_of_a_class(tmp_path):
  one = explore.explorer(sharpened(load(made(tmp_path, 'texts', 'gan_cls', width=4))))
  assert explore.offered(one)['codes'] == {'text': None}  # words, and not a choice of numbers
  draw = lambda **wish: explore.picture(one, wishes.read(json.dumps(wish).encode(), one.limits))
  red, blue = draw(codes={'text': 'a red one'}), draw(codes={'text': 'a blue one'})
  assert (red != blue).any() and (red != draw()).any()
  near(draw(codes={'text': one.run.spec.names[3] if one.run.spec.names else '3'}), draw(label=3))
  assert explore.film(one, Wish(codes={'text': 'a red one'}), 1, frames=2).shape[0] == 2
  with pytest.raises(ValueError, match='give words'):
    draw(codes={'text': ' '})


def test_a_film_goes_there_and_back(one):
  frames = explore.film(one, Wish(seed=7), 8, frames=4)
  assert frames.shape == (6, 16, 16, 1)
  near(to_uint8(frames[0]), explore.picture(one, Wish(seed=7)))
  near(to_uint8(frames[3]), explore.picture(one, Wish(seed=8)))
  near(to_uint8(frames[2]), to_uint8(frames[4]))


def test_a_picture_is_found_and_kept(one, monkeypatch):
  monkeypatch.setattr(explore, 'SEARCH', explore.SEARCH._replace(steps=60))
  monkeypatch.setattr(explore, 'KEPT', 1)
  target = to_unit(explore.picture(one, Wish(seed=5)))
  name, made = explore.find(one, target, 0)
  start = to_unit(explore.picture(one, Wish(seed=0)))
  assert ((made - target) ** 2).mean() < 0.3 * ((start - target) ** 2).mean()
  near(explore.picture(one, Wish(found=name)), to_uint8(made))
  one.found['next'] = one.found[name]
  again = dict(one.found)
  explore._forget(one)
  assert list(one.found) == ['next'] and len(again) == 2
  with pytest.raises(ValueError, match='upload it again'):
    explore.picture(one, Wish(found=name))


def test_a_translator_is_not_explored(without_latents):
  with pytest.raises(ValueError, match='makes images from images'):
    explore.explorer(load(without_latents))
