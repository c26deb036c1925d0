"""What can be set: a frozen dataclass, extended by every variant with its defaults and fields."""

import dataclasses
import json
import logging
import math
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jaxgan import data

Schedule = Literal['constant', 'linear', 'constant_linear', 'cosine', 'tenth', 'halves']


RENAMED_METRICS = {'fid': 'frechet', 'kid': 'kernel'}
"""Former names of `eval_metric`, in the config of older runs."""

log = logging.getLogger('jaxgan')


@dataclass(frozen=True)
class Config:
  """Options of every variant; a variant's own `Config` adds to them and sets the defaults."""

  variant: str = ''
  """The GAN to train; sets the defaults of all other options."""
  preset: Literal['laptop', 'paper'] = 'laptop'
  """laptop: defaults for a CPU and small images. paper: the published setting."""

  dataset: str = 'digits'
  """digits, mnist, folder, domains, pairs, or the name of any tfds set that is prepared as
  array_record. A run on arrays that Python gave has `arrays` here."""
  folder: pathlib.Path | None = None
  """The images of --dataset=folder (subfolders become labels), domains or pairs, or the files of
  --dataset=mnist."""
  target_folder: pathlib.Path | None = None
  """Of --dataset=domains or pairs: the second domain, where it is not inside of --folder."""
  direction: Literal['AtoB', 'BtoA'] = 'AtoB'
  """Of two domains, which is 'image' and which 'target'."""
  data_dir: pathlib.Path | None = None
  """Where tfds keeps its data; $TFDS_DATA_DIR or ~/tensorflow_datasets if not given."""
  image_size: int | None = None
  """Pixels on a side; the data set's own size if not given."""
  channels: Literal[1, 3] | None = None
  """1: grey, 3: colour; as the data set has them if not given."""
  without_classes: tuple[int, ...] = ()
  """Classes of the data set that the run shall not see; those that remain are numbered anew."""
  in_memory_limit: float = 2.0
  """GiB; a data set above it is streamed from disk instead of held in memory."""

  steps: int = 3000
  """Length of the run in steps; one step is one update of the generator."""
  images: int | None = None
  """Length of the run in real images seen by the critic; overrides --steps."""
  log_every: int = 50
  """Steps from one line of metrics.jsonl to the next."""
  sample_every: int = 500
  """Steps from one picture of samples to the next."""
  checkpoint_every: int = 500
  """Steps from one checkpoint to the next."""
  keep: int = 2
  """How many of the latest checkpoints are kept."""
  eval_every: int = 0
  """Steps from one score to the next, the best of which is kept in best/; 0: never."""
  eval_metric: Literal['frechet', 'kernel', 'fid', 'kid'] = 'frechet'
  """frechet: Fréchet distance. kernel: kernel distance. Both by the data set's own classifier, so
  neither is the FID or the KID: their former names here are read as these."""
  eval_num: int = 1000
  """Images of a score."""
  seed: int = 0
  """Seed of everything random: parameters, latents, order of the data."""
  compilation_cache: bool = True
  """Keep compiled programs in the user's cache folder, so that the next start is faster."""

  precision: Literal['float32', 'bfloat16'] = 'float32'
  """bfloat16: networks are computed in it; parameters, statistics and losses stay float32."""
  batch_size: int = 64
  """Images in one update of the critic, over all devices."""
  n_critic: int = 1
  """Updates of the critic for each of the generator."""
  latent_size: int = 100
  """Dimensions of the latent."""
  latent: Literal['normal', 'uniform'] = 'normal'
  """normal: N(0, 1). uniform: U(-1, 1)."""
  optimizer: Literal['adam', 'rmsprop', 'sgd'] = 'adam'
  """sgd: with the momentum and the decay of the first GANs."""
  generator_lr: float = 2e-4
  """Learning rate of the generator."""
  critic_lr: float = 2e-4
  """Learning rate of the critic."""
  beta1: float = 0.5
  """Adam's decay of the gradient's mean."""
  beta2: float = 0.999
  """Adam's decay of the gradient's square."""
  schedule: Schedule = 'constant'
  """How the learning rates go down over the run's length: to zero; constant_linear: the first half
  constant; tenth: to a tenth after half; halves: halved after 1/8, 1/4, 1/2 and 3/4."""
  ema_images: float = 10_000.0
  """Half-life, in images, of the averaged generator that samples come from; 0: no average."""
  ema_rampup: float = 0.05
  """The half-life is at most this share of the images seen so far."""
  instance_noise: float = 0.0
  """Deviation of the noise added to all images that the critic sees."""
  r1: float = 0.0
  """Weight gamma of R1, (gamma / 2) |slope|^2 at real images; needs a critic without batch norm."""
  r2: float = 0.0
  """Weight gamma of R2, the same at generated images."""
  augment: Literal['none', 'diffaugment'] = 'none'
  """Change all images that the critic sees, real and fake, at random: for small data sets."""
  policy: str = 'color,translation,cutout'
  """What --augment=diffaugment does, in this order."""
  pack: int = 1
  """Images of one kind that the critic judges together, as in PacGAN."""
  top_k: float = 1.0
  """The generator ends by learning from this share of its images, those that the critic likes."""
  top_k_images: float = 3_500_000.0
  """Half-life, in images, of the share, which begins at 1."""
  lecam: float = 0.0
  """Weight of LeCam's regularisation of the logits; with little data, such as 0.3."""
  lecam_start: int = 1000
  """Steps before it sets in."""
  cr: float = 0.0
  """Weight of consistency: real images changed by --policy are judged as before; such as 10."""
  cr_fake: float = 0.0
  """The same of generated images; with it, balanced consistency."""
  zcr: float = 0.0
  """Weight of consistency under small changes of the latent, in the critic."""
  zcr_generator: float = 0.0
  """Weight by which the generator makes these changes visible."""
  zcr_deviation: float = 0.05
  """Deviation of these changes."""
  feature_matching: Literal['off', 'squared', 'absolute'] = 'off'
  """The generator minimises how far the means of the critic's features are apart, and no more."""
  history: float = 0.0
  """Weight of historical averaging, which draws both networks to the mean of their past."""
  minibatch: int = 0
  """Kernels of minibatch discrimination, by which the critic sees how alike images are."""
  virtual_batch: int = 0
  """Images of the reference batch of virtual batch norm in the generator; 0: ordinary."""
  share_generator: bool = False
  """Both updates of a step use the same generated images, which are then made once."""

  def __post_init__(self):
    if self.eval_metric in RENAMED_METRICS:
      new = RENAMED_METRICS[self.eval_metric]
      log.warning('eval_metric=%s is called %s now', self.eval_metric, new)
      object.__setattr__(self, 'eval_metric', new)
    problems = [*_out_of_range(self), *self.problems()]
    if problems:
      raise ValueError('; '.join(problems))

  def problems(self) -> list[str]:
    """What does not fit together, a sentence each."""
    found = []
    if self.share_generator and self.n_critic > 1:
      found.append(f'--share-generator needs --n-critic=1, it is {self.n_critic}')
    if self.optimizer == 'sgd' and self.schedule != 'constant':
      found.append(f'--optimizer=sgd has a decay of its own: leave --schedule={self.schedule} out')
    if self.batch_size % max(self.pack, 1):
      found.append(f'--batch-size={self.batch_size} does not divide by --pack={self.pack}')
    if not 0 < self.top_k <= 1:
      found.append(f'--top-k must be in (0, 1], it is {self.top_k}')
    if self.minibatch and (self.r1 or self.r2):
      found.append('--r1 and --r2 take each image for itself, which --minibatch does not')
    about = data.known(self.dataset)
    if about and about.folder == 'must' and self.folder is None:
      found.append(f'--dataset={self.dataset} needs --folder=PATH, the directory of images')
    return found

  def bound_to_length(self) -> str:
    """Why a run cannot go on to another length than it began with; empty if it can."""
    if self.schedule == 'constant':
      return ''
    return f'the {self.schedule} schedule of the learning rates depends on the length'

  @property
  def images_per_step(self) -> int:
    """Real images that the critic sees in one step."""
    return self.batch_size * self.n_critic

  @property
  def length(self) -> int:
    """The run's length in steps."""
    return self.steps if self.images is None else math.ceil(self.images / self.images_per_step)


