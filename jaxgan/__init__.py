"""Generative adversarial networks in JAX: a GAN is a game, and this plays it.

`train(configure('lsgan'), 'runs/first')` trains; `load('runs/first').sample(0, 64)` draws.
"""

from jaxgan.run import Run, load
from jaxgan.train import train
from jaxgan.variants import VARIANTS, configure

__all__ = ['VARIANTS', 'Run', 'configure', 'load', 'train']
