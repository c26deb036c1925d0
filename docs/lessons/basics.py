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
# # Basics: the game
#
# (colab)
#
# You learn what two networks play, which critic is the best one, and why the first loss that anybody
# writes down does not train. Everything runs on two CPU cores in less than three minutes.
#
# ## The idea and its mathematics
#
# A generator $G$ turns noise $z$ into samples $G(z)$ with a density $q$. A discriminator (or critic)
# $D$ looks at a point and says how probable it is that the point is real, that is, drawn from the
# data's density $p$. They play for one value:
#
# $$\min_G \max_D \; V(D, G) = \mathbb{E}_{x \sim p}[\ln D(x)] + \mathbb{E}_{x \sim q}[\ln(1 - D(x))]$$
#
# **The best discriminator.** Write $V$ as one integral, $\int p(x) \ln D(x) + q(x) \ln(1 - D(x)) \, dx$.
# At each $x$ it has the form $a \ln y + b \ln(1 - y)$ with $a = p(x)$ and $b = q(x)$. The derivative
# $a / y - b / (1 - y)$ is zero at one place only, $y = a / (a + b)$, and the second derivative
# $-a / y^2 - b / (1 - y)^2$ is negative, so this is the maximum:
#
# $$D^*(x) = \frac{p(x)}{p(x) + q(x)}$$
#
# **What the generator then minimizes.** Put $D^*$ into $V$:
#
# $$V(D^*, G) = 2 \operatorname{JS}(p, q) - 2 \ln 2$$
#
# JS is the Jensen-Shannon divergence: the mean of the two Kullback-Leibler divergences from $p$ and from
# $q$ to their mean $(p + q) / 2$. It is 0 only where $q = p$, and never more than $\ln 2$.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import jaxgan
from jaxgan import losses, metrics
from jaxgan.core.game import nets
from jaxgan.networks.mlp import Perceptron

plt.rcParams['figure.dpi'] = 72

# %% [markdown]
# ## The best discriminator, shown
#
# The theorem says where a trained critic must end. Take two Gaussians whose densities we know, real
# $\mathcal{N}(-1, 0.7^2)$ and fake $\mathcal{N}(1, 1)$, train a critic with the objective of the
# library, and compare its curve with $p / (p + q)$. The critic's output is a *logit*: $D$ is its sigmoid.

# %%
critic = Perceptron(widths=(64, 64))
objective = losses.minimax()
optimizer = optax.adam(optax.cosine_decay_schedule(3e-3, 1500))


def draw(key, n=512):
  """Real and fake points, `[n, 1]` each."""
  a, b = jax.random.split(key)
  return -1 + 0.7 * jax.random.normal(a, (n, 1)), 1 + jax.random.normal(b, (n, 1))


def loss(params, key):
  real, fake = draw(key)
  score = lambda x: critic.apply(params, x, train=True)
  return objective.critic(score(real), score(fake))


@jax.jit
def step(carry, key):
  params, memory = carry
  value, gradient = jax.value_and_grad(loss)(params, key)
  change, memory = optimizer.update(gradient, memory)
  return (optax.apply_updates(params, change), memory), value


params = critic.init(jax.random.key(0), jnp.zeros((1, 1)), train=True)
keys = jax.random.split(jax.random.key(1), 1500)
(params, _), values = jax.lax.scan(step, (params, optimizer.init(params)), keys)

# %%
normal = lambda x, mean, std: np.exp(-(((x - mean) / std) ** 2) / 2) / (std * np.sqrt(2 * np.pi))
x = np.linspace(-4, 5, 400)
p, q = normal(x, -1, 0.7), normal(x, 1, 1)
trained = np.asarray(jax.nn.sigmoid(critic.apply(params, jnp.asarray(x[:, None]), train=False)))
best = p / (p + q)

plt.figure(figsize=(7, 3))
plt.fill_between(x, p, alpha=0.3, label='real p')
plt.fill_between(x, q, alpha=0.3, label='fake q')
plt.plot(x, best, 'k--', label='p / (p + q)')
plt.plot(x, trained, 'r', label='trained critic')
plt.legend()
plt.show()

