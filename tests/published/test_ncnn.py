"""ESRGAN in ncnn's form: every layer is checked, and Real-ESRGAN gives the published crops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from golden import arrays
from jaxgan.published import ncnn, runs, sources
from jaxgan.published.layouts import Unfit
from jaxgan.storage.ncnn import parse

KINDS = {
  ncnn.PLAIN: 'Convolution {} 1 1 a b 0=8 1=3 4=1 5=1 6=576',
  ncnn.LEAKY: 'Convolution {} 1 1 a b 0=8 1=3 4=1 5=1 6=576 9=2 -23310=1,2.0e-01',
  ncnn.SCALED: 'Eltwise {} 2 1 a b c 0=1 -23301=2,2.0e-01,1.0',
  ncnn.SUM: 'BinaryOp {} 2 1 a b c',
  ncnn.LARGER: 'Interp {} 1 1 a b 0=1 1=2.0 2=2.0',
}


def layers(blocks=1, **changed):
  """The text of a network, with the lines of some layers changed."""
  lines = []
  for i, what in enumerate(ncnn._rrdb(blocks)):
    inputs = int(what[0]) if what.endswith('joined') else 0
    line = f'Concat {{}} {inputs} 1 {"a " * inputs}b' if inputs else KINDS[what]
    lines.append(changed.get(f'l{i}', line).format(f'l{i}'))
  return parse('\n'.join(['7767517', f'{len(lines)} 9', *lines]))


def test_the_layers_of_rrdbnet_are_known():
  found = layers(2)
  numbers = {f'{one.name}.weight': np.zeros(1) for one in found if one.kind == 'Convolution'}
  named = ncnn.named(found, numbers)
  assert len(named) == 36 and list(named)[:2] == ['conv_first.weight', 'body.0.rdb1.conv1.weight']
  assert list(named)[-1] == 'conv_last.weight'


@pytest.mark.parametrize(
  'layer, line, said',
  [
    ('l1', 'Convolution {} 1 1 a b 0=8 1=3 4=1 6=9', 'layer 1 .* is convolution; in RRDBNet'),
    (
      'l1',
      'Convolution {} 1 1 a b 0=8 1=3 4=1 6=9 9=2 -23310=1,0.1',
      'Convolution of another kind',
    ),
    ('l1', 'Convolution {} 1 1 a b 0=8 1=3 3=2 4=1 6=9', 'Convolution of another kind'),
    ('l2', 'Concat {} 3 1 a b c d', 'is 3 maps joined; in RRDBNet it is 2 maps joined'),
    ('l10', 'Eltwise {} 2 1 a b c 0=1 -23301=2,0.1,1.0', 'a sum with the factors'),
    ('l10', 'Sigmoid {} 1 1 a b', 'Sigmoid of another kind'),
  ],
)
def test_other_layers_are_refused(layer, line, said):
  with pytest.raises(Unfit, match=said):
    ncnn.named(layers(**{layer: line}), {})


def published(name):
  try:
    path = sources.carried(name)
  except ValueError as error:
    pytest.skip(str(error))
  (part,) = runs.parts(sources.read(path))
  recipe = runs.configured([part.found])[2]
  return part, recipe, runs.variables(part, recipe)['generator']


@pytest.mark.slow
@pytest.mark.parametrize(
  'name, numbers', [('realesrgan-x4plus', 16_697_987), ('realesrgan-x4plus-anime', 4_467_779)]
)
def test_real_esrgan(name, numbers, test_data):
  _, recipe, variables = published(name)
  assert sum(x.size for x in jax.tree.leaves(variables)) == numbers
  _, crop = arrays(test_data, name.replace('-', '_') + '_crop')
  network = recipe.stages[-1].game.networks['generator']
  apply = jax.jit(lambda v, x: network.apply(v, x, train=False)[0])
  made = (np.asarray(apply(variables, 2 * jnp.asarray(crop['in/x']) - 1)) + 1) / 2
  wanted = crop['out/y']
  error = np.abs(made - wanted).max() / np.abs(wanted).max()
  print(f'{name}: {error:.1e}')
  assert error <= 1e-5


@pytest.mark.peers
@pytest.mark.parametrize('name', sources.CARRIED)
def test_real_esrgan_in_another_library(name):
  torch, spandrel = pytest.importorskip('torch'), pytest.importorskip('spandrel')
  part, recipe, variables = published(name)
  state = {name: torch.tensor(x) for name, x in part.weights.items()}
  other = spandrel.ModelLoader().load_from_state_dict(state).model
  images = np.random.default_rng(0).uniform(size=(1, 24, 20, 3)).astype(np.float32)
  with torch.no_grad():
    wanted = other(torch.tensor(images).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
  network = recipe.stages[-1].game.networks['generator']
  apply = jax.jit(lambda v, x: network.apply(v, x, train=False)[0])
  made = (np.asarray(apply(variables, 2 * jnp.asarray(images) - 1)) + 1) / 2
  error = np.abs(made - wanted).max() / np.abs(wanted).max()
  print(f'{name}: {error:.1e}')
  assert error <= 1e-4
