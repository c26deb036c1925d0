"""Signals: numbers that tell how a training is, computed beside the step and never within it.

A program of its own looks at the current networks and at a batch that stays the same during the
run. So the training step computes the same bits with and without signals. `docs/signals.md` has
the table of all signals.
"""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.core import game
from jaxgan.core.game import Game, Turn
from jaxgan.core.nets import Shown
from jaxgan.core.network import Network
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Logs, Tree
from jaxgan.ops import convolution
from jaxgan.ops.images import to_unit

RHYTHM = 50
"""The fewest steps from one line with signals to the next."""
MOST = 64
"""Images whose distances are measured, at most: there is one distance for each pair."""
EDGE = 0.98
"""Values beyond this, of -1 to 1, count as extreme."""
_QUICK = {'xla_backend_optimization_level': 1}
"""It compiles faster than at the usual level and runs as fast; level 0 runs half as long again."""
Program = Callable[[TrainState, Batch], Logs]


def rhythm(log_every: int) -> int:
  """Return the steps from one line with signals to the next: a multiple of `log_every`."""
  return log_every * math.ceil(RHYTHM / log_every)


def program(played: Game) -> Program:
  """Return the compiled signals of a game: `(state, batch) -> signals by name`.

  The batch holds uint8 images or images in [-1, 1]. The result is empty for a game whose losses
  show nothing, see `Nets.show`.
  """

  def compute(state: TrainState, batch: Batch) -> Logs:
    batch = {k: to_unit(x) if x.dtype == jnp.uint8 else x for k, x in batch.items()}
    features: list[Array] = []
    turn, shown = _shown(tapped(played, features), state, batch)
    found: Logs = {}
    for one in shown:
      found |= {f'{name}_{one.domain}' if one.domain else name: x for name, x in _of(one, features)}
    return found

  return jax.jit(compute, compiler_options={**(convolution.compiler_options() or {}), **_QUICK})


def compiled(played: Game, state: Tree, batch: Tree) -> Program:
  """Return the signals of a game, compiled for a state and a batch of given shapes."""
  return program(played).lower(state, batch).compile()  # type: ignore[attr-defined]


def _shown(played: Game, state: TrainState, batch: Batch) -> tuple[Turn | None, list[Shown]]:
  """Return what the first turn shows that shows anything."""
  shown: list[Shown] = []
  nets = game.nets(played, replace(state, ema={}), train=True)  # no averages: those who play
  nets = replace(nets, witness=shown.append)
  for i, turn in enumerate(played.turns):
    turn.loss(nets, batch, jax.random.fold_in(jax.random.key(0), i))
    if shown:
      return turn, shown
  return None, []


def tapped(played: Game, features: list[Array]) -> Game:
  """Return the game whose networks put their features, where they have any, into a list."""
  networks = {name: _tapped(network, features) for name, network in played.networks.items()}
  return replace(played, networks=networks)


def _tapped(network: Network, features: list[Array]) -> Network:
  if network.features is None:
    return network
  whole = network.features

  def apply(*given: Any, **options: Any) -> Any:
    try:
      (output, seen), variables = whole(*given, **options)
    except ValueError:  # a Linen module that shows none
      return network.apply(*given, **options)
    features.append(seen)
    return output, variables

  return network._replace(apply=apply)


def _of(shown: Shown, features: list[Array]) -> list[tuple[str, Array]]:
  """Return the signals of one critic and of the images that it compares."""
  real, real_features = _judged(shown, shown.real, features)
  fake, fake_features = _judged(shown, shown.fake, features)
  found = {
    **{f'critic/{name}': value for name, value in judgement(shown.critic, real, fake).items()},
    'critic/slope': steepness(shown.real, shown.fake, real, fake),
    **{f'samples/{name}': value for name, value in resemblance(shown.real, shown.fake).items()},
    'samples/features': diversity(real_features, fake_features),
    'samples/extreme': _extreme(shown.fake) - _extreme(shown.real),
  }
  return [(name, value) for name, value in found.items() if value is not None]


