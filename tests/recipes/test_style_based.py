"""Styles: mixing, path lengths against a Jacobian, truncation, and the way through a recipe."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.game import Nets
from jaxgan.core.network import Network
from jaxgan.core.typing import Spec
from jaxgan.losses import path_length, style_mixing
from jaxgan.losses.style_mixing import Drawing

LAYERS, SIZE = 3, 2


def latent(key, n):
  return jax.random.normal(key, (n, 4))


def nets(mean=0.0):
  """Small networks: w = z A, images = tanh of a linear map of all styles."""
  draw = np.random.default_rng(0).standard_normal
  mapping = Network(None, lambda v, z, *y, train, key: (z @ v['params'], {**v, 'seen': z.mean()}))
  flat = lambda w: w.reshape(len(w), -1)
  paint = lambda v, w, *given, train, key: (
    jnp.tanh(flat(w) @ v['params']).reshape(-1, SIZE, SIZE, 1),
    v,
  )
  params = {
    'mapping': jnp.float32(draw((4, 5))),
    'synthesis': jnp.float32(draw((LAYERS * 5, SIZE * SIZE))) / 5,
  }
  return Nets(
    {'mapping': mapping, 'synthesis': Network(None, paint)},
    params,
    {'mapping': {'seen': 0.0}, 'synthesis': {}},
    {'path_mean': jnp.float32(mean)},
  )


BATCH = {'image': jnp.zeros((6, SIZE, SIZE, 1))}


def drawing(mixing=0.0):
  return Drawing(latent, LAYERS, mixing=mixing)


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
  """So that devices, each of which holds neighbours, share the work."""
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


def test_mixing_uses_both_latents(key):
  """Layers before the crossover have the first latent's style, the others the second's."""
  bound = nets()
  plain = drawing().styles(bound, BATCH, key)[0]
  mixed, moved = drawing(mixing=1.0).styles(bound, BATCH, key)
  same = (plain == mixed).all((0, 2))
  assert same[0] and not same[-1]
  assert (jnp.diff(same.astype(int)) <= 0).all()
  # Within the second part all layers have one style, and the average saw the first latents alone.
  chex.assert_trees_all_equal(mixed[:, -1], mixed[:, int(same.sum())])
  first = latent(jax.random.split(key, 3)[0], 6)
  chex.assert_trees_all_close(moved.variables['mapping']['seen'], first.mean())


def test_gradients_reach_both_latents(key):
  """Of a weight for each latent, in place of the draws."""
  bound = nets()

  def loss(weights):
    calls = iter(weights)
    drawn = Drawing(lambda key, n: next(calls) * latent(key, n), LAYERS, mixing=1.0)
    return (drawn.generate(bound, BATCH, key)[0] ** 2).sum()

  slopes = jax.grad(loss)((jnp.float32(1), jnp.float32(1)))
  assert all(abs(s) > 1e-3 for s in slopes)


def test_crossovers():
  """Evenly among all layers but the first; with probability 1 - p there is none."""
  draw = jax.jit(jax.vmap(lambda key: style_mixing.crossover(key, 4, 0.9)))
  places = np.asarray(draw(jax.random.split(jax.random.key(0), 20_000)))
  shares = np.bincount(places, minlength=5) / len(places)
  np.testing.assert_allclose(shares, [0, 0.3, 0.3, 0.3, 0.1], atol=0.012)


@pytest.mark.parametrize('variant', ['stylegan', 'stylegan2'])
def test_images_follow_from_latents_by_way_of_styles(variant):
  options = dict(width=4, base=16, latent_size=4, mapping_layers=1)
  recipe = variants.build(variants.configure(variant, **options), Spec(8, 1, 3))
  stage = recipe.stages[0]
  z, labels = jnp.float32(np.random.default_rng(0).standard_normal((3, 4))), jnp.arange(3)

  @jax.jit
  def run(key):
    state = game.init(stage.game, key, dict(stage.example))
    bound = game.nets(stage.game, state)
    w = recipe.styles.map(bound, z, labels)
    direct, average = recipe.generate(bound, z, labels), recipe.styles.mean(bound)
    kept = state.variables['mapping']['average']['style']
    return w, recipe.styles.synthesise(bound, w, None), direct, average, kept

  w, images, direct, average, kept = run(jax.random.key(0))
  chex.assert_shape(w, (3, 4, 4))
  chex.assert_trees_all_equal(w[:, 0], w[:, -1])
  chex.assert_shape(images, (3, 8, 8, 1))
  chex.assert_trees_all_close(jnp.clip(images, -1, 1), direct, atol=1e-6)
  chex.assert_trees_all_equal(average, kept)
