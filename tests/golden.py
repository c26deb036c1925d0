"""Networks of the official implementations with random weights, their inputs and their outputs.

The files are in the folder `golden` of the test data, under the official names and axes.
"""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.published import runs


def arrays(folder, name):
  """(the weights, the inputs and outputs by name) of a file, images as [n, H, W, C]."""
  with np.load(folder / 'golden' / f'{name}.npz') as file:
    whole = {key: file[key] for key in file.files}
  weights = {k.removeprefix('param/'): x for k, x in whole.items() if k.startswith('param/')}
  images = {k: x for k, x in whole.items() if not k.startswith('param/')}
  last = lambda x: x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
  return weights, {k: last(x) for k, x in images.items()}


@functools.cache
def _recipe(variant, options, spec):
  """One recipe for files of one form, so that its networks are compiled once."""
  del variant, options
  return runs.configured([_FOUND[spec]])[2]


_FOUND = {}


class Official:
  """A file's networks in jaxgan, and what the official ones made."""

  def __init__(self, folder, name):
    self.name = name
    self.weights, self.numbers = arrays(folder, name)
    (self.part,) = runs.parts(self.weights)
    found = self.part.found
    key = json.dumps([found.variant, sorted(found.options.items()), found.spec[:3]])
    _FOUND.setdefault(key, found)
    self.recipe = _recipe(found.variant, key, key)
    self.variables = runs.variables(self.part, self.recipe)
    self.labels = (jnp.asarray(self.numbers['in/label']),) if 'in/label' in self.numbers else ()

  def __call__(self, *inputs, network='', train=False):
    """The output of a network, the first one if it has no name."""
    name = network or next(iter(self.variables))
    apply = _compiled(self.recipe.stages[-1].game.networks[name].apply, train)
    return apply(self.variables[name], *map(jnp.asarray, inputs))

  def near(self, made, name):
    """Check that an array is the official one, to 1e-5 of its largest number."""
    wanted = self.numbers[f'out/{name}']
    error = np.abs(np.asarray(made).reshape(wanted.shape) - wanted).max() / np.abs(wanted).max()
    print(f'{self.name}: {name} differs by {error:.1e}')  # shown by pytest -s
    assert error <= 1e-5, f'{self.name}: {name} differs by {error:.1e}'


@functools.cache
def _compiled(apply, train):
  return jax.jit(lambda variables, *inputs: apply(variables, *inputs, train=train)[0])
