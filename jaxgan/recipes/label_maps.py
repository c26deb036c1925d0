"""What recipes of label maps share: the palette, which belongs to a run's state."""

from dataclasses import replace

import numpy as np

from jaxgan.core import console
from jaxgan.core.typing import Spec
from jaxgan.data import label_maps
from jaxgan.data.source import Source
from jaxgan.losses.semantic import PALETTE
from jaxgan.ops.images import to_unit
from jaxgan.parallel import hosts
from jaxgan.recipes.types import Recipe


def with_palette(recipe: Recipe, labels: int, spec: Spec) -> Recipe:
  """Let the games of a recipe remember a palette, which is found in the maps before training.

  It is part of the state, so a run that goes on, or that is only used, has that of its checkpoint.
  Before the maps are known the colors are shades of grey.

  Args:
    recipe: its losses read the memory `palette`, float32 `[labels, C]` in [-1, 1].
    labels: the number of labels.
    spec: the images' shape.
  """
  grey = np.linspace(-1, 1, labels, dtype=np.float32)[:, None]
  recipe = remembering(recipe, np.tile(grey, (1, spec.channels)))
  return recipe._replace(prepare=lambda made, source: _found(made, source, labels))


def _found(recipe: Recipe, source: Source, labels: int) -> Recipe:
  palette = label_maps.palette(source, labels)
  if hosts.first():
    console.say(f'jaxgan: label maps: {palette}', error=True)
  return remembering(recipe, to_unit(palette.colors))


def remembering(recipe: Recipe, colors: np.ndarray) -> Recipe:
  """Return the recipe whose games begin with these colors."""
  memory = lambda game: {**game.memory, PALETTE: colors}
  stages = [
    stage._replace(game=replace(stage.game, memory=memory(stage.game))) for stage in recipe.stages
  ]
  return recipe._replace(stages=tuple(stages))
