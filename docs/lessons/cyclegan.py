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
# # CycleGAN: two looks without pairs
#
# (colab)
#
# You teach two networks to turn digits of one look into digits of another and back, from examples that do not match, and
# see where a translator hides what it must not lose.
#
# ## The idea and its mathematics
#
# There are images of two kinds, $a$ and $b$, but no pairs: nobody says which $b$ an $a$ should become. A GAN alone is not
# enough. A translator $G$ that makes *some* convincing $b$ of every $a$ satisfies the critic $D_b$, even if it is always the same
# one. So there are two translators, $G: a \to b$ and $F: b \to a$, and each must undo the other:
#
# $$L(G, F) = \underbrace{\mathbb{E}_a (D_b(G(a)) - 1)^2 + \mathbb{E}_b (D_a(F(b)) - 1)^2}_{\text{convince the critics}}
# + \lambda \underbrace{\left(\mathbb{E}_a |F(G(a)) - a| + \mathbb{E}_b |G(F(b)) - b|\right)}_{\text{and come back}}$$
#
# The second part is the *cycle*. If $F(G(a)) = a$ for all $a$, then $G$ is injective: it cannot map two images to one. The article adds a third
# part, which asks that an image that has the look already stays as it is; we do without. The critics are those of the
# least-squares GAN. In the article each sees *patches* rather than whole images; ours are so small that a critic sees all.

# %%
import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import jaxgan
from jaxgan import losses, networks
from jaxgan.core.game import nets
from jaxgan.data import digits
from jaxgan.losses import image_to_image
from jaxgan.networks.cyclegan import ResidualBlock

plt.rcParams['figure.dpi'] = 72

# %% [markdown]
# ## Two looks
#
# We make the data ourselves, so that we know what a translation *should* be, and can measure it. $a$ is a white digit on black,
# $b$ an orange digit on blue. No digit is in both sets: the first 700 have one look, the next 700 the other. The networks
# never see the same digit in both looks, nor the rule.

# %%
small, labels = digits.arrays()
share = small[..., None] / 255  # of ink at each pixel
blue, orange = np.array([20, 30, 110]), np.array([255, 190, 60])


def colored(ink):
  """Digits in ink of a color on blue, float32 `[n, 8, 8, 3]` in [-1, 1]."""
  return ((blue * (1 - share) + ink * share) / 127.5 - 1).astype(np.float32)


white = np.repeat(2 * share - 1, 3, -1).astype(np.float32)
first, second, test = slice(0, 700), slice(700, 1400), slice(1437, None)

# %% [markdown]
# ## The few lines of jaxgan that are it
#
# `image_to_image.cycle` has the equation above. The game has four networks, and each player owns two of them. A memory of 50 past
# fakes for each critic keeps the players from chasing each other in circles. `jaxgan train --variant=cyclegan` is this game with
# the networks of the article, for folders of photographs.


# %%
class Translator(nn.Module):
  """A convolution, two residual blocks, and a convolution: each pixel sees its surroundings."""

  @nn.compact
  def __call__(self, x, *, train=False):
    x = nn.relu(nn.Conv(16, (3, 3))(x))
    for _ in range(2):
      x = ResidualBlock()(x)
    return jnp.tanh(nn.Conv(3, (3, 3))(x))


def game(weight=10.0):
  """Two translators and two critics; the weight is that of the way back."""
  generators, critics = image_to_image.cycle(losses.least_squares(), weight=weight, identity=0.0)
  there, judge = Translator(), networks.dcgan.Critic((16, 32), norm=False)
  adam = optax.adam(1e-3, 0.5, 0.99)
  return jaxgan.Game(
    networks={
      'generator_ab': jaxgan.linen(there),
      'generator_ba': jaxgan.linen(there),
      'critic_a': jaxgan.linen(judge),
      'critic_b': jaxgan.linen(judge),
    },
    players={
      'generator': jaxgan.Player(('generator_ab', 'generator_ba'), adam),
      'critic': jaxgan.Player(('critic_a', 'critic_b'), adam),
    },
    turns=(jaxgan.Turn('generator', generators), jaxgan.Turn('critic', critics)),
    memory=image_to_image.first_memory((8, 8, 3), batch=8, pool=50),
  )


# %% [markdown]
# ## Train


# %%
def play(game, a, b, steps=400):
  """Train on two sets of images; return the state."""
  some = (jnp.zeros((2, 8, 8, 3)),)
  a, b = jnp.asarray(a), jnp.asarray(b)

  def step(state, key):
    i, j = jax.random.randint(key, (2, 1, 8), 0, 700)
    return jaxgan.train_step(game, state, {'image': a[i], 'target': b[j]})[0], None

  @jax.jit
  def run(key):
    state = jaxgan.init(game, key, dict.fromkeys(game.networks, some))
    return jax.lax.scan(step, state, jax.random.split(key, steps))[0]

  return run(jax.random.key(0))


played = game()
state = play(played, white[first], colored(orange)[second])