seen = (p + q) > 0.05
m = (p + q) / 2
js = np.trapezoid(p * np.log(p / m) + q * np.log(q / m), x) / 2
print(f'largest difference where there is data: {np.abs(trained - best)[seen].max():.3f}')
print(
  f'value of the game: theorem {2 * js - 2 * np.log(2):.3f}, trained {-values[-200:].mean():.3f}'
)

# %% [markdown]
# The two curves lie on each other where there are points. Outside, nothing decides what the critic says.
#
# ## Why gradients vanish
#
# Now let a fake density $\mathcal{N}(\theta, 0.5^2)$ approach real data $\mathcal{N}(0, 0.5^2)$, and give the
# generator the best critic at each $\theta$. Its logit is $\ln p(x) - \ln q(x)$. How strongly is $\theta$
# pulled? The *minimax* generator minimizes $\mathbb{E} \ln(1 - D)$; the *non-saturating* one minimizes
# $-\mathbb{E} \ln D$, which has the same fixed point.

# %%
noise = jax.random.normal(jax.random.key(2), (4096,))
logit = lambda x, theta: ((x - theta) ** 2 - x**2) / (2 * 0.5**2)


def pull(objective, theta):
  """The slope of the generator's loss in its own theta, against a critic that stays fixed."""
  fixed = jax.lax.stop_gradient(theta)
  value = lambda t: objective.generator(noise, logit(t + 0.5 * noise, fixed))
  return jax.grad(value)(theta)


thetas = jnp.linspace(0.05, 5, 60)
minimax, better = (
  jax.vmap(lambda t, o=o: pull(o, t))(thetas) for o in (losses.minimax(), losses.nonsaturating())
)


def divergence(theta):
  """Jensen-Shannon of the two Gaussians, by summing over a grid."""
  x = np.linspace(-4, 9, 1000)
  p, q = normal(x, 0, 0.5) + 1e-300, normal(x, theta, 0.5) + 1e-300
  m = (p + q) / 2
  return np.trapezoid(p * np.log(p / m) + q * np.log(q / m), x) / 2


figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
left.plot(thetas, [divergence(t) for t in np.asarray(thetas)])
left.axhline(np.log(2), color='k', linestyle=':')
left.set(title='Jensen-Shannon divergence', xlabel='distance')
right.semilogy(thetas, np.abs(minimax), label='minimax')
right.semilogy(thetas, np.abs(better), label='non-saturating')
right.set(title='slope for the generator', xlabel='distance')
right.legend()
plt.show()
print(f'at distance 4: minimax {abs(minimax[48]):.1e}, non-saturating {abs(better[48]):.1e}')

# %% [markdown]
# Left: once the two densities no longer overlap, JS stays at $\ln 2$ whatever the distance. So its
# slope is zero, and the minimax generator learns least where it is worst. The non-saturating loss pulls
# *more* the further away the fakes are. This is why most libraries train with it.
#
# ## The few lines of jaxgan that are it
#
# A GAN is a `Game`: networks, players who own some of them, and turns. Here both are perceptrons, and the
# data are a ring of eight Gaussians, so that we can count what was found.

# %%
from jaxgan.data import mixtures

means, std = mixtures.ring()
latent = lambda key, n: jax.random.normal(key, (n, 2))


def game(objective, critic_steps=1, penalty=()):
  """Two perceptrons that play for an objective."""
  critic, generator = losses.adversarial.adversarial(objective, *penalty, latent=latent)
  adam = optax.adam(1e-3, 0.0, 0.99)
  return jaxgan.Game(
    networks={
      'generator': jaxgan.linen(Perceptron((64, 64), 2)),
      'critic': jaxgan.linen(Perceptron((64, 64))),
    },
    players={
      'generator': jaxgan.Player(('generator',), adam),
      'critic': jaxgan.Player(('critic',), adam),
    },
    turns=(
      jaxgan.Turn('critic', critic, repeats=critic_steps),
      jaxgan.Turn('generator', generator),
    ),
  )


