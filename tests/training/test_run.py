"""A run in Python: its images, its generator as a function, its history, its looks."""

import dataclasses
import io

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan import data, variants
from jaxgan.recipes import codes, types
from jaxgan.storage import figures
from jaxgan.training.run import Run, load
from jaxgan.training.session import prepared

NAMES = ('cat', 'dog', '3')


def made(home, variant, size=8, **options):
  """A run before its first step, on arrays of three classes with names."""
  images = np.random.default_rng(0).integers(0, 256, (24, size, size, 1), np.uint8)
  source = data.from_arrays(images, np.arange(24) % 3, names=NAMES)
  config = variants.configure(variant, batch_size=8, **options)
  with prepared(config, home / variant, quiet=True, data=source) as session:
    session.checkpoints.save(0, session.state, wait=True)
    return session.run


@pytest.fixture(scope='module')
def home(tmp_path_factory):
  return tmp_path_factory.mktemp('runs')


@pytest.fixture(scope='module')
def plain(home):
  return made(home, 'gan', widths=(8,), latent_size=5)


@pytest.fixture(scope='module')
def conditional(home):
  return made(home, 'cgan', width=4, latent_size=5)


@pytest.fixture(scope='module')
def styled(home):
  sizes = dict(width=8, base=32, mapping_layers=1, latent_size=8)
  return made(home, 'stylegan2', size=8, augment='none', **sizes)


# Samples and what they refuse.


@pytest.mark.parametrize('seed', [np.int64(3), np.uint8(3), jnp.int32(3), np.array(3)])
def test_whole_numbers_of_any_library_are_seeds(plain, seed):
  np.testing.assert_array_equal(plain.sample(seed, np.int32(2)), plain.sample(3, 2))
  np.testing.assert_array_equal(plain.sample(jax.random.key(3), 2), plain.sample(3, 2))


@pytest.mark.parametrize(
  ('key', 'n', 'said'),
  [
    (0, 0, 'how many as a whole number of 1 or above, not 0'),
    (0, -3, 'how many .*, not -3'),
    (0, 2.0, 'how many .*, not 2.0'),
    (0, True, 'how many .*, not True'),
    (-1, 2, 'from 0 to 4294967294, it is -1'),
    (2**32, 2, 'from 0 to 4294967294'),
    (2**70, 2, 'from 0 to 4294967294'),
    (0.5, 2, 'not 0.5'),
    (True, 2, 'not True'),
    (None, 2, 'not None'),
  ],
)
def test_what_is_no_seed_or_no_number_is_named(plain, key, n, said):
  for draw in (plain.sample, plain.latents):
    with pytest.raises(ValueError, match=said):
      draw(key, n)


def test_classes_have_names(conditional):
  by_number = [conditional.sample(0, 2, i) for i in range(3)]
  for name, images in zip(NAMES, by_number, strict=True):
    np.testing.assert_array_equal(conditional.sample(0, 2, name), images)
  assert not np.array_equal(by_number[0], by_number[1])
  np.testing.assert_array_equal(conditional.sample(0, 2, np.int64(1)), by_number[1])


@pytest.mark.parametrize('label', [3, -1, 'cow', True, 1.0])
def test_what_is_no_class_is_named(conditional, label):
  there = 'cat, dog, 3' if isinstance(label, str) else '0 to 2'
  for ask in (lambda: conditional.sample(0, 1, label), lambda: conditional.class_of(label)):
    with pytest.raises(ValueError, match=f'label {label!r} is not a class .*: they are {there}'):
      ask()


def test_several_classes_come_in_turn(conditional):
  dogs, cats = (conditional.sample(0, 70, name) for name in ('dog', 'cat'))
  both = conditional.sample(0, 70, ['dog', 'cat'])
  np.testing.assert_array_equal(both[::2], dogs[::2])
  np.testing.assert_array_equal(both[1::2], cats[1::2])
  np.testing.assert_array_equal(conditional.sample(0, 70, np.array([1, 0])), both)
  with pytest.raises(ValueError, match='label= has no class'):
    conditional.sample(0, 1, [])