def _judged(shown: Shown, images: Array, features: list[Array]) -> tuple[Array, Array | None]:
  """Return the logits of images and, if the critic shows any, its features."""
  features.clear()
  logits = shown.judge(images)
  wide = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
  return wide, features[-1] if features else None


def judgement(critic: Callable[[Array, Array], Array] | None, real: Array, fake: Array) -> Logs:
  """Return how well a critic tells real logits from fake ones, of one shape.

  The middle is the logit that suits real and fake images equally well: where critic(t, t) is
  smallest. Where there is no such logit, as for Wasserstein's loss, which is equal everywhere, or
  for energies, the middle lies halfway between the two mean logits.

  Returns:
    'gap', the difference of the mean logits; 'accuracy_real' and 'accuracy_fake', the shares on
    the right side of the middle; 'saturated', the share of logits at which the loss has less than
    1 % of the slope that it has at the middle; 'logit', the mean logit of real images. The first
    and the last alone where no `critic` sets the two kinds apart.
  """
  real, fake = real.ravel(), fake.ravel()
  means = jnp.stack([real, fake]).mean(1)
  if critic is None:
    return {'gap': means[0] - means[1], 'logit': means[0]}
  middle = _middle(critic, means)
  slopes = jnp.abs(jnp.stack(jax.grad(critic, argnums=(0, 1))(*_ended(middle, real, fake))))
  right = (jnp.stack([real - middle, middle - fake]) > 0).mean(1, dtype=jnp.float32)
  return {
    'gap': means[0] - means[1],
    'accuracy_real': right[0],
    'accuracy_fake': right[1],
    'saturated': (slopes[:, :-1] < 0.01 * slopes[:, -1].max()).mean(dtype=jnp.float32),
    'logit': means[0],
  }


def _ended(middle: Array, *logits: Array) -> list[Array]:
  """Return logits with one at the middle as the last, so that one gradient has all slopes."""
  return [jnp.append(x, middle.astype(x.dtype)) for x in logits]


def _middle(critic: Callable[[Array, Array], Array], means: Array) -> Array:
  grid = np.linspace(-2, 2, 81, dtype=np.float32)
  losses = jax.vmap(lambda t: critic(t[None], t[None]))(jnp.asarray(grid))
  least = (losses < losses.min() + 1e-5).astype(jnp.float32)
  ones, sums = least @ np.stack([np.ones_like(grid), grid], 1)
  return jnp.where(least[0] + least[-1] > 0, means.mean(), sums / ones)


def steepness(real: Array, fake: Array, real_logits: Array, fake_logits: Array) -> Array | None:
  """Return the mean of |D(x) - D(y)| / ||x - y|| over pairs of a real and a fake image.

  It is at most the norm of the critic's gradient somewhere between the two. A logit for each image
  is needed: None for a critic of packs. Logits of patches are summed, as penalties do.
  """
  if not len(real) == len(fake) == len(real_logits):
    return None
  whole = lambda logits: logits.reshape(len(logits), -1).sum(1)
  apart = jnp.sqrt(((real - fake) ** 2).reshape(len(real), -1).sum(1))
  return (jnp.abs(whole(real_logits) - whole(fake_logits)) / jnp.maximum(apart, 1e-6)).mean()


def resemblance(real: Array, fake: Array) -> Logs:
  """Return how fake images lie among real ones, by the Euclidean distances of all pairs.

  Of the first `MOST` of each, with d(x, y) the mean distance and near(x, y) the mean distance of an
  x to the nearest other y:

      diversity = d(fake, fake) / d(real, real)
      distance = (2 d(real, fake) - d(real, real) - d(fake, fake)) / d(real, real)
      nearness = near(fake, real) / near(real, real)
      reach = near(real, fake) / near(real, real)

  The distance is the energy distance without its bias: about 0 for images of one distribution.

  Returns:
    These four; nothing for fewer than two images of each.
  """
  if min(len(real), len(fake)) < 2:
    return {}
  real, fake = (x[:MOST].reshape(min(len(x), MOST), -1) for x in (real, fake))
  n = len(real)
  apart = distances(jnp.concatenate([real, fake]))
  own, between, other = apart[:n, :n], apart[:n, n:], apart[n:, n:]
  within = jnp.maximum(_mean(own), 1e-6)
  near = jnp.maximum(jnp.where(jnp.eye(n, dtype=bool), jnp.inf, own).min(1).mean(), 1e-6)
  return {
    'diversity': _mean(other) / within,
    'distance': (2 * between.mean() - _mean(own) - _mean(other)) / within,
    'nearness': between.min(0).mean() / near,
    'reach': between.min(1).mean() / near,
  }


