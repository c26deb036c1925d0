"""Batches in parts: the draws, the gradients and the state are those of the whole batch."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import game, parts
from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.network import Network

DRAWS = {
  'normal': lambda key, n: jax.random.normal(key, (n, 3, 2)),
  'of one number': lambda key, n: jax.random.uniform(key, (n,)),
  'bernoulli': lambda key, n: jax.random.bernoulli(key, 0.3, (n, 5)),
  'bfloat16': lambda key, n: jax.random.normal(key, (n, 5), jnp.bfloat16),
  'derived key': lambda key, n: jax.random.normal(
    jax.random.split(jax.random.fold_in(key, 3))[1], (n, 7)
  ),
  'one for all': lambda key, n: jnp.tile(jax.random.normal(key, (1, 4)), (n, 1)),
  'a scalar for all': lambda key, n: jnp.full(n, jax.random.uniform(key)),
}


@pytest.mark.parametrize('draw', DRAWS.values(), ids=DRAWS)
def test_a_part_draws_its_rows_of_the_whole(draw):
  key = jax.random.key(7)
  whole = draw(key, 12)
  for i in range(4):
    assert jnp.array_equal(draw(parts.part_key(key, i, 4), 3), whole[i::4])


def test_a_part_may_be_a_single_image():
  key = jax.random.key(7)
  for draw in (name for name in DRAWS if 'for all' not in name):
    whole = DRAWS[draw](key, 4)
    for i in range(4):
      row = DRAWS[draw](parts.part_key(key, i, 4, alone=True), 1)
      assert jnp.array_equal(row, whole[i : i + 1]), draw


def test_what_is_no_row_of_an_image():
  """Draws along another axis, draws for all, and rows that are kept from turn to turn."""
  kept, key = jnp.arange(6.0)[:, None], jax.random.key(7)
  along = lambda key, n: jax.random.randint(key, (2, n), 0, 1000)

  def loss(own, batch, key):
    found = {
      'along': parts.drawn(along, key, len(batch['image']), axis=1),
      'shared': jax.random.permutation(parts.shared(key), 9),
      'rows': parts.rows(kept, key) - batch['image'],
      'whole': parts.whole(batch['image'], key),
    }
    return own, {**found, 'along': parts.whole(found['along'].T * 1.0, key)}

  batch = {'image': kept}
  for count in (1, 2, 6):
    found = parts.gradients(loss, count, 1.0, batch, key)[1]
    np.testing.assert_allclose(found['along'], along(key, 6).T, rtol=1e-6)
    assert jnp.array_equal(found['shared'], jax.random.permutation(key, 9))
    assert not found['rows'].any()
    np.testing.assert_allclose(found['whole'], kept, rtol=1e-6)


def test_too_many_numbers_are_refused():
  key = parts.part_key(jax.random.key(0), 0, 2)
  with pytest.raises(ValueError, match='2\\^32 numbers at once'):
    jax.jit(lambda: jax.random.bits(key, (2**16, 2**15))).lower()


def held():
  """An optimizer that moves nothing and keeps the gradients as its state."""
  still = lambda grads: jax.tree.map(jnp.zeros_like, grads)
  return optax.GradientTransformation(still, lambda grads, state, params: (still(grads), grads))


def regressed(batch_parts, form=None):
  """A player that fits noisy images, counts its calls, and keeps two means in memory."""

  def apply(variables, x, train, key=None):
    calls = {'state': {'calls': variables['state']['calls'] + 1}}
    return x @ variables['params']['w'], {**variables, **calls}

  network = Network(
    init=lambda key, x: {
      'params': {'w': jax.random.normal(key, (3,))},
      'state': {'calls': jnp.int32(0)},
    },
    apply=apply,
  )

  def loss(nets, batch, key):
    y, nets = nets('critic', batch['image'] + jax.random.normal(key, batch['image'].shape))
    memory = {**nets.memory, 'mean': 0.9 * nets.memory['mean'] + 0.1 * y.mean()}
    return jnp.tanh(y).mean(), nets.__class__(**{**vars(nets), 'memory': memory}), {'y': y.mean()}

  return Game(
    {'critic': network},
    {'critic': Player(('critic',), held())},
    [Turn('critic', loss, **(form or {}))],
    memory={'mean': np.float32(1), 'still': np.float32(0.1)},
    parts=batch_parts,
  )


@pytest.mark.parametrize('form', [{}, {'repeats': 2}, {'every': 2}])
def test_a_step_in_parts_is_that_of_the_whole_batch(form):
  batches = {'image': jnp.float32(np.random.default_rng(0).standard_normal((2, 12, 3)))}

  def step(count):
    chosen = regressed(count, form)
    state = game.init(chosen, jax.random.key(0), {'critic': (jnp.zeros((2, 3)),)})
    return jax.jit(lambda s: game.train_step(chosen, s, batches))(state)

  whole, logs = step(1)
  size = np.abs(whole.opt['critic']['critic']['w']).max()  # sums may cancel in one number
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * size)
  for count in (3,) if form else (3, 4):
    state, parted = step(count)
    close(state.opt['critic']['critic']['w'], whole.opt['critic']['critic']['w'])
    jax.tree.map(close, (state.memory, parted), (whole.memory, logs))
    assert state.memory['still'] == whole.memory['still']  # to the bit
    assert state.variables['critic']['state']['calls'] == form.get('repeats', 1)


def test_what_compares_images_is_refused_in_parts_alone():
  def loss(own, batch, key):
    parts.couples('the mean image')
    return (own * batch['image'].mean(0)).sum(), None

  given = jnp.ones(3), {'image': jnp.ones((4, 3))}, jax.random.key(0)
  assert jnp.array_equal(parts.gradients(loss, 1, *given)[0], jnp.ones(3))
  with pytest.raises(ValueError, match=r'--accumulate=2 .* the mean image compares all its images'):
    parts.gradients(loss, 2, *given)
  parts.couples('afterwards, nothing is refused')


def test_a_batch_that_does_not_divide_is_refused():
  with pytest.raises(ValueError, match='a batch of 4 does not divide into 3 parts'):
    parts.gradients(lambda *_: None, 3, 1.0, {'image': jnp.ones((4, 3))}, jax.random.key(0))