# %% [markdown]
# ## Look
#
# Digits of other writers. From the top: a white digit, its translation, and the way back; then the same from the other
# side.


# %%
@jax.jit
def apply(state, images):
  """Return `[6, n, 8, 8, 3]`: a, its translation, the way back, and the same of b."""
  network, (a, b) = nets(played, state), images
  to_b, to_a = network('generator_ab', a)[0], network('generator_ba', b)[0]
  back_a, back_b = network('generator_ba', to_b)[0], network('generator_ab', to_a)[0]
  return jnp.stack([a, to_b, back_a, b, to_a, back_b])


def shown(rows):
  """Draw rows of images `[rows, n, 8, 8, 3]`, with a gap between them."""
  framed = np.pad(rows, ((0, 0), (0, 0), (0, 1), (0, 1), (0, 0)))
  height, width = framed.shape[:2]
  grid = framed.transpose(0, 2, 1, 3, 4).reshape(9 * height, 9 * width, 3)
  plt.figure(figsize=(width * 0.5, height * 0.5))
  plt.imshow(np.clip((grid + 1) / 2, 0, 1))
  plt.axis('off')
  plt.show()


def both(state, b):
  """Translate the test digits of both looks."""
  return np.asarray(apply(state, (white[test], b[test])))


made = both(state, colored(orange))
shown(made[:, :12])

# %% [markdown]
# ## Measure
#
# We know what each translation should be: the same digit in the other look. The numbers are mean differences of a pixel, on
# a scale from 0 to 255.


# %%
def measured(made):
  """Print how near translations are to what they should be, and to where they came from."""
  a, to_b, back_a, b, to_a, back_b = made
  apart = lambda x, y: f'{127.5 * np.abs(x - y).mean():5.1f}'
  print(f'white to color: {apart(to_b, b)}   and back: {apart(back_a, a)}')
  print(f'color to white: {apart(to_a, a)}   and back: {apart(back_b, b)}')


print(f'nothing done:   {127.5 * np.abs(made[0] - made[3]).mean():5.1f}')
measured(made)

# %% [markdown]
# ## Break it and see why
#
# **Without the way back.** Set the weight of the cycle to 0. Two critics are left, and each asks only for images that look right.

# %%
loose = both(play(game(weight=0.0), white[first], colored(orange)[second]), colored(orange))
shown(loose[:, :12])
measured(loose)

# %% [markdown]
# The way back now leads elsewhere: differences of 48 and 29 where there were 10 and 9. Both translations are worse, too. The background
# is spotted, and "white" digits have green ink with colored edges. The shapes are still there, since our layers see only
# the surroundings of a pixel; nothing in the *loss* asks for them. The cycle ties each translation to its own input, and so
# steadies the game.
#
# **With something to hide.** Now every digit of the second look has its own color of ink. A white digit says nothing about
# color. So how can $G(F(b))$ return to $b$, as the cycle demands?

# %%
colors = np.random.default_rng(0).integers(120, 256, (len(small), 1, 1, 3))
hidden = both(play(played, white[first], colored(colors)[second]), colored(colors))
shown(hidden[:, :12])
measured(hidden)

inked = share[test] > 0.7
mean_color = lambda x: (x * inked).sum((1, 2)) / inked.sum((1, 2))
asked, returned, tint = (mean_color(hidden[i]) for i in (3, 5, 4))
alike = lambda x, y: np.mean([np.corrcoef(x[:, i], y[:, i])[0, 1] for i in range(3)])
print(f'correlation of the ink with that after the way back: {alike(asked, returned):.2f}')
print(
  f'mean deviation of the tint of the white digits between: {127.5 * tint.std(0).mean():.1f} of 255'
)

# %% [markdown]
# White digits all get nearly the same ink, since nothing tells which. And a digit that came from the colored side and goes back
# looks, at first sight, as if its color were lost. It is not quite: the ink after the way back still correlates with the first
# one, by 0.65. So the color must have traveled through the "white" digit. It did, as a tint: a deviation of 13 on a scale of 255, too faint
# to notice, strong enough for a network to read. This is the weakness of a cycle: it rewards a translator that hides
# what the other look cannot show.
#
# ## Exercise
#
# Swap two colors at every pixel of every $b$, in the whole data set. Can CycleGAN notice? And can it notice if all fours and
# nines change places?
#
# <details><summary>A solution</summary>
#
# No, twice. The loss sees two *sets* of images and the way back, nothing else. If $\pi$ is any one-to-one map of the set of
# $b$ onto itself that keeps how frequent images are, then $\pi \circ G$ and $F \circ \pi^{-1}$ have exactly the loss of $G$ and $F$. That
# translators usually keep the content is due to their architecture, for which small changes are easier than large ones,
# and not to the loss.
#
# </details>
#
# ## What to read
#
# - Zhu et al., *Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks*, 2017.
# - Chu et al., *CycleGAN, a Master of Steganography*, 2017: where translators hide what they need on the way back.
# - [From image to image](../experiments/translation.md): horses and zebras, with the article's networks.
