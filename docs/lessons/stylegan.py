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
# # StyleGAN: a style for each layer
#
# (colab)
#
# You train a small StyleGAN on handwritten digits, mix the styles of two digits, trade variety for quality, and see
# what the penalty of the critic does.
#
# ## The idea and its mathematics
#
# In a DCGAN the latent $z$ enters once, in the first layer. Whatever it says has to be passed on through all others.
# StyleGAN changes three things.
#
# - **A mapping.** A perceptron $f$ turns $z$ into a *style* $w = f(z)$. The latent's density is fixed, a Gaussian, but that
#   of $w$ is learnt: if there are no tall thin zeros, $f$ can leave that place empty.
# - **Styles.** The generator starts from a learnt constant, equal for all images. Each layer normalizes every channel of its
#   feature map $x$ and gives it a new standard deviation and mean, which are linear functions $s(w)$ and $b(w)$ of the style:
#
# $$\operatorname{AdaIN}(x, w) = (1 + s(w)) \frac{x - \mu(x)}{\sigma(x)} + b(w)$$
#
# - **Noise.** Each layer adds one random number for each pixel, with a learnt strength for each channel. Details that
#   only have to look random need no latent.
#
# The next AdaIN wipes out the mean and the standard deviation that a layer had. So each style controls *its* layer and no
# other, and two images can be mixed: coarse layers from one, fine layers from the other.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import jaxgan
from jaxgan import losses, metrics, networks
from jaxgan.core.game import nets
from jaxgan.data import digits
from jaxgan.losses import adversarial
from jaxgan.losses.style_mixing import Drawing
from jaxgan.networks.stylegan import Synthesis, adaptive_norm
from jaxgan.networks.stylegan2 import Mapping

plt.rcParams['figure.dpi'] = 72

# %% [markdown]
# ## The few lines of jaxgan that are it
#
# `adaptive_norm` is the equation above. Whatever mean and deviation a channel had, it leaves with those of the style:

# %%
x = 3 + 5 * jax.random.normal(jax.random.key(0), (1, 16, 16, 2))
scale, shift = jnp.array([0.0, 1.0]), jnp.array([-1.0, 4.0])
y = adaptive_norm(x, jnp.concatenate([scale, shift])[None])
print('before: mean', x.mean((0, 1, 2)).round(2), 'deviation', x.std((0, 1, 2)).round(2))
print('after:  mean', y.mean((0, 1, 2)).round(2), 'deviation', y.std((0, 1, 2)).round(2))

# %% [markdown]
# The generator is two networks, and one player owns both. `Drawing` says how a fake is made of them: a latent, its style for all
# layers, and, for half of the batches, the style of a *second* latent from some layer on. Without this, neighboring layers could
# rely on having equal styles. R1 penalizes the critic's gradient at real images.

# %%
images, _ = digits.arrays()
pixels = jnp.asarray(images[..., None] / 127.5 - 1, jnp.float32)
latent = lambda key, n: jax.random.normal(key, (n, 32))
fakes = Drawing(latent, layers=4, shown=lambda nets, batch: (jnp.ones(()),), mixing=0.5)


def game(penalty=3.0):
  """A mapping and a synthesis of two sizes against a convolutional critic."""
  critic, generator = adversarial.between(
    losses.nonsaturating(),
    losses.r1(penalty),
    generate=fakes.generate,
    judge=adversarial.judged(adversarial.nothing),
  )
  adam = optax.adam(2e-3, 0.0, 0.99)
  return jaxgan.Game(
    networks={
      'mapping': jaxgan.linen(Mapping(32, layers=2)),
      'synthesis': jaxgan.linen(Synthesis(sizes=(4, 8), widths=(32, 16), channels=1)),
      'critic': jaxgan.linen(networks.dcgan.Critic((32, 64), norm=False)),
    },
    players={
      'generator': jaxgan.Player(('mapping', 'synthesis'), adam),
      'critic': jaxgan.Player(('critic',), adam),
    },
    turns=(jaxgan.Turn('critic', critic), jaxgan.Turn('generator', generator)),
  )


