"""GANs on the plane: `jaxgan plane --dataset=ring8 --variant=gan --workdir=/tmp/ring`.

Perceptrons learn a mixture of Gaussians, whose modes can be counted. One compiled program trains
all seeds at once, so that one run gives every number with its interval over seeds.
"""

import contextlib
import dataclasses
import json
import math
import pathlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from jaxgan import data
from jaxgan.apps import command
from jaxgan.core import averaging, console, game, network
from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.seeds import check_seed
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array
from jaxgan.data import mixtures
from jaxgan.data.mixtures import Mixture
from jaxgan.evaluation.metrics import intervals, modes
from jaxgan.evaluation.metrics.intervals import Interval
from jaxgan.losses import adversarial, gradient_penalties, objectives
from jaxgan.networks.mlp import Perceptron
from jaxgan.recipes.config_json import RUN
from jaxgan.storage import figures, files, workdir
from jaxgan.storage.checkpoint import Checkpoints, abstract
from jaxgan.training.kept import marked
from jaxgan.training.signals import Stopped, heard

SAMPLES = 2500  # as in PacGAN and VEEGAN


@dataclass(frozen=True)
class Options:
  """Train perceptrons on a mixture of Gaussians, many seeds at once, and count the modes."""

  workdir: pathlib.Path
  """The folder for results, pictures and checkpoints; a run that is there is continued."""
  dataset: Literal['ring8', 'grid25'] = 'ring8'
  """Eight modes on a circle, or 25 on a grid."""
  variant: Literal['gan', 'wgan_gp', 'r3gan'] = 'gan'
  """gan: non-saturating loss. wgan_gp: Wasserstein loss and gradient penalty. r3gan: relativistic
  loss, R1 and R2 penalties."""
  seeds: int = 10
  """Number of seeds, trained side by side."""
  seed: int = 0
  """The first of these seeds."""
  steps: int = 20_000
  """Updates of the generator."""
  batch_size: int = 256
  """Points in one update."""
  widths: tuple[int, ...] = (128, 128, 128)
  """Units of the hidden layers of generator and critic."""
  latent_size: int = 2
  """Dimensions of the latent, N(0, 1)."""
  n_critic: int = 1
  """Updates of the critic for each of the generator."""
  lr: float = 1e-3
  """Learning rate of generator and critic; it falls to zero along a cosine."""
  beta1: float = 0.0
  """Adam's decay of the gradient's mean."""
  beta2: float = 0.99
  """Adam's decay of the gradient's square."""
  penalty: float | None = None
  """Weight of the gradient penalty of wgan_gp or r3gan; 0.1 if not given."""
  ema_points: float = 100_000.0
  """Half-life, in points, of the averaged generator, which draws the samples."""
  report_every: int = 1000
  """Steps from one count of the modes, and one checkpoint, to the next."""
  data_dir: pathlib.Path | None = None
  """The data folder of tfds; $TFDS_DATA_DIR or ~/tensorflow_datasets if not given."""

  @property
  def weight(self) -> float:
    """Return the weight of the gradient penalty, if the variant has one."""
    return 0.1 if self.penalty is None else self.penalty

  def check(self) -> None:
    """Raise ValueError if a number is out of its range, or an option would do nothing."""
    positive = ('seeds', 'steps', 'batch_size', 'latent_size', 'n_critic', 'lr', 'report_every')
    if wrong := [name for name in positive if not getattr(self, name) > 0]:
      raise ValueError(f'--{wrong[0].replace("_", "-")} must be above 0')
    if self.penalty is not None and self.variant == 'gan':
      raise ValueError('--variant=gan has no gradient penalty: omit --penalty, or take another')
    if not self.weight >= 0:
      raise ValueError(f'--penalty must be 0 or above, it is {self.penalty}')
    if any(width < 1 for width in self.widths):
      raise ValueError(f'--widths must be above 0, they are {self.widths}')
    check_seed(self.seed, '--seed')
    check_seed(self.seed + self.seeds - 1, 'the last seed, --seed + --seeds - 1,')


