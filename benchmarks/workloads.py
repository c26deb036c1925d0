"""What is timed: the variants, and five common kinds of GAN made of the library's own parts."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest import mock

import flax.linen as nn
import numpy as np

from jaxgan import variants
from jaxgan.core.typing import Array, Spec
from jaxgan.losses import gradient_penalties, objectives
from jaxgan.losses.gradient_penalties import Penalty
from jaxgan.losses.objectives import Objective
from jaxgan.networks import dcgan, mlp, resnet
from jaxgan.nn import elementwise
from jaxgan.ops import resample
from jaxgan.ops.convolution import convolve, convolve_pool, upsample_convolve
from jaxgan.recipes.config import Config
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe, Stage, Translator, computed_in

BATCH = 64


class Workload(NamedTuple):
  """Two networks and their losses; an iteration is `n_critic` critic steps and a generator step."""

  about: str
  generator: nn.Module
  critic: nn.Module
  objective: Objective
  spec: Spec
  penalty: tuple[Penalty, ...] = ()
  latent_size: int = 100
  n_critic: int = 1


class Subject(NamedTuple):
  """What can be timed: a stage of a recipe and its batches, `[microbatches, B, ...]`."""

  name: str
  stage: Stage
  spec: Spec
  batch_size: int

  @property
  def images_per_step(self) -> int:
    """Real images that the critic sees in one iteration."""
    return self.batch_size * self.stage.game.microbatches


_SMALL = dcgan.Generator((7, 7, 14, 28), (256, 128, 64), 1, 5, activation=elementwise.leaky_relu)
_WGAN_GP = Workload(
  'WGAN-GP 28x28, five critic steps',
  _SMALL,
  dcgan.Critic((64, 128, 256), 5, norm=False),
  objectives.wasserstein(),
  Spec(28, 1),
  (gradient_penalties.gradient_penalty(10.0),),
  n_critic=5,
)

WORKLOADS: dict[str, Workload] = {
  'W1': Workload(
    'MLP 28x28',
    mlp.Generator((28, 28, 1), (256, 512, 1024)),
    mlp.Critic((512, 256)),
    objectives.nonsaturating(),
    Spec(28, 1),
  ),
  'W2': Workload(
    'DCGAN 28x28',
    _SMALL,
    dcgan.Critic((64, 128), 5, norm=False),
    objectives.nonsaturating(),
    Spec(28, 1),
  ),
  'W3': Workload(
    'DCGAN 64x64, 32 channels',
    dcgan.Generator((4, 8, 16, 32, 64), (256, 128, 64, 32), 3),
    dcgan.Critic((32, 64, 128, 256)),
    objectives.nonsaturating(),
    Spec(64, 3),
  ),
  'W4': _WGAN_GP,
  'W4-1': _WGAN_GP._replace(about='WGAN-GP 28x28, one critic step', n_critic=1),
  'W5': Workload(
    'SN-GAN ResNet 32x32, 64 channels',
    resnet.Generator(32, 3, 64),
    resnet.Critic(64),
    objectives.hinge(),
    Spec(32, 3),
    latent_size=128,
  ),
}


def of_workload(name: str, workload: Workload, batch_size: int = BATCH, share=False) -> Subject:
  """A workload as the library plays it: Adam 2e-4, (0.5, 0.999) for both, no average.

  With `share` both updates use one generator forward.
  """
  config = Config(
    batch_size=batch_size,
    n_critic=workload.n_critic,
    latent_size=workload.latent_size,
    ema_images=0.0,
    share_generator=share,
  )
  recipe = two_player(
    config,
    workload.spec,
    generator=workload.generator,
    critic=workload.critic,
    objective=workload.objective,
    penalty=workload.penalty,
  )
  return Subject(name, recipe.stages[0], workload.spec, batch_size)


def in_bfloat16(subject: Subject) -> Subject:
  """Return the subject whose networks are computed in bfloat16."""
  recipe = Recipe((subject.stage,), Translator({}, lambda nets, batch, key: batch['image']))
  return subject._replace(stage=computed_in('bfloat16', recipe).stages[0])


def of_variant(name: str, preset: str, image_size: int | None, channels: int | None) -> Subject:
  """The first stage of a variant as its preset has it, for images of ten classes."""
  config = variants.configure(name, preset)
  size = image_size or config.image_size or 28
  spec = Spec(size, channels or config.channels or 1, 10)
  stage = variants.build(config, spec).stages[0]
  return Subject(name, stage, spec, config.batch_size)


def of_config(name: str, config: Config, classes: int) -> Subject:
  """The first stage of a config, for images of so many classes."""
  spec = Spec(config.image_size or 28, config.channels or 3, classes)
  return Subject(name, variants.build(config, spec).stages[0], spec, config.batch_size)


def random_batch(subject: Subject) -> dict[str, np.ndarray]:
  """uint8 noise and labels in place of data: they cost the same."""
  random, lead = np.random.default_rng(0), (subject.stage.game.microbatches, subject.batch_size)
  batch = {'image': random.integers(0, 256, (*lead, *subject.spec.shape), dtype=np.uint8)}
  if subject.spec.classes:
    batch['label'] = random.integers(0, subject.spec.classes, lead, dtype=np.int32)
  return batch


@contextlib.contextmanager
def resampling(*, plain: bool) -> Iterator[None]:
  """With `plain`, residual blocks traced inside enlarge and pool apart from their convolutions.

  The library always fuses the two on CPU, 16 products for 36; this is for the comparison.
  """

  def up(x: Array, w: Array) -> Array:
    return upsample_convolve(x, w) if w.shape[0] == 1 else convolve(resample.upsample(x), w)

  def down(x: Array, w: Array) -> Array:
    return convolve_pool(x, w) if w.shape[0] == 1 else resample.pool(convolve(x, w))

  forms: Any = dict(upsample_convolve=up, convolve_pool=down)
  with mock.patch.multiple(resnet, **forms) if plain else contextlib.nullcontext():
    yield
