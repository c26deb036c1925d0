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
import types
from dataclasses import dataclass

import jax
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import jaxgan
from jaxgan import losses, metrics, networks
from jaxgan.data import digits

plt.rcParams['figure.dpi'] = 72

# %% [markdown]
# ## The few lines of jaxgan that are it
#
# `jaxgan train --variant=dcgan` has it by name. Here it is from its parts, with a switch for batch norm, since you will want
# to see what happens without. `ladder(16)` is 4, 8, 16: the sizes of the generator's maps.


# %%
@dataclass(frozen=True)
class Config(jaxgan.Config):
  """Options of our DCGAN, beside those of every game of two."""

  norm: bool = True
  """Batch norm in both networks."""


def build(config, spec):
  """A convolutional generator against a convolutional critic."""
  sizes = networks.dcgan.ladder(spec.size)
  return jaxgan.two_player(
    config,
    spec,
    generator=networks.dcgan.Generator(sizes, (32, 16), spec.channels, norm=config.norm),
    critic=networks.dcgan.Critic((16, 32), norm=config.norm),
    objective=losses.nonsaturating(),
  )


jaxgan.register('my_dcgan', types.SimpleNamespace(Config=Config, build=build))

# %% [markdown]
# ## Train
#
# The data are arrays: the digits that come with the package, enlarged to 16 pixels. The article's learning rate is 0.0002. Ours
# is five times that, because we have 600 steps and not a day.

# %%
small, labels = digits.arrays()
images = np.stack([np.asarray(Image.fromarray(i).resize((16, 16), Image.BICUBIC)) for i in small])
images = images[..., None]
folder = pathlib.Path(tempfile.mkdtemp())


def train(name, **options):
  """Train in a folder of this name."""
  rates = dict(generator_lr=1e-3, critic_lr=1e-3)
  config = jaxgan.configure('my_dcgan', steps=600, log_every=20, **rates, **options)
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
  """Draw rows of images `[rows, n, 16, 16, 1]`, with a gap between them."""
  height, width = rows.shape[:2]
  framed = np.pad(rows[..., 0], ((0, 0), (0, 0), (0, 2), (0, 2)))
  grid = framed.transpose(0, 2, 1, 3).reshape(18 * height, 18 * width)
  plt.figure(figsize=(width * 0.6, height * 0.6))
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
#
# The Fréchet distance compares means and covariances. Precision is the share of samples that lie among the real images,
# recall the share of real images that lie among samples. All three take pixels as features here.

# %%
real = images.reshape(len(images), -1) / 255.0
reference = metrics.frechet.reference(metrics.moments.of(real[::2]))


def scores(made):
  """Fréchet distance, precision and recall, with pixels as features."""
  near = metrics.neighbors.prdc(real[::2], made)
  distance = metrics.frechet.distance_of(made, reference)
  return (
    f'Fréchet distance {distance:6.2f}, precision {near.precision:.2f}, recall {near.recall:.2f}'
  )


drawn = lambda run: (run.sample(3, 800).reshape(800, -1) + 1) / 2
print('other real digits', scores(real[1::2]))
print('after 600 steps  ', scores(drawn(run)))

# %% [markdown]
# ## Break it and see why
#
# Take batch norm away and change nothing else. The weights start small, with a deviation of 0.02, so a signal shrinks
# from layer to layer, and so do the gradients on their way back. Batch norm brings both back to size in every layer.

# %%
bare = train('bare', norm=False)
shown(bare.sample(0, 20).reshape(2, 10, 16, 16, 1))
print('without batch norm', scores(drawn(bare)))

figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for axis, (name, each) in zip(axes, {'batch norm': run, 'none': bare}.items(), strict=True):
  history = each.history
  for player in ('critic', 'generator'):
    axis.plot(history['step'], history[f'{player}/loss'], label=player)
  axis.set(title=name, xlabel='step')
axes[0].legend()
plt.show()

# %% [markdown]
# Without batch norm the digits are rough and broken, four times as far from the real ones, and far fewer kinds of them are
# drawn. The losses do not tell: those of the worse run are the calmer ones, and each is measured against an opponent
# that changes. Look at samples, and measure. One seed of a short run is not much evidence, of course;
# [break it three ways](../experiments/break_it_three_ways.md) has longer ones.
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