VARIANTS: dict[
  str, Callable[[float], tuple[objectives.Objective, list[gradient_penalties.Penalty]]]
] = {
  'gan': lambda weight: (objectives.nonsaturating(), []),
  'wgan_gp': lambda weight: (
    objectives.wasserstein(),
    [gradient_penalties.gradient_penalty(weight)],
  ),
  'r3gan': lambda w: (
    objectives.relativistic(),
    [gradient_penalties.r1(w), gradient_penalties.r2(w)],
  ),
}
"""For each variant, a function from the weight of its penalty to its objective and penalties."""


def build(options: Options) -> Game:
  """Build the game of a variant on the plane."""
  objective, terms = VARIANTS[options.variant](options.weight)
  latent = lambda key, n: jax.random.normal(key, (n, options.latent_size))
  critic_loss, generator_loss = adversarial.adversarial(objective, *terms, latent=latent)
  average = partial(
    averaging.ema,
    half_life=options.ema_points,
    images_per_step=options.batch_size * options.n_critic,
  )
  return Game(
    networks={
      'generator': network.linen(Perceptron(options.widths, 2)),
      'critic': network.linen(Perceptron(options.widths)),
    },
    players={
      'generator': Player(('generator',), _adam(options, 1), average=average),
      'critic': Player(('critic',), _adam(options, options.n_critic)),
    },
    turns=(
      Turn('critic', critic_loss, repeats=options.n_critic),
      Turn('generator', generator_loss),
    ),
  )


def _adam(options: Options, updates: int) -> optax.GradientTransformation:
  """Return the optimizer of a player that makes so many updates in each step."""
  rate = optax.cosine_decay_schedule(options.lr, options.steps * updates)
  return optax.adam(rate, options.beta1, options.beta2)


def init(options: Options, played: Game) -> TrainState:
  """Initialize the states of all seeds, stacked along the first axis."""
  examples = {'generator': (jnp.zeros((2, options.latent_size)),), 'critic': (jnp.zeros((2, 2)),)}
  seeds = np.arange(options.seed, options.seed + options.seeds).astype(np.uint32)
  keys = jax.vmap(jax.random.key)(seeds)
  return jax.jit(jax.vmap(lambda key: game.init(played, key, examples)))(keys)


def program(options: Options, played: Game) -> Callable[[TrainState, Array, int], TrainState]:
  """Return the compiled training of all seeds: `(states, points [N, 2], steps) -> states`."""
  shape = (played.microbatches, options.batch_size)

  def step(state: TrainState, points: Array) -> TrainState:
    key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), len(played.turns))
    chosen = jax.random.randint(key, shape, 0, len(points))
    return game.train_step(played, state, {'image': points[chosen]})[0]

  def play(states: TrainState, points: Array, steps: int) -> TrainState:
    one = lambda state: jax.lax.fori_loop(0, steps, lambda _, x: step(x, points), state)
    return jax.vmap(one)(states)

  return jax.jit(play, static_argnums=2, donate_argnums=0)


def draw(options: Options, played: Game, states: TrainState) -> np.ndarray:
  """Draw samples `[seeds, N, 2]` from the averaged generators, with the same latents for all."""
  z = jax.random.normal(jax.random.key(options.seed + 1000), (SAMPLES, options.latent_size))
  one = lambda state: game.nets(played, state)('generator', z)[0]
  return np.asarray(jax.jit(jax.vmap(one))(states))


def count(mixture: Mixture, samples: np.ndarray) -> list[modes.Modes]:
  """Count the modes that each seed has found, from samples `[seeds, N, 2]`."""
  return [modes.mixture(one, mixture.means, mixture.std) for one in samples]


def summary(found: list[modes.Modes]) -> dict[str, Interval]:
  """Return mean and interval of every number over the seeds."""
  values = {name: [getattr(one, name) for one in found] for name in modes.Modes._fields}
  whole = {name: intervals.repeats(of_seeds) for name, of_seeds in values.items()}
  share = intervals.share(values['high_quality'], SAMPLES * len(found))
  return {**whole, 'high_quality': share}


def train(options: Options) -> list[modes.Modes]:
  """Train, or continue a run, and return the modes that each seed has found at the end.

  The work directory then holds `config.json`, `metrics.jsonl` (means over seeds), `modes.json` and
  `samples.png`.

  Raises:
    ValueError: if an option is out of range, or the work directory holds another run.
    Stopped: a signal asked to stop; the step is saved.
  """
  options.check()
  folder = options.workdir.expanduser()
  workdir.check(folder)
  where = data.data_folder() if options.data_dir is None else options.data_dir.expanduser()
  mixture = mixtures.load(options.dataset, where)
  with contextlib.ExitStack() as stack:
    stack.enter_context(workdir.lock(folder))
    run = _agree(options, folder)
    kept = Checkpoints(folder / workdir.CHECKPOINTS, keep_latest=1, run=run)
    checkpoints = stack.enter_context(kept)
    return _play(options, folder, mixture, checkpoints)


