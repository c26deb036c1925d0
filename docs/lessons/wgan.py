# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # WGAN: the earth mover's distance
#
# (colab)
#
# You estimate a distance with a critic, compare it with its true value, and see what clipping does.
#
# ## The idea and its mathematics
#
# The first lesson showed that the Jensen-Shannon divergence does not notice how far apart two
# densities are once they no longer overlap. The *earth mover's distance* (Wasserstein-1) does: it is the
# least mean distance over which mass must be carried to turn one density into the other.
#
# $$W(p, q) = \inf_{\gamma \in \Pi(p, q)} \mathbb{E}_{(x, y) \sim \gamma} \|x - y\|$$
#
# The plans $\gamma$ cannot be searched, but there is an equal problem with one function (Kantorovich and
# Rubinstein):
#
# $$W(p, q) = \sup_{\|f\|_L \le 1} \mathbb{E}_{x \sim p} f(x) - \mathbb{E}_{x \sim q} f(x)$$
#
# The supremum is over all $f$ whose slope is nowhere above 1. WGAN lets the critic be this $f$. If its slopes
# may go up to $K$ instead, the best value is $K W$. WGAN keeps slopes bounded by clipping every weight to a
# box, so $K$ is some number that nobody knows; WGAN-GP asks for slopes of 1.
#
# **The truth to compare with.** If $q$ is $p$ moved by $\theta$, then $W = |\theta|$: all mass moves by $\theta$,
# and $f(x) = x$ shows that nothing cheaper exists. In one dimension, the distance of any two samples follows
# from sorting both.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from scipy.stats import wasserstein_distance

import jaxgan
from jaxgan import losses
from jaxgan.core.game import nets
from jaxgan.networks.mlp import Perceptron

plt.rcParams['figure.dpi'] = 72

# %% [markdown]
# ## Measure: the estimate against its true value
#
# Real data are points in the plane, normal around 0 with standard deviation 0.5 on both axes. Fakes are the
# same, moved by $\theta$ along the first axis, so $W = \theta$. For six values of $\theta$ we train two critics, side by
# side: one in a box of 0.1, one with a gradient penalty.

# %%
critic = Perceptron(widths=(64, 64))
objective, penalty = losses.wasserstein(), losses.gradient_penalty(10.0)
optimizer = optax.adam(optax.cosine_decay_schedule(1e-3, 1000), 0.0, 0.9)
box = lambda params, c: jax.tree.map(lambda w: jnp.clip(w, -c, c), params)


def estimate(theta, clip=0.0, axes=2):
  """Train a critic of points with so many axes; return its estimate of the distance."""

  def points(key):
    real, fake = 0.5 * jax.random.normal(key, (2, 256, axes))
    return real, fake.at[:, 0].add(theta)

  def loss(params, key):
    score = lambda x: critic.apply(params, x, train=True)
    data, mix = jax.random.split(key)
    real, fake = points(data)
    value = objective.critic(score(real), score(fake))
    return value if clip else value + penalty(score, real, fake, mix)

  def step(carry, key):
    params, memory = carry
    change, memory = optimizer.update(jax.grad(loss)(params, key), memory)
    params = optax.apply_updates(params, change)
    return (box(params, clip) if clip else params, memory), None

  params = critic.init(jax.random.key(0), jnp.zeros((1, axes)), train=True)
  keys = jax.random.split(jax.random.key(1), 1000)
  (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), keys)
  real, fake = (critic.apply(params, x, train=False).mean() for x in points(jax.random.key(2)))
  return real - fake


thetas = jnp.arange(0.0, 5.1, 1.0)
penalized = np.asarray(jax.jit(jax.vmap(estimate))(thetas))
clipped = np.asarray(jax.jit(jax.vmap(lambda t: estimate(t, 0.1)))(thetas))

# %%
plt.figure(figsize=(5, 3))
plt.plot(thetas, thetas, 'k--', label='true distance')
plt.plot(thetas, penalized, 'o-', label='gradient penalty')
plt.plot(thetas, clipped, 's-', label='weights in a box of 0.1')
plt.xlabel('theta')
plt.legend()
plt.show()
print('true       ', *(f'{t:6.2f}' for t in thetas))
print('penalty    ', *(f'{t:6.2f}' for t in penalized))
print('clipped    ', *(f'{t:6.2f}' for t in clipped))

# %% [markdown]
# With the penalty, the estimate lies a little above the true distance, for the penalty is a price and not a wall. A
# critic of slope $s$ gains $s \theta$ and pays $\lambda (s - 1)^2$, which is best at $s = 1 + \theta / (2 \lambda)$. With
# $\lambda = 10$ the estimate should be $\theta (1 + \theta / 20)$: 1.05, 2.20, 3.45, 4.80 and 6.25. In the box it rises as well,
# but it is another number: the critic cannot be steep, so the distance comes out multiplied by an unknown $K$, and
# what shape the critic can take matters too. Both *rise* with the distance, which is what the generator needs and
# what Jensen-Shannon did not offer. So compare two WGAN losses only between runs with equal critics.
#
# **Why points in a plane, and not on a line?** The penalty asks for the *length* 1 of the slope, not for its direction. In
# the plane a critic that begins with the wrong direction turns around. On a line it has only two directions, and
# between them lies the slope 0, where the penalty is highest. So a critic that begins the wrong way stays there for
# long:

