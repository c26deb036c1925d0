"""SAGAN: the authors' sizes and setting, where its networks attend, and how their parameters start.

The sizes are those of the layers that the authors' code lists: `generator_test` and
`discriminator_test` of github.com/brain-research/self-attention-gan, with gf_dim = df_dim = 64.
"""

from functools import partial

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_path import count
from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.networks.biggan import Critic, Generator

IMAGENET = Spec(128, 3, 1000)


def state_of(spec, *preset, concrete=False, **options):
  """The first state, or its shapes alone."""
  stage = variants.build(variants.configure('sagan', *preset, **options), spec).stages[0]
  make = partial(game.init, stage.game, example=dict(stage.example))
  return (jax.jit(make) if concrete else partial(jax.eval_shape, make))(jax.random.key(0))


def attention(c):
  """Queries and keys of an eighth of the channels, values of a half, the way back, and gamma."""
  return 2 * c * (c // 8) + 2 * c * (c // 2) + 1


def convolutions(c, out, straight=True):
  """Two of 3x3 and the shortcut of 1x1, all with biases."""
  return 9 * c * out + 9 * out * out + 2 * out + (c * out + out if straight else 0)


def test_both_networks_have_the_sizes_of_the_authors():
  classes, w = 1000, 64
  generator = 128 * 16 * 16 * w + 16 * 16 * w + 2 * w + 9 * w * 3 + 3 + attention(4 * w)
  for c, out in ((16, 16), (16, 8), (8, 4), (4, 2), (2, 1)):
    generator += convolutions(c * w, out * w) + 2 * classes * (c + out) * w
  critic = convolutions(3, w) + attention(2 * w) + convolutions(16 * w, 16 * w, straight=False)
  critic += sum(convolutions(c * w, 2 * c * w) for c in (1, 2, 4, 8)) + 16 * w * (classes + 1) + 1
  params = state_of(IMAGENET, 'paper').params
  assert (count(params['generator']), count(params['critic'])) == (generator, critic)


def test_the_preset_is_the_setting_of_the_paper():
  config = variants.configure('sagan', 'paper')
  assert (config.generator_lr, config.critic_lr) == (1e-4, 4e-4)
  assert (config.beta1, config.beta2, config.n_critic) == (0.0, 0.9, 1)
  assert (config.batch_size, config.steps, config.latent_size) == (256, 1_000_000, 128)


def test_both_attend_at_32_pixels_of_128():
  generator = Generator(128, 3, 4, shared=0, attention=32), jnp.zeros((2, 8))
  critic = Critic(4, attention=32), jnp.zeros((2, 128, 128, 3))
  for net, x in (generator, critic):
    run = partial(net.init_with_output, train=True, capture_intermediates=True)
    taken = jax.eval_shape(run, jax.random.key(0), x)[1]['intermediates']
    assert [v['__call__'][0].shape[1] for k, v in taken.items() if 'Attention' in k] == [32]


@pytest.mark.parametrize('classes', [0, 10])
def test_every_kernel_of_both_is_spectral_but_the_gains_of_classes(classes):
  state = state_of(Spec(16, 1, classes))
  for name in ('generator', 'critic'):
    flat = lambda tree: flax.traverse_util.flatten_dict(tree, sep='/')
    kernels = {k.rpartition('/')[0] for k in flat(state.params[name]) if k.endswith('kernel')}
    spectral = {k.rpartition('/')[0] for k in flat(state.variables[name]['spectral'])}
    plain = {k for k in kernels - spectral if 'ClassBatchNorm' not in k}
    assert spectral and not plain
    assert bool(kernels - spectral) == (name == 'generator' and classes > 0)


def test_classes_and_attention_start_without_effect():
  """Gains 1, biases 0 and gamma 0: images do not depend on the class at first."""
  params = state_of(Spec(8, 1, 3), concrete=True, generator_width=8, critic_width=4).params
  flat = flax.traverse_util.flatten_dict(dict(params), sep='/')
  still = {k: v for k, v in flat.items() if 'ClassBatchNorm' in k or k.endswith('gamma')}
  assert len(still) == 4 and not any(np.any(v) for v in still.values())


def test_what_sagan_cannot_be():
  for options in (dict(generator_width=0), dict(critic_width=0), dict(attention=-1)):
    with pytest.raises(ValueError, match='must be'):
      variants.configure('sagan', **options)
