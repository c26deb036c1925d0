"""Feature networks, which compute from images the features that metrics compare."""

import contextlib
import hashlib
import pathlib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan import data
from jaxgan.core import functions, progress
from jaxgan.core.typing import Array, Key, Tree
from jaxgan.data import Source
from jaxgan.networks.classifier import Classifier
from jaxgan.networks.pretrained.inception import Inception, converted
from jaxgan.ops import convolution
from jaxgan.ops.images import in_colors
from jaxgan.storage import files, foreign_weights

STEPS, BATCH, VERSION = 1500, 128, 1


@dataclass(frozen=True)
class FeatureNetwork:
  """A network that computes features of images, and what identifies it.

  Compare only scores whose networks have the same `hash`.

  Attributes:
    name: what users call it.
    hash: 16 hexadecimal digits, computed from its weights.
    about: its accuracy or origin, and how images are preprocessed.
    apply: maps uint8 images `[N, H, W, C]` to features `[N, d]` and logits `[N, classes]`.
  """

  name: str
  hash: str
  about: str
  apply: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
  published: bool = False
  """Whether this is the network of the published FID; only its scores are called fid and kid."""

  @property
  def described(self) -> str:
    """Return its name, hash and description in one line."""
    return f'{self.name} {self.hash} ({self.about})'


def named(
  name: str, train: Source, test: Source | None, weights_file: pathlib.Path | None = None
) -> FeatureNetwork:
  """Return the feature network of a name.

  Args:
    name: 'classifier', 'turns', 'inception' or MODULE:FUNCTION, see the functions below; 'own' is
      'classifier' if the images have classes, else 'turns'.
    train: the training images.
    test: held-out images, on which the accuracy of 'classifier' and 'turns' is measured.
    weights_file: the weights of 'inception'.

  Returns:
    The network, trained if necessary.

  Raises:
    ValueError: the name is unknown (the message lists the names); and as the functions below.
  """
  if ':' in name:
    return function(name, train.spec.shape)
  makers: dict[str, Callable[[], FeatureNetwork]] = {
    'own': lambda: (turns if train.captions or not train.spec.classes else classifier)(train, test),
    'classifier': lambda: classifier(train, test),
    'turns': lambda: turns(train, test),
    'inception': lambda: inception(weights_file),
  }
  if name not in makers:
    raise ValueError(f'--features={name} is none of {", ".join(makers)} or MODULE:FUNCTION')
  return makers[name]()


def classifier(
  train: Source, test: Source | None = None, folder: pathlib.Path | None = None
) -> FeatureNetwork:
  """Train a classifier on `train`, or read it from the cache.

  The training takes about one minute for images of 28 pixels and several minutes for 64 pixels.
  Images are not preprocessed. On one machine, the same data give the same network and hash.

  Args:
    train: images with labels.
    test: images on which the accuracy is measured; None: the training images, as the description
      then says.
    folder: where the network is stored; None: the user's cache folder.

  Returns:
    The network; its features are the input of the last layer.

  Raises:
    ValueError: the images have no labels.
  """
  if not train.spec.classes:
    raise ValueError('a classifier needs labels: give a data set that has, or class subfolders')
  return _trained('classifier', train, test, folder)


def turns(
  train: Source, test: Source | None = None, folder: pathlib.Path | None = None
) -> FeatureNetwork:
  """Train a network that predicts by how many quarter turns an image was rotated.

  It needs no labels. It is trained and stored as `classifier` is, and takes the same arguments. Its
  logits do not say what an image shows.

  References: Gidaris et al., Unsupervised Representation Learning by Predicting Image Rotations,
  2018.
  """
  held = None if test is None else rotated(test)
  return _trained('turns', rotated(train), held, folder)