# %% [markdown]
# `jaxgan.init` makes the first state and `jaxgan.train_step` plays each turn once. Both are pure functions,
# so JAX trains two seeds side by side and all steps in one compiled loop.


# %%
def play(game, steps=1500, batch=128, seeds=2):
  """Train; return samples `[seeds, 1000, 2]` and the logs of all steps."""
  repeats = game.turns[0].repeats
  example = {'generator': (jnp.zeros((2, 2)),), 'critic': (jnp.zeros((2, 2)),)}

  def step(state, key):
    which, where = jax.random.split(key)
    chosen = jax.random.randint(which, (repeats, batch), 0, len(means))
    points = jnp.asarray(means)[chosen] + std * jax.random.normal(where, (repeats, batch, 2))
    return jaxgan.train_step(game, state, {'image': points})

  def one(seed):
    key = jax.random.key(seed)
    state = jaxgan.init(game, key, example)
    state, logs = jax.lax.scan(step, state, jax.random.split(key, steps))
    made, _ = nets(game, state)('generator', latent(key, 1000))
    return made, logs

  return jax.jit(jax.vmap(one))(jnp.arange(seeds))


samples, logs = play(game(losses.nonsaturating()))

# %% [markdown]
# ## Look, and measure


# %%
def show(samples, title):
  """Draw one seed, and count the modes of each."""
  plt.figure(figsize=(3, 3))
  plt.scatter(*means.T, c='k', marker='x')
  plt.scatter(*np.asarray(samples[0]).T, s=3, alpha=0.4)
  plt.title(title)
  plt.axis([-2.2, 2.2, -2.2, 2.2])
  plt.show()
  for seed, points in enumerate(np.asarray(samples)):
    found = metrics.modes.mixture(points, means, std * 4)
    print(f'seed {seed}: {found.found} of 8 modes, {found.high_quality:.0%} of samples near one')


show(samples, 'non-saturating')

# %% [markdown]
# The count is generous here: a sample is *near* within twelve standard deviations of the data, because the
# run is very short. `jaxgan plane` trains as long as it takes and counts strictly.
#
# ## Break it and see why
#
# The minimax loss as it stands in the theory, with a critic that makes five steps for each of the
# generator: the better the critic, the smaller the slope that it leaves.

# %%
samples, broken = play(game(losses.minimax(), critic_steps=5))
show(samples, 'minimax, five critic steps')

# %% [markdown]
# And a cure: the non-saturating loss again, with a penalty on the critic's slope at real points (R1). The
# critic can no longer be steep where the data are, and the game settles.

# %%
samples, _ = play(game(losses.nonsaturating(), penalty=[losses.r1(0.1)]))
show(samples, 'non-saturating with R1')

# %% [markdown]
# ## Exercises
#
# 1. Replace `losses.minimax()` in the first part by `losses.least_squares()`. Which curve does the critic
#    now learn?
#
# <details><summary>A solution</summary>
#
# The critic minimizes $p (y - 1)^2 / 2 + q y^2 / 2$ at each point, so its *output* (not its sigmoid) is
# $p / (p + q)$.
# </details>
#
# 2. Prove that $V(D^*, G) = 2 \operatorname{JS}(p, q) - 2 \ln 2$.
#
# <details><summary>A solution</summary>
#
# $\mathbb{E}_p \ln \frac{p}{p + q} = \mathbb{E}_p \ln \frac{p}{(p + q) / 2} - \ln 2$, and the same for $q$.
# The two expectations are the Kullback-Leibler divergences to the mean, whose half sum is JS.
# </details>
#
# ## What to read
#
# - Goodfellow et al., *Generative Adversarial Networks*, 2014: sections 3 and 4 have the proofs.
# - Arjovsky and Bottou, *Towards Principled Methods for Training GANs*, 2017: vanishing gradients.
# - Mescheder et al., *Which Training Methods for GANs do actually Converge?*, 2018: R1.
