"""When a run is taken to have diverged."""

import jax.numpy as jnp

from jaxgan.training import divergence


class TestWatch:
  def diverged_at(self, counts, now=()):
    watch = divergence.Watch()
    for i, count in enumerate(counts):
      if watch.diverged(jnp.int32(count), now=i in now):
        return i
    return None

  def test_answers_a_fixed_lag_behind(self):
    counts = [*range(1, divergence.LIMIT + 1), *[0] * 20]
    assert self.diverged_at(counts) == divergence.LIMIT - 1 + divergence.BEHIND
    assert self.diverged_at([*range(divergence.LIMIT), *[0] * 20]) is None

  def test_answers_now_where_it_matters(self):
    counts = [*range(1, divergence.LIMIT + 1), *[0] * 20]
    assert self.diverged_at(counts, now={divergence.LIMIT - 1}) == divergence.LIMIT - 1
    assert self.diverged_at(counts, now={3}) == divergence.LIMIT - 1 + divergence.BEHIND

  def test_knows_whether_the_last_step_was_taken(self):
    watch = divergence.Watch()
    watch.diverged(jnp.int32(1), now=True)
    assert not watch.sound
    watch.diverged(jnp.int32(0), now=True)
    assert watch.sound
