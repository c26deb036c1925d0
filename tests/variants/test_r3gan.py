"""R3GAN's options and where its schedules end."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from optimizing import rate_after


@pytest.mark.parametrize('preset', ['laptop', 'paper'])
def test_r3gan_ends_where_it_is_told_to(preset):
  """Rates to a quarter, penalties to a tenth, the average from nothing to its half-life."""
  # With a beta2 that stays, for else Adam's correction at the start is not exact.
  small = dict(width=4, cardinality=2, depth=1, batch_size=8, n_critic=3, horizon=20, beta2_end=0.9)
  chosen = variants.configure('r3gan', preset, **small)
  plan = variants.VARIANTS['r3gan'].schedules(chosen)
  half = lambda a, b: (a + b) / 2
  for step, strength, life in ((0, 1, 0), (10, 0.55, 0.5), (20, 0.1, 1), (90, 0.1, 1)):
    np.testing.assert_allclose(plan.strength(jnp.int32(step)), strength, rtol=1e-5)
    np.testing.assert_allclose(
      plan.half_life(jnp.int32(step)), life * chosen.ema_images, rtol=1e-5, atol=1e-2
    )
  for n in (1, 3):
    optimizer = plan.optimizer(0.2, n)
    for step, rate in ((0, 0.2), (10, half(0.2, 0.05)), (20, 0.05), (30, 0.05)):
      # Gradients of one size: Adam moves by the rate itself.
      np.testing.assert_allclose(rate_after(optimizer, step * n)[0], rate, rtol=1e-4)


def test_the_paper_settings_of_r3gan():
  chosen = variants.configure('r3gan', 'paper')
  assert chosen.length == 39_063  # 20 million images in batches of 512
  assert (chosen.r1, chosen.r2, chosen.slopes_end) == (0.05, 0.05, 0.1)
  assert (chosen.beta2, chosen.beta2_end, chosen.ema_images) == (0.9, 0.99, 5e6)
  ends = chosen.generator_lr * chosen.rate_end, chosen.critic_lr * chosen.rate_end
  np.testing.assert_allclose(ends, 5e-5)


@pytest.mark.parametrize(
  'options, message',
  [
    (dict(cardinality=5), '--cardinality must'),
    (dict(optimizer='rmsprop'), 'r3gan has no --optimizer'),
    (dict(horizon=0), 'and --horizon must'),
    (dict(beta2_end=1.0), '--beta2-end in'),
  ],
)
def test_what_r3gan_cannot_be(options, message):
  with pytest.raises(ValueError, match=message):
    variants.configure('r3gan', **options)


def test_the_length_of_r3gan_matters_unless_a_horizon_is_given():
  matters = lambda **options: bool(variants.configure('r3gan', **options).bound_to_length())
  assert matters() and not matters(horizon=10) and not matters(schedule='constant')
