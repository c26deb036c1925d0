"""Networks that compare images by content: trained before, held still while others learn."""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.network import Applied, Network
from jaxgan.core.typing import Array, Key, Spec, Tree, Variables
from jaxgan.data.source import Source
from jaxgan.evaluation import features
from jaxgan.networks.classifier import Classifier
from jaxgan.networks.pretrained.vgg import VGG19, converted
from jaxgan.ops.images import from_unit
from jaxgan.storage import foreign_weights

VGG = 'vgg19-dcbb9e9d.pth'


class Frozen(NamedTuple):
  """A network that no player moves, for `Game.frozen`: its parameters are what `fetch` gets.

  `shapes` stands for them where nothing is computed. `fetch` raises ValueError where they are not
  to be had.
  """

  network: Network
  shapes: Tree
  fetch: Callable[[Source], Tree]


def vgg(path: pathlib.Path, *, rectified: bool) -> Frozen:
  """The maps of VGG19's last convolution, of a file of weights."""

  def fetch(source: Source) -> Tree:
    if not path.is_file():
      raise ValueError(f"--vgg-weights={path} is not there: it may be torchvision's {VGG}")
    return converted(foreign_weights.read(path))

  net = VGG19(rectified)
  apply = lambda params, x: net.apply({'params': params}, x)
  return _frozen(net, apply, (16, 16, 3), fetch)


def classifier(spec: Spec) -> Frozen:
  """The maps of the last convolution of a classifier of the data's own, trained for it.

  Raises:
    ValueError: data without labels.
  """
  if not spec.classes:
    raise ValueError(
      '--perceptual=classifier needs labels: give a data set that has, or class subfolders, or '
      '--perceptual=none'
    )
  net, maps = Classifier(spec.classes), Classifier(spec.classes, maps=True)

  def fetch(source: Source) -> Tree:
    return features.trained(net, source)

  apply = lambda params, x: maps.apply({'params': params}, from_unit(x))
  return _frozen(net, apply, spec.shape, fetch)


def _frozen(
  net: nn.Module,
  maps: Callable[[Tree, Array], Any],
  shape: tuple[int, ...],
  fetch: Callable[[Source], Tree],
) -> Frozen:
  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None) -> Applied:
    return maps(variables['params'], *inputs), variables

  start = lambda: net.init(jax.random.key(0), jnp.zeros((1, *shape)))['params']
  return Frozen(Network(net.init, apply), jax.eval_shape(start), fetch)
