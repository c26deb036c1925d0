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
# # DCGAN: convolutions
#
# (colab)
#
# You train a convolutional GAN on handwritten digits, walk through its latent space, and see what batch norm holds
# together.
#
# ## The idea and its mathematics
#
# The game is that of the first lesson. What DCGAN changed is who plays it. An image is not a vector: what holds at one
# place holds at the next, so both networks are convolutional.
#
# - The generator starts from a small map of many channels and doubles its size with *transposed convolutions*, which
#   put a small picture, the kernel, at each place and add them up. If the kernel's side is a multiple of the step, each pixel
#   gets equally many contributions; otherwise a checkerboard appears. Hence kernels of 4 and steps of 2.
# - The critic halves the size with convolutions of step 2; nothing is pooled.
# - **Batch norm**, $\hat{x} = (x - \mu_B) / \sigma_B$ over the batch, keeps the size of signals equal in all layers. It is
#   absent from the generator's last layer and the critic's first, where the size of the signal is the image's own.
# - ReLU in the generator, leaky ReLU in the critic: a slope of 0 would stop the gradient on its way to the generator.

# %%
import pathlib
import tempfile

import jax
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import jaxgan
from jaxgan import metrics
from jaxgan.data import digits

plt.rcParams['figure.dpi'] = 72

# %% [markdown]
# ## The few lines of jaxgan that are it
#
# The variant is known by name. Its options are those of the article, its size that of a laptop. The data are arrays: the
# digits that come with the package, at 16 pixels.

# %%
small, labels = digits.arrays()
images = np.stack([np.asarray(Image.fromarray(i).resize((16, 16), Image.BICUBIC)) for i in small])
images = images[..., None]
folder = pathlib.Path(tempfile.mkdtemp())


def train(name, **options):
  """Train in a folder of this name."""
  config = jaxgan.configure('dcgan', width=16, steps=500, log_every=25, **options)
  return jaxgan.train(config, folder / name, data=images, quiet=True)


run = train('plain')
for name, variables in run.state.params.items():
  print(name, sum(leaf.size for leaf in jax.tree.leaves(variables)), 'parameters')

# %% [markdown]
# ## Look
#
# New digits, and walks from one latent to another. A generator that had only learnt images by heart would jump from one
# to the next.


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

# %%
start, end = run.latents(1, 3), run.latents(2, 3)
share = np.linspace(0, 1, 10)[:, None]
walks = np.concatenate(
  [
    np.cos(share * np.pi / 2) * a + np.sin(share * np.pi / 2) * b
    for a, b in zip(start, end, strict=True)
  ]
)
shown(run.generate(walks).reshape(3, 10, 16, 16, 1))

# %% [markdown]
# The walk is on a circle, not a straight line: points half way between two Gaussian latents are shorter than any that
# the generator met in training, while $\cos^2 + \sin^2 = 1$ keeps their length.
#
# ## Measure

# %%
real = images.reshape(len(images), -1) / 255.0
reference = metrics.frechet.reference(metrics.moments.of(real[::2]))


def scores(run):
  """Fréchet distance, precision and recall, with pixels as features."""
  made = (run.sample(3, 800).reshape(800, -1) + 1) / 2
  near = metrics.neighbors.prdc(real[::2], made)
  distance = metrics.frechet.distance_of(made, reference)
  return (
    f'Fréchet distance {distance:6.2f}, precision {near.precision:.2f}, recall {near.recall:.2f}'
  )


near = metrics.neighbors.prdc(real[::2], real[1::2])
other = metrics.frechet.distance_of(real[1::2], reference)
print(
  f'other real digits  Fréchet distance {other:6.2f}, precision {near.precision:.2f}, recall {near.recall:.2f}'
)
print('after 500 steps   ', scores(run))

# %% [markdown]
# ## Break it and see why
#
# Raise both learning rates twenty times, from 0.0002 to 0.004: the article chose a small one, and a small $\beta_1$, because
# training oscillated.

# %%
fast = train('fast', generator_lr=4e-3, critic_lr=4e-3)
shown(fast.sample(0, 20).reshape(2, 10, 16, 16, 1))
print('twenty times faster', scores(fast))

figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for axis, (name, each) in zip(axes, {'0.0002': run, '0.004': fast}.items(), strict=True):
  history = each.history
  for player in ('critic', 'generator'):
    axis.plot(history['step'], history[f'{player}/loss'], label=player)
  axis.set(title=f'learning rate {name}', xlabel='step')
axes[0].legend()
plt.show()

# %% [markdown]
# Compare the two pairs of curves, and then the two pictures. Which is better cannot be read off the losses: each is
# measured against an opponent that changes. The scores can tell, and one seed of a short run is not much evidence.
#
# ## Exercise
#
# Why may `--r1`, which penalizes the gradient of the critic, not be used with this critic?
#
# <details><summary>A solution</summary>
#
# The critic has batch norm, so the score of an image depends on the whole batch. The penalty is about the gradient of
# one image's score. The library refuses the pair and says so; `--critic-norm=False` allows it.
#
# </details>
#
# ## What to read
#
# - Radford et al., *Unsupervised Representation Learning with DCGANs*, 2016.
# - Odena et al., *Deconvolution and Checkerboard Artifacts*, Distill 2016.
# - White, *Sampling Generative Networks*, 2016: walks on spheres.
