"""What `import jaxgan` gives."""

import importlib
import subprocess
import sys

import pytest

import jaxgan
from jaxgan import variants

PUBLIC = {
  *('train', 'load', 'Run', 'configure', 'register', 'VARIANTS', 'Config', '__version__'),
  *('Game', 'Player', 'Turn', 'Network', 'linen', 'nnx', 'init', 'train_step', 'two_player'),
  *('losses', 'nn', 'networks', 'metrics', 'data'),
}


def test_every_public_name_is_there():
  assert set(jaxgan.__all__) >= PUBLIC
  assert dir(jaxgan) == sorted(jaxgan.__all__)
  for name in jaxgan.__all__:
    assert getattr(jaxgan, name) is not None
  with pytest.raises(AttributeError, match="module 'jaxgan' has no attribute 'trian'"):
    _ = jaxgan.trian


def test_names_are_those_of_their_modules():
  assert jaxgan.train is importlib.import_module('jaxgan.training.loop').train
  assert jaxgan.metrics is importlib.import_module('jaxgan.evaluation.metrics')
  assert jaxgan.VARIANTS is variants.VARIANTS


def test_nothing_is_imported_before_it_is_used():
  code = (
    'import sys, jaxgan; assert "jax" not in sys.modules; jaxgan.train;'
    'slow = {"scipy.stats", "scipy.special", "flax.nnx", "orbax", "tensorflow_datasets"};'
    'assert not slow & set(sys.modules);'
    'jaxgan.metrics.frechet'
  )
  subprocess.run([sys.executable, '-c', code], check=True, timeout=60)


@pytest.mark.parametrize('package', ['losses', 'nn', 'networks', 'metrics', 'data'])
def test_packages_name_what_they_hold(package):
  """And a name that is a module's stays the module's, wherever it is imported from."""
  held = getattr(jaxgan, package)
  for name in held.__all__:
    found = getattr(held, name)
    inner = f'{held.__name__}.{name}'
    assert inner not in sys.modules or found is sys.modules[inner]


def test_losses_and_layers_are_had_by_name():
  assert jaxgan.losses.hinge is jaxgan.losses.objectives.hinge
  assert jaxgan.losses.r1 is jaxgan.losses.gradient_penalties.r1
  assert set(jaxgan.losses.OBJECTIVES) <= set(jaxgan.losses.__all__)
  from jaxgan.nn.attention import SelfAttention

  assert jaxgan.nn.SelfAttention is SelfAttention


class Whole:
  """What a module of a variant holds."""

  Config = variants.gan.Config
  build = staticmethod(variants.gan.build)
  __name__ = 'whole'


def test_a_variant_of_ones_own_is_known(monkeypatch):
  monkeypatch.setattr(variants, 'VARIANTS', dict(variants.VARIANTS))
  jaxgan.register('mine', Whole())
  assert jaxgan.configure('mine', widths=[8]).widths == (8,)
  assert jaxgan.configure('mine', 'paper').preset == 'paper'
  with pytest.raises(ValueError, match="there is a variant 'gan' already"):
    jaxgan.register('gan', Whole())
  with pytest.raises(ValueError, match='build'):
    jaxgan.register('half', type('Half', (), {'Config': Whole.Config, '__name__': 'half'})())
