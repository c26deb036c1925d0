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
# # Conditional GAN: digits on demand
#
# (colab)
#
# You ask for a digit and get it, and you measure how often.
#
# ## The idea and its mathematics
#
# Both players see a label $y$ beside the image. The game is the same, for each label:
#
# $$\min_G \max_D \; \mathbb{E}_{(x, y) \sim p}[\ln D(x, y)] + \mathbb{E}_{z, y}[\ln(1 - D(G(z, y), y))]$$
#
# The best critic is $p(x | y) / (p(x | y) + q(x | y))$. So a perfect image of a 3 is a bad fake if the
# label says 7: the generator is rewarded for images that *fit their label*.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import jaxgan
from jaxgan import losses, networks
from jaxgan.core.game import nets
from jaxgan.data import digits

plt.rcParams['figure.dpi'] = 72

# %% [markdown]
# ## The few lines of jaxgan that are it
#
# `conditional=True` gives the labels of the batch to both networks. `networks.mlp` joins them to the latent and
# to the image as one-hot vectors.

# %%
images, labels = digits.arrays()
pixels = jnp.asarray(images[..., None] / 127.5 - 1, jnp.float32)
latent = lambda key, n: jax.random.normal(key, (n, 16))


def game(penalty=1.0):
  """Two perceptrons that are told the label."""
  critic, generator = losses.adversarial.adversarial(
    losses.nonsaturating(), losses.r1(penalty), latent=latent, conditional=True
  )
  return jaxgan.Game(
    networks={
      'generator': jaxgan.linen(networks.mlp.Generator((8, 8, 1), widths=(128, 128), classes=10)),
      'critic': jaxgan.linen(networks.mlp.Critic(widths=(128, 128), classes=10)),
    },
    players={
      'generator': jaxgan.Player(('generator',), optax.adam(1e-3, 0.0, 0.99)),
      'critic': jaxgan.Player(('critic',), optax.adam(1e-3, 0.0, 0.99)),
    },
    turns=(jaxgan.Turn('critic', critic), jaxgan.Turn('generator', generator)),
  )


# %% [markdown]
# `jaxgan train --variant=cgan` is this game with convolutions, at any size.
#
# ## Train


# %%
def play(game, labels, steps=3000, batch=64):
  """Train on the digits with these labels; return the state."""
  some = jnp.zeros(2, jnp.int32)
  example = {'generator': (jnp.zeros((2, 16)), some), 'critic': (pixels[:2], some)}
  labels = jnp.asarray(labels, jnp.int32)

  def step(state, key):
    chosen = jax.random.randint(key, (1, batch), 0, len(pixels))
    return jaxgan.train_step(game, state, {'image': pixels[chosen], 'label': labels[chosen]})[
      0
    ], None

  @jax.jit
  def run(key):
    state = jaxgan.init(game, key, example)
    return jax.lax.scan(step, state, jax.random.split(key, steps))[0]

  return run(jax.random.key(0))


played = game()
state = play(played, labels)

# %% [markdown]
# ## Look
#
# A row for each digit. Each column has one latent: see whether it keeps a manner of writing across digits.


# %%
@jax.jit
def draw(state, z, label):
  """Images `[n, 8, 8, 1]` of these labels."""
  return nets(played, state)('generator', z, label)[0]


def rows(state):
  """Ten rows of the ten digits."""
  z, label = jnp.tile(latent(jax.random.key(3), 10), (10, 1)), jnp.repeat(jnp.arange(10), 10)
  made = np.asarray(draw(state, z, label))
  grid = made.reshape(10, 10, 8, 8).transpose(0, 2, 1, 3).reshape(80, 80)
  plt.figure(figsize=(4, 4))
  plt.imshow(grid, cmap='gray', vmin=-1, vmax=1)
  plt.axis('off')
  plt.show()


rows(state)

# %% [markdown]
# ## Measure: is it the digit that was asked for?
#
# A classifier that was trained on real digits reads 1000 samples. It is one linear layer, so we also print how
# often it reads *real* digits rightly. Those are by other writers; samples imitate the writers that both learnt from,
# and can be easier to read.

# %%
flat = lambda x: jnp.concatenate([x.reshape(len(x), -1), jnp.ones((len(x), 1))], 1)
fit, check = jnp.arange(0, 1437), jnp.arange(1437, len(pixels))
optimizer = optax.adam(0.02)


def fitting(carry, _):
  weights, memory = carry
  error = lambda w: optax.softmax_cross_entropy_with_integer_labels(
    flat(pixels[fit]) @ w, jnp.asarray(labels[fit], jnp.int32)
  ).mean()
  change, memory = optimizer.update(jax.grad(error)(weights), memory)
  return (weights + change, memory), None


start = jnp.zeros((65, 10))
(reader, _), _ = jax.lax.scan(fitting, (start, optimizer.init(start)), None, 300)
read = lambda x: np.asarray((flat(x) @ reader).argmax(1))


def on_demand(state):
  """Return the share of samples that show the digit that was asked for."""
  label = jnp.arange(1000) % 10
  made = draw(state, latent(jax.random.key(4), 1000), label)
  return (read(made) == np.asarray(label)).mean()


print(f'real digits of other writers: {(read(pixels[check]) == labels[1437:]).mean():.1%}')
print(f'digits on demand: {on_demand(state):.1%}')

# %% [markdown]
# ## Break it and see why
#
# Shuffle the labels of the training images. The critic then learns that labels say nothing, and the
# generator, which only learns from the critic, ignores them.

# %%
shuffled = np.random.default_rng(0).permutation(labels)
broken = play(played, shuffled, steps=1500)
rows(broken)
print(f'digits on demand after training with shuffled labels: {on_demand(broken):.1%}')

# %% [markdown]
# Each column now shows one image, whatever the row asks for. The images may still be digits: no score that looks at images alone would notice. Only the question
# "is it what I asked for?" does. One in ten is right by chance.
#
# ## Exercise
#
# Ask for a digit between two: mix the one-hot vectors of 3 and 8. What must change in the generator's input?
#
# <details><summary>A solution</summary>
#
# `networks.mlp.Generator` makes the one-hot vector itself, from an integer. A generator of your own that takes
# a vector `[B, 10]` accepts any mixture. Expect an image of one of the two more often than one between: the
# critic never rewarded anything between.
#
# </details>
#
# ## What to read
#
# - Mirza and Osindero, *Conditional Generative Adversarial Nets*, 2014.
# - Miyato and Koyama, *cGANs with Projection Discriminator*, 2018: the label enters as an inner product.
# - [Digits on demand](../experiments/digits_on_demand.md): `cgan` and `sngan` on MNIST.