# %%
print(
  f'on a line, after as many steps: {jax.jit(lambda: estimate(2.0, axes=1))():.2f} in place of 2'
)

# %% [markdown]
# ## The few lines of jaxgan that are it
#
# `losses.wasserstein()` is the objective, and the `constraint` of a player is applied to its parameters
# after each of its steps. That is all of `jaxgan/variants/wgan.py` but its networks.


# %%
def game(clip):
  """A generator of numbers and a clipped critic, which makes five steps for each of the generator."""
  latent = lambda key, n: jax.random.normal(key, (n, 2))
  critic_loss, generator_loss = losses.adversarial.adversarial(losses.wasserstein(), latent=latent)
  rate = optax.rmsprop(2e-3)
  return jaxgan.Game(
    networks={
      'generator': jaxgan.linen(Perceptron((32, 32), 2)),
      'critic': jaxgan.linen(Perceptron((32, 32))),
    },
    players={
      'generator': jaxgan.Player(('generator',), optax.rmsprop(5e-4)),
      'critic': jaxgan.Player(('critic',), rate, constraint=lambda params: box(params, clip)),
    },
    turns=(
      jaxgan.Turn('critic', critic_loss, repeats=5),
      jaxgan.Turn('generator', generator_loss),
    ),
  )


# %% [markdown]
# ## Train
#
# The data are two heaps in the plane whose second coordinate is always 0. The distance is then close to
# that of the first coordinates alone, which follows from sorting.


# %%
def real(key, shape):
  """Two heaps at -2 and 2, `[*shape, 2]`."""
  side, spread = jax.random.split(key)
  x = 2.0 * jax.random.rademacher(side, shape) + 0.3 * jax.random.normal(spread, shape)
  return jnp.stack([x, jnp.zeros(shape)], -1)


@jax.jit
def play(clip):
  """Train; return the critic's value and 500 samples every 40 steps."""
  played = game(clip)
  example = {'generator': (jnp.zeros((2, 2)),), 'critic': (jnp.zeros((2, 2)),)}
  draws = jax.random.normal(jax.random.key(9), (500, 2))

  def step(state, key):
    state, logs = jaxgan.train_step(played, state, {'image': real(key, (5, 128))})
    return state, -logs['critic/loss']

  def part(state, keys):
    state, values = jax.lax.scan(step, state, keys)
    return state, (values[-10:].mean(), nets(played, state)('generator', draws)[0])

  key = jax.random.key(0)
  state = jaxgan.init(played, key, example)
  return jax.lax.scan(part, state, jax.random.split(key, (30, 40)))[1]


data = np.asarray(real(jax.random.key(5), (5000,)))
truth = lambda made: [wasserstein_distance(data[:, 0], points[:, 0]) for points in made]
value, made = map(np.asarray, play(0.3))

# %% [markdown]
# ## Look: does the loss follow the quality?

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
at = 40 * np.arange(1, len(value) + 1)
left.plot(at, truth(made), label='true distance')
left.plot(at, value, label="critic's value")
left.set(xlabel='step')
left.legend()
right.hist([data[:, 0], made[-1][:, 0]], 40, density=True, label=['real', 'made'])
right.legend()
plt.show()
print(f'correlation of the two curves: {np.corrcoef(truth(made), value)[0, 1]:.2f}')

# %% [markdown]
# ## Break it and see why
#
# The size of the box decides everything, and nothing tells you which size is right.

# %%
for clip in (0.01, 0.1, 0.3, 1.0):
  value, made = map(np.asarray, play(clip))
  print(
    f'box {clip:4}: last value of the critic {value[-1]:9.4f}, true distance {truth(made)[-1]:.3f}'
  )

# %% [markdown]
# With three layers the slope is at most about the product of three weights in the box times the widths. In a
# small box the critic is almost flat: its value and its gradient nearly vanish, and the generator hardly moves. In a
# large one the value says nothing of the distance any more. The lesson on WGAN-GP replaces the box by a condition on
# the slope itself.
#
# ## Exercise
#
# Why does the generator's optimizer here have no momentum (`rmsprop`)?
#
# <details><summary>A solution</summary>
#
# The critic changes between two steps of the generator, so an old gradient points where the critic used to
# be. The article observed that training with momentum became unstable and chose RMSProp for both.
#
# </details>
#
# ## What to read
#
# - Arjovsky et al., *Wasserstein GAN*, 2017: section 2 compares four distances, appendix A has proofs.
# - Peyré and Cuturi, *Computational Optimal Transport*, 2019: the distance itself.
