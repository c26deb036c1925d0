"""Small configs, and what an optimizer does to one number."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import variants

RATE = 0.01


def config(variant='gan', **options):
  small = {'widths': (8,), 'r1': 0.0} if variant == 'gan' else {'width': 4}
  return variants.configure(variant, **{'batch_size': 8, **small, **options})


def updates(optimizer, gradients):
  """What is added to a parameter, update by update."""
  state, made = optimizer.init(jnp.zeros(())), []
  for gradient in gradients:
    update, state = optimizer.update(jnp.float32(gradient), state)
    made.append(float(update))
  return np.array(made)


def rate_after(optimizer, count):
  """The learning rate of update number `count`: all before it have had the gradient 1."""

  @jax.jit
  def run():
    once = lambda _, s: optimizer.update(jnp.ones(()), s)[1]
    state = jax.lax.fori_loop(0, count, once, optimizer.init(jnp.zeros(())))
    return -optimizer.update(jnp.ones(()), state)[0], state

  return run()


GRADIENTS = [0.5, -2.0, 0.1, 1.0]
