"""Objectives against formulas in float64, known optima and known dynamics."""

from statistics import NormalDist

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import objectives
from jaxgan.losses.gradient_penalties import r1
from jaxgan.losses.objectives import OBJECTIVES

LN2 = 0.69314718
EVERY = pytest.mark.parametrize('name', OBJECTIVES)


def log_sigmoid(x):
  return -np.log1p(np.exp(-x))


def relu(x):
  return np.maximum(x, 0)


# As papers write them, (critic, generator), in float64 and with the logarithms of sigmoids.
FORMULAS = {
  'minimax': (
    lambda r, f: -np.mean(log_sigmoid(r)) - np.mean(log_sigmoid(-f)),
    lambda r, f: np.mean(log_sigmoid(-f)),
  ),
  'nonsaturating': (
    lambda r, f: -np.mean(log_sigmoid(r)) - np.mean(log_sigmoid(-f)),
    lambda r, f: -np.mean(log_sigmoid(f)),
  ),
  'least_squares': (
    lambda r, f: 0.5 * np.mean((r - 1) ** 2) + 0.5 * np.mean(f**2),
    lambda r, f: 0.5 * np.mean((f - 1) ** 2),
  ),
  'least_squares_pearson': (
    lambda r, f: 0.5 * np.mean((r - 1) ** 2) + 0.5 * np.mean((f + 1) ** 2),
    lambda r, f: 0.5 * np.mean(f**2),
  ),
  'wasserstein': (lambda r, f: np.mean(f) - np.mean(r), lambda r, f: -np.mean(f)),
  'hinge': (lambda r, f: np.mean(relu(1 - r)) + np.mean(relu(1 + f)), lambda r, f: -np.mean(f)),
  'relativistic': (
    lambda r, f: -np.mean(log_sigmoid(r - f)),
    lambda r, f: -np.mean(log_sigmoid(f - r)),
  ),
  'relativistic_average': (
    lambda r, f: (
      -0.5 * np.mean(log_sigmoid(r - f.mean())) - 0.5 * np.mean(log_sigmoid(r.mean() - f))
    ),
    lambda r, f: (
      -0.5 * np.mean(log_sigmoid(f - r.mean())) - 0.5 * np.mean(log_sigmoid(f.mean() - r))
    ),
  ),
}

# The best critic against a perfect generator is constant: its logit, and the two losses.
OPTIMA = {
  'minimax': (0.0, 2 * LN2, -LN2),
  'nonsaturating': (0.0, 2 * LN2, LN2),
  'least_squares': (0.5, 0.25, 0.125),  # (1/4 + 1/4) / 2 and (1/4) / 2
  'least_squares_pearson': (0.0, 1.0, 0.0),  # (1 + 1) / 2
  'wasserstein': (0.0, 0.0, 0.0),
  'hinge': (0.0, 2.0, 0.0),  # a margin of one missed on either side
  'relativistic': (0.0, LN2, LN2),
  'relativistic_average': (0.0, LN2, LN2),
}


@EVERY
def test_agrees_with_the_formula(name):
  generator = np.random.default_rng(0)
  real, fake = (3 * generator.standard_normal((2, 64))).astype(np.float32)
  objective = OBJECTIVES[name]()
  for ours, formula in zip(objective[:2], FORMULAS[name], strict=True):
    value = ours(jnp.asarray(real), jnp.asarray(fake))
    chex.assert_shape(value, ())
    np.testing.assert_allclose(value, formula(np.float64(real), np.float64(fake)), rtol=1e-5)


@EVERY
def test_value_at_the_optimum(name):
  logit, critic, generator = OPTIMA[name]
  objective = OBJECTIVES[name]()
  logits = jnp.full(8, logit)
  np.testing.assert_allclose(objective.critic(logits, logits), critic, rtol=1e-6)
  np.testing.assert_allclose(objective.generator(logits, logits), generator, rtol=1e-6, atol=1e-12)


@EVERY
def test_the_constant_critic_is_stationary_against_a_perfect_generator(name):
  """Three points of equal mass under both distributions, every real met with every fake."""
  logit = OPTIMA[name][0]
  loss = lambda table: OBJECTIVES[name]().critic(jnp.repeat(table, 3), jnp.tile(table, 3))
  chex.assert_trees_all_close(jax.grad(loss)(jnp.full(3, logit)), jnp.zeros(3), atol=1e-7)


