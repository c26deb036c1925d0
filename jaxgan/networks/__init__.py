"""Networks of the variants: ready-made Flax Linen modules, one Python module for each family.

Example:
  >>> import jax, jax.numpy as jnp
  >>> from jaxgan import networks
  >>> generator = networks.dcgan.Generator(sizes=(4, 8, 16), widths=(8, 4), channels=1)
  >>> images, _ = generator.init_with_output(jax.random.key(0), jnp.ones((2, 8)), train=False)
  >>> images.shape
  (2, 16, 16, 1)
"""

from jaxgan.networks import (
  autoencoding,
  bidirectional,
  biggan,
  classifier,
  cyclegan,
  dcgan,
  described,
  esrgan,
  heads,
  mlp,
  patch_discriminator,
  pix2pix,
  progan,
  r3gan,
  resnet,
  spade,
  srgan,
  stargan,
  stylegan,
  stylegan2,
)

__all__ = [
  'autoencoding',
  'bidirectional',
  'biggan',
  'classifier',
  'cyclegan',
  'dcgan',
  'described',
  'esrgan',
  'heads',
  'mlp',
  'patch_discriminator',
  'pix2pix',
  'progan',
  'r3gan',
  'resnet',
  'spade',
  'srgan',
  'stargan',
  'stylegan',
  'stylegan2',
]
