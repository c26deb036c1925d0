"""The networks as a loss sees them."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jaxgan.core.nets import Nets, known
from jaxgan.core.network import linen


class Net(nn.Module):
  @nn.compact
  def __call__(self, x, *, train):
    x = nn.relu(nn.Dense(4)(x))
    self.sow('intermediates', 'features', x)
    count = self.variable('seen', 'times', jnp.zeros, ())
    if train and not self.is_initializing():
      count.value += 1
    return nn.Dense(1)(x)[:, 0]


@pytest.fixture
def nets(key):
  network = linen(Net())
  variables = network.init(key, jnp.ones((2, 3)))
  params = {'critic': variables.pop('params')}
  return Nets({'critic': network}, params, {'critic': variables})


def test_a_call_moves_statistics_of_what_it_returns_alone(nets):
  _, moved = nets('critic', jnp.ones((2, 3)))
  assert moved.variables['critic']['seen']['times'] == 1
  assert nets.variables['critic']['seen']['times'] == 0


def test_features_are_what_the_last_layer_sees(nets):
  x = jax.random.normal(jax.random.key(1), (5, 3))
  seen, moved = nets.features('critic', x)
  logits, _ = nets('critic', x)
  last = nets.params['critic']['Dense_1']
  chex.assert_trees_all_close(seen @ last['kernel'][:, 0] + last['bias'], logits, atol=1e-6)
  assert moved.variables['critic']['seen']['times'] == 1


def test_unknown_names_are_refused_with_those_there_are(nets):
  with pytest.raises(ValueError, match=r"no network 'judge', which is none of \['critic'\]"):
    nets.features('judge', jnp.ones((2, 3)))
  with pytest.raises(ValueError, match="a turn is played by 'x', which is none of"):
    known('a turn is played by', ['x'], ['a', 'b'])