# %% [markdown]
# `jaxgan train --variant=stylegan` is this game in networks that *grow*, as in the article: they start with small images, and
# larger sizes fade in. Our digits have 8 pixels, so there is nothing to grow.
#
# ## Train


# %%
def play(game, steps):
  """Train; return the state, and the mean logits of real and fake images."""
  example = {
    'mapping': (latent(jax.random.key(0), 2),),
    'synthesis': (jnp.zeros((2, 4, 32)), jnp.ones(())),
    'critic': (pixels[:2],),
  }

  def step(state, key):
    chosen = jax.random.randint(key, (1, 32), 0, len(pixels))
    state, logs = jaxgan.train_step(game, state, {'image': pixels[chosen]})
    return state, (logs['critic/real'], logs['critic/fake'])

  @jax.jit
  def run(key):
    state = jaxgan.init(game, key, example)
    return jax.lax.scan(step, state, jax.random.split(key, steps))

  return run(jax.random.key(0))


played = game()
state, logits = play(played, steps=1500)

# %% [markdown]
# ## Look


# %%
@jax.jit
def styles(state, key):
  """Draw 800 styles, one for each of four layers: `[800, 4, 32]`."""
  w = nets(played, state)('mapping', latent(key, 800))[0]
  return jnp.repeat(w[:, None], 4, 1)


@jax.jit
def draw(state, w):
  """Return the images of styles, `[n, 8, 8, 1]`, all with the same noise."""
  return jnp.clip(nets(played, state)('synthesis', w, jnp.ones(()))[0], -1, 1)


def shown(rows):
  """Draw rows of images `[rows, n, 8, 8, 1]`, with a gap between them."""
  framed = np.pad(np.asarray(rows)[..., 0], ((0, 0), (0, 0), (0, 1), (0, 1)))
  height, width = framed.shape[:2]
  grid = framed.transpose(0, 2, 1, 3).reshape(9 * height, 9 * width)
  plt.figure(figsize=(width * 0.5, height * 0.5))
  plt.imshow(grid, cmap='gray', vmin=-1, vmax=1)
  plt.axis('off')
  plt.show()


w = styles(state, jax.random.key(1))
made = draw(state, w)
shown(made[:48].reshape(4, 12, 8, 8, 1))

# %% [markdown]
# **Mixing styles.** The first row and the first column are digits of their own. Every other digit has the styles of its row,
# except for two of the four layers, which have those of its column: in the upper table the coarse layers, of 4 pixels; in the lower
# one the fine layers, of 8 pixels.

# %%
for layers in (slice(0, 2), slice(2, 4)):
  columns, rows = w[:8], w[8:12]
  mixed = jnp.tile(rows[:, None], (1, 8, 1, 1)).at[:, :, layers].set(columns[:, layers])
  inside = draw(state, mixed.reshape(-1, 4, 32)).reshape(4, 8, 8, 8, 1)
  table = np.zeros((5, 9, 8, 8, 1))
  table[0, 1:], table[1:, 0], table[1:, 1:] = draw(state, columns), draw(state, rows), inside
  shown(table)

# %% [markdown]
# ## Measure
#
# The coarse layers carry the digit of the column over; the fine layers change strokes and leave the digit of the row. In
# numbers: how much does each pair of layers decide? Exchange its styles with those of another image, and take the mean change of a pixel.
# And how much does the noise?

# %%
half, other = w[:400], w[400:]
for name, layers in (('coarse', slice(0, 2)), ('fine', slice(2, 4)), ('all', slice(0, 4))):
  changed = draw(state, half.at[:, layers].set(other[:, layers]))
  print(f'{name:6} styles exchanged: a pixel changes by {np.abs(changed - made[:400]).mean():.3f}')
noisy = nets(played, state)('synthesis', half, jnp.ones(()), key=jax.random.key(2))[0]
print(f'other noise: a pixel changes by {np.abs(noisy - made[:400]).mean():.3f}')

