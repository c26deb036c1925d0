"""The plane in the browser: its mathematics is jaxgan's, and the page works for its readers."""

import itertools
import json
import pathlib
import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import chromium
from jaxgan.apps import plane
from jaxgan.data import mixtures
from jaxgan.evaluation.metrics import modes
from jaxgan.losses import gradient_penalties, objectives
from jaxgan.networks.mlp import Perceptron

FOLDER = pathlib.Path(__file__).parents[1] / 'docs/plane'
INDEX = (FOLDER / 'index.html').as_uri()
SCRIPTS = [FOLDER / f'{name}.js' for name in ('perceptron', 'losses', 'data', 'game')]
WEIGHT = 0.7
OBJECTIVES = ('minimax', 'nonsaturating', 'least_squares', 'wasserstein', 'relativistic')
PENALTIES = {
  'none': [],
  'r1': [gradient_penalties.r1(WEIGHT)],
  'r1_r2': [gradient_penalties.r1(WEIGHT), gradient_penalties.r2(WEIGHT)],
  'gradient_penalty': [gradient_penalties.gradient_penalty(WEIGHT)],
}
in_browser = pytest.mark.skipif(chromium.PROGRAM is None, reason='there is no Chromium')

# Returns all that the tests compare, as lists of numbers.
COMPARED = """(given) => {
  const flat = (x) => Float32Array.from(x.flat());
  const [g, c] = ['generator', 'critic'].map(
    (name) => perceptron.wrap(given[name].sizes, flat(given[name].values)));
  const [real, latents, mix] = ['real', 'latents', 'mix'].map((name) => flat(given[name]));
  const fake = perceptron.last(perceptron.forward(g, latents));
  const told = (x) => ({ value: x.value, gradient: [...x.gradient.values] });
  const critics = given.critics.map(([objective, penalty]) => told(losses.critic(
    c, real, fake, mix, { objective, penalty, weight: given.weight })));
  const generators = given.objectives.map((objective) =>
    losses.generator(g, c, latents, real, { objective }));
  const state = perceptron.adam(c.values.length);
  for (const gradient of given.gradients) {
    perceptron.update(c, perceptron.wrap(c.sizes, flat(gradient)), state, 0.01);
  }
  return {
    fake: [...fake], critics, adam: [...c.values],
    generators: generators.map((x) => ({ ...told(x), push: [...x.push] })),
    reached: ['ring8', 'grid25'].map((name) => data.reached(data.sets[name], flat(given[name]))),
    sets: ['ring8', 'grid25'].map((name) => data.sets[name]), defaults: game.defaults,
  };
}"""


def by_node(given):
  reading = 'require("fs").readFileSync(x, "utf8")'
  load = f'for (const x of {json.dumps([*map(str, SCRIPTS)])}) vm.runInThisContext({reading});'
  call = f'const given = {json.dumps(given)}; console.log(JSON.stringify(({COMPARED})(given)))'
  program = f'const vm = require("vm"); {load} vm.runInThisContext({json.dumps(call)})'
  done = subprocess.run(['node', '-'], input=program, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  return json.loads(done.stdout)


def flat(params):
  """The parameters in the order of the page: of each layer the weight, then the bias."""
  layers = [jax.tree.leaves(params[f'Dense_{l}']) for l in range(len(params))]
  return jnp.concatenate(
    [x.ravel() for pair in layers for x in sorted(pair, key=lambda x: -x.ndim)]
  )


@pytest.fixture(scope='module')
def given():
  """Weights, points and what else both sides compute with."""
  keys, z = jax.random.split(jax.random.key(0), 5), jnp.zeros((1, 2))
  nets = {'generator': Perceptron((9, 8), 2), 'critic': Perceptron((16, 11))}
  params = {
    name: jax.tree.map(lambda x: x + 0.1, net.init(key, z, train=True)['params'])
    for (name, net), key in zip(nets.items(), keys, strict=False)
  }
  random = np.random.default_rng(0)
  near = {
    n: random.choice(m, 300) + random.normal(0, 2 * s, (300, 2)) for n, (m, s) in sets().items()
  }
  return {'nets': nets, 'params': params, 'key': keys[2], 'near': near} | {
    'real': jax.random.normal(keys[3], (10, 2)),
    'latents': jax.random.normal(keys[4], (10, 2)),
    'gradients': random.normal(size=(3, flat(params['critic']).size)),
  }


def sets():
  return {name: make() for name, make in mixtures.MIXTURES.items()}


@pytest.fixture(scope='module')
def page(tmp_path_factory):
  with chromium.page(tmp_path_factory.mktemp('profile')) as opened:
    yield opened


@pytest.fixture(scope='module')
def computed(given, request):
  """What the page's functions return, from node or else from Chromium."""
  sent = {name: np.asarray(given[name]).tolist() for name in ('real', 'latents', 'gradients')}
  sent |= {name: x.tolist() for name, x in given['near'].items()}
  sent['mix'] = np.asarray(jax.random.uniform(given['key'], (10, 1))).tolist()
  for name, sizes in (('generator', [2, 9, 8, 2]), ('critic', [2, 16, 11, 1])):
    sent[name] = {'sizes': sizes, 'values': np.asarray(flat(given['params'][name])).tolist()}
  sent |= {'critics': list(itertools.product(OBJECTIVES, PENALTIES)), 'weight': WEIGHT}
  sent['objectives'] = OBJECTIVES
  if shutil.which('node'):
    return by_node(sent)
  if chromium.PROGRAM is None:
    pytest.skip('there is neither node nor Chromium')
  opened = request.getfixturevalue('page')
  opened.open(INDEX)
  return opened.evaluate(f'({COMPARED})({json.dumps(sent)})')


def close(ours, theirs):
  """Equal to 1e-4 of the largest number, or of 1 if all are smaller."""
  theirs = np.asarray(theirs)
  np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * max(1.0, np.abs(theirs).max()))


