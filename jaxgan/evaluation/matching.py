"""A network that tells which text belongs to an image, trained on real images with their texts."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.core import progress
from jaxgan.core.typing import Array, Key, Tree
from jaxgan.data import Source
from jaxgan.evaluation.features import shifted
from jaxgan.networks.classifier import Classifier
from jaxgan.nn.dense import Dense
from jaxgan.ops import convolution

SIZE, STEPS, BATCH, SHARPNESS = 64, 600, 128, 10.0


class Matcher(NamedTuple):
  """Two functions to vectors of length one in one space, where texts lie near their images.

  `images` maps uint8 `[n, H, W, C]` to `[n, 64]`; `texts` maps vectors `[n, d]` to `[n, 64]`.
  """

  images: Callable[[np.ndarray], np.ndarray]
  texts: Callable[[np.ndarray], np.ndarray]


class Towers(nn.Module):
  """Returns the unit vectors of images and of texts, each by a network of its own."""

  @nn.compact
  def __call__(self, images: Array, texts: Array, *, train: bool = False) -> tuple[Array, Array]:
    """Return both, `[n, 64]` each."""
    seen = Classifier(SIZE)(images, train=train)[1]
    hidden = nn.relu(Dense(2 * SIZE, start=nn.initializers.he_normal())(texts))
    read = Dense(SIZE, start=nn.initializers.he_normal())(hidden)
    unit = lambda x: x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-6)
    return unit(seen), unit(read)


def loss(seen: Array, read: Array, labels: Array) -> Array:
  """Return the contrastive loss of images and texts of a batch, in both directions.

  -(1/2) E ln softmax(s A)_ii - (1/2) E ln softmax(s A^T)_ii, where A = seen read^T. Another image
  with the same text is no wrong one.

  Args:
    seen: unit vectors of images `[B, d]`.
    read: unit vectors of their texts `[B, d]`.
    labels: the numbers of the texts, int `[B]`.

  Reference: Radford et al., Learning Transferable Visual Models From Natural Language Supervision,
  2021.
  """
  alike = SHARPNESS * seen @ read.T
  same = (labels[:, None] == labels[None]) & ~jnp.eye(len(labels), dtype=bool)
  alike, own = jnp.where(same, -1e9, alike), jnp.arange(len(labels))
  entropy = optax.softmax_cross_entropy_with_integer_labels
  return (entropy(alike, own).mean() + entropy(alike.T, own).mean()) / 2


def fit(source: Source, table: np.ndarray, steps: int = STEPS, seed: int = 0) -> Matcher:
  """Train the two networks on real images and their texts.

  Args:
    source: the images, whose labels are rows of `table`.
    table: the vectors of all texts, `[texts, d]`.
    steps: updates of a batch of 128.
    seed: of everything random.

  Raises:
    ValueError: the images have no labels.
  """
  if source.labels is None:
    raise ValueError('texts are matched with images that have some: give captions or classes')
  net, pictures = Towers(), source.all()
  params = net.init(jax.random.key(seed), pictures[:1], table[:1])
  adam = optax.adamw(optax.cosine_decay_schedule(2e-3, steps), weight_decay=1e-2)

  def of_batch(params: Tree, images: Array, labels: Array, key: Key) -> Array:
    shift, dropout = jax.random.split(key)
    texts = jnp.asarray(table)[labels]
    rngs, moved = {'dropout': dropout}, shifted(images, shift)
    both = net.apply(params, moved, texts, train=True, rngs=rngs)
    return loss(*both, labels)  # type: ignore[call-arg]

  @partial(jax.jit, compiler_options=convolution.compiler_options(), donate_argnums=(0, 1))
  def step(
    params: Tree, opt: optax.OptState, images: Array, labels: Array, key: Key
  ) -> tuple[Tree, optax.OptState]:
    updates, opt = adam.update(jax.grad(of_batch)(params, images, labels, key), opt, params)
    return optax.apply_updates(params, updates), opt

  opt, random = adam.init(params), np.random.default_rng(seed)
  for i in progress.over(range(steps), 'training of the matching network, step'):
    chosen = random.choice(len(pictures), BATCH)
    labels = source.labels_at(chosen, seed, i)
    params, opt = step(
      params, opt, pictures[chosen], labels, jax.random.fold_in(jax.random.key(seed), i)
    )
  read = jax.jit(lambda images, texts: net.apply(params, images, texts))
  return Matcher(
    lambda images: np.asarray(read(images, table[:1])[0]),
    lambda texts: np.asarray(read(pictures[:1], texts)[1]),
  )