def test_labels_are_refused_where_nothing_is_drawn_by_class(plain):
  with pytest.raises(ValueError, match='gan draws no classes'):
    plain.sample(0, 1, label='cat')
  with pytest.raises(ValueError, match='gan draws no classes'):
    plain.generate(plain.latents(0, 1), 0)


# Images of given latents.


def test_the_same_latent_gives_the_same_image_beside_whatever_others(plain):
  z = plain.latents(0, 70)
  assert z.shape == (70, 5) and z.dtype == np.float32
  images = plain.generate(z)
  assert images.shape == (70, 8, 8, 1) and images.dtype == np.float32
  assert np.abs(images).max() <= 1
  np.testing.assert_array_equal(plain.generate(z[60:]), images[60:])
  assert len(np.unique(images.reshape(70, -1), axis=0)) == 70


def test_classes_are_one_for_all_or_one_for_each(conditional):
  z = conditional.latents(0, 3)
  each = conditional.generate(z, [0, 'dog', 2])
  for i in range(3):
    np.testing.assert_array_equal(conditional.generate(z, i)[i], each[i])
    np.testing.assert_array_equal(conditional.generate(z, NAMES[i])[i], each[i])
  np.testing.assert_array_equal(conditional.generate(z, np.arange(3)), each)
  with pytest.raises(ValueError, match='cgan draws by class: give label=0 to 2'):
    conditional.generate(z)
  with pytest.raises(ValueError, match='one for each of 3 latents, not 2'):
    conditional.generate(z, [0, 1])


@pytest.mark.parametrize('shape', [(5,), (2, 6), (0, 5), (2, 5, 1), ()])
def test_latents_of_another_shape_are_named(plain, shape):
  with pytest.raises(ValueError, match=r'latents of this run are \[n, 5\] with n > 0, these are'):
    plain.generate(np.zeros(shape, np.float32))


def test_runs_say_which_images_they_make(plain):
  with pytest.raises(ValueError, match='gan makes images from latents.*use jaxgan sample'):
    plain.translate(np.zeros((1, 16, 16, 1)), 'AtoB')
  for name, scale in (('translate', 1), ('upscale', 4)):
    way = types.Translation(lambda nets, images, key: images, scale=scale)
    interface = types.Translator({'AtoB': way}, lambda nets, batch, key: batch['image'][:, None])
    other = dataclasses.replace(plain, recipe=plain.recipe._replace(interface=interface))
    for ask in (other.generator, other.sampler):
      with pytest.raises(ValueError, match=f'images, not from latents: use jaxgan {name} '):
        ask()


# The generator as a pure function.


@pytest.mark.parametrize('kind', ['plain', 'conditional', 'styled'])
def test_the_function_makes_the_images_of_generate(kind, request):
  run = request.getfixturevalue(kind)
  function, params = run.generator()
  z, labels = run.latents(0, 3), jnp.array([2, 0, 1]) if run.recipe.conditional else None
  made = jax.jit(function)(params, z, labels)
  np.testing.assert_allclose(made, run.generate(z, labels), atol=1e-5)
  assert 'critic' not in params and set(params) <= set(run.state.params)


def test_parameters_are_the_averaged_ones(plain):
  function, params = plain.generator()
  assert set(params) == {'generator'}
  chex.assert_trees_all_equal(params['generator']['params'], plain.state.ema['generator'])
  other = jax.tree.map(lambda x: x + 1, plain.state.ema)
  moved = dataclasses.replace(plain, state=dataclasses.replace(plain.state, ema=other))
  z = plain.latents(0, 2)
  np.testing.assert_allclose(
    jax.jit(function)(moved.generator()[1], z), moved.generate(z), atol=1e-5
  )


