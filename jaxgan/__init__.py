"""Generative adversarial networks in JAX: a GAN is a game, and this plays it.

`train(configure('lsgan'), 'runs/first')` trains; `load('runs/first').sample(0, 64)` draws. Beside
the ready-made variants there is the engine that plays them: a `Game` of networks, players and
turns, `init`, which makes its first state, and `train_step`, which plays each turn once.

Example:
  >>> import jax, jax.numpy as jnp, optax, jaxgan
  >>> from jaxgan import losses, networks
  >>> latent = lambda key, n: jax.random.normal(key, (n, 4))
  >>> critic, generator = losses.adversarial.adversarial(losses.hinge(), latent=latent)
  >>> game = jaxgan.Game(
  ...   networks={
  ...     'generator': jaxgan.linen(networks.mlp.Generator((8, 8, 1), widths=(8,))),
  ...     'critic': jaxgan.linen(networks.mlp.Critic(widths=(8,))),
  ...   },
  ...   players={
  ...     'generator': jaxgan.Player(('generator',), optax.adam(1e-3)),
  ...     'critic': jaxgan.Player(('critic',), optax.adam(1e-3)),
  ...   },
  ...   turns=(jaxgan.Turn('critic', critic), jaxgan.Turn('generator', generator)),
  ... )
  >>> images = jnp.zeros((1, 2, 8, 8, 1))  # [microbatches, batch, height, width, channels]
  >>> example = {'generator': (latent(jax.random.key(0), 2),), 'critic': (images[0],)}
  >>> state = jaxgan.init(game, jax.random.key(0), example)
  >>> step = jax.jit(jaxgan.train_step, static_argnums=0)
  >>> state, logs = step(game, state, {'image': images})
  >>> int(state.step), [name for name in logs if name.endswith('loss')]
  (1, ['critic/loss', 'generator/loss'])
  >>> isinstance(jaxgan.configure('gan'), jaxgan.Config), next(iter(jaxgan.VARIANTS))
  (True, 'gan')
"""

import importlib
import importlib.metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
  from jaxgan import data, losses, networks, nn
  from jaxgan.core.game import Game, Player, Turn, init, train_step
  from jaxgan.core.network import Network, linen
  from jaxgan.core.nnx_network import nnx
  from jaxgan.evaluation import metrics
  from jaxgan.published.runs import from_published
  from jaxgan.recipes.codes import categorical, continuous
  from jaxgan.recipes.config import Config
  from jaxgan.recipes.two_player import Extra, two_player
  from jaxgan.training.doctor import diagnose
  from jaxgan.training.loop import train
  from jaxgan.training.run import Run, load
  from jaxgan.variants import VARIANTS, configure, register

_MODULES = {**dict.fromkeys(('data', 'losses', 'networks', 'nn'), ''), 'metrics': 'evaluation'}
_PLACES = {
  **_MODULES,
  **dict.fromkeys(('Game', 'Player', 'Turn', 'init', 'train_step'), 'core.game'),
  **dict.fromkeys(('Network', 'linen'), 'core.network'),
  'nnx': 'core.nnx_network',
  'from_published': 'published.runs',
  'Config': 'recipes.config',
  **dict.fromkeys(('categorical', 'continuous'), 'recipes.codes'),
  **dict.fromkeys(('Extra', 'two_player'), 'recipes.two_player'),
  'train': 'training.loop',
  'diagnose': 'training.doctor',
  **dict.fromkeys(('Run', 'load'), 'training.run'),
  **dict.fromkeys(('VARIANTS', 'configure', 'register'), 'variants'),
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
  'diagnose',
  'from_published',
  'init',
  'linen',
  'load',
  'losses',
  'metrics',
  'networks',
  'nn',
  'nnx',
  'register',
  'train',
  'train_step',
  'two_player',
]


def __getattr__(name: str) -> object:
  if name not in _PLACES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  place = f'{__name__}.{_PLACES[name]}'.rstrip('.')
  if name in _MODULES:
    return importlib.import_module(f'{place}.{name}')
  found: object = getattr(importlib.import_module(place), name)
  return found


def __dir__() -> list[str]:
  return list(__all__)