def diversity(real: Array | None, fake: Array | None) -> Array | None:
  """Return the mean distance of two fake images over that of two real ones; None for fewer."""
  if real is None or fake is None or min(len(real), len(fake)) < 2:
    return None
  return spread(fake) / jnp.maximum(spread(real), 1e-6)


def spread(x: Array) -> Array:
  """Return the mean Euclidean distance of two of the first `MOST` rows of `[n, ...]`."""
  return _mean(distances(x[:MOST].reshape(min(len(x), MOST), -1)))


def distances(rows: Array) -> Array:
  """Return the Euclidean distances of all rows of `[n, d]`, `[n, n]`."""
  rows = rows.astype(jnp.float32)
  rows = rows - rows.mean(0, keepdims=True)
  squares = (rows**2).sum(1)
  product = jnp.matmul(rows, rows.T, precision='highest')
  apart = jnp.maximum(squares[:, None] + squares[None] - 2 * product, 0)
  return jnp.sqrt(jnp.where(jnp.eye(len(rows), dtype=bool), 0, apart))


def _mean(apart: Array) -> Array:
  return apart.sum() / (len(apart) * (len(apart) - 1))


def _extreme(images: Array) -> Array:
  return (jnp.abs(images) > EDGE).mean(dtype=jnp.float32)


# What the state alone tells.


@jax.jit
def copied(params: Tree) -> Tree:
  """Return a copy of parameters, which the next step will not consume."""
  return jax.tree.map(jnp.copy, params)


def movement(played: Game, before: Mapping[str, Tree], state: TrainState) -> Logs:
  """Return for each player the norm of its gradient and the size of its update.

  'gradient' is the norm of the gradient's mean as the optimizer keeps it: over about
  1 / (1 - beta1) updates with Adam. RMSProp keeps only squares; then it is the root of their mean.
  'update' is ||new - old|| / ||new|| of the player's parameters over the last step.

  Args:
    played: the game.
    before: the parameters before the step, by network.
    state: the state after it.
  """
  after = {name: state.params[name] for name in before}
  own = {name: player.networks for name, player in played.players.items()}
  moments = {name: kept for name in own if (kept := _moments(state.opt[name])) is not None}
  return _movement(own_of(own, before), own_of(own, after), moments)


def own_of(own: Mapping[str, tuple[str, ...]], params: Mapping[str, Tree]) -> dict[str, Tree]:
  """Return the parameters of each player."""
  return {player: {name: params[name] for name in names} for player, names in own.items()}


@functools.partial(jax.jit, compiler_options=_QUICK)
def _movement(before: Tree, after: Tree, moments: Mapping[str, tuple[Tree, Tree]]) -> Logs:
  found = {}
  for player in after:
    change = jax.tree.map(jnp.subtract, after[player], before[player])
    size = optax.tree.norm(after[player])
    found[f'{player}/update'] = optax.tree.norm(change) / jnp.maximum(size, 1e-12)
    if player in moments:
      means, squares = moments[player]
      total = optax.tree.norm(means) if means else jnp.sqrt(sum(map(jnp.sum, squares)))
      found[f'{player}/gradient'] = total
  return found


def _moments(opt: Tree) -> tuple[list[Array], list[Array]] | None:
  """Return the means of gradients that an optimizer keeps, or else the means of their squares."""
  for name, place in (('mu', 0), ('trace', 0), ('nu', 1)):
    kept = [tree for _, tree in optax.tree.get_all_with_path(opt, name)]
    if leaves := jax.tree.leaves(kept):
      return (leaves, []) if place == 0 else ([], leaves)
  return None