@EVERY
def test_names_are_those_of_the_functions(name):
  assert OBJECTIVES[name] is getattr(objectives, name)


# A critic with a free logit for each of three points, data 1:2:5 and generator 4:3:1, in eighths.
REAL = np.repeat(np.arange(3), (1, 2, 5))
FAKE = np.repeat(np.arange(3), (4, 3, 1))
P, Q = np.array([1, 2, 5]) / 8, np.array([4, 3, 1]) / 8


def minimise(loss, x, steps=12):
  """Newton's method; by least squares, for losses that do not see a shift of all logits."""
  step = jax.jit(lambda x: x - jnp.linalg.lstsq(jax.hessian(loss)(x), jax.grad(loss)(x))[0])
  for _ in range(steps):
    x = step(x)
  return x


def best_table(objective, real=REAL, fake=FAKE):
  return minimise(lambda table: objective.critic(table[real], table[fake]), jnp.zeros(3))


@pytest.mark.parametrize('factory', [objectives.minimax, objectives.nonsaturating])
def test_best_critic_is_the_log_ratio_and_its_value_gives_the_jensen_shannon_divergence(factory):
  table = best_table(factory())
  # ln(p / q) with p / q = 1/4, 2/3, 5
  np.testing.assert_allclose(table, np.log([1 / 4, 2 / 3, 5]), rtol=1e-5)
  middle = (P + Q) / 2
  divergence = (P @ np.log(P / middle) + Q @ np.log(Q / middle)) / 2
  value = factory().critic(table[REAL], table[FAKE])
  np.testing.assert_allclose(-value, -np.log(4) + 2 * divergence, rtol=1e-6)


def test_best_least_squares_critic_is_the_posterior():
  # p / (p + q) = 1/5, 2/5, 5/6
  np.testing.assert_allclose(best_table(objectives.least_squares()), [0.2, 0.4, 5 / 6], rtol=1e-5)


def test_best_pearson_critic_and_divergence():
  table = best_table(objectives.least_squares_pearson())
  # (p - q) / (p + q) = -3/5, -1/5, 4/6
  np.testing.assert_allclose(table, [-0.6, -0.2, 2 / 3], rtol=1e-5)
  divergence = np.sum((P - Q) ** 2 / (P + Q))
  generator = objectives.least_squares_pearson().generator
  both = generator(table[REAL], table[FAKE]) + generator(table[FAKE], table[REAL])
  np.testing.assert_allclose(both, divergence / 2, rtol=1e-5)


@pytest.mark.parametrize('factory', [objectives.minimax, objectives.nonsaturating])
def test_smoothing_shrinks_the_posterior_on_the_real_side_only(factory):
  table = best_table(factory(smoothing=0.25))
  # 3/4 p / (p + q) = 3/4 (1/5, 2/5, 5/6); were fakes smoothed, q would be in the numerator
  np.testing.assert_allclose(jax.nn.sigmoid(table), [0.15, 0.3, 0.625], rtol=1e-5)


@pytest.mark.parametrize('smoothing', [-0.1, 1.0])
def test_smoothing_out_of_range(smoothing):
  with pytest.raises(ValueError, match=r'smoothing must be in \[0, 1\), got'):
    objectives.nonsaturating(smoothing=smoothing)


def test_best_paired_critic_ranks_by_the_log_ratio():
  table = best_table(objectives.relativistic(), np.repeat(REAL, 8), np.tile(FAKE, 8))
  # Only differences are seen: ln(2/3) - ln(1/4) and ln 5 - ln(2/3).
  np.testing.assert_allclose(np.diff(table), np.log([8 / 3, 7.5]), rtol=1e-5)


def quantiles(mean, deviation, count=4096):
  """A Gaussian as equally likely values: no sampling noise, so that optima can be compared."""
  places = (np.arange(count) + 0.5) / count
  return jnp.array([NormalDist(mean, deviation).inv_cdf(place) for place in places], jnp.float32)


