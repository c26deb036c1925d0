"""What can be set: groups of options, of which every variant composes those that it uses.

A group is a frozen dataclass; the first line of its docstring is its title in `--help`. A variant's
`Config` inherits from the groups that its `build` reads, adds options of its own and sets defaults.
`Config` below has all that the recipe `two_player` reads, for variants of one's own.
"""

import dataclasses
import inspect
import logging
import math
import pathlib
from dataclasses import dataclass
from typing import ClassVar, Literal

from jaxgan import data
from jaxgan.core.typing import Spec
from jaxgan.recipes.accumulation import Accumulated as Accumulated
from jaxgan.recipes.calls import Calls as Calls
from jaxgan.recipes.config_json import RENAMED_METRICS
from jaxgan.recipes.optimizer_options import Algorithm as Algorithm
from jaxgan.recipes.optimizer_options import Schedule as Schedule
from jaxgan.recipes.optimizer_options import Scheduled as Scheduled
from jaxgan.recipes.option_groups import Group as Group
from jaxgan.recipes.option_groups import Needs as Needs
from jaxgan.recipes.option_groups import Preset as Preset
from jaxgan.recipes.option_groups import above_zero as above_zero
from jaxgan.recipes.option_groups import part as part
from jaxgan.recipes.option_groups import zero_or_above as zero_or_above

SINKS = ('tensorboard', 'wandb', 'trackio')
"""Programs that the log can be sent to."""


@dataclass(frozen=True)
class Run(Group):
  """Run."""

  variant: str = ''
  """The GAN to train; sets the defaults of all other options."""
  preset: Literal['laptop', 'paper'] = 'laptop'
  """laptop: defaults for a CPU and small images. paper: the published setting."""
  steps: int = 3000
  """Length of the run in steps; one step is one update of the generator."""
  images: int | None = None
  """Length of the run in real images seen by the critic, in place of --steps."""
  minutes: float | None = None
  """Stop after so many minutes of this call, if --steps are not reached; the step is saved, and the
  same command continues. Schedules follow --steps."""
  log_every: int = 50
  """Steps from one line of metrics.jsonl to the next."""
  sample_every: int = 500
  """Steps from one picture of samples to the next."""
  checkpoint_every: int = 500
  """Steps from one checkpoint to the next."""
  keep: int = 2
  """How many of the latest checkpoints are kept."""
  seed: int = 0
  """Seed of everything random: parameters, latents, order of the data."""
  warnings: bool = True
  """Say it when a failure begins, such as a mode collapse, with the numbers and a remedy."""
  compilation_cache: bool = True
  """Keep compiled programs in the user's cache folder, so that the next start is faster."""
  report: bool = True
  """Write report.html at the rhythm of the pictures, and samples.gif at the end."""
  log: str = ''
  """Send the log to these, with commas between them: tensorboard, wandb, trackio; each an extra."""

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(('steps',), lambda c: c.images is None, {'images': None}),
  )

  def problems(self) -> list[str]:
    """Add a program that cannot receive the log."""
    unknown = [name for name in self.log.split(',') if name.strip() not in ('', *SINKS)]
    return [*super().problems(), *(f'--log={x} is none of {", ".join(SINKS)}' for x in unknown)]


@dataclass(frozen=True)
class Data(Group):
  """Data."""

  dataset: str = 'digits'
  """digits, mnist, folder, captions, domains, pairs, table, or the name of any tfds set that is
  prepared as array_record. A run on arrays that Python gave has `arrays` here."""
  folder: pathlib.Path | None = None
  """The images of --dataset=folder (subfolders become labels), captions, domains or pairs, the CSV
  file of table, or the files of mnist."""
  target_folder: pathlib.Path | None = None
  """Of --dataset=domains or pairs: the second domain, where it is not inside of --folder."""
  side_by_side: bool = False
  """Of --dataset=pairs: each image holds both of a pair, left and right, whatever its width. If
  not given, images are halved only if nearly all are twice as wide as high."""
  direction: Literal['AtoB', 'BtoA'] = 'AtoB'
  """Of two domains, which is 'image' and which 'target'."""
  data_dir: pathlib.Path | None = None
  """Where tfds keeps its data; $TFDS_DATA_DIR or ~/tensorflow_datasets if not given."""
  image_size: int | None = None
  """Pixels on a side; the data set's own size if not given."""
  fit: Literal['crop', 'pad', 'squash'] = 'crop'
  """Images that are not square: crop: the center. pad: white on two sides. squash: made square."""
  channels: Literal[1, 3, 4] | None = None
  """1: grey, 3: colour, 4: colour and transparency; if not given, 1 or 3 as the data set has."""
  without_classes: tuple[int, ...] = ()
  """Classes of the data set that the run shall not see; those that remain are numbered anew."""
  in_memory_limit: float = 2.0
  """GiB; a data set above it is streamed from disk instead of held in memory."""

  def problems(self) -> list[str]:
    """Add a data set without its folder, and transparency that the variant does not draw."""
    found = super().problems()
    if self.channels == 4 and not isinstance(self, Latents):
      found.append('--channels=4 is for variants that draw from latents: leave it out')
    about = data.known(self.dataset)
    if about and about.folder == 'must' and self.folder is None:
      found.append(f'--dataset={self.dataset} needs --folder=PATH, the directory of images')
    return found


