"""Multilayer perceptrons: the networks of the first GAN, and small modern ones."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.nn.dense import Dense, Maxout
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.initializers import Initializer, normal, uniform
from jaxgan.nn.normalization import batch_norm


class Perceptron(nn.Module):
  """Perceptron: points `[B, n]` -> `[B, features]`, or `[B]` for one feature; linear at the end."""

  widths: Sequence[int]
  features: int = 1
  start: Initializer = nn.initializers.he_normal()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    for width in self.widths:
      x = nn.relu(Dense(width, start=self.start)(x))
    self.sow('intermediates', 'features', x)
    x = Dense(self.features, start=self.start)(x)
    return x[:, 0] if self.features == 1 else x


class Generator(nn.Module):
  """Generator: latents `[B, Z]` (and labels `[B]`) -> images `[B, *shape]` in [-1, 1], by tanh.

  Attributes:
    shape: shape of one image.
    widths: units of the hidden layers.
    classes: number of classes; above 0, the one-hot label is joined to the latent.
    entry: units of a dense layer for the latent and of one for the label, before they are joined.
    norm: use batch norm.
    reference: rows of the batch, from its start, that virtual batch norm takes its statistics
      from; 0: ordinary batch norm.
    activation: applied after every layer except the last.
    start: initializer of the weights.
  """

  shape: Sequence[int]
  widths: Sequence[int] = (128, 256, 512)
  classes: int = 0
  entry: tuple[int, int] | None = None
  norm: bool = True
  reference: int = 0
  activation: Callable[[Array], Array] = leaky_relu
  start: Initializer = normal

  @nn.compact
  def __call__(self, z: Array, *labels: Array, train: bool) -> Array:
    parts = [z, *(jax.nn.one_hot(y, self.classes, dtype=z.dtype) for y in labels)]
    if self.entry:
      parts = [
        self.activation(Dense(n, start=self.start)(x))
        for n, x in zip(self.entry, parts, strict=True)
      ]
    x = jnp.concatenate(parts, -1)
    norm = batch_norm(self.reference)
    for width in self.widths:
      x = Dense(width, use_bias=not self.norm, start=self.start)(x)
      x = self.activation(norm()(x, train=train) if self.norm else x)
    x = Dense(math.prod(self.shape), start=self.start)(x)
    return jnp.tanh(x).reshape(-1, *self.shape)


class Critic(nn.Module):
  """Critic: images `[B, ...]` (and labels `[B]`, joined as one-hot vectors) -> logits `[B]`.

  With several `outputs` it returns vectors `[B, outputs]`, for objectives that need vectors.
  """

  widths: Sequence[int] = (512, 256)
  classes: int = 0
  outputs: int = 1
  activation: Callable[[Array], Array] = leaky_relu
  start: Initializer = normal

  @nn.compact
  def __call__(self, x: Array, *labels: Array, train: bool) -> Array:
    x = x.reshape(len(x), -1)
    x = jnp.concatenate([x, *(jax.nn.one_hot(y, self.classes, dtype=x.dtype) for y in labels)], -1)
    for width in self.widths:
      x = self.activation(Dense(width, start=self.start)(x))
    self.sow('intermediates', 'features', x)
    x = Dense(self.outputs, start=self.start)(x)
    return x[:, 0] if self.outputs == 1 else x


class MaxoutCritic(nn.Module):
  """Critic of the first GANs: images `[B, ...]` (and labels `[B]`) -> logits `[B]`, by maxout.

  Dropout keeps 0.8 of the inputs and 0.5 of the hidden units.

  Attributes:
    layers: units and pieces of each hidden maxout layer.
    classes: number of classes; above 0, the one-hot label is a second input.
    entry: units and pieces of a maxout layer for the image and of one for the label, before they
      are joined.
    start: initializer of the weights.

  References: Goodfellow et al., Generative Adversarial Nets, 2014; Mirza and Osindero, 2014.
  """

  layers: Sequence[tuple[int, int]] = ((240, 5), (240, 5))
  classes: int = 0
  entry: Sequence[tuple[int, int]] = ()
  start: Initializer = uniform(0.005)

  @nn.compact
  def __call__(self, x: Array, *labels: Array, train: bool) -> Array:
    drop = lambda rate, x: nn.Dropout(rate, deterministic=not train)(x)
    parts = [
      x.reshape(len(x), -1),
      *(jax.nn.one_hot(y, self.classes, dtype=x.dtype) for y in labels),
    ]
    if self.entry:
      parts = [
        Maxout(*e, start=self.start)(drop(0.2, x)) for e, x in zip(self.entry, parts, strict=True)
      ]
    x = jnp.concatenate(parts, -1)
    for i, (units, pieces) in enumerate(self.layers):
      x = Maxout(units, pieces, start=self.start)(drop(0.5 if i or self.entry else 0.2, x))
    self.sow('intermediates', 'features', x)
    return Dense(1, start=self.start)(drop(0.5, x))[:, 0]
