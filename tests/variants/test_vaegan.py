"""VAE/GAN: who moves what, and options that mean nothing."""

import jax
import jax.numpy as jnp
import pytest

from jaxgan import variants
from jaxgan.core.nets import Nets
from jaxgan.core.network import Network
from jaxgan.core.typing import Spec


def test_one_player_moves_generator_and_encoder_and_averages_both():
  stage = variants.build(variants.configure('vaegan', width=4), Spec(8, 1)).stages[0]
  assert set(stage.game.players['generator'].networks) == {'generator', 'encoder'}
  assert set(stage.game.averages) == {'generator', 'encoder'}


def test_an_image_is_encoded_by_the_mean():
  interface = variants.build(variants.configure('vaegan', latent_size=3), Spec(8, 1)).interface
  network = Network(None, lambda v, x, train, key=None: (jnp.tile(jnp.arange(6.0), (2, 1)), v))
  nets = Nets({'encoder': network}, {'encoder': {}}, {'encoder': {}}, train=False)
  assert interface.encode(nets, jnp.zeros((2, 8, 8, 1))).tolist() == [[0, 1, 2]] * 2
  assert interface.latent(jax.random.key(0), 2).shape == (2, 3)


def test_what_means_nothing_is_refused_or_said():
  for options, words in ((dict(hidden=0), '--hidden must'), (dict(gamma=-1.0), '--gamma must')):
    with pytest.raises(ValueError, match=words):
      variants.configure('vaegan', **options)
  with pytest.raises(ValueError, match='8 pixels or more, these are 7'):
    variants.build(variants.configure('vaegan'), Spec(7, 1))
  (said,) = variants.configure('vaegan', latent='uniform').cautions(Spec(8, 1))
  assert 'omit --latent' in said


def test_the_authors_setting():
  config = variants.configure('vaegan', 'paper')
  assert (config.latent_size, config.hidden, config.optimizer) == (128, 2048, 'rmsprop')
  stage = variants.build(config, Spec(64, 3)).stages[0]
  key, seen = jax.random.key(0), stage.example['encoder']
  made = jax.eval_shape(
    lambda: stage.game.networks['encoder'].apply(
      stage.game.networks['encoder'].init(key, *seen), *seen, train=True
    )[0]
  )
  assert made.shape == (2, 256)
