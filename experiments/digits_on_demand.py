"""Claim: `cgan` and `sngan` draw the MNIST digit that they are asked for.

An independent classifier, trained here on real MNIST, names the drawn digits: the share it names as
asked is printed for each run, with the classifier's accuracy on the real test images.

Command, after training the runs (see the results beside this file):

    python -m experiments.digits_on_demand --folder=MNIST_FILES --runs RUN [RUN ...]
"""

import json
import pathlib
from dataclasses import dataclass
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro

import jaxgan
from jaxgan import data
from jaxgan.core.typing import Array
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.dense import Dense
from jaxgan.ops import convolution


@dataclass(frozen=True)
class Arguments:
  """Name the digits that runs draw."""

  runs: tuple[pathlib.Path, ...] = ()
  """Work directories of conditional runs on MNIST."""
  folder: pathlib.Path | None = None
  """The four original files of MNIST, where they are not yet prepared."""
  num: int = 1000
  """Images drawn of each class."""
  epochs: int = 4
  """Epochs of the classifier's training."""


class Classifier(nn.Module):
  """Images `[B, 28, 28, 1]` in [-1, 1] -> logits `[B, 10]`."""

  @nn.compact
  def __call__(self, x: Array, train: bool) -> Array:
    start = nn.initializers.he_normal()
    for width in (32, 64):
      x = nn.relu(Conv(width, 5, 2, start=start)(x))
    x = nn.relu(Dense(128, start=start)(x.reshape(len(x), -1)))
    x = nn.Dropout(0.5, deterministic=not train)(x)
    return Dense(10, start=start)(x)


def fit(source: data.Source, epochs: int, batch: int = 128):
  """The classifier's parameters after some epochs of Adam with a cosine schedule."""
  net, steps = Classifier(), epochs * len(source) // batch
  params = net.init(jax.random.key(0), jnp.zeros((1, 28, 28, 1)), train=False)['params']
  adam = optax.adam(optax.cosine_decay_schedule(2e-3, steps))

  def loss(params, images, labels, key):
    logits = net.apply({'params': params}, scaled(images), train=True, rngs={'dropout': key})
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

  @partial(jax.jit, compiler_options=convolution.compiler_options(), donate_argnums=(0, 1))
  def step(params, opt, images, labels, key):
    updates, opt = adam.update(jax.grad(loss)(params, images, labels, key), opt, params)
    return optax.apply_updates(params, updates), opt

  opt, stream = adam.init(params), data.batches(source, batch_size=batch, microbatches=1, seed=1)
  for i in range(steps):
    batches = next(stream)
    key = jax.random.fold_in(jax.random.key(1), i)
    params, opt = step(params, opt, batches['image'][0], batches['label'][0], key)
  return params


def scaled(images: Array) -> Array:
  """uint8 to [-1, 1]."""
  return images.astype(jnp.float32) / 127.5 - 1


@partial(jax.jit, compiler_options=convolution.compiler_options())
def named(params, images: Array) -> Array:
  """The class of each image in [-1, 1]."""
  return Classifier().apply({'params': params}, images, train=False).argmax(-1)


def main(arguments: Arguments) -> None:
  """Train the classifier, then judge every run by it."""
  real = {s: data.load('mnist', split=s, folder=arguments.folder) for s in ('train', 'test')}
  params = fit(real['train'], arguments.epochs)
  test = scaled(jnp.asarray(real['test'].images(np.arange(len(real['test'])))))
  accuracy = float((named(params, test) == real['test'].labels).mean())
  print(json.dumps({'classifier': 'real test images', 'accuracy': round(accuracy, 4)}))
  for folder in arguments.runs:
    run = jaxgan.load(folder)
    right = [
      float((named(params, run.sample(label, arguments.num, label)) == label).mean())
      for label in range(10)
    ]
    print(
      json.dumps(
        {
          'run': folder.name,
          'variant': run.config.variant,
          'seed': run.config.seed,
          'steps': run.step,
          'right': round(float(np.mean(right)), 4),
          'by_class': [round(r, 3) for r in right],
        }
      ),
      flush=True,
    )


if __name__ == '__main__':
  main(tyro.cli(Arguments))
