"""A recipe is what a variant builds: the games of its stages, and how to draw samples."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

import jax.numpy as jnp

from jaxgan.core import freezing, network_transforms
from jaxgan.core.game import Game
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Latent
from jaxgan.data.source import Source
from jaxgan.recipes import codes
from jaxgan.recipes.codes import Code


class Stage(NamedTuple):
  """A game, inputs to initialize its networks with, and its length in steps (None: to the end).

  `fresh` are fields of the state that do not come over from the stage before, such as `opt`.
  """

  game: Game
  example: Mapping[str, Sequence[Array]]
  steps: int | None = None
  fresh: tuple[str, ...] = ()


class Styles(NamedTuple):
  """Where images are made of styles w `[n, layers, d]`, one a layer, that follow from latents.

  `map(nets, latents, labels) -> w`; `synthesize(nets, w, key) -> images [n, H, W, C]`, a little
  beyond [-1, 1] here and there, where the key draws the noise and None leaves it fixed;
  `mean(nets) -> [d]`, the average style. `noise` are the sides of the maps of noise.
  """

  map: Callable[[Nets, Array, Array], Array]
  synthesize: Callable[[Nets, Array, Key | None], Array]
  mean: Callable[[Nets], Array]
  noise: tuple[int, ...] = ()


class Translation(NamedTuple):
  """`apply(nets, images, key, *given)`: `[n, H, W, C]` in [-1, 1] to `[n, scale H, scale W, C]`.

  H and W must be multiples of `multiple`, and `smallest` pixels or more. Translations with one
  `apply` that differ in `given`, such as the number of a domain, share one compiled program.
  """

  apply: Callable[..., Array]
  multiple: int = 1
  smallest: int = 1
  scale: int = 1
  given: tuple[int, ...] = ()


class Sampler(NamedTuple):
  """How images are made of latents.

  `latent(key, n)` draws latents, and `generate(nets, latents, labels)` makes images `[n, H, W, C]`
  in [-1, 1] of them, always the same of the same latents. `sample(nets, key, labels)` does both,
  and draws the noise of networks that add noise. `labels` are int32 `[n]`; they are zeros and mean
  nothing if the sampler is not `conditional`. `styles` is for networks that make images by way of
  styles.

  `codes` are named parts of the latents: `sample(nets, key, labels, {'code': [size]})` draws images
  whose code is the given one. `encode(nets, images)` returns latents of images, `[n, Z]`, for
  networks that learn them beside the generator.
  """

  latent: Latent
  generate: Callable[[Nets, Array, Array], Array]
  sample: Callable[..., Array]
  conditional: bool = False
  styles: Styles | None = None
  codes: Mapping[str, Code] = MappingProxyType({})
  encode: Callable[[Nets, Array], Array] | None = None


class Translator(NamedTuple):
  """How images are made of images.

  `ways` are the translations by name. `show(nets, batch, key) -> [n, k, H, W, C]` gives k pictures
  of each image of a batch, such as source, translation and reconstruction; `shown` names them.
  `needs` says what data must have: a second domain ('target'), whose images may have to be partners
  of those of the first ('pairs'), or labels ('classes'), each class a domain with a way to it.
  """

  ways: Mapping[str, Translation]
  show: Callable[[Nets, Batch, Key], Array]
  shown: tuple[str, ...] = ()
  needs: Literal['', 'target', 'pairs', 'classes'] = ''


class Recipe(NamedTuple):
  """What a variant builds: the stages in order, and how its networks make images.

  Networks named in `exact` are computed in float32, whatever the precision of the others.

  `prepare(recipe, source)` returns the recipe for training: it adds what comes from files or from
  the data set. It raises ValueError if that is missing. A run that is only used needs no call.
  """

  stages: tuple[Stage, ...]
  interface: Sampler | Translator
  exact: tuple[str, ...] = ()
  prepare: Callable[['Recipe', Source], 'Recipe'] = lambda recipe, source: recipe

  @property
  def conditional(self) -> bool:
    """Return whether images are drawn by class."""
    return isinstance(self.interface, Sampler) and self.interface.conditional

  @property
  def needs(self) -> str:
    """Return what data must have, as in `Translator`."""
    return self.interface.needs if isinstance(self.interface, Translator) else ''


def computed_in(precision: str, recipe: Recipe) -> Recipe:
  """Return the recipe with its networks, except the exact ones, in 'float32' or 'bfloat16'."""
  if precision == 'float32':
    return recipe

  def converted(stage: Stage) -> Stage:
    networks = {
      name: whole
      if name in recipe.exact
      else network_transforms.computed_in(whole, jnp.dtype(precision))
      for name, whole in stage.game.networks.items()
    }
    return stage._replace(game=dataclasses.replace(stage.game, networks=networks))

  return recipe._replace(stages=tuple(map(converted, recipe.stages)))


def accumulated(parts: int, recipe: Recipe) -> Recipe:
  """Return the recipe whose games play each batch in so many parts, see `core.parts`."""
  split = lambda stage: stage._replace(game=dataclasses.replace(stage.game, parts=parts))
  return recipe if parts == 1 else recipe._replace(stages=tuple(map(split, recipe.stages)))


def frozen(count: int, recipe: Recipe) -> Recipe:
  """Return the recipe in which the first layers of each critic get no update.

  In a stage before the last, whose critic has fewer layers, its last one alone is trained.

  Raises:
    ValueError: as `freezing.frozen`; or no network is a critic.
  """
  if count and not any(x.startswith('critic') for s in recipe.stages for x in s.game.networks):
    raise ValueError(f'--freeze={count} has no effect: no network here is named critic')
  if not count:
    return recipe
  *before, last = recipe.stages
  counts = [*(min(count, freezing.most(stage.game, stage.example)) for stage in before), count]
  return recipe._replace(
    stages=tuple(
      stage._replace(game=freezing.frozen(stage.game, stage.example, few))
      for stage, few in zip((*before, last), counts, strict=True)
    )
  )


Given = Mapping[str, Array]
"""Codes that were chosen, `[size]` each, by name."""
Generator = Callable[[Nets, Array, Array], Array]
"""Images of latents and labels, which mean nothing where the recipe is not conditional."""


def from_latents(
  stages: tuple[Stage, ...],
  latent: Latent,
  conditional: bool,
  generate: Generator | None = None,
  parts: Mapping[str, Code] = MappingProxyType({}),
  encode: Callable[[Nets, Array], Array] | None = None,
) -> Recipe:
  """Return the recipe whose network `generator`, or `generate`, makes images from latents (and
  labels); the last numbers of the latents are the codes `parts`, and `encode` goes the other way.
  """

  def network(nets: Nets, latents: Array, labels: Array) -> Array:
    return nets('generator', latents, *((labels,) if conditional else ()))[0]

  made = generate or network

  def sample(
    nets: Nets, key: Key, labels: Array, given: Mapping[str, Array] | None = None
  ) -> Array:
    return made(nets, codes.chosen(latent(key, len(labels)), parts, given or {}), labels)

  return Recipe(stages, Sampler(latent, made, sample, conditional, codes=parts, encode=encode))