# %% [markdown]
# **Truncation.** Styles far from their mean $\bar w$ were rare in training, and their images tend to be worse. Drawing all styles
# towards the mean, $\bar w + \psi (w - \bar w)$ with $\psi < 1$, trades variety for quality. Precision is the share of samples that
# lie among the real images, recall the share of real images that lie among samples; both take pixels as features.

# %%
real = (np.asarray(pixels).reshape(len(pixels), -1) + 1) / 2
reference = metrics.frechet.reference(metrics.moments.of(real[::2]))


def scores(made):
  """Fréchet distance, precision and recall, with pixels as features."""
  made = (np.asarray(made).reshape(len(made), -1) + 1) / 2
  near = metrics.neighbors.prdc(real[::2], made)
  distance = metrics.frechet.distance_of(made, reference)
  return (
    f'Fréchet distance {distance:5.2f}, precision {near.precision:.2f}, recall {near.recall:.2f}'
  )


print('other real digits:', scores(2 * real[1::2] - 1))
center, rows = w.mean(0, keepdims=True), []
for psi in (1.0, 0.7, 0.4, 0.1):
  drawn = draw(state, center + psi * (w - center))
  rows.append(drawn[:12])
  print(f'psi {psi}:          ', scores(drawn))
shown(np.stack(rows))

# %% [markdown]
# Precision rises to 1.00, and recall falls to 0.00: at 0.1 all samples are nearly one image, of the mean style. The Fréchet distance
# is best without truncation. So truncation is for pictures that look good, and a score has to say which $\psi$ it was taken at. And even
# without it, this short training reaches only a fifth of the real digits (recall 0.21; other real digits have 0.96).
#
# ## Break it and see why
#
# Train without R1. The penalty costs the critic for every change of its score along the data, so that it cannot become arbitrarily
# sure of itself.

# %%
loose, wild = play(game(penalty=0.0), steps=1500)
drawn = draw(loose, styles(loose, jax.random.key(1)))
shown(drawn[:24].reshape(2, 12, 8, 8, 1))
print('without R1:', scores(drawn))

figure, axes = plt.subplots(1, 2, figsize=(9, 3))
for axis, (name, (of_real, of_fake)) in zip(
  axes, {'with R1': logits, 'without': wild}.items(), strict=True
):
  axis.plot(of_real, label='real', linewidth=0.5)
  axis.plot(of_fake, label='fake', linewidth=0.5)
  axis.set(title=f'logits of the critic, {name}', xlabel='step')
axes[0].legend()
plt.show()

# %% [markdown]
# With R1 the two logits draw together: the critic finds less and less difference, as it should when fakes become better. Without it
# they move apart; the critic grows surer all the time, and what the generator learns from it becomes worse: a Fréchet distance
# of 1.06 against 0.56, at about equal recall. One seed of a short run. With longer training and larger images the penalty
# decides more: with too small a weight, `stylegan` collapsed on MNIST to a few shapes
# ([what each variant scores](../experiments/variants_scored.md)). So does the rate: with five times the
# authors' it draws digits in minutes ([the laptop's defaults](../experiments/defaults.md)).
#
# ## Exercise
#
# AdaIN removes the mean and the deviation of each channel of each image. Which information, that the next layer might have wanted, is
# lost with them? How did StyleGAN2 change this?
#
# <details><summary>A solution</summary>
#
# The sizes of channels relative to each other. The authors found that the generator smuggled such information past the norm by
# a strong local peak, visible as a blob in nearly all images. StyleGAN2 scales the *weights* of the convolution by the style, and
# normalizes by the deviation that is *expected* of the result, not the one it has. In the library: `stylegan2`.
#
# </details>
#
# ## What to read
#
# - Karras et al., *A Style-Based Generator Architecture for Generative Adversarial Networks*, 2019.
# - Huang and Belongie, *Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization*, 2017.
# - Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, 2020: the blobs, and what replaced AdaIN.
# - [What each variant scores](../experiments/variants_scored.md): `stylegan` and `stylegan2` on MNIST, and how `stylegan` collapsed there.
