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
# # WGAN-GP: slopes at interpolates
#
# (colab)
#
# You look at the slopes of a critic where it matters, between real and fake points.
#
# ## The idea and its mathematics
#
# The best critic of the earth mover's distance has a slope of exactly 1 almost everywhere on the
# straight lines along which mass is carried: there $f(x) - f(y) = \|x - y\|$. WGAN-GP asks for this directly:
#
# $$L = \mathbb{E}_q f(x) - \mathbb{E}_p f(x) + \lambda \, \mathbb{E}_{\hat{x}} (\|\nabla f(\hat{x})\| - 1)^2$$
#
# with $\hat{x} = \epsilon x + (1 - \epsilon) y$ for real $x$, fake $y$ and one $\epsilon \sim U(0, 1)$ for each
# pair. Two mistakes are common in copies of this: one $\epsilon$ for each *pixel*, and a norm over the
# channels only. Both still run.
#
# The penalty speaks of the slope of *one* image's score, so a critic with batch norm, where the score of an
# image depends on the others, does not fit it.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxgan import losses
from jaxgan.losses.gradient_penalties import input_gradients, interpolates, norms
from jaxgan.networks.mlp import Perceptron

plt.rcParams['figure.dpi'] = 72

# %% [markdown]
# ## The few lines of jaxgan that are it
#
# The penalty is a function of a score, of real and fake points, and of a key. On a linear critic its value is
# known: $f(x) = 3 x_1 + 4 x_2$ has the slope 5 everywhere, so the penalty is $10 (5 - 1)^2 = 160$.

# %%
penalty = losses.gradient_penalty(10.0)
linear = lambda x: x @ jnp.array([3.0, 4.0])
some = jax.random.normal(jax.random.key(0), (2, 8, 2))
print(f'penalty of a linear critic: {penalty(linear, *some, jax.random.key(1)):.2f}')

# %% [markdown]
# ## Train
#
# Real points on a ring of eight, fake points in a heap at the center, and three critics: free, in a box, and with
# the penalty.

# %%
critic = Perceptron(widths=(64, 64))
objective = losses.wasserstein()
optimizer = optax.adam(2e-3, 0.5)


def points(key, n=256):
  """Real points of a ring of 8, and fake ones of a heap."""
  which, where, fake = jax.random.split(key, 3)
  angle = jax.random.randint(which, (n,), 0, 8) * jnp.pi / 4
  ring = 2 * jnp.stack([jnp.cos(angle), jnp.sin(angle)], 1)
  return ring + 0.1 * jax.random.normal(where, (n, 2)), 0.5 * jax.random.normal(fake, (n, 2))


def train(weight=0.0, clip=None, steps=800):
  """Return the parameters of a critic and its estimates of the distance."""

  def loss(params, key):
    score = lambda x: critic.apply(params, x, train=True)
    data, mix = jax.random.split(key)
    real, fake = points(data)
    value = objective.critic(score(real), score(fake))
    extra = losses.gradient_penalty(weight)(score, real, fake, mix) if weight else 0.0
    return value + extra, -value

  def step(carry, key):
    params, memory = carry
    gradient, value = jax.grad(loss, has_aux=True)(params, key)
    change, memory = optimizer.update(gradient, memory)
    params = optax.apply_updates(params, change)
    if clip:
      params = jax.tree.map(lambda w: jnp.clip(w, -clip, clip), params)
    return (params, memory), value

  params = critic.init(jax.random.key(0), jnp.zeros((1, 2)), train=True)
  carry = (params, optimizer.init(params))
  (params, _), values = jax.jit(lambda c, k: jax.lax.scan(step, c, k))(
    carry, jax.random.split(jax.random.key(1), steps)
  )
  return params, values


critics = {
  'free': train(),
  'box of 0.1': train(clip=0.1),
  'gradient penalty': train(weight=10.0),
}

# %% [markdown]
# ## Look, and measure: slopes at interpolates

# %%
real, fake = points(jax.random.key(7), 1000)
between = interpolates(real, fake, jax.random.key(8))
figure, axes = plt.subplots(1, 3, figsize=(10, 3))
for axis, (name, (params, values)) in zip(axes, critics.items(), strict=True):
  slopes = np.asarray(
    norms(input_gradients(lambda x, p=params: critic.apply(p, x, train=False), between))
  )
  axis.hist(slopes, 40)
  axis.axvline(1, color='k', linestyle=':')
  axis.set(title=name, xlabel='slope')
  print(
    f'{name:17} slope {slopes.mean():8.3f}, spread {slopes.std():7.3f}, '
    f'estimate of the distance {values[-20:].mean():9.3f}'
  )
plt.show()
nearest = (
  np.linalg.norm(np.asarray(real), axis=1).mean() - np.linalg.norm(np.asarray(fake), axis=1).mean()
)
print(
  f'mean radius of real points less that of fake ones, a lower bound of the distance: {nearest:.3f}'
)

# %% [markdown]
# The free critic has no bound: its slopes, and its *distance*, grow as long as one trains. In this box they are
# about 1 on average, by chance, and lie between 0 and 1.4. With the penalty they gather a little above 1, and the estimate is one of the distance
# itself. The bound follows from $f(x) = \|x\|$, which has the slope 1 everywhere.
#
# The field of the critic is what a generator feels.

# %%
axis_points = np.linspace(-3, 3, 60)
mesh = np.stack(np.meshgrid(axis_points, axis_points), -1).reshape(-1, 2)
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6))
for axis, name in zip(axes, ('box of 0.1', 'gradient penalty'), strict=True):
  heat = critic.apply(critics[name][0], jnp.asarray(mesh), train=False).reshape(60, 60)
  axis.contourf(axis_points, axis_points, heat, 30)
  axis.scatter(*np.asarray(real[:300]).T, s=3, c='w')
  axis.scatter(*np.asarray(fake[:300]).T, s=3, c='k')
  axis.set(title=name, aspect='equal')
plt.show()

# %% [markdown]
# In the box the critic is made of a few flat pieces, and its push depends on the direction. With the penalty its level
# lines are round: the heap in the middle has to be carried outward, and about equally far to all sides.
#
# ## Break it and see why
#
# One random number for each coordinate instead of one for each pair: the points then lie in the *rectangle* between
# real and fake, not on the line, and the penalty is asked where no mass is carried. And the
# weight matters: a weight of 0.1 lets slopes far above 1 pay, and the estimate is as wrong; one of 1000 leaves a critic
# with the right slope that has hardly looked at the data yet, and an estimate below the bound.

# %%
for weight in (0.1, 10.0, 1000.0):
  params, values = train(weight=weight, steps=400)
  slopes = norms(input_gradients(lambda x, p=params: critic.apply(p, x, train=False), between))
  print(f'weight {weight:6}: slope {slopes.mean():.3f}, estimate {values[-20:].mean():.3f}')

# %% [markdown]
# ## Exercise
#
# Change the penalty to be one-sided: only slopes *above* 1 cost. What is it called in the library, and when does it
# differ?
#
# <details><summary>A solution</summary>
#
# `losses.one_sided`. It differs where the best critic is flatter than 1, as it is away from all lines of transport.
#
# </details>
#
# ## What to read
#
# - Gulrajani et al., *Improved Training of Wasserstein GANs*, 2017: proposition 1 has the slope of 1.
# - Mescheder et al., 2018: why a penalty at real points (R1) also converges.