@pytest.mark.parametrize(
  'data, model, parabola',
  [
    # -(x - .5)^2 / 2 + (x + .5)^2 / 4.5 + ln 1.5
    ((0.5, 1.0), (-0.5, 1.5), (-1 / 8 + 1 / 18 + np.log(1.5), 1 / 2 + 2 / 9, -1 / 2 + 2 / 9)),
    # Equal variances leave a line: -(x - .5)^2 / 2 + (x + .5)^2 / 2 = x
    ((0.5, 1.0), (-0.5, 1.0), (0.0, 1.0, 0.0)),
  ],
)
def test_trained_critic_finds_the_log_ratio_of_two_gaussians(data, model, parabola):
  powers = lambda x: jnp.stack([jnp.ones_like(x), x, x**2], axis=-1)
  real, fake = powers(quantiles(*data)), powers(quantiles(*model))
  critic = objectives.nonsaturating().critic
  weights = minimise(lambda w: critic(real @ w, fake @ w), jnp.zeros(3))
  np.testing.assert_allclose(weights, parabola, atol=2e-3)


@pytest.mark.parametrize('means', [(1.5, -0.5), (-0.5, 1.5)])
def test_wasserstein_critic_finds_the_distance_with_slope_one(means):
  real, fake = (quantiles(mean, 0.7) for mean in means)
  critic = objectives.wasserstein().critic
  loss = lambda slope: critic(slope * real, slope * fake)
  slope = jnp.float32(0)
  for _ in range(10):
    slope = jnp.clip(slope - 0.1 * jax.grad(loss)(slope), -1, 1)
  np.testing.assert_allclose(slope, np.sign(means[0] - means[1]))
  np.testing.assert_allclose(-loss(slope), 2.0, rtol=1e-5)  # |m1 - m2|
  transport = np.abs(np.sort(real) - np.sort(fake)).mean()  # in one dimension: by rank
  np.testing.assert_allclose(-loss(slope), transport, rtol=1e-5)
  for other in (jnp.abs, jnp.sin, jnp.tanh, jax.nn.relu):  # no other 1-Lipschitz critic sees more
    assert abs(critic(other(real), other(fake))) < 2


# f'(0) of the loss: 1/2 for softplus (in the average form, 1/4 from each half), 1 where linear
DIRAC = {
  'minimax': 0.5,
  'nonsaturating': 0.5,
  'wasserstein': 1.0,
  'hinge': 1.0,
  'relativistic': 0.5,
  'relativistic_average': 0.5,
}


def dirac_eigenvalues(objective, penalty=lambda *_: 0.0):
  """The Jacobian at equilibrium of both players' descent: data at 0, fake at x, score slope * x."""
  real, key = jnp.zeros((1, 1)), jax.random.key(0)
  score = lambda slope: lambda x: slope * x[:, 0]

  def velocity(state):
    slope, place = state

    def critic(slope):
      fake = jnp.full((1, 1), 1.0) * place
      loss = objective.critic(score(slope)(real), score(slope)(fake))
      return loss + penalty(score(slope), real, fake, key)

    def generator(place):
      return objective.generator(score(slope)(real), slope * jnp.ones(1) * place)

    return -jnp.stack([jax.grad(critic)(slope), jax.grad(generator)(place)])

  jacobian = jax.jacobian(velocity)(jnp.zeros(2))
  return np.sort_complex(np.linalg.eigvals(np.float64(jacobian)))


@pytest.mark.parametrize('name, strength', DIRAC.items())
def test_dirac_game_circles(name, strength):
  expected = np.array([-1j, 1j]) * strength
  np.testing.assert_allclose(dirac_eigenvalues(OBJECTIVES[name]()), expected, atol=1e-6)


@pytest.mark.parametrize('gamma', [0.3, 1.0, 2.0])
def test_r1_makes_the_dirac_game_converge(gamma):
  root = np.sqrt(complex(gamma**2 - 1))
  expected = np.sort_complex(np.array([-gamma - root, -gamma + root]) / 2)
  eigenvalues = dirac_eigenvalues(objectives.nonsaturating(), r1(gamma))
  np.testing.assert_allclose(eigenvalues, expected, atol=1e-6)
  assert eigenvalues.real.max() < 0


def test_a_sure_critic_silences_the_saturating_generator_only():
  fake = jnp.array([-20.0])
  slope = lambda objective: jax.grad(objective.generator, argnums=1)(fake, fake)[0]
  np.testing.assert_allclose(slope(objectives.minimax()), -2.0612e-9, rtol=1e-4)  # -sigmoid(-20)
  np.testing.assert_allclose(slope(objectives.nonsaturating()), -1.0, rtol=1e-6)


