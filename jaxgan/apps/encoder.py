"""The encoder of a run: that of f-AnoGAN, from images to the latents of a trained generator.

A game that has an encoder of its own, as bigan has, needs none: `opened` gives either.

Reference: Schlegl et al., f-AnoGAN: Fast Unsupervised Anomaly Detection with Generative Adversarial
Networks, 2019. kappa, the tanh and RMSProp are as in the authors' code.
"""

import contextlib
import pathlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors.numpy import save as to_bytes

from jaxgan import data
from jaxgan.apps import latents
from jaxgan.core import network_transforms, progress
from jaxgan.core.nets import Nets
from jaxgan.core.network import Network
from jaxgan.core.seeds import key_of
from jaxgan.core.typing import Array, Key, Variables
from jaxgan.data import Source
from jaxgan.ops.images import to_unit
from jaxgan.storage import files, foreign_weights
from jaxgan.training.run import Run

Differences = Callable[[Nets, Array, Array], tuple[Array, Array, Array]]
"""`(nets, images, latents) -> (made, pixels [n], features [n])`; see `parts`."""
Encode = Callable[[Nets, Variables, Array], Array]
"""`(nets, variables, images [n, H, W, C]) -> latents [n, d]`."""
Held = tuple[Variables, optax.OptState]
"""The encoder's variables and the optimizer's state."""
FOLDER, WEIGHTS, ABOUT = 'anomaly', 'encoder.safetensors', 'encoder.json'


class Fit(NamedTuple):
  """Settings of the training of an encoder: RMSProp with learning rate `lr`.

  `kappa` is the weight of features in the loss, see `parts`; `bound` is the bound of the latents.
  """

  steps: int = 3000
  lr: float = 5e-5
  batch_size: int = 64
  kappa: float = 1.0
  bound: float = 1.0
  seed: int = 0


def encoder(critic: Network, size: int, bound: float) -> Network:
  """Return an encoder: images `[B, H, W, C]` -> bound tanh(f(x) W + b) `[B, size]`.

  The features f come from the critic's layers without the last one, with new parameters.

  Args:
    critic: the network whose layers the encoder copies.
    size: dimensions of the latent.
    bound: largest absolute value of the encoder's latents.
  """
  body = network_transforms.of_features(critic)

  def init(key: Key, images: Array) -> Variables:
    first, second = jax.random.split(key)
    variables = critic.init(first, images)
    shape = jax.eval_shape(lambda v: body.apply(v, images, train=False)[0], variables).shape
    width = int(np.prod(shape[1:]))
    kernel = jax.random.normal(second, (width, size)) / jnp.sqrt(width)
    head = {'kernel': kernel, 'bias': jnp.zeros(size)}
    return {**variables, 'params': {'body': variables['params'], 'head': head}}

  def apply(
    variables: Variables, images: Array, *, train: bool, key: Key | None = None
  ) -> tuple[Array, Variables]:
    params = variables['params']
    inner = {**variables, 'params': params['body']}
    f, moved = body.apply(inner, images, train=train, key=key)
    z = f.reshape(len(f), -1) @ params['head']['kernel'] + params['head']['bias'][None]
    return bound * jnp.tanh(z), {**moved, 'params': params}

  return Network(init, apply)


def of(run: Run, bound: float) -> tuple[Network, Array]:
  """Return the untrained encoder for a run's generator, and example images to initialize it with.

  Raises:
    ValueError: if the run draws by class, has no critic of images, or its latents are no vectors.
  """
  latents.latent_space(run)
  latents.features(run)
  z = jax.eval_shape(lambda: run.sampler().latent(jax.random.key(0), 1))
  if run.recipe.conditional:
    raise ValueError(
      f'{run.config.variant} draws by class, but the images to score have no class: give a run '
      'that does not, such as wgan_gp'
    )
  if z.ndim != 2:
    raise ValueError(f'{run.config.variant} has latents {list(z.shape[1:])}, which are no vectors')
  critic, example = run.stage.game.networks['critic'], jnp.zeros((2, *run.spec.shape))
  return encoder(critic, z.shape[1], bound), example


def parts(run: Run) -> Differences:
  """Return a function that reconstructs images from latents and measures the differences.

  It maps `(nets, images [n, H, W, C], latents [n, d])` to `(made, pixels [n], features [n])`: the
  reconstructions and the mean squared differences of pixels and of the critic's features. The score
  of an image is pixels + kappa features; the encoder's loss is the mean score.
  """
  where, features = latents.latent_space(run), latents.features(run)

  def apply(nets: Nets, images: Array, z: Array) -> tuple[Array, Array, Array]:
    none = jnp.zeros(len(images), jnp.int32)
    made = where.generate(nets, z, none)
    squares = lambda x: (x.reshape(len(x), -1) ** 2).mean(1)
    of_features = squares(features(nets, made, none) - features(nets, images, none))
    return made, squares(made - images), of_features

  return apply


