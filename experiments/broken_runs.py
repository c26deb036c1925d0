"""Runs that are broken on purpose, healthy runs beside them, and what is true of each.

Truth comes from an independent measure: a classifier counts the digits that the samples show and
compares their features with those of real images; templates count the modes of points drawn as
images; the gradient of the generator's loss is computed.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest import mock

import jax
import numpy as np
import optax
from PIL import Image

import jaxgan
from experiments import defaults
from jaxgan import data, variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.diagnosis import signals
from jaxgan.evaluation import features, samples
from jaxgan.evaluation.metrics import frechet, neighbors
from jaxgan.networks import dcgan, mlp
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.parallel import devices
from jaxgan.recipes import stages
from jaxgan.training import doctor, loop

NUM = 1000
"""Samples of a run that are measured."""
NUMBERS = ('zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine')
MNIST = 4000
"""Images of MNIST that are used."""
COMMON: dict[str, Any] = dict(
  log_every=50, sample_every=10_000, checkpoint_every=10_000, image_size=8, report=False
)
BASES: dict[str, dict[str, Any]] = {
  'gan': dict(steps=2500, widths=(64, 128)),
  'lsgan': dict(steps=2000, width=16, generator_lr=1e-3, critic_lr=4e-4),
  'wgan_gp': dict(steps=600, width=8, n_critic=2, generator_lr=5e-4, critic_lr=5e-4),
  'sngan': dict(steps=800, generator_width=8, critic_width=8, conditional=False),
}
"""The healthy runs: small networks on the 8 x 8 digits. What is not here is `defaults.START`."""
STEADY: dict[str, Any] = dict(critic_norm=False, width=16, **defaults.QUICK, r1=1.0)
"""Convolutions that train steadily."""
OTHERS: dict[str, dict[str, Any]] = {
  'dcgan': dict(steps=1500, width=16, generator_lr=1e-3, critic_lr=4e-4),
  'wgan': dict(
    steps=800, width=16, n_critic=5, schedule='constant', generator_lr=5e-4, critic_lr=5e-4
  ),
  'cgan': dict(steps=1500, **STEADY),
  'biggan': dict(steps=600, generator_width=8, critic_width=8, generator_lr=1e-3, critic_lr=1e-3),
  'r3gan': dict(steps=1500, width=16, r1=100.0, r2=100.0),
  'unrolled': dict(steps=1500, widths=(64, 128), generator_lr=1e-3, critic_lr=1e-3),
  'progan': dict(steps=4000, width=16, generator_lr=1e-3, critic_lr=1e-3),
  'stylegan': dict(steps=1200, width=16),
  'stylegan2': dict(steps=3000, width=16, batch_size=32),
  'gan_cls': dict(steps=1500, dataset='captions', channels=1, **STEADY),
  'infogan': dict(steps=1500, **STEADY),
  'acgan': dict(steps=1500, **STEADY),
  'bigan': dict(steps=1500, width=16, generator_lr=1e-3, critic_lr=1e-3),
  'ebgan': dict(steps=2000, width=16, generator_lr=1e-3, critic_lr=1e-3),
}
"""Healthy runs of other variants, which no threshold has seen."""


# Ways to break a run: the options that change, the images, and parts of the networks.


@dataclass(frozen=True)
class Break:
  """One way to break a run: other options, other images, or other networks."""

  options: Callable[[Any], Mapping[str, Any]] = lambda config: {}
  images: str = 'digits'
  networks: str = ''
  only: tuple[str, ...] = tuple(BASES)
  size: int = 8


def _rates(critic: float, generator: float) -> Callable[[Any], Mapping[str, Any]]:
  return lambda c: {
    'critic_lr': c.critic_lr * critic,
    'generator_lr': c.generator_lr * generator,
  }


BREAKS: dict[str, Break] = {
  'healthy': Break(only=(*BASES, *OTHERS)),
  'healthy, slower': Break(_rates(0.7, 0.7)),
  'critic x 10': Break(_rates(10, 1)),
  'critic / 10': Break(_rates(0.1, 1)),
  'no norm in the generator': Break(networks='no norm', only=('gan', 'lsgan')),
  'no penalty': Break(lambda c: {'penalty_weight': 0.0}, only=('wgan_gp',)),
  'huge rates': Break(_rates(100, 100)),
  'tiny rates': Break(_rates(0.01, 0.01)),
  'one image': Break(images='one'),
  'few images': Break(images='few'),
  'critic without capacity': Break(networks='weak critic'),
  'generator without capacity': Break(networks='weak generator'),
  'wrong range': Break(images='dark'),
  'ring8': Break(images='ring8'),
  'grid25': Break(images='grid25'),
  'MNIST': Break(images='mnist', only=('gan', 'wgan_gp'), size=16),
  'MNIST, critic / 10': Break(_rates(0.1, 1), 'mnist', only=('gan', 'wgan_gp'), size=16),
  'MNIST, tiny rates': Break(_rates(0.01, 0.01), 'mnist', only=('gan', 'wgan_gp'), size=16),
  'MNIST, huge rates': Break(_rates(100, 100), 'mnist', only=('gan', 'wgan_gp'), size=16),
}
WEAK: dict[str, list[tuple[Any, str, dict[str, Any]]]] = {
  'no norm': [(mlp, 'Generator', {'norm': False}), (dcgan, 'Generator', {'norm': False})],
  'weak critic': [(mlp, 'Critic', {'widths': (1,)}), (dcgan, 'Critic', {'widths': (1, 1)})],
  'weak generator': [(mlp, 'Generator', {'widths': (2,)}), (dcgan, 'Generator', {'widths': (2,)})],
}
"""What networks are replaced with."""


def altered(variant: str, networks: str) -> str:
  """Register a variant with other networks, and return its name."""
  name = f'{variant}_{networks.replace(" ", "_")}'
  if name in variants.VARIANTS:
    return name
  module = variants.module(variant)

  def build(config: Any, spec: Any) -> Any:
    with _replaced(networks):
      return module.build(config, spec)

  variants.register(name, SimpleNamespace(Config=module.Config, build=build))  # type: ignore[arg-type]
  return name


class _replaced:
  """Replaces networks while a variant builds its recipe."""

  def __init__(self, networks: str):
    self._patches = []
    for module, name, options in WEAK[networks]:
      made = getattr(module, name)
      self._patches.append(mock.patch.object(module, name, _with(made, options)))

  def __enter__(self) -> None:
    for patch in self._patches:
      patch.start()

  def __exit__(self, *error: object) -> None:
    for patch in self._patches:
      patch.stop()


def _with(made: Callable[..., Any], options: Mapping[str, Any]) -> Callable[..., Any]:
  """Return the class of a network with some attributes fixed, also where they are positional."""
  return lambda *given, **named: made(*given, **named).clone(**options)


# Images.


def folder_of(kind: str, out: pathlib.Path) -> pathlib.Path:
  """Write the images of a kind as PNG files, and return their folder."""
  folder = out / 'images' / kind
  if not folder.exists():
    for i, image in enumerate(images_of(kind, out)):
      path = folder / f'{i:05d}.png'
      path.parent.mkdir(parents=True, exist_ok=True)
      Image.fromarray(image[..., 0]).save(path)
  return folder


def captioned(out: pathlib.Path) -> pathlib.Path:
  """Write the digits with a caption each, and return their folder."""
  from jaxgan.data import digits

  folder = out / 'images' / 'captioned'
  if folder.exists():
    return folder
  folder.mkdir(parents=True)
  rows = ['file_name,caption']
  for i, (image, label) in enumerate(zip(*digits.arrays(), strict=True)):
    if i < digits.TRAIN:
      Image.fromarray(image).save(folder / f'{i:05d}.png')
      rows.append(f'{i:05d}.png,the digit {NUMBERS[label]}')
  (folder / 'captions.csv').write_text('\n'.join(rows))
  return folder


def images_of(kind: str, out: pathlib.Path) -> np.ndarray:
  """Return the images of a kind, uint8 `[n, 8, 8, 1]`, of MNIST `[n, 16, 16, 1]`."""
  if kind in ('ring8', 'grid25'):
    return points(kind)[0]
  if kind == 'mnist':
    return mnist('train', out).images(np.arange(MNIST))
  from jaxgan.data import digits

  images = digits.arrays()[0][: digits.TRAIN, ..., None]
  few = {'one': images[:1].repeat(64, 0), 'few': images[:64], 'dark': images // 128}
  return few[kind]


def mnist(split: str, out: pathlib.Path) -> data.Source:
  """Return a part of MNIST with 16 x 16 pixels."""
  chosen = f'{split}[:{MNIST}]'
  return data.load('mnist', split=chosen, image_size=16, data_dir=out / 'data')


def points(kind: str) -> tuple[np.ndarray, np.ndarray]:
  """Return dots at one of 8 or 25 places, uint8 `[n, 8, 8, 1]`, and the places `[modes, 2]`."""
  angles = 2 * np.pi * np.arange(8) / 8
  axis = np.linspace(0.5, 6.5, 5)
  places = {
    'ring8': 3.5 + 2.6 * np.stack([np.cos(angles), np.sin(angles)], 1),
    'grid25': np.stack(np.meshgrid(axis, axis, indexing='ij'), -1).reshape(-1, 2),
  }[kind]
  random = np.random.default_rng(0)
  chosen = places[random.integers(len(places), size=1500)] + random.normal(0, 0.1, (1500, 2))
  return drawn(chosen), places


def drawn(places: np.ndarray) -> np.ndarray:
  """Return a dot at each place `[n, 2]`, uint8 `[n, 8, 8, 1]`."""
  grid = np.stack(np.meshgrid(np.arange(8), np.arange(8), indexing='ij'), -1)
  apart = ((grid[None] - places[:, None, None]) ** 2).sum(-1)
  return np.rint(255 * np.exp(-apart / 1.2)).astype(np.uint8)[..., None]


# One run.


def configured(variant: str, kind: str, seed: int, out: pathlib.Path) -> Any:
  """Return the config of a run that is broken in one way."""
  broken = BREAKS[kind]
  name = altered(variant, broken.networks) if broken.networks else variant
  usual: dict[str, Any] = {**defaults.START.get(variant, {}), **COMMON}
  options = {**usual, **(BASES | OTHERS)[variant], 'seed': seed}
  if broken.networks == 'weak critic' and variant == 'sngan':
    options['critic_width'] = 1
  if broken.networks == 'weak generator' and variant == 'sngan':
    options['generator_width'] = 1
  if broken.images != 'digits':
    options |= dict(dataset='folder', folder=folder_of(broken.images, out), channels=1)
  if options.get('dataset') == 'captions':
    options['folder'] = captioned(out)
  options['image_size'] = broken.size
  options |= dict(data_dir=out / 'data')
  config = jaxgan.configure(name, **options)
  return jaxgan.configure(name, **{**options, **broken.options(config)})


def place(out: pathlib.Path, variant: str, kind: str, seed: int) -> pathlib.Path:
  """Return the work directory of a run."""
  return out / 'runs' / f'{variant}-{kind.replace(" ", "_").replace("/", "by")}-{seed}'


def sizes(config: Any) -> dict[str, int]:
  """Return how many parameters each player of a run has."""
  stage = variants.build(config, Spec(config.image_size, 1, 10)).stages[-1]
  made = functools.partial(game.init, stage.game)
  state = jax.eval_shape(made, jax.random.key(0), dict(stage.example))
  return doctor.sizes(stage.game, state.params)


class Seen(NamedTuple):
  """Real images, as a classifier that was trained on them sees them."""

  train: data.Source
  network: features.FeatureNetwork
  real: samples.Sample
  reference: frechet.Reference


class Truth:
  """Measures what is true of runs, by means that the doctor does not use."""

  def __init__(self, out: pathlib.Path):
    self._out = out

  @functools.cached_property
  def digits(self) -> Seen:
    """Return the digits of 8 x 8 pixels, seen by a classifier."""
    load = functools.partial(data.load, 'digits', image_size=8, data_dir=self._out / 'data')
    return _seen(load(split='train'), load(split='test'))

  @functools.cached_property
  def mnist(self) -> Seen:
    """Return those of MNIST."""
    return _seen(mnist('train', self._out), mnist('test', self._out))

  def of(self, run: jaxgan.Run, kind: str) -> dict[str, float]:
    """Return the truth of a run: modes, precision, recall, distance, copies, gradient."""
    images = to_uint8(run.sample(1234, NUM))
    images_kind = BREAKS[kind].images
    beside = self.mnist if images_kind == 'mnist' else self.digits
    found = {'gradient': self.gradient(run, beside.train), 'bright': float(images.mean())}
    if images_kind in ('ring8', 'grid25'):
      return found | modes_of(images, points(images_kind)[1])
    seen = samples.seen(beside.network, images)
    shares = np.bincount(seen.logits.argmax(1), minlength=10) / len(images)
    near = neighbors.prdc(beside.real.features[:NUM], seen.features, 5)._asdict()
    found |= {name: float(value) for name, value in near.items()}
    found['frechet'] = float(frechet.distance_of(seen.features, beside.reference))
    return found | {'modes': float((shares > 0.01).sum()), 'most': float(shares.max())}

  def gradient(self, run: jaxgan.Run, train: data.Source) -> float:
    """Return the norm of the gradient of the generator's loss, relative to its parameters."""
    played, state = run.stage.game, run.state
    turn = next(turn for turn in played.turns if turn.player == 'generator')
    batch = {'image': to_unit(train.images(np.arange(64)))}
    nets = game.nets(played, state.replace(ema={}), train=True)  # type: ignore[attr-defined]
    own = {name: state.params[name] for name in played.players['generator'].networks}

    def loss(own: Any) -> Any:
      bound = nets.replace(params={**nets.params, **own})  # type: ignore[attr-defined]
      return turn.loss(bound, batch, jax.random.key(0))[0]

    return float(optax.tree.norm(jax.grad(loss)(own)) / optax.tree.norm(own))