@EVERY
def test_uses_real_says_whether_the_generator_looks_at_real_logits(name):
  objective = OBJECTIVES[name]()
  real, fake = jnp.array([0.3, -1.0]), jnp.array([0.5, 2.0])
  gradient = jax.grad(objective.generator)(real, fake)
  assert bool(jnp.any(gradient != 0)) == objective.uses_real


@pytest.mark.parametrize('role', ['critic', 'generator'])
def test_average_gradients_flow_through_the_means(role):
  generator = np.random.default_rng(1)
  real, fake = generator.standard_normal((2, 5)).astype(np.float32)
  loss = getattr(objectives.relativistic_average(), role)
  ours = jax.grad(loss, argnums=(0, 1))(jnp.asarray(real), jnp.asarray(fake))
  ahead, behind = (real, fake) if role == 'critic' else (fake, real)
  # d/dz sp(z) = sigmoid(z); each logit counts by itself and, over five, in the mean of its side.
  sigmoid = lambda x: 1 / (1 + np.exp(-np.float64(x)))
  lead, lag = sigmoid(behind.mean() - ahead), sigmoid(behind - ahead.mean())
  expected = (-(lead + lag.mean()) / 10, (lag + lead.mean()) / 10)
  if role == 'generator':
    expected = expected[::-1]
  chex.assert_trees_all_close(ours, tuple(np.float32(e) for e in expected), rtol=1e-5)


@pytest.mark.parametrize('name', ['minimax', 'nonsaturating', 'relativistic'])
def test_huge_logits_keep_their_loss_and_gradient(name):
  real, fake = jnp.array([-200.0]), jnp.array([200.0])  # log(sigmoid(-200)) is -inf in float32
  value, gradients = jax.value_and_grad(OBJECTIVES[name]().critic, argnums=(0, 1))(real, fake)
  np.testing.assert_allclose(value, 400.0)
  chex.assert_trees_all_close(gradients, (-jnp.ones(1), jnp.ones(1)))


@EVERY
@pytest.mark.parametrize('role', ['critic', 'generator'])
@pytest.mark.parametrize('shape', [(4, 1), (5,), (1,), ()])
def test_unequal_shapes_never_broadcast(name, role, shape):
  loss = getattr(OBJECTIVES[name](), role)
  for real, fake in ((jnp.zeros(4), jnp.zeros(shape)), (jnp.zeros(shape), jnp.zeros(4))):
    with pytest.raises(ValueError) as error:
      loss(real, fake)
    assert str(real.shape) in str(error.value) and str(fake.shape) in str(error.value)


@EVERY
def test_maps_of_logits_count_as_that_many_logits(name, key):
  real, fake = jax.random.normal(key, (2, 2, 3, 5))
  for loss in OBJECTIVES[name]()[:2]:
    chex.assert_trees_all_close(loss(real, fake), loss(real.ravel(), fake.ravel()), rtol=1e-6)


@EVERY
def test_half_precision_logits_are_averaged_in_float32(name, key):
  real, fake = jax.random.normal(key, (2, 1000), jnp.bfloat16)
  objective = OBJECTIVES[name]()
  for ours, formula in zip(objective[:2], FORMULAS[name], strict=True):
    value = ours(real, fake)
    chex.assert_type(value, jnp.float32)
    np.testing.assert_allclose(
      value, formula(np.float64(real), np.float64(fake)), rtol=1e-5, atol=1e-6
    )


# --- objectives made of others

LOGITS = jnp.array([0.3, -1.2, 2.0, 0.7]), jnp.array([-0.4, 1.1, 0.2, -2.0])


@pytest.mark.parametrize('name', OBJECTIVES)
def test_in_a_game_of_zero_sum_one_wins_what_the_other_loses(name):
  objective = OBJECTIVES[name]()
  made = objectives.zero_sum(objective)
  assert made.critic(*LOGITS) == objective.critic(*LOGITS) == -made.generator(*LOGITS)
  assert made.uses_real


