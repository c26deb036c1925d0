"""Runs as they are before their first step, and one whose images differ nevertheless."""

import dataclasses

import jax

from jaxgan import variants
from jaxgan.training.session import prepared


def made(home, name, variant, **options):
  """A run saved before its first step: of compiling one nothing is learnt here."""
  config = variants.configure(variant, batch_size=16, data_dir=home / 'data', **options)
  with prepared(config, home / name, quiet=True) as session:
    session.checkpoints.save(0, session.state, wait=True)
  return home / name


def sharpened(run):
  """The run with kernels so large that its images differ."""

  def larger(path, x):
    return 20 * x if 'kernel' in str(path[-1]) else x

  ema = {n: jax.tree_util.tree_map_with_path(larger, p) for n, p in run.state.ema.items()}
  return dataclasses.replace(run, state=dataclasses.replace(run.state, ema=ema))