@dataclass(frozen=True)
class Mirrored(Group):
  """Data."""

  mirror: bool = False
  """Mirror half of the real images, others in each step. Not for letters and digits."""


@dataclass(frozen=True)
class Labels(Group):
  """Data."""

  conditional: bool | None = None
  """Draw by class. True: the data set must have labels. False: labels are ignored. If not given: by
  class if the data set has labels."""

  def cautions(self, spec: Spec) -> list[str]:
    """Add classes that nobody asked for and the data do not have."""
    found = super().cautions(spec)
    if self.conditional is None and not spec.classes:
      dataset, variant = part(self, Data).dataset, part(self, Run).variant
      found.append(f'{dataset!r} has no labels: {variant} draws without classes')
    return found


@dataclass(frozen=True)
class Training(Group):
  """Optimizer."""

  precision: Literal['float32', 'bfloat16'] = 'float32'
  """bfloat16: networks are computed in it; parameters, statistics and losses stay float32."""
  batch_size: int = 64
  """Images in one update of the critic, over all devices."""
  generator_lr: float = 2e-4
  """Learning rate of the generator."""
  critic_lr: float = 2e-4
  """Learning rate of the critic."""
  beta1: float = 0.5
  """Adam's decay of the gradient's mean."""
  beta2: float = 0.999
  """Adam's decay of the gradient's square."""
  ema_images: float = 10_000.0
  """Half-life, in images, of the averaged generator that samples come from; 0: no average."""
  ema_rampup: float = 0.05
  """The half-life is at most this share of the images seen so far."""
  freeze: int = 0
  """FreezeD: layers of the critic, from the image on, that keep what --start-from gave them."""

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(('ema_rampup',), lambda c: c.ema_images, {'ema_images': 1000.0}),
  )

  @property
  def images_per_step(self) -> int:
    """Real images that the critic sees in one step."""
    return self.batch_size


@dataclass(frozen=True)
class Scores(Group):
  """Scores while training."""

  eval_every: int = 0
  """Steps from one score to the next, the best of which is kept in best/; 0: never."""
  eval_metric: Literal['frechet', 'kernel', 'fid', 'kid'] = 'frechet'
  """frechet: Fréchet distance. kernel: kernel distance. Both by the data set's own classifier, so
  neither is the FID or the KID: their former names here are read as these."""
  eval_num: int = 1000
  """Images of a score."""

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(('eval_metric', 'eval_num'), lambda c: c.eval_every, {'eval_every': 100}),
  )

  def __post_init__(self) -> None:
    if self.eval_metric in RENAMED_METRICS:
      new = RENAMED_METRICS[self.eval_metric]
      logging.getLogger('jaxgan').warning('eval_metric=%s is called %s now', self.eval_metric, new)
      object.__setattr__(self, 'eval_metric', new)
    super().__post_init__()


@dataclass(frozen=True)
class Latents(Group):
  """Generator and critic."""

  latent_size: int = 100
  """Dimensions of the latent."""
  latent: Literal['normal', 'uniform'] = 'normal'
  """normal: N(0, 1). uniform: U(-1, 1)."""


@dataclass(frozen=True)
class Players(Group):
  """Generator and critic."""

  n_critic: int = 1
  """Updates of the critic for each of the generator."""
  instance_noise: float = 0.0
  """Deviation of the noise added to all images that the critic sees."""
  r1: float = 0.0
  """Weight gamma of R1, (gamma / 2) |slope|^2 at real images; needs a critic without batch norm."""
  r2: float = 0.0
  """Weight gamma of R2, the same at generated images."""
  share_generator: bool = False
  """Both updates of a step use the same generated images, which are then made once."""

  def problems(self) -> list[str]:
    """Add fakes that cannot be shared."""
    found = super().problems()
    if self.share_generator and self.n_critic > 1:
      found.append(f'--share-generator needs --n-critic=1, it is {self.n_critic}')
    return found

  @property
  def images_per_step(self) -> int:
    """Real images that the critic sees in one step."""
    return part(self, Training).batch_size * self.n_critic


@dataclass(frozen=True)
class Augmentation(Group):
  """Few images."""

  augment: Literal['none', 'diffaugment'] = 'none'
  """Change all images that the critic sees, real and fake, at random."""
  policy: str = 'color,translation,cutout'
  """What --augment=diffaugment, --cr and --cr-fake do to images, in this order."""
  lecam: float = 0.0
  """Weight of LeCam's regularisation of the logits, such as 0.3."""
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

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(
      ('policy',),
      lambda c: c.augment == 'diffaugment' or c.cr or c.cr_fake,
      {'augment': 'diffaugment'},
    ),
    Needs(('lecam_start',), lambda c: c.lecam, {'lecam': 0.3}),
    Needs(('zcr_deviation',), lambda c: c.zcr or c.zcr_generator, {'zcr': 5.0}),
  )