def test_the_generators_part_of_minimax_is_of_zero_sum_already():
  made = objectives.zero_sum(objectives.minimax())
  slope = lambda objective: jax.grad(objective.generator, 1)(*LOGITS)
  np.testing.assert_allclose(slope(made), slope(objectives.minimax()), rtol=1e-6)


@pytest.mark.parametrize('share, kept', [(1.0, 4), (0.75, 3), (0.6, 2), (0.5, 2), (0.1, 1)])
def test_top_is_the_mean_of_the_highest(share, kept):
  objective = objectives.nonsaturating()
  made, (r, f) = objectives.top(objective, jnp.float32(share)), LOGITS
  best = np.argsort(-np.asarray(f))[:kept]
  np.testing.assert_allclose(
    jax.jit(made.generator)(r, f), np.logaddexp(0, -np.float64(f))[best].mean(), rtol=1e-6
  )
  slope = np.zeros(4)
  slope[best] = -1 / (1 + np.exp(np.float64(f)[best])) / kept
  np.testing.assert_allclose(jax.grad(made.generator, 1)(r, f), slope, atol=1e-7)
  assert made.critic(r, f) == objective.critic(r, f)


def test_top_of_maps_of_logits_ranks_whole_images():
  f = jnp.array([[[0.0, 4.0]], [[1.0, 1.0]], [[3.0, 3.0]]])  # means 2, 1, 3
  made = objectives.top(objectives.wasserstein(), 2 / 3)
  np.testing.assert_allclose(made.generator(f, f), -(2.0 + 3.0) / 2)


@pytest.mark.parametrize('name', [n for n in OBJECTIVES if OBJECTIVES[n]().uses_real])
def test_top_is_of_fakes_alone(name):
  with pytest.raises(ValueError, match='uses fake logits only'):
    objectives.top(OBJECTIVES[name](), 0.5)


def test_lecam_by_hand():
  """Means 0.5 and -0.25; far are reals above the fakes' mean and fakes below the reals'."""
  objective, (r, f) = objectives.hinge(), (np.float64(x) for x in LOGITS)
  real_mean, fake_mean = jnp.float32(0.5), jnp.float32(-0.25)
  made = objectives.lecam(objective, real_mean, fake_mean, 0.3)
  far = (np.maximum(r + 0.25, 0) ** 2).mean() + (np.maximum(0.5 - f, 0) ** 2).mean()
  expected = objective.critic(*LOGITS) + 0.3 * far
  np.testing.assert_allclose(made.critic(*LOGITS), expected, rtol=1e-6)
  more = lambda i: jax.grad(made.critic, i)(*LOGITS) - jax.grad(objective.critic, i)(*LOGITS)
  np.testing.assert_allclose(more(0), 0.3 * 2 * np.maximum(r + 0.25, 0) / 4, atol=1e-6)
  np.testing.assert_allclose(more(1), -0.3 * 2 * np.maximum(0.5 - f, 0) / 4, atol=1e-6)
  assert made.generator(*LOGITS) == objective.generator(*LOGITS)


@pytest.mark.parametrize('distance, power', [(jnp.square, 2), (jnp.abs, 1)])
def test_matching_is_of_the_means_of_features(key, distance, power):
  r, f = jax.random.normal(key, (2, 5, 3, 2))
  apart = (np.abs(np.float64(r).mean(0) - np.float64(f).mean(0)) ** power).mean()
  made = objectives.matching(distance)
  np.testing.assert_allclose(made.generator(r, f), apart, rtol=1e-5)
  np.testing.assert_allclose(made.critic(r, f), -apart, rtol=1e-5)
  assert made.generator(r, r[::-1]) < 1e-6  # another order, the same mean but for rounding


def test_several_critics_count_alike_however_many_logits_they_give():
  joined = objectives.in_parts(objectives.hinge(), [3, 1])
  real, fake = jnp.array([[0.0, 0.5, 1.0, -1.0]]), jnp.array([[-1.0, 0.0, 0.0, 2.0]])
  assert float(joined.critic(real, fake)) == pytest.approx(((0.5 + 2 / 3) + (2 + 3)) / 2)
  assert float(joined.generator(real, fake)) == pytest.approx((1 / 3 - 2) / 2)
  whole = objectives.in_parts(objectives.hinge(), [4])
  assert float(whole.critic(real, fake)) == float(objectives.hinge().critic(real, fake))
