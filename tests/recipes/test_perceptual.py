"""Features that a content loss looks at: networks that no player owns."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data, variants
from jaxgan.core import game
from jaxgan.recipes import stages


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
