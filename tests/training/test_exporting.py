"""Every variant becomes one function of arrays, for every batch size."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from test_options import NARROW, SIZES

from jaxgan import variants
from jaxgan.core.typing import Spec
from jaxgan.ops import convolution
from jaxgan.recipes import stages
from jaxgan.recipes.types import Translator
from jaxgan.training import exporting
from jaxgan.training.run import Run


def run_of(variant, **options):
  """A run of narrow networks before its first step."""
  fields = {f.name for f in dataclasses.fields(variants.module(variant).Config)}
  narrow = {name: x for name, x in {**NARROW, **options}.items() if name in fields}
  size = SIZES.get(variant, 16)
  config = variants.configure(variant, image_size=size, **narrow)
  spec = Spec(size, 3, 3)
  recipe = variants.build(config, spec)
  stage = recipe.stages[-1]
  state = stages.first_state(
    stage, jax.random.key(0), jax.sharding.SingleDeviceSharding(jax.devices()[0])
  )
  step = sum(one.steps or 0 for one in recipe.stages[:-1])
  return Run(config, spec, recipe, dataclasses.replace(state, step=jnp.int32(step)))


def program_of(run):
  interface = run.recipe.interface
  if isinstance(interface, Translator):
    return exporting.of_images(run, next(iter(interface.ways)))
  return exporting.of_latents(run)


def differs(run):
  """How far images of the exported function are from those of the same program here.

  The run's own convolutions add their products in another order: a tenth of a thousandth at most.
  """
  program = program_of(run)
  made = export.deserialize(bytearray(exporting.serialized(program)))
  usual = np.asarray(jax.jit(program.function)(*program.inputs.values()))
  with convolution.plain():
    wanted = np.asarray(jax.jit(program.function)(*program.inputs.values()))
  found = np.asarray(made.call(*program.inputs.values()))
  single = {k: x if not x.ndim else x[:1] for k, x in program.inputs.items()}
  alone = np.asarray(made.call(*single.values()))
  most = np.abs(wanted).max()
  assert np.abs(found - usual).max() <= 1e-4 * most
  if run.config.variant != 'pix2pix':  # whose batch norm goes by the batch
    assert np.abs(alone - wanted[:1]).max() <= 1e-4 * most
  return float(np.abs(found - wanted).max() / most)


@pytest.mark.parametrize('variant', ['gan', 'sngan'])
def test_latents_and_labels(variant):
  run = run_of(variant)
  assert list(program_of(run).inputs) == ['latents', 'labels'][: 1 + run.recipe.conditional]
  assert differs(run) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize('variant', variants.VARIANTS)
def test_every_variant(variant):
  error = differs(run_of(variant))
  print(f'{variant}: {error:.1e}')
  assert error <= 1e-5


def test_noise_and_psi_are_inputs():
  """With the run's own fixed noise and psi, the function is that of the run."""
  run = run_of('stylegan2', kept_noise=True, augment='none', path_weight=0.0)
  program = exporting.of_latents(run)
  fixed = run.state.variables['synthesis']['noise']
  names = [f'noise_{i}' for i in range(len(fixed))]
  assert list(program.inputs) == ['latents', 'labels', 'psi', *names]
  own = [np.broadcast_to(fixed[str(i)], program.inputs[n].shape) for i, n in enumerate(names)]
  first = list(program.inputs.values())[:3]
  made = jax.jit(program.function)(*first, *own)
  np.testing.assert_allclose(made, run.generate(first[0], list(first[1])), atol=1e-5)
  other = jax.jit(program.function)(first[0], first[1], np.float32(0.1), *own)
  assert np.abs(np.asarray(other) - np.asarray(made)).max() > 1e-3


def test_a_seed_is_an_input_only_where_noise_is_drawn():
  assert set(program_of(run_of('pix2pix')).inputs) == {'images', 'seed'}
  assert set(program_of(run_of('pix2pix', test_noise=False)).inputs) == {'images'}