LATENT = ('latent_size', 'latent')
CRITIC = ('n_critic', 'instance_noise', 'r1', 'r2', 'share_generator')
"""Options that variants without latents, or with a fixed order of turns, have no use for."""


def idle(config: Config, *names: str) -> list[str]:
  """A sentence for each of these options that is set, though the variant does not use it."""
  fields = {f.name: f.default for f in dataclasses.fields(Config)}
  given = [name for name in names if getattr(config, name) != fields[name]]
  return [f'{config.variant} does not use --{n.replace("_", "-")}: leave it out' for n in given]


LENGTH = ('steps', 'images')
RHYTHM = ('log_every', 'sample_every', 'checkpoint_every', 'keep')
PLACE = ('folder', 'target_folder', 'data_dir', 'in_memory_limit', 'compilation_cache')
MERIT = ('eval_every', 'eval_metric', 'eval_num')
MAY_CHANGE = (*LENGTH, *RHYTHM, *PLACE, *MERIT)
"""What may differ between a run and its continuation: none of it changes what a step computes."""

_POSITIVE = (
  *(*RHYTHM, 'in_memory_limit', 'batch_size', 'n_critic', 'latent_size'),
  *('generator_lr', 'critic_lr', 'ema_rampup', 'eval_num', 'pack', 'top_k_images'),
  'zcr_deviation',
)
_SHARES = ('beta1', 'beta2')
_NOT_NEGATIVE = (
  *('steps', 'eval_every', 'ema_images', 'instance_noise', 'r1', 'r2', 'seed', 'lecam'),
  *('lecam_start', 'cr', 'cr_fake', 'zcr', 'zcr_generator', 'history', 'minibatch'),
  'virtual_batch',
)
_POSITIVE_OR_NONE = ('images', 'image_size')