def test_it_may_be_mapped_differentiated_and_exported(plain):
  function, params = plain.generator()
  z = jnp.asarray(plain.latents(0, 4))
  whole = function(params, z)
  one = jax.vmap(lambda z: function(params, z[None])[0])(z)
  np.testing.assert_allclose(one, whole, atol=1e-5)
  grads = jax.grad(lambda params: function(params, z).sum())(params)
  assert jax.tree.structure(grads) == jax.tree.structure(params)
  assert any(np.abs(g).max() > 0 for g in jax.tree.leaves(grads['generator']['params']))
  exported = jax.export.export(jax.jit(function))(params, z)
  np.testing.assert_allclose(exported.call(params, z), whole, atol=1e-5)


def test_a_conditional_function_asks_for_labels(conditional):
  function, params = conditional.generator()
  with pytest.raises(ValueError, match=r'cgan draws by class: give labels, int32 \[2\]'):
    function(params, conditional.latents(0, 2))


# What a run says of itself.


def test_repr_is_a_few_lines(plain, conditional):
  text = repr(conditional)
  assert len(text.splitlines()) == 5 and len(text) < 400
  assert text.startswith('Run of cgan on arrays\n')
  assert '8 x 8 x 1, 3 classes, drawn by class' in text
  assert f'0 of {conditional.config.length}' in text and str(conditional.folder) in text
  count = sum(x.size for x in jax.tree.leaves(plain.state.params['generator']))
  assert f'generator {count:,}' in repr(plain) and 'drawn by class' not in repr(plain)


def test_a_notebook_shows_its_samples(plain):
  with Image.open(io.BytesIO(plain._repr_png_())) as picture:
    assert picture.format == 'PNG'
    shown = np.asarray(picture)
  images = figures.to_uint8(plain.grid(jax.random.key(plain.config.seed + 1)))
  assert len(np.unique(shown)) >= len(np.unique(images))
  interface = types.Translator({}, lambda nets, batch, key: batch['image'][:, None])
  translating = dataclasses.replace(plain, recipe=plain.recipe._replace(interface=interface))
  assert translating._repr_png_() is None


def test_history_needs_a_folder(plain):
  assert {name: x.tolist() for name, x in plain.history.items()} == {'step': []}
  lost = Run(plain.config, plain.spec, plain.recipe, plain.state)
  with pytest.raises(ValueError, match='no folder, and so no history'):
    _ = lost.history


def test_a_loaded_run_knows_its_folder(plain):
  loaded = load(plain.folder)
  assert loaded.folder == plain.folder
  np.testing.assert_array_equal(loaded.sample(0, 3), plain.sample(0, 3))
  with pytest.raises(ValueError, match="'latest' or 'best', it is 'newest'"):
    load(plain.folder, 'newest')


# Codes.


def test_codes_are_chosen_by_name(plain):
  """Of a recipe whose last latent is a code of one number."""
  sampler = plain.sampler()
  parts = {'turn': codes.continuous(2)}
  recipe = types.from_latents(
    plain.recipe.stages, sampler.latent, False, sampler.generate, parts=parts
  )
  coded = dataclasses.replace(plain, recipe=recipe)
  np.testing.assert_array_equal(coded.sample(0, 3), plain.sample(0, 3))
  z = plain.latents(jax.random.split(jax.random.fold_in(jax.random.key(0), 0))[1], 64)
  z[:, -2:] = 0.5, -1
  for value in ('0.5,-1', (0.5, -1), np.array([0.5, -1])):
    images = coded.sample(0, 3, codes={'turn': value})
    np.testing.assert_allclose(images, plain.generate(z)[:3], atol=1e-5)
  with pytest.raises(ValueError, match="no code 'tune', only turn"):
    coded.sample(0, 3, codes={'tune': 1})
  with pytest.raises(ValueError, match="no code 'turn', it has none"):
    plain.sample(0, 3, codes={'turn': 1})