def _seen(train: data.Source, test: data.Source) -> Seen:
  network = features.classifier(train, test)
  real = samples.seen(network, train)
  return Seen(train, network, real, frechet.reference(samples.moments_of(real)))


def modes_of(images: np.ndarray, places: np.ndarray) -> dict[str, float]:
  """Return how many places samples show, and the share of samples that are a dot at a place.

  A place counts that has a fifth of its due among the samples that are a dot.
  """
  apart = ((images[:, None].astype(float) - drawn(places)[None]) ** 2).mean((2, 3, 4)) ** 0.5
  nearest, good = apart.argmin(1), apart.min(1) < 20
  shares = np.bincount(nearest[good], minlength=len(places)) / max(good.sum(), 1)
  modes = float((shares > 0.2 / len(places)).sum())
  return {'modes': modes, 'of': float(len(places)), 'good': float(good.mean())}


def quickly() -> None:
  """Draw no pictures, and let runs that differ in their seeds alone share compiled programs."""
  loop._picture = lambda *given: None
  build = variants.build
  key = lambda config: dataclasses.replace(config, seed=0)
  kept: dict[Any, Any] = {}

  def built(config: Any, spec: Any) -> Any:
    name = key(config), spec
    kept[name] = kept.get(name) or build(config, spec)
    return kept[name]

  @functools.lru_cache(maxsize=4)
  def first(played: Any, sharding: Any) -> Any:
    return jax.jit(functools.partial(game.init, played), out_shardings=sharding)

  variants.build = built
  stages.first_state = lambda stage, key, sharding: first(stage.game, sharding)(
    key, dict(stage.example)
  )
  devices.compile_step = functools.lru_cache(maxsize=4)(devices.compile_step)  # type: ignore[assignment]
  signals.program = functools.lru_cache(maxsize=4)(signals.program)  # type: ignore[assignment]


