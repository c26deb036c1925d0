"""BiGAN: the sizes of its article, and an encoder that comes to invert the generator."""

import dataclasses
import math

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import data, variants
from jaxgan.apps.encode import encode
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.ops.images import to_unit


def shapes_of(*given, spec=None, **options):
  stage = variants.build(variants.configure('bigan', *given, **options), spec).stages[0]
  example = dict(stage.example)
  return jax.eval_shape(lambda: game.init(stage.game, jax.random.key(0), example))


def test_the_networks_of_the_article_for_mnist():
  """Two hidden layers of 1024 units each; G has batch norm in place of its biases."""
  state = shapes_of('paper', spec=Spec(28, 1))
  sizes = {n: sum(math.prod(x.shape) for x in jax.tree.leaves(p)) for n, p in state.params.items()}
  hidden = 1024 * 1024 + 1024
  encoder = 784 * 1024 + 1024 + hidden + 1024 * 50 + 50
  critic = (784 + 50) * 1024 + 1024 + hidden + 1024 + 1
  generator = 50 * 1024 + 1024 * 1024 + 2 * 2 * 1024 + 1024 * 784 + 784
  assert sizes == {'encoder': encoder, 'critic': critic, 'generator': generator}
  config = variants.configure('bigan', 'paper')
  assert config.steps == 400 * (60_000 // 128 + 1) and config.latent == 'uniform'


def test_one_player_moves_generator_and_encoder_and_averages_both():
  stage = variants.build(variants.configure('bigan'), Spec(8, 1)).stages[0]
  assert set(stage.game.players['generator'].networks) == {'generator', 'encoder'}
  assert set(stage.game.averages) == {'generator', 'encoder'}
  assert any(
    'mean' in str(path)
    for path, _ in jax.tree_util.tree_leaves_with_path(
      shapes_of(spec=Spec(16, 1)).variables['encoder']
    )
  )  # batch norm, whose statistics the generator's turn moves


def test_what_does_not_fit_is_refused():
  with pytest.raises(ValueError, match='images of 8 pixels or more, these are 7'):
    variants.build(variants.configure('bigan'), Spec(7, 1))
  variants.build(variants.configure('bigan', perceptrons=True), Spec(7, 1))
  with pytest.raises(ValueError, match='--hidden must be above 0'):
    variants.configure('bigan', hidden=0)
  with pytest.raises(ValueError, match='--width.*perceptrons'):
    variants.configure('bigan', perceptrons=True, width=32)
  with pytest.raises(ValueError, match='bigan has no --augment'):
    variants.configure('bigan', augment='diffaugment')


@pytest.mark.slow
def test_the_encoder_comes_to_invert_the_generator(tmp_path):
  """On digits: G(E(x)) is nearer to x than to another x, and E(G(z)) to z than to another z."""
  options = dict(data_dir=tmp_path / 'data', steps=1500, width=16, latent_size=8)
  run = jaxgan.train(jaxgan.configure('bigan', **options), tmp_path / 'run', quiet=True)
  images = to_unit(data.load('digits', split='test', data_dir=tmp_path / 'data').all())
  squares = lambda a, b: ((a - b) ** 2).reshape(len(a), -1).mean(1)
  made = run.generate(encode(run, tmp_path / 'run', images))
  share = (squares(made, images) < squares(made, np.roll(images, 1, 0))).mean()
  assert share > 0.75
  z = np.asarray(run.latents(0, 300))
  back = encode(run, tmp_path / 'run', run.generate(z))
  correlation = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(back.T, z.T, strict=True)])
  assert correlation > 0.35
  begun = dataclasses.replace(run.config, steps=1)
  other = jaxgan.train(begun, tmp_path / 'begun', quiet=True)
  back = encode(other, tmp_path / 'begun', other.generate(z))
  assert abs(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(back.T, z.T, strict=True)])) < 0.2