def score(given, params):
  return lambda x: given['nets']['critic'].apply({'params': params}, x, train=True)


def fakes(given, params):
  return given['nets']['generator'].apply({'params': params}, given['latents'], train=True)


def test_the_losses_and_gradients_of_the_critic_are_those_of_jaxgan(given, computed):
  fake = fakes(given, given['params']['generator'])
  close(np.reshape(computed['fake'], (-1, 2)), fake)

  def loss(params, objective, penalties):
    judge = score(given, params)
    value = objective.critic(judge(given['real']), judge(fake))
    return value + sum(p(judge, given['real'], fake, given['key']) for p in penalties)

  both = jax.jit(
    lambda params: [
      jax.value_and_grad(loss)(params, objectives.OBJECTIVES[objective](), PENALTIES[penalty])
      for objective, penalty in itertools.product(OBJECTIVES, PENALTIES)
    ]
  )
  expected = both(given['params']['critic'])
  assert len(expected) == len(computed['critics']) == 20
  for (value, gradient), ours in zip(expected, computed['critics'], strict=True):
    close(ours['value'], value)
    close(ours['gradient'], flat(gradient))
    assert np.abs(flat(gradient)).max() > 0.01


def test_the_losses_and_gradients_of_the_generator_are_those_of_jaxgan(given, computed):
  judge = score(given, given['params']['critic'])
  loss = lambda fake, one: one.generator(judge(given['real']), judge(fake))
  of_params = lambda params, one: loss(fakes(given, params), one)
  params = given['params']['generator']

  def all_of(params, name):
    one = objectives.OBJECTIVES[name]()
    return *jax.value_and_grad(of_params)(params, one), jax.grad(loss)(fakes(given, params), one)

  expected = jax.jit(lambda params: [all_of(params, name) for name in OBJECTIVES])(params)
  for (value, gradient, at_samples), ours in zip(expected, computed['generators'], strict=True):
    close(ours['value'], value)
    close(ours['gradient'], flat(gradient))
    close(np.reshape(ours['push'], (-1, 2)), -10 * at_samples)


def test_adam_is_that_of_jaxgan(given, computed):
  options = plane.Options(workdir=pathlib.Path('.'))
  optimizer = optax.adam(0.01, options.beta1, options.beta2)
  x = flat(given['params']['critic'])
  state = optimizer.init(x)
  for gradient in given['gradients']:
    change, state = optimizer.update(jnp.asarray(gradient, x.dtype), state)
    x = optax.apply_updates(x, change)
  close(computed['adam'], x)


def test_the_data_and_the_count_of_modes_are_those_of_jaxgan(given, computed):
  for (name, (means, std)), made in zip(sets().items(), computed['sets'], strict=True):
    np.testing.assert_allclose(made['means'], means, atol=1e-12)
    assert made['std'] == pytest.approx(std)
    expected = modes.mixture(given['near'][name], means, std)
    assert 0.1 < expected.high_quality < 0.9
  for (name, (means, std)), found in zip(sets().items(), computed['reached'], strict=True):
    expected = modes.mixture(given['near'][name], means, std)
    assert (found['found'], found['of']) == (expected.found, len(means))
    assert found['good'] == pytest.approx(expected.high_quality)