@dataclass(frozen=True)
class TopK(Group):
  """Tricks."""

  top_k: float = 1.0
  """The generator ends by learning from this share of its images, those that the critic likes."""
  top_k_images: float = 3_500_000.0
  """Half-life, in images, of the share, which begins at 1."""

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(('top_k_images',), lambda c: c.top_k < 1, {'top_k': 0.5}),
    Needs(
      ('top_k',),
      lambda c: getattr(c, 'feature_matching', 'off') == 'off',
      {'feature_matching': 'off'},
    ),
  )

  def problems(self) -> list[str]:
    """Add a share that is none."""
    found = super().problems()
    if not 0 < self.top_k <= 1:
      found.append(f'--top-k must be in (0, 1], it is {self.top_k}')
    return found


@dataclass(frozen=True)
class Features(Group):
  """Tricks."""

  feature_matching: Literal['off', 'squared', 'absolute'] = 'off'
  """The generator minimises how far the means of the critic's features are apart, and no more."""
  history: float = 0.0
  """Weight of historical averaging, which draws both networks to the mean of their past."""


@dataclass(frozen=True)
class Packs(Group):
  """Tricks."""

  pack: int = 1
  """Images of one kind that the critic judges together, as in PacGAN."""

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(
      ('pack',),
      lambda c: not getattr(c, 'conditional', False),
      {'conditional': False},
      why='joins images of different classes',
    ),
  )

  def problems(self) -> list[str]:
    """Add a batch that does not divide."""
    found, size = super().problems(), part(self, Training).batch_size
    if size % max(self.pack, 1):
      found.append(f'--batch-size={size} does not divide by --pack={self.pack}')
    return found


@dataclass(frozen=True)
class Minibatch(Group):
  """Tricks."""

  minibatch: int = 0
  """Kernels of minibatch discrimination, by which the critic sees how alike images are."""

  def problems(self) -> list[str]:
    """Add gradient penalties."""
    found, players = super().problems(), part(self, Players)
    if self.minibatch and (players.r1 or players.r2):
      found.append(
        '--r1 and --r2 take each image for itself, which --minibatch does not: '
        'give --minibatch=0, or --r1=0 --r2=0'
      )
    return found


@dataclass(frozen=True)
class VirtualBatch(Group):
  """Tricks."""

  virtual_batch: int = 0
  """Images of the reference batch of virtual batch norm in the generator; 0: ordinary."""


@dataclass(frozen=True)
class Common(Training, Data, Calls, Run):
  """Options of every variant."""

  @property
  def length(self) -> int:
    """The run's length in steps."""
    return self.steps if self.images is None else math.ceil(self.images / self.images_per_step)


@dataclass(frozen=True)
class Pair(Players, Latents, Common):
  """Options of a generator that is given latents, and a critic."""


@dataclass(frozen=True)
class Duel(Scores, Mirrored, Pair):
  """Options of every variant whose generator makes images from latents against one critic."""


@dataclass(frozen=True)
class TwoPlayer(Augmentation, Duel):
  """The same for a critic that sees nothing but images, and labels."""


@dataclass(frozen=True)
class Ordinary(TwoPlayer, Scheduled, Algorithm, TopK, Features):
  """Options of `two_player` that suit every critic with features."""


@dataclass(frozen=True)
class Config(Ordinary, Packs, Minibatch, VirtualBatch, Accumulated):
  """Options of `two_player`: all that any pair of networks may use."""


GROUPS: tuple[type[Group], ...] = (
  *(Run, Calls, Data, Mirrored, Labels, Training, Algorithm, Scheduled, Scores, Latents, Players),
  *(Accumulated, Augmentation, TopK, Features, Packs, Minibatch, VirtualBatch),
)
"""The groups, in the order of `--help`; a variant's own stand behind the first."""


def groups(kind: type[Group]) -> list[tuple[str, list[str]]]:
  """Return the groups of a config's options: title and names of fields, in the order of `--help`.

  An option belongs to the class that first has it, whichever class sets its default. Groups of
  equal titles are one.
  """
  home: dict[str, type] = {}
  for base in reversed(kind.__mro__):
    for name in inspect.get_annotations(base):
      home.setdefault(name, base)
  fields = [f.name for f in dataclasses.fields(kind)]
  own = [base for base in kind.__mro__ if base in home.values() and base not in GROUPS]
  found: dict[str, list[str]] = {}
  for base in (GROUPS[0], *own, *GROUPS[1:]):
    title = (inspect.getdoc(base) or base.__name__).splitlines()[0].rstrip('.')
    found.setdefault(title, []).extend(name for name in fields if home[name] is base)
  return [one for one in found.items() if one[1]]