def rotated(source: Source) -> Source:
  """Return each image rotated by 0, 1, 2 and 3 quarter turns, with this number as its label."""

  def images(indices: np.ndarray) -> np.ndarray:
    upright, times = source.images(indices // 4), indices % 4
    return np.stack([np.rot90(x, k) for x, k in zip(upright, times, strict=True)])

  return replace(
    source,
    spec=source.spec._replace(classes=4, names=('0', '90', '180', '270')),
    count=4 * source.count,
    images=images,
    labels=np.tile(np.arange(4, dtype=np.int32), source.count),
    fingerprint=f'turned {source.fingerprint}',
  )


def function(name: str, shape: Sequence[int]) -> FeatureNetwork:
  """Return a user's own function as a feature network.

  Its hash is computed from its features of eight images of noise, and so changes when the function
  does.

  Args:
    name: MODULE:FUNCTION. The function maps uint8 `[N, H, W, C]` to features `[N, d]`, or to a pair
      of features and logits `[N, classes]`.
    shape: `(H, W, C)` of one image.

  Raises:
    ValueError: there is no such function, or it returns other shapes.
  """
  given = functions.imported(name, '--features')

  def apply(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    try:
      made = given(images)
    except Exception as error:
      raise ValueError(f'--features={name} failed: {type(error).__name__}: {error}') from error
    made = made if isinstance(made, tuple) else (made, np.zeros((len(images), 0)))
    found = tuple(np.asarray(x) for x in made)
    if len(found) != 2 or any(x.ndim != 2 or len(x) != len(images) for x in found):
      shapes = ', '.join(str(list(x.shape)) for x in found)
      raise ValueError(f'{name} should give [{len(images)}, d], with or without logits: {shapes}')
    return found[0], found[1]

  noise = np.random.default_rng(0).integers(0, 256, (8, *shape)).astype(np.uint8)
  digest = hashlib.sha256(np.float32(apply(noise)[0]).tobytes()).hexdigest()[:16]
  return FeatureNetwork(name, digest, 'a function of the user; images as they are', apply)


def _trained(
  name: str, train: Source, test: Source | None, folder: pathlib.Path | None
) -> FeatureNetwork:
  net, held = Classifier(train.spec.classes), test or train
  params = trained(net, train, folder)
  apply = partial(_in_batches, net, params)
  right = _accuracy(apply, held)
  which = 'test' if test else 'training'
  about = f'{which} accuracy {right:.4f} of {len(held)}; images as they are, {train.spec.shape}'
  return FeatureNetwork(name, _hash(params), about, apply)


def _accuracy(
  apply: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], source: Source
) -> float:
  """Return the share of images whose label has the largest logit."""
  named = [apply(images)[1].argmax(1) for images in source.parts()]
  return float((np.concatenate(named) == source.labels).mean())


def trained(net: Classifier, train: Source, folder: pathlib.Path | None = None) -> Tree:
  """Return the classifier's parameters, trained on `train` or read from the cache.

  The name of the stored file depends on the training images alone, so that metrics and perceptual
  losses use the same network.
  """
  name = hashlib.sha256(f'{train.fingerprint}-{VERSION}'.encode()).hexdigest()[:32]
  path = (folder or files.cache('classifiers')) / f'{name}.npz'
  params = _kept(path)
  if params is None:
    params = fit(net, train)
    _keep(path, params)
  return params


INCEPTION = 'pt_inception-2015-12-05-6726825d.pth'
INCEPTION_SHA256 = '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2'
INCEPTION_BYTES = 95_628_359


def inception(path: pathlib.Path | None) -> FeatureNetwork:
  """Return the Inception-v3 of the published FID.

  Grey images are repeated to RGB. Pixel values stay from 0 to 255.

  Args:
    path: the file of its weights, `pt_inception-2015-12-05-6726825d.pth`.

  Raises:
    ValueError: there is no file (the message names the one needed), it cannot be read, or it
      belongs to another network.
  """
  if path is None or not path.is_file():
    raise ValueError(
      f'--features=inception needs --inception-weights=FILE ({path} is not there): {INCEPTION} of '
      f'github.com/mseitzer/pytorch-fid, {INCEPTION_BYTES:,} bytes, sha256 {INCEPTION_SHA256}'
    )
  digest = foreign_weights.sha256(path)
  apply = of_inception(converted(foreign_weights.read(path)))
  known = digest == INCEPTION_SHA256
  about = 'the FID weights' if known else 'unknown weights: NOT COMPARABLE with published scores'
  return FeatureNetwork('Inception-v3', digest[:16], f'{about}; TF1 bilinear to 299', apply, known)


def of_inception(params: Tree) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
  """Return the function from images, uint8 `[N, H, W, C]`, to Inception's features and logits."""
  net, placed = Inception(), jax.tree.map(jnp.asarray, params)
  return lambda images: _in_batches(net, placed, in_colors(images), size=16)


def fit(net: Classifier, source: Source, steps: int = STEPS) -> Tree:
  """Train a classifier and return its parameters.

  The optimizer is AdamW with a cosine schedule. Images are shifted at random by up to 1/16 of their
  size.
  """
  params = net.init(jax.random.key(0), jnp.zeros((1, *source.spec.shape)))['params']
  adam = optax.adamw(optax.cosine_decay_schedule(2e-3, steps), weight_decay=1e-2)

  def loss(params: Tree, images: Array, labels: Array, key: Key) -> Array:
    shift, dropout = jax.random.split(key)
    x, rngs = shifted(images, shift), {'dropout': dropout}
    logits = net.apply({'params': params}, x, train=True, rngs=rngs)[1]
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

  @partial(jax.jit, compiler_options=convolution.compiler_options(), donate_argnums=(0, 1))
  def step(
    params: Tree, opt: optax.OptState, images: Array, labels: Array, key: Key
  ) -> tuple[Tree, optax.OptState]:
    updates, opt = adam.update(jax.grad(loss)(params, images, labels, key), opt, params)
    return optax.apply_updates(params, updates), opt

  opt = adam.init(params)
  with contextlib.closing(data.batches(source, batch_size=BATCH, microbatches=1, seed=1)) as stream:
    for i in progress.over(range(steps), 'training of the feature network, step'):
      batch, key = next(stream), jax.random.fold_in(jax.random.key(1), i)
      params, opt = step(params, opt, batch['image'][0], batch['label'][0], key)
  return params


def logits(net: nn.Module, params: Tree, images: np.ndarray) -> np.ndarray:
  """Return a trained network's logits `[N, classes]` of uint8 images `[N, H, W, C]`."""
  return _in_batches(net, params, images)[1]


def shifted(images: Array, key: Key) -> Array:
  """Shift all images of a batch by the same random number of pixels; edges are repeated."""
  pad = max(1, images.shape[1] // 16)
  wide = jnp.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode='edge')
  at = jax.random.randint(key, (2,), 0, 2 * pad + 1)
  return jax.lax.dynamic_slice(wide, (0, at[0], at[1], 0), images.shape)


@cache
def _applied(net: nn.Module) -> Callable[[Tree, np.ndarray], tuple[Array, Array]]:
  """Return the jitted network; call it late, since reading the options starts JAX's back end."""
  options = convolution.compiler_options()
  return jax.jit(lambda params, x: net.apply({'params': params}, x), compiler_options=options)


def _in_batches(
  net: nn.Module, params: Tree, images: np.ndarray, size: int = 512
) -> tuple[np.ndarray, np.ndarray]:
  """Apply a network in batches of equal size (the last is padded), so that it compiles once."""
  if images.dtype != np.uint8 or images.ndim != 4:
    raise ValueError(f'expected images uint8 [N, H, W, C], got {images.dtype}{list(images.shape)}')
  padded = np.concatenate([images, np.zeros((-len(images) % size, *images.shape[1:]), np.uint8)])
  starts = progress.over(range(0, len(padded), size), 'features of images, batch')
  parts = [_applied(net)(params, padded[i : i + size]) for i in starts]
  features, logits = (np.concatenate(x)[: len(images)] for x in zip(*parts, strict=True))
  return features, logits


def _flat(params: Tree) -> dict[str, np.ndarray]:
  return {k: np.asarray(v) for k, v in sorted(flatten_dict(params, sep='/').items())}


def _hash(params: Tree) -> str:
  digest = hashlib.sha256()
  for name, value in _flat(params).items():
    digest.update(f'{name}{value.shape}'.encode() + value.tobytes())
  return digest.hexdigest()[:16]


def _kept(path: pathlib.Path) -> Tree | None:
  """Read stored parameters; return None where there is no file or a damaged one."""
  try:
    with path.open('rb') as file, np.load(file, allow_pickle=False) as stored:
      values: Mapping[str, np.ndarray] = {name: stored[name] for name in stored.files}
  except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
    return None
  return jax.tree.map(jnp.asarray, unflatten_dict(dict(values), sep='/'))


def _keep(path: pathlib.Path, params: Tree) -> None:
  with contextlib.suppress(OSError):  # the cache is optional: ignore that it cannot be written
    files.save_npz(path, **_flat(params))
