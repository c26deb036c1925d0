"""Generative adversarial networks in JAX: a GAN is a game, and this plays it.

`train(configure('lsgan'), 'runs/first')` trains; `load('runs/first').sample(0, 64)` draws.
"""

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from jaxgan import data, losses, networks, nn
  from jaxgan.core.game import Game, Player, Turn, init, train_step
  from jaxgan.core.network import Network, linen, nnx
  from jaxgan.evaluation import metrics
  from jaxgan.recipes.codes import categorical, continuous
  from jaxgan.recipes.config import Config
  from jaxgan.recipes.two_player import Extra, two_player
  from jaxgan.training.loop import train
  from jaxgan.training.run import Run, load
  from jaxgan.variants import VARIANTS, configure

_PLACES = {
  **dict.fromkeys(('data', 'losses', 'networks', 'nn'), ''),
  'metrics': 'evaluation',
  **dict.fromkeys(('Game', 'Player', 'Turn', 'init', 'train_step'), 'core.game'),
  **dict.fromkeys(('Network', 'linen', 'nnx'), 'core.network'),
  'Config': 'recipes.config',
  **dict.fromkeys(('categorical', 'continuous'), 'recipes.codes'),
  **dict.fromkeys(('Extra', 'two_player'), 'recipes.two_player'),
  'train': 'training.loop',
  **dict.fromkeys(('Run', 'load'), 'training.run'),
  **dict.fromkeys(('VARIANTS', 'configure'), 'variants'),
}
"""Where each public name lives. A name is imported at its first use, so that `import jaxgan` and
`jaxgan --help` are quick."""

__path__ += [f'{folder}/apps' for folder in __path__]  # python -m jaxgan.sample, as before apps/
__version__ = importlib.metadata.version('jaxgan')
__all__ = [
  'Config',
  'Extra',
  'Game',
  'Network',
  'Player',
  'Run',
  'Turn',
  'VARIANTS',
  '__version__',
  'categorical',
  'configure',
  'continuous',
  'data',
  'init',
  'linen',
  'load',
  'losses',
  'metrics',
  'networks',
  'nn',
  'nnx',
  'train',
  'train_step',
  'two_player',
]


def __getattr__(name: str) -> Any:
  if name not in _PLACES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  place = f'{__name__}.{_PLACES[name]}'.rstrip('.')
  if name in ('data', 'losses', 'networks', 'nn', 'metrics'):
    return importlib.import_module(f'{place}.{name}')
  return getattr(importlib.import_module(place), name)


def __dir__() -> list[str]:
  return list(__all__)
