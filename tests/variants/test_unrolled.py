"""Looking ahead: against closed forms, against numpy, and against plain convolutions."""

from dataclasses import replace
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.game import Nets
from jaxgan.core.typing import Spec

# --- nothing to look at, and nothing left behind


def config(**options):
  return variants.configure('unrolled', **{'batch_size': 8, 'widths': (8,), **options})


def final(chosen, steps=2):
  stage = variants.build(chosen, Spec(8, 1)).stages[0]
  state = game.init(stage.game, jax.random.key(0), stage.example)
  step = jax.jit(partial(game.train_step, stage.game))
  for i in range(steps):
    images = jax.random.uniform(jax.random.key(i), (1, 8, 8, 8, 1), minval=-1.0)
    state, _ = step(state, {'image': images})
  return state


def test_without_steps_the_variant_is_the_first_gan_to_the_bit():
  names = ('schedule', 'steps', 'r1', 'generator_lr', 'critic_lr', 'beta1', 'beta2')
  usual = {name: getattr(config(), name) for name in names}
  plain = variants.configure('gan', batch_size=8, widths=(8,), **usual)
  mine = config(unroll=0, objective='nonsaturating')
  chex.assert_trees_all_equal(final(mine).params, final(plain).params)


def generator_turn(**options):
  """The networks at the start, and the generator's loss."""
  stage = variants.build(config(**options), Spec(8, 1)).stages[0]
  state = game.init(stage.game, jax.random.key(0), stage.example)
  nets = Nets(stage.game.networks, state.params, state.variables, state.memory, state.opt)
  return nets, stage.game.turns[1].loss


def test_nothing_that_was_looked_ahead_at_lasts(key):
  """Nor does it move what the critic's loss keeps in memory, which is moved by its own turn."""
  nets, loss = generator_turn(unroll=1, lecam=0.3)
  batch = {'image': jax.random.normal(key, (8, 8, 8, 1))}
  _, after, _ = loss(nets, batch, key)
  for kind in ('params', 'opt', 'memory'):
    chex.assert_trees_all_equal(getattr(after, kind), getattr(nets, kind))
  chex.assert_trees_all_equal(after.variables['critic'], nets.variables['critic'])


def test_gradients_of_zero_are_no_trouble(key):
  """A critic that sees black images has weights without any gradient: Adam's root is at 0."""
  nets, loss = generator_turn(unroll=2)
  black = jax.tree.map(jnp.zeros_like, nets.params['generator'])

  def of(own):
    seen = replace(nets, params={**nets.params, 'generator': own})
    return loss(seen, {'image': jnp.zeros((8, 8, 8, 1))}, key)[0]

  for leaf in jax.tree.leaves(jax.jit(jax.grad(of))(black)):
    assert np.isfinite(leaf).all()


def test_what_cannot_be_looked_ahead_at_is_refused():
  with pytest.raises(ValueError, match='--unroll must be 0 or above, it is -1'):
    config(unroll=-1)
  with pytest.raises(ValueError, match='--optimizer=rmsprop cannot be looked ahead at'):
    variants.build(config(optimizer='rmsprop'), Spec(8, 1))
  variants.build(config(optimizer='rmsprop', unroll=0), Spec(8, 1))
  with pytest.raises(ValueError, match='--update-clip=1.0 cannot be looked ahead at'):
    variants.build(config(update_clip=1.0), Spec(8, 1))
  variants.build(config(update_clip=1.0, unroll=0), Spec(8, 1))


# --- the plane


@pytest.mark.parametrize('unroll', [0, 2])
def test_a_critic_that_is_looked_ahead_at_is_not_rounded(unroll):
  """Nor the generator left as it is."""
  spec, inputs = Spec(8, 1), {'generator': jnp.ones((4, 100)), 'critic': jnp.ones((4, 8, 8, 1)) / 3}
  outputs = {}
  for precision in ('float32', 'bfloat16'):
    options = dict(unroll=unroll, precision=precision, widths=(32,), image_size=8)
    nets = variants.build(variants.configure('unrolled', **options), spec).stages[-1].game.networks
    for name, x in inputs.items():
      made = nets[name].init(jax.random.key(0), x)
      outputs[precision, name], _ = nets[name].apply(made, x, train=False)
  same = {n: np.array_equal(outputs['float32', n], outputs['bfloat16', n]) for n in inputs}
  assert same == {'generator': False, 'critic': unroll > 0}
