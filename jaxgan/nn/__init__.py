"""Layers of networks, as Flax Linen modules and as functions of images `[B, H, W, C]`.

The module `initializers` holds initializers of parameters; the module `spectral_norm` holds the
norm that `Conv` and `Dense` use with `spectral=True`.

Example:
  >>> import jax, jax.numpy as jnp
  >>> from jaxgan import nn
  >>> images = jnp.ones((2, 8, 8, 16))
  >>> layer = nn.SelfAttention()
  >>> made, variables = layer.init_with_output(jax.random.key(0), images)
  >>> made.shape, sorted(variables)
  ((2, 8, 8, 16), ['params', 'spectral'])
"""

from jaxgan.nn import initializers, spectral_norm
from jaxgan.nn.attention import SelfAttention
from jaxgan.nn.convolutions import Conv, ConvTranspose
from jaxgan.nn.dense import Dense, Embed, Maxout
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.equalized import EqualizedConv, EqualizedDense
from jaxgan.nn.minibatch import MinibatchDiscrimination, MinibatchHead, minibatch_stddev
from jaxgan.nn.normalization import (
  BatchNorm,
  ConditionalBatchNorm,
  VectorBatchNorm,
  VirtualBatchNorm,
  instance_norm,
  pixel_norm,
)
from jaxgan.nn.spectral_norm import Kernel

__all__ = [
  'BatchNorm',
  'ConditionalBatchNorm',
  'Conv',
  'ConvTranspose',
  'Dense',
  'Embed',
  'EqualizedConv',
  'EqualizedDense',
  'Kernel',
  'Maxout',
  'MinibatchDiscrimination',
  'MinibatchHead',
  'SelfAttention',
  'VectorBatchNorm',
  'VirtualBatchNorm',
  'initializers',
  'instance_norm',
  'leaky_relu',
  'minibatch_stddev',
  'pixel_norm',
  'spectral_norm',
]