def is_compared(truth: dict[str, Any]) -> bool:
  """Return whether it takes healthy runs to say if a run is sick."""
  alone = 'error' in truth or 'of' in truth
  return not alone and BREAKS[truth['kind']].images not in ('one', 'dark')


def is_sick(truth: dict[str, Any], healthy: dict[str, float]) -> bool | None:
  """Return whether a run is sick, by its truth; None where the truth lies between.

  A run on all digits, of MNIST or not, is well with 8 digits or more, and beside healthy runs half
  of their recall, 0.6 of their precision and at most 2.5 times their distance. It is sick with 5
  digits or fewer, less than 0.3 of recall or precision, or more than 4 times the distance. Runs
  on points are well with nine tenths of the modes, and sick with 0.6 of them or fewer; where less
  than a fifth of the samples are points at all, modes say nothing. A run on one image, or on
  images in a wrong range, cannot be well.
  """
  if 'error' in truth:
    return True
  if 'of' in truth:
    share = truth['modes'] / truth['of']
    if truth['good'] < 0.2 or 0.6 < share < 0.9:
      return None
    return share <= 0.6
  if BREAKS[truth['kind']].images in ('one', 'dark'):
    return True
  recall, precision = (truth[name] / healthy[name] for name in ('recall', 'precision'))
  far = truth['frechet'] / healthy['frechet']
  if truth['modes'] >= 8 and recall >= 0.5 and precision >= 0.6 and far < 2.5:
    return False
  return True if truth['modes'] <= 5 or min(recall, precision) < 0.3 or far > 4 else None
