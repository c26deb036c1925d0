"""Super-resolution: what is small, what is cut out, what the losses add up to."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan import data, variants
from jaxgan.augmentation.crops import crops
from jaxgan.core import game
from jaxgan.core.game import Nets
from jaxgan.core.network import Network
from jaxgan.core.typing import Spec
from jaxgan.losses import objectives, super_resolution
from jaxgan.losses.super_resolution import Weights, absolute, lowered, squared
from jaxgan.ops.resample import bicubic, resize, shuffle
from jaxgan.recipes import perceptual, stages


def images(*shape):
  return jnp.float32(np.random.default_rng(0).uniform(-1, 1, shape))


# --- resampling


@pytest.mark.parametrize('sizes', [(32, 8), (30, 7), (8, 32), (16, 18), (9, 9)])
def test_bicubic_is_that_of_jax(sizes):
  x, (size, new) = images(1, sizes[0], 12, 2), sizes
  expected = jax.image.resize(x, (1, new, 5, 2), 'cubic')
  chex.assert_trees_all_close(
    jax.jit(resize, static_argnums=(1, 2))(x, new, 5), expected, atol=1e-5
  )
  chex.assert_trees_all_close(bicubic(size, new).sum(1), np.ones(new, np.float32), atol=1e-6)


def test_bicubic_is_that_of_pillow():
  array = np.random.default_rng(0).integers(0, 256, (24, 36), np.uint8)
  expected = np.asarray(Image.fromarray(array).resize((9, 6), Image.Resampling.BICUBIC))
  made = resize(jnp.float32(array)[None, :, :, None], 6, 9)[0, :, :, 0]
  assert np.abs(np.clip(made, 0, 255) - expected).max() <= 1  # Pillow rounds in between


def test_channels_become_pixels():
  x = jnp.arange(2 * 3 * 8.0).reshape(1, 2, 3, 8)
  made = shuffle(x)
  chex.assert_shape(made, (1, 4, 6, 2))
  for i, j, k, l, c in np.ndindex(2, 3, 2, 2, 2):
    assert made[0, 2 * i + k, 2 * j + l, c] == x[0, i, j, 4 * c + 2 * k + l]


# --- losses


def test_crops_lie_anywhere_and_half_are_flipped():
  column = jnp.broadcast_to(jnp.arange(12.0)[None, None, :, None], (400, 12, 12, 1))
  made = np.asarray(crops(column, 8, jax.random.key(0)))
  chex.assert_shape(made, (400, 8, 8, 1))
  steps = np.diff(made[:, 0, :, 0])
  assert (np.abs(steps) == 1).all() and abs((steps[:, 0] == 1).mean() - 0.5) < 0.1
  assert set(made[steps[:, 0] == 1, 0, 0, 0]) == {0, 1, 2, 3, 4}


def test_small_images_stay_in_range():
  edges = jnp.where(jnp.arange(16) < 7, 1.0, -1.0)[None, None, :, None].repeat(16, 1)
  assert jnp.abs(resize(edges, 8, 8)).max() > 1 >= jnp.abs(lowered(edges, 2)).max()


def nets_of(**networks):
  adapt = lambda value: Network(
    lambda key, *inputs: {'params': {}},
    lambda variables, *inputs, train, key=None: (value(*inputs), variables),
  )
  nothing = {name: {} for name in networks}
  return Nets({name: adapt(value) for name, value in networks.items()}, nothing, nothing)


@pytest.mark.parametrize('told', [False, True])
def test_the_sum_of_the_terms(told):
  """Flat images: 0.5 high, 0.1 made; features are doubled pixels; values from 0 to 1."""
  nets = nets_of(
    generator=lambda low: jnp.full((3, 8, 8, 1), 0.1) + 0 * low.sum(),
    critic=lambda x: x.mean((1, 2, 3)),
    features=lambda x: 2 * x,
  )
  weights = Weights(pixel=3.0, content=5.0, adversarial=7.0)
  critic, generator = super_resolution.adversarial(
    objectives.nonsaturating(), squared, weights, scale=2, crop=8, perceptual=told
  )
  batch, softplus = {'image': jnp.full((3, 8, 8, 1), 0.5)}, lambda t: np.log1p(np.exp(t))
  loss, _, _ = generator(nets, batch, jax.random.key(0))
  pixel = 0.2**2
  content = 0.8**2 if told else pixel
  chex.assert_trees_all_close(float(loss), 3 * pixel + 5 * content + 7 * softplus(-0.1), rtol=1e-5)
  judged, _, _ = critic(nets, batch, jax.random.key(0))
  chex.assert_trees_all_close(float(judged), softplus(-0.5) + softplus(0.1), rtol=1e-5)
  alone = super_resolution.pixels(absolute, scale=2, crop=8)(nets, batch, jax.random.key(0))[0]
  chex.assert_trees_all_close(float(alone), 0.2, rtol=1e-5)


# --- networks that no player owns


def configured(**options):
  small = dict(width=4, blocks=1, pretrain=0, steps=4)
  return variants.configure('srgan', **{**small, **options})


def labelled(size=16, n=40):
  draw = np.random.default_rng(0)
  pixels = draw.integers(0, 256, (n, size, size, 3)).astype(np.uint8)
  return data.from_arrays(pixels, np.arange(n) % 2)


def test_a_classifier_tells_content_and_holds_still(monkeypatch, tmp_path):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  monkeypatch.setattr(
    'jaxgan.evaluation.features.fit',
    lambda net, source: net.init(jax.random.key(3), jnp.zeros((1, *source.spec.shape)))['params'],
  )
  source = labelled()
  recipe = variants.build(configured(perceptual='classifier'), source.spec)
  recipe = recipe.prepare(recipe, source)
  (stage,) = recipe.stages
  placed = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  state = stages.first_state(stage, jax.random.key(0), placed)
  batch = {'image': jnp.float32(source.images(np.arange(8)))[None] / 127.5 - 1}
  after, logs = jax.jit(lambda s, b: game.train_step(stage.game, s, b))(state, batch)
  assert 'features' not in {**after.params, **after.variables, **after.opt}  # nor in checkpoints
  assert float(logs['generator/content']) != float(logs['generator/pixel'])
  before, moved = (jax.tree.leaves(s.params['generator']) for s in (state, after))
  assert any((a != b).any() for a, b in zip(before, moved, strict=True))


def test_a_run_at_rest_needs_no_weights(tmp_path):
  """Shapes are enough; training is refused before it begins."""
  config = configured(perceptual='vgg', vgg_weights=tmp_path / 'missing.pth')
  source = labelled()
  recipe = variants.build(config, source.spec)
  shapes = recipe.stages[-1].game.frozen['features']
  assert sum(x.size for x in jax.tree.leaves(shapes)) == 20_024_384
  with pytest.raises(ValueError, match='vgg-weights=.*missing.pth is not there'):
    recipe.prepare(recipe, source)


def test_what_does_not_fit_is_refused():
  with pytest.raises(ValueError, match='perceptual=classifier needs labels'):
    perceptual.classifier(Spec(16, 3))
  with pytest.raises(ValueError, match='--perceptual=vgg and --vgg-weights=FILE go together'):
    configured(perceptual='vgg')
  for crop in (18, 20, 4):
    with pytest.raises(ValueError, match='give another --crop or --image-size'):
      variants.build(configured(crop=crop), Spec(16, 3))
  with pytest.raises(ValueError, match='does not use --latent-size'):
    configured(latent_size=7)
