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
# the penalty that holds it together.
#
# ## The idea and its mathematics
#
# In a DCGAN the latent $z$ enters once, at the bottom. Whatever it says has to be passed on through all layers. StyleGAN
# changes three things.
#
# - **A mapping.** A perceptron $f$ turns $z$ into a *style* $w = f(z)$. The latent's density is fixed, a Gaussian, but that
#   of $w$ is learnt: if tall thin digits do not exist, $f$ can leave that place empty.
# - **Styles.** The generator starts from a learnt constant, equal for all images. Each layer normalizes every channel of its
#   feature map $x$ and gives it a new standard deviation and mean, which are linear functions $s(w)$ and $b(w)$ of the style:
#
# $$\operatorname{AdaIN}(x, w) = (1 + s(w)) \frac{x - \mu(x)}{\sigma(x)} + b(w)$$
#
# - **Noise.** Each layer adds one random number for each pixel, with a learnt strength for each channel. Details that
#   only have to look random need no latent.
#
# The mean and the standard deviation that a layer had are wiped out by the next AdaIN. So each style controls *its* layer and no
# other, and two images can be mixed: coarse layers from one, fine layers from the other.

# %%
import pathlib
import tempfile

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import jaxgan
from jaxgan import metrics
from jaxgan.apps import latents, stylemix
from jaxgan.data import digits
from jaxgan.networks.stylegan import adaptive_norm

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
# ## Train
#
# The variant `stylegan` grows as it trains, like its predecessor ProGAN: it starts with images of 8 pixels, then a layer for
# 16 pixels fades in. R1, the penalty of the critic's gradient at real images, has the authors' weight of 10.

# %%
small, _ = digits.arrays()
images = np.stack([np.asarray(Image.fromarray(i).resize((16, 16), Image.BICUBIC)) for i in small])
images = images[..., None]
folder = pathlib.Path(tempfile.mkdtemp())


def train(name, **options):
  """Train in a folder of this name."""
  sizes = dict(width=32, base=256, latent_size=32, mapping_layers=2, mixing=0.5)
  config = jaxgan.configure('stylegan', image_size=16, log_every=25, **sizes, **options)
  return jaxgan.train(config, folder / name, data=images, quiet=True)


run = train('plain', steps=STEPS, stage_images=STAGE)

# %% [markdown]
# ## Look


# %%
def shown(rows):
  """Draw rows of images `[rows, n, 16, 16, 1]`."""
  height, width = rows.shape[:2]
  grid = rows[..., 0].transpose(0, 2, 1, 3).reshape(16 * height, 16 * width)
  plt.figure(figsize=(width / 2, height / 2))
  plt.imshow(grid, cmap='gray', vmin=-1, vmax=1)
  plt.axis('off')
  plt.show()


shown(run.sample(0, 40).reshape(4, 10, 16, 16, 1))

# %% [markdown]
# **Mixing styles.** The first column and the first row are digits of their own. Every other digit has the styles of its row,
# except for two of the six layers, which have those of its column. In the table on top these are the coarse layers (4
# pixels), then the middle ones (8 pixels), then the fine ones (16 pixels).

# %%
space = latents.space(run)
styles = run.bound(space.draw)(jax.random.key(4), jnp.zeros(10, jnp.int32))
table = stylemix.tables(run, styles, rows=3, bounds=(2, 4))
shown(table.reshape(12, 8, 16, 16, 1))

# %% [markdown]
# ## Measure
#
# How much does each pair of layers decide? Exchange its styles and take the mean change of a pixel.

# %%
numbers = jnp.zeros(200, jnp.int32)
w = run.bound(space.draw)(jax.random.key(5), numbers)
show = lambda w: latents.images(run, space, w, numbers[: len(w)])
plain = show(w[:100])
for name, first in (('coarse', 0), ('middle', 2), ('fine', 4)):
  changed = show(w[:100].at[:, first : first + 2].set(w[100:, first : first + 2]))
  print(f'{name:7} styles exchanged: a pixel changes by {np.abs(changed - plain).mean():.3f}')

# %% [markdown]
# **Truncation.** Styles far from their mean $\bar w$ were rare in training, and their images are worse. Drawing all styles
# towards the mean, $\bar w + \psi (w - \bar w)$ with $\psi < 1$, gives better images of fewer kinds. Precision is the
# share of samples that lie among the real images, recall the share of real images that lie among samples; both take
# pixels as features.

# %%
real = images.reshape(len(images), -1) / 255.0
reference = metrics.frechet.reference(metrics.moments.of(real[::2]))


def scores(made):
  """Fréchet distance, precision and recall, with pixels as features."""
  made = (np.asarray(made).reshape(len(made), -1) + 1) / 2
  near = metrics.neighbors.prdc(real[::2], made)
  distance = metrics.frechet.distance_of(made, reference)
  return (
    f'Fréchet distance {distance:6.2f}, precision {near.precision:.2f}, recall {near.recall:.2f}'
  )


print('other real digits:', scores(2 * real[1::2] - 1))
many = run.bound(space.draw)(jax.random.key(6), jnp.zeros(800, jnp.int32))
center = many.mean(0, keepdims=True)
rows = []
for psi in (1.0, 0.7, 0.5, 0.2):
  made = np.concatenate([show(part) for part in np.split(center + psi * (many - center), 4)])
  rows.append(made[:10])
  print(f'psi {psi}:', scores(made))
shown(np.stack(rows))

# %% [markdown]
# BREAK
