"""Terms of parameters and memories in closed form."""

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_hand import BATCH, SCALE, SLOPE, fixed, logits, simple
from jaxgan.losses import adversarial, objectives, regularizers


@pytest.mark.parametrize('step, left', [(0, 0.0), (9, 0.0), (10, 0.9), (500, 0.9)])
def test_means_of_logits_are_kept(key, step, left):
  """Before its start it is the batch's own, then a share of what it was."""
  remember = regularizers.remembering(start=10, decay=0.9)
  critic, _ = adversarial.adversarial(objectives.hinge(), latent=fixed, observe=remember)
  plain, _ = adversarial.adversarial(objectives.hinge(), latent=fixed)
  old = {'real': jnp.float32(5.0), 'fake': jnp.float32(-3.0)}
  nets = replace(simple(), memory={'logits': old, 'other': 1}, step=jnp.int32(step))
  value, after, _ = critic(nets, BATCH, key)
  assert value == plain(nets, BATCH, key)[0]
  real, fake = (x.mean() for x in logits(False))
  kept = after.memory['logits']
  np.testing.assert_allclose(kept['real'], left * 5 + (1 - left) * real, rtol=1e-5)
  np.testing.assert_allclose(kept['fake'], -left * 3 + (1 - left) * fake, rtol=1e-5)
  assert after.memory['other'] == 1


def test_history_draws_to_the_mean(key):
  mean = {'history': {'critic': jnp.array([0.2, -0.1])}}
  loss = regularizers.historical('critic', 3.0)

  def of(slope, step=1):
    nets = replace(simple(), memory=mean, step=jnp.int32(step))
    return loss(replace(nets, params={**nets.params, 'critic': slope}), BATCH, key)[0]

  apart = np.float64(SLOPE) - [0.2, -0.1]
  np.testing.assert_allclose(of(SLOPE), 3 * (apart**2).sum(), rtol=1e-5)
  np.testing.assert_allclose(jax.grad(of)(SLOPE), 6 * apart, rtol=1e-5)
  assert of(SLOPE, step=0) == 0 and not jax.grad(of)(SLOPE, 0).any()


def test_a_term_of_one_networks_parameters_alone(key):
  _, generator = adversarial.adversarial(objectives.hinge(), latent=fixed)
  term = regularizers.of_parameters('generator', lambda scale: 3 * scale**2)
  value, _, logs = adversarial.together(generator, term)(simple(), BATCH, key)
  np.testing.assert_allclose(value - generator(simple(), BATCH, key)[0], 3 * SCALE**2, rtol=1e-5)
  chex.assert_trees_all_close(logs, {'regulariser': jnp.float32(3 * SCALE**2)})


def wide(*shape):
  return jnp.float32(np.random.default_rng(sum(shape)).standard_normal(shape))


@pytest.mark.parametrize('shape', [(3, 3, 2, 5), (2, 9), (7, 4), (4, 4)])
def test_orthogonal_term_and_its_gradient(shape):
  """beta |W W' (1 - I)|_F^2 with filters as rows; its gradient is 4 beta (W W' (1 - I)) W."""
  w = wide(*shape)
  rows = np.float64(w).reshape(-1, shape[-1]).T
  crossed = rows @ rows.T * (1 - np.eye(shape[-1]))
  term = regularizers.orthogonal(0.1)
  value, grad = jax.value_and_grad(term)({'layer': {'kernel': w}})
  np.testing.assert_allclose(value, 0.1 * (crossed**2).sum(), rtol=1e-5)
  expected = 0.4 * (crossed @ rows).T.reshape(shape)
  np.testing.assert_allclose(grad['layer']['kernel'], expected, rtol=1e-4, atol=1e-4)


def test_orthogonal_filters_of_any_length_cost_nothing():
  columns = np.linalg.qr(np.float64(wide(6, 4)))[0] * [1, 2, 0.5, 3]
  np.testing.assert_allclose(
    regularizers.orthogonal(1.0)({'w': jnp.float32(columns)}), 0, atol=1e-9
  )


def test_orthogonal_looks_at_matrices_alone_and_skips_what_it_is_told_to():
  w, table = wide(3, 2), wide(4, 3)
  params = {'a': {'kernel': w, 'bias': wide(5)}, 'shared': {'weight': {'kernel': table}}}
  term = regularizers.orthogonal(1.0, skip=('shared',))
  np.testing.assert_allclose(term(params), 2 * float(w[:, 0] @ w[:, 1]) ** 2, rtol=1e-5)
  grads = jax.grad(term)(params)
  assert not grads['a']['bias'].any() and not grads['shared']['weight']['kernel'].any()
  assert float(regularizers.orthogonal(1.0)(params)) > float(term(params))