def _play(
  options: Options, folder: pathlib.Path, mixture: Mixture, checkpoints: Checkpoints
) -> list[modes.Modes]:
  """Train from the latest checkpoint to the end; write metrics, checkpoints and results."""
  played = build(options)
  states = init(options, played)
  place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
  if kept := checkpoints.restore(abstract(states, place)):
    states = kept[1]
  play, points = program(options, played), jnp.asarray(mixture.points)
  begun, first = time.perf_counter(), int(states.step[0])
  found = count(mixture, samples := draw(options, played, states))
  with heard() as asked:
    while (step := int(states.step[0])) < options.steps:
      states = play(states, points, min(options.report_every, options.steps - step))
      step = int(states.step[0])
      found = count(mixture, samples := draw(options, played, states))
      _report(folder, step, found)
      left = (time.perf_counter() - begun) / (step - first) * (options.steps - step)
      console.say(f'jaxgan: step {step}/{options.steps}  {tqdm.format_interval(left)} left')
      checkpoints.save(step, states, wait=bool(signum := asked()))
      if signum and step < options.steps:
        _write(folder, step, found, samples, mixture)
        raise Stopped(signum, step)
  _write(folder, step, found, samples, mixture)
  return found


def _agree(options: Options, folder: pathlib.Path) -> str:
  """Write the options of the run, and return its mark; see `kept.marked`.

  Raises:
    ValueError: if the run began with other options, or there are checkpoints of another run.
  """
  free = ('workdir', 'data_dir', 'report_every')
  given = dataclasses.asdict(options) | {'penalty': options.weight}
  new = {k: v for k, v in given.items() if k not in free}
  path = folder / workdir.CONFIG
  if path.exists():
    before = {k: v for k, v in files.read_config(path).items() if k != RUN}
    workdir.same(folder, workdir.diff(before, new))
  run = marked(folder, workdir.CHECKPOINTS)
  files.write_config(path, {**new, RUN: run})
  return run


def _report(folder: pathlib.Path, step: int, found: list[modes.Modes]) -> None:
  """Print the means over seeds, and append them to metrics.jsonl."""
  line = {'step': step, **{name: one.value for name, one in summary(found).items()}}
  with (folder / workdir.METRICS).open('a') as file:
    file.write(json.dumps(_finite(line)) + '\n')
  console.say('jaxgan: ' + '  '.join(f'{name} {x:.4g}' for name, x in line.items()))


def _write(
  folder: pathlib.Path, step: int, found: list[modes.Modes], samples: np.ndarray, mixture: Mixture
) -> None:
  """Write the modes of every seed, and a picture of their samples."""
  floor = (len(mixture.means) - 1) / (2 * SAMPLES)
  about: dict[str, object] = {'step': step, 'modes': len(mixture.means), 'samples': SAMPLES}
  about |= {'ideal': {'high_quality': float(modes.CEILING), 'reverse_kl': floor}}
  means = {name: _finite(one._asdict()) for name, one in summary(found).items()}
  seeds = [_finite(one._asdict()) for one in found]
  about |= {'data': mixture.fingerprint, 'mean': means, 'seeds': seeds}
  files.write_config(folder / 'modes.json', about)
  figures.save_points(folder / 'samples.png', samples, mixture.means)


def _finite(values: dict[str, float]) -> dict[str, float | None]:
  """Replace infinite values and NaN by None, because JSON has neither."""
  return {name: value if math.isfinite(value) else None for name, value in values.items()}


def run(options: Options) -> None:
  """Train, and print the modes that were found; raise ValueError as `train` does."""
  found = train(options)
  for name, one in summary(found).items():
    print(f'{name}: {one.value:.4g} ({one.low:.4g} to {one.high:.4g}) of {len(found)} seeds')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('plane', Options, run, argv)


if __name__ == '__main__':
  sys.exit(main())