def fit(
  run: Run, source: Source, options: Fit, log: Callable[[int, float], None] = lambda *_: None
) -> Variables:
  """Train an encoder so that the generator reproduces the images of `source` from its latents.

  Args:
    run: the run whose generator and critic are used; they do not change.
    source: the images to train on.
    options: the settings.
    log: called with step and loss every 500 steps, and at the end.

  Returns:
    the variables of the encoder.
  """
  net, example = of(run, options.bound)
  starting, drawing = jax.random.split(key_of(options.seed))
  variables = net.init(starting, example)
  held = variables, (optimizer := optax.rmsprop(options.lr)).init(variables['params'])
  step = run.bound(_step(net, parts(run), optimizer, options.kappa))
  stream = data.batches(source, batch_size=options.batch_size, microbatches=1, seed=options.seed)
  with contextlib.closing(stream):
    for i in progress.over(range(options.steps), 'encoder, step'):
      key = jax.random.fold_in(drawing, i)
      held, loss = step(held, jnp.asarray(to_unit(next(stream)['image'][0])), key)
      if (i + 1) % 500 == 0 or i + 1 == options.steps:
        log(i + 1, float(loss))
  return held[0]


def _step(
  net: Network, differences: Differences, optimizer: optax.GradientTransformation, kappa: float
) -> Callable[[Nets, Held, Array, Key], tuple[Held, Array]]:
  """Return the update of the encoder: `(nets, held, images, key) -> (held, loss)`."""

  def step(nets: Nets, held: Held, images: Array, key: Key) -> tuple[Held, Array]:
    variables, opt = held

    def loss(params: optax.Params) -> tuple[Array, Variables]:
      z, moved = net.apply({**variables, 'params': params}, images, train=True, key=key)
      _, pixels, features = differences(nets, images, z)
      return (pixels + kappa * features).mean(), moved

    (value, moved), grads = jax.value_and_grad(loss, has_aux=True)(variables['params'])
    updates, opt = optimizer.update(grads, opt)
    params = optax.apply_updates(variables['params'], updates)
    return ({**moved, 'params': params}, opt), value

  return step


def save(folder: pathlib.Path, run: Run, variables: Variables, options: Fit) -> pathlib.Path:
  """Save an encoder and its settings in the run's directory, and return the path of its weights."""
  path = folder / FOLDER / WEIGHTS
  arrays = {k: np.asarray(v) for k, v in flatten_dict(dict(variables), sep='/').items()}
  with files.atomic(path) as file:
    file.write(to_bytes(arrays))
  files.write_config(path.with_name(ABOUT), {'step': run.step, **options._asdict()})
  return path


def opened(folder: pathlib.Path, run: Run) -> tuple[Encode, Variables, Fit]:
  """Return the encoder of the run's game, or else that of f-AnoGAN, with variables and settings.

  Raises:
    ValueError: as in `load`.
  """
  own = run.sampler().encode
  if own:
    return lambda nets, variables, images: own(nets, images), {}, Fit()
  net, variables, options = load(folder, run)
  return lambda _, held, images: net.apply(held, images, train=False)[0], variables, options


def load(folder: pathlib.Path, run: Run) -> tuple[Network, Variables, Fit]:
  """Load the encoder from the run's directory.

  Returns:
    the network, its variables, and the settings of its training.

  Raises:
    ValueError: if there is no encoder, or it was trained for another step or another network.
  """
  path = folder / FOLDER / WEIGHTS
  try:
    about = files.read_config(path.with_name(ABOUT))
    arrays = foreign_weights.read(path)
  except FileNotFoundError:
    raise ValueError(
      f'{folder} has no encoder yet: jaxgan anomaly fit --workdir={folder}'
    ) from None
  step = about.pop('step', None)
  if set(about) != {*Fit._fields} or not all(isinstance(x, int | float) for x in about.values()):
    raise ValueError(f'{path.with_name(ABOUT)} is damaged: fit the encoder again')
  options = Fit(**about)
  net, example = of(run, options.bound)
  wanted = flatten_dict(jax.eval_shape(net.init, jax.random.key(0), example), sep='/')
  shapes = lambda tree: {k: tuple(v.shape) for k, v in tree.items()}
  if step != run.step or shapes(arrays) != shapes(wanted):
    raise ValueError(
      f'the encoder in {path.parent} was trained for step {step}, the run is at step {run.step}: '
      'fit it again'
    )
  return net, _nested(arrays), options


def _nested(arrays: Mapping[str, np.ndarray]) -> Variables:
  """Return variables from arrays by their path."""
  return unflatten_dict({k: jnp.asarray(v) for k, v in arrays.items()}, sep='/')