def above_zero(config: Config, *names: str) -> list[str]:
  """A sentence for each of these options that is not above 0."""
  return _outside(config, names, 'must be above 0', lambda value: value > 0)


def zero_or_above(config: Config, *names: str) -> list[str]:
  """A sentence for each of these options that is below 0."""
  return _outside(config, names, 'must be 0 or above', lambda value: value >= 0)


def _outside(
  config: Config, names: Sequence[str], rule: str, inside: Callable[[Any], bool]
) -> list[str]:
  values = {name: getattr(config, name) for name in names}
  wrong = {name: value for name, value in values.items() if not inside(value)}
  return [f'--{name.replace("_", "-")} {rule}, it is {value}' for name, value in wrong.items()]


def _out_of_range(config: Config) -> list[str]:
  given = [name for name in _POSITIVE_OR_NONE if getattr(config, name) is not None]
  return [
    *above_zero(config, *_POSITIVE),
    *zero_or_above(config, *_NOT_NEGATIVE),
    *_outside(config, _SHARES, 'must be in [0, 1)', lambda value: 0 <= value < 1),
    *above_zero(config, *given),
  ]


def to_json(config: Config) -> dict[str, Any]:
  """The config in JSON's types; `from_json` of it is equal to the config."""
  return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def from_json(kind: type[Config], values: dict[str, Any]) -> Config:
  """The config of that class with these values.

  Raises:
    ValueError: a field that the class does not have.
  """
  fields = {f.name: f for f in dataclasses.fields(kind)}
  if unknown := sorted(set(values) - set(fields)):
    raise ValueError(f'{kind.__module__} has no options {unknown}')
  return kind(**{name: _restored(fields[name].type, value) for name, value in values.items()})


def _restored(annotation: Any, value: Any) -> Any:
  if isinstance(value, str) and annotation == pathlib.Path | None:
    return pathlib.Path(value)
  return tuple(value) if isinstance(value, list) else value
