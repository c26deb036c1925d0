"""The benchmarks time what they say: peers compute the same, operations are counted right."""

import json
import math
from functools import partial
from types import SimpleNamespace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import calls as several
from benchmarks import gpu, input, measure, reliability, start, throughput
from benchmarks.workloads import WORKLOADS, Workload, of_variant, of_workload, resampling
from jaxgan import data
from jaxgan.core import game
from jaxgan.core.network import linen
from jaxgan.core.typing import Spec
from jaxgan.losses import adversarial, gradient_penalties, objectives
from jaxgan.networks import mlp
from jaxgan.ops.native import Kernels
from jaxgan.parallel import devices
from jaxgan.variants import VARIANTS

BATCH = 8

# Nearly all of the time is compilation.
quick_jit = partial(jax.jit, compiler_options={'xla_backend_optimization_level': 0})


@pytest.fixture
def torch():
  return pytest.importorskip(
    'torch', reason="PyTorch is not installed: pip install 'jaxgan[torch]'"
  )


# The peers.


def carry(torch, module, variables, mirrored):
  """Copy a Linen network's parameters into the PyTorch network whose layers bear its names."""
  assert set(variables) <= {name for name, _ in module.named_children()}
  for name, layer in module.named_children():
    values = variables.get(name, {})
    if 'weight' in values or 'scale' in values:
      fill(torch, layer, values, mirrored)
    else:
      carry(torch, layer, values, mirrored)


def fill(torch, layer, values, mirrored):
  weight = values['scale'] if 'scale' in values else values['weight']['kernel']
  weight = weight if weight.ndim == 1 else channels_first(layer, weight, mirrored)
  if hasattr(layer, 'parametrizations'):
    fill_spectral(torch, layer.parametrizations.weight, weight)
  else:
    copy(torch, layer.weight, weight)
  if 'bias' in values:
    copy(torch, layer.bias, values['bias'])
  assert (layer.bias is None) == ('bias' not in values)


def fill_spectral(torch, parametrized, weight):
  """Set the iteration to where it stands still, since the two start it at different ends."""
  copy(torch, parametrized.original, weight)
  u, _, v = np.linalg.svd(np.asarray(weight).reshape(len(weight), -1), full_matrices=False)
  copy(torch, parametrized[0]._u, u[:, 0])
  copy(torch, parametrized[0]._v, v[0])


def copy(torch, to, value):
  assert to.shape == value.shape
  with torch.no_grad():
    to.copy_(torch.tensor(np.ascontiguousarray(value)))


def channels_first(layer, w, mirrored):
  """Kernels HWIO -> OIHW and matrices [in, out] -> [out, in], pixels in PyTorch's order."""
  if w.ndim == 2:
    return matrix(w, *getattr(layer, 'maps', (None, None)), mirrored)
  return (w[::-1, ::-1] if mirrored else w).transpose(3, 2, 0, 1)


def matrix(w, channels_in, channels_out, mirrored):
  inner, outer = (
    pixels(n, c, mirrored) for n, c in zip(w.shape, (channels_in, channels_out), strict=True)
  )
  return w[inner][:, outer].T


def pixels(n, channels, mirrored):
  """Where the features of a map [C, H, W], in order, stand in [H, W, C]."""
  channels = channels or n
  side = math.isqrt(n // channels)
  order = np.arange(n).reshape(side, side, channels)
  return (order[::-1, ::-1] if mirrored else order).transpose(2, 0, 1).ravel()


def mark_maps(torch, peer):
  """Tell the dense layers how many channels the feature maps beside them have."""
  stem = [c for c in peer.generator if isinstance(c, torch.nn.Linear | torch.nn.Unflatten)]
  stem[-2].maps = (None, stem[-1].unflattened_size[0])
  convolutions = [c for c in peer.critic if isinstance(c, torch.nn.Conv2d)]
  dense = [c for c in peer.critic if isinstance(c, torch.nn.Linear)]
  if convolutions:
    dense[0].maps = (convolutions[-1].out_channels, None)


def still(variables):
  """Spectral norms whose iteration has converged."""

  def left(kernel):
    matrix = np.asarray(kernel).reshape(-1, kernel.shape[-1])
    return jnp.asarray(np.linalg.svd(matrix, full_matrices=False)[2][0])

  def walk(state, params):
    if 'u' in state:
      return {'u': left(params['kernel'])}
    return {name: walk(value, params[name]) for name, value in state.items()}

  return {**variables, 'spectral': walk(variables['spectral'], variables['params'])}


def norm(tree):
  return jnp.sqrt(sum((x**2).sum() for x in jax.tree.leaves(tree)))


def library(workload, variables, real, z, key):
  """Fakes, both losses, and the norms of their gradients, by the library."""
  pinned = [lambda *args, p=p: p(*args[:3], key) for p in workload.penalty]
  turns = adversarial.adversarial(workload.objective, *pinned, latent=lambda *_: z)
  networks = {name: linen(getattr(workload, name)) for name in variables}
  params = {name: v['params'] for name, v in variables.items()}
  rest = {name: {k: v for k, v in vs.items() if k != 'params'} for name, vs in variables.items()}

  def loss(own, name, turn):
    nets = game.Nets(networks, {**params, name: own}, rest)
    return turn(nets, {'image': real}, key)[0]

  fake = game.Nets(networks, params, rest)('generator', z)[0]
  results = {
    name: jax.value_and_grad(loss)(params[name], name, turn)
    for name, turn in zip(('critic', 'generator'), turns, strict=True)
  }
  return {'fake': fake, **{k: {'loss': v, 'slope': norm(g)} for k, (v, g) in results.items()}}


def pytorch(torch, peers, peer, real, z, mix, mirrored):
  """The same by PyTorch."""
  turn = lambda x: np.ascontiguousarray(x[:, ::-1, ::-1] if mirrored else x)
  images = torch.tensor(turn(np.asarray(real))).permute(0, 3, 1, 2)
  z, mix = torch.tensor(np.asarray(z)), torch.tensor(np.asarray(mix))
  values = {
    'critic': peers.critic_loss(peer, images, z, mix),
    'generator': peers.generator_loss(peer, z),
  }
  slopes = {
    name: torch.autograd.grad(value, list(getattr(peer, name).parameters()))
    for name, value in values.items()
  }
  fake = peer.generator(z).detach().permute(0, 2, 3, 1).numpy()
  size = lambda grads: sum(g.square().sum() for g in grads).sqrt()
  return {
    'fake': turn(fake),
    **{n: {'loss': values[n].item(), 'slope': size(slopes[n]).item()} for n in values},
  }


@pytest.mark.parametrize('name', ['W1', 'W2', 'W3', 'W4', 'W5'])
def test_peer_computes_what_the_library_does(torch, name, key):
  from benchmarks import peers

  torch.set_num_threads(1)
  workload, peer = WORKLOADS[name], peers.peer(name)
  mirrored = name in ('W2', 'W4')  # SAME pads at the end, PyTorch at the start
  stage = of_workload(name, workload).stage
  state = jax.jit(lambda key: game.init(stage.game, key, stage.example))(key)
  variables = {n: {'params': state.params[n], **state.variables[n]} for n in state.params}
  if 'spectral' in variables['critic']:
    variables['critic'] = still(variables['critic'])
  mark_maps(torch, peer)
  for network, values in variables.items():
    carry(torch, getattr(peer, network).train(), values['params'], mirrored)
  keys = jax.random.split(key)
  real = jnp.tanh(jax.random.normal(keys[0], (BATCH, *workload.spec.shape)))
  z = jax.random.normal(keys[1], (BATCH, workload.latent_size))
  mix = gradient_penalties.interpolates(
    jnp.ones((BATCH, 1, 1, 1)), jnp.zeros((BATCH, 1, 1, 1)), key
  )
  ours = quick_jit(partial(library, workload))(variables, real, z, key)
  theirs = pytorch(torch, peers, peer, real, z, mix, mirrored)
  chex.assert_trees_all_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_resampling_apart_is_the_same_function(key):
  critic = linen(WORKLOADS['W5'].critic)
  x = jax.random.normal(key, (2, 32, 32, 3))
  variables = critic.init(key, x)
  score = lambda plain: critic.apply(variables, x, train=False)[0]
  values = []
  for plain in (False, True):
    with resampling(plain=plain):
      values.append(quick_jit(score, static_argnums=0)(plain))
  chex.assert_trees_all_close(*values, rtol=1e-4, atol=1e-4)


# The counts and the tables.

LATENT, WIDTH, PIXELS, IMAGES = 64, 1024, 64, 64


def tiny_workload(n_critic=1, width=WIDTH):
  """A game of perceptrons, wide so that all but a few percent of its operations are products."""
  return Workload(
    'tiny',
    mlp.Generator((8, 8, 1), (width,)),
    mlp.Critic((width,)),
    objectives.nonsaturating(),
    Spec(8, 1),
    latent_size=LATENT,
    n_critic=n_critic,
  )


def tiny(n_critic=1, share=False):
  return of_workload('tiny', tiny_workload(n_critic), IMAGES, share)


GENERATE = 2 * IMAGES * WIDTH * (LATENT + PIXELS)
JUDGE = 2 * IMAGES * WIDTH * (PIXELS + 1)
CRITIC_STEP = GENERATE + 2 * (JUDGE + JUDGE + 2 * IMAGES * WIDTH)  # no gradient by the images


@pytest.fixture
def mesh():
  return devices.mesh(IMAGES, jax.devices()[:1])


@pytest.fixture
def operations():
  return lambda subject: measure.flops(subject, jax.devices()[0])


def test_every_repeat_of_a_turn_is_counted(operations):
  step = (operations(tiny(n_critic=4)) - operations(tiny())) / 3
  assert CRITIC_STEP < step < 1.1 * CRITIC_STEP


def test_shared_generator_forward_is_computed_once(operations):
  saved = operations(tiny()) - operations(tiny(share=True))
  assert GENERATE < saved < 1.1 * GENERATE


def test_speed_compares_within_a_round():
  base, times = [4.0, 8.0, 6.0], [2.0, 2.0, 6.0]
  assert measure.speed(base, times) == measure.Spread(2.0, 1.0, 4.0)


def test_turns_are_taken_and_means_kept():
  now, calls = [0.0], []

  def contender(name, cost):
    def call():
      calls.append(name)
      now[0] += cost

    return call

  contenders = {'a': contender('a', 1.0), 'b': contender('b', 3.0)}
  times = measure.interleaved(contenders, rounds=2, seconds=2.0, clock=lambda: now[0])
  assert times == {'a': [1.0, 1.0], 'b': [3.0, 3.0]}
  assert ''.join(calls) == 'ab' + 2 * ('aaa' + 'bb')


def test_table_has_a_row_for_each_subject(mesh):
  options = throughput.Options(rounds=2, seconds=0.01)
  row = throughput.timed_row(tiny(), mesh, options)
  extra = {'variant': 'tiny', 'device': 'cpu', 'warm_compile_s': 0.5, 'peak': 1e12}
  header, rule, *rows = throughput.table(throughput.VARIANT_COLUMNS, [{**row, **extra}] * 2).split(
    '\n'
  )
  assert len({len(line) for line in (header, rule, *rows)}) == 1 and rows[0] == rows[1]
  cells = dict(zip(header.split('|'), rows[0].split('|'), strict=True))
  cells = {name.strip(): value.strip() for name, value in cells.items()}
  assert cells['variant'] == 'tiny' and cells['image'] == '8x8x1'
  median = measure.spread(row['seconds']).median
  assert float(cells['images/s']) == pytest.approx(IMAGES / median, abs=0.5)
  weights = WIDTH * (LATENT + PIXELS + PIXELS + 1)
  assert row['program_bytes'] > 3 * 4 * weights  # with Adam's two moments


def test_native_convolutions_stand_beside_plain_ones():
  plain = throughput._forms('W5', None)
  both = throughput._forms('W5', Kernels('any', ('conv',)))
  assert list(both) == [*plain, *(f'{name}, native' for name in plain)]
  assert both['jax plain, native'] == {**plain['jax plain'], 'kernels': Kernels('any', ('conv',))}


def test_stopwatch_keeps_results_and_times():
  seconds, call = input.stopwatch(lambda: 'result')
  assert [call(), call()] == ['result'] * 2 and len(seconds) == 2


def test_input_is_timed_with_and_without_data():
  images = np.zeros((80, 8, 8, 1), np.uint8)
  row = input.row(data.from_arrays(images), input.Options(variant='gan', rounds=2, seconds=0.01))
  assert all(len(row[name]) == 2 for name in ('whole', 'fed', 'resident', 'alone'))
  assert min(row['whole']) > min(row['waits']) > 0  # waiting is a part of the whole step
  assert throughput.table(input.COLUMNS, [{'dataset': 'noughts', **row}]).count('noughts') == 1


@pytest.mark.slow
def test_several_steps_a_call_are_timed_beside_single_ones():
  subject = of_workload('tiny', tiny_workload(width=8), BATCH)
  row = several.row(subject, several.Options(steps_per_call=2, rounds=1, seconds=0.0))
  for name in ('one', 'several'):
    assert row[f'wall {name}'][0] > 0 and row[f'processor {name}'][0] > 0
  assert throughput.table(several.COLUMNS, [row]).splitlines()[-1].startswith('| tiny    | 2 ')


def test_a_gpu_is_timed_part_by_part(monkeypatch, tmp_path, capsys):
  """At a toy's size on a CPU, and without PyTorch, which it says."""
  missing = SimpleNamespace(util=SimpleNamespace(find_spec=lambda name: None))
  monkeypatch.setattr(gpu, 'importlib', missing)
  monkeypatch.setattr(gpu, 'WORKLOADS', {'W1': tiny_workload(width=8)})
  out = tmp_path / 'gpu.jsonl'
  flags = ['--parts=W1', '--toy=True', '--rounds=1', '--seconds=0.01', f'--out={out}']
  assert gpu.main([*flags, '--alone=True']) == 0
  said = capsys.readouterr().out
  assert 'W1: without PyTorch, as it is not installed' in said and '| jaxgan ' in said
  (row,) = map(json.loads, out.read_text().splitlines())
  assert row['speed'] == [1.0, 1.0, 1.0] and 0 < row['share'] < 1 and row['bytes'] > 0
  assert gpu.main([*flags, '--minutes=0']) == 0
  assert 'W1: no time left' in capsys.readouterr().out
  assert gpu.main(['--parts=W9']) == 2
  assert "there is no 'W9', only W1, W2" in capsys.readouterr().err


@pytest.mark.slow
def test_every_part_of_the_gpu_runs_as_a_toy(tmp_path):
  out = tmp_path / 'gpu.jsonl'
  flags = ['--toy=True', '--rounds=1', '--seconds=0', '--steps=4', '--minutes=60', f'--out={out}']
  assert gpu.main(flags) == 0
  assert {json.loads(line).get('part') for line in out.read_text().splitlines()} >= {*gpu.PARTS}


def test_reliability_is_timed_with_and_without():
  options = reliability.Options(steps=3, rounds=2, seconds=0.01)
  row = reliability.row(of_variant('gan', 'laptop', 8, 1), options)
  assert {len(row[name]) for name in ('bare', 'whole')} == {2}
  assert {len(row[name]) for name in ('plain', 'guarded')} == {8}
  assert throughput.table(reliability.COLUMNS, [row]).count('%') == 6


def test_enlarging_is_timed_in_turns_by_both_clocks():
  calls = []
  both = {name: lambda name=name: calls.append(name) for name in ('jaxgan', 'torch nchw')}
  times = measure.by_clock(both, rounds=2)
  assert calls == 3 * ['jaxgan', 'torch nchw']
  assert {clock: {n: len(x) for n, x in found.items()} for clock, found in times.items()} == {
    clock: {'jaxgan': 2, 'torch nchw': 2} for clock in ('wall', 'processor')
  }
  said = measure.told_speeds({'jaxgan': [2.0, 4.0], 'torch nchw': [6.0, 4.0]}, 'jaxgan')
  assert said.endswith('speed: 2.00 (1.00-3.00) of torch nchw')


@pytest.mark.parametrize('flag', ['--variants=lsgna', '--workloads=W9', '--device=abacus'])
def test_a_wrong_name_is_refused_with_the_right_ones(flag, capsys):
  assert throughput.main([flag]) == 2
  message = capsys.readouterr().err
  assert flag.split('=')[1] in message and message.count('\n') == 1


def test_a_start_has_images_that_suit_the_variant(tmp_path):
  taken = {name: start.images(name, tmp_path / name)[0] for name in VARIANTS}
  others = {name: option for name, option in taken.items() if option != '--dataset=digits'}
  two = dict.fromkeys(('cyclegan', 'cut'), '--dataset=domains')
  enlarging = dict.fromkeys(('srgan', 'esrgan'), '--dataset=folder')
  pairs = dict.fromkeys(('pix2pix', 'spade'), '--dataset=pairs')
  assert others == {**two, **enlarging, **pairs, 'ctgan': '--dataset=table'}


@pytest.mark.slow
def test_starts_are_measured_cold_and_warm():
  row = start.row('gan', start.Options(steps=2, options='--widths 8 --batch-size=8'))
  for kind in ('cold', 'warm'):
    first, last = (row[kind]['reached'][point] for point in ('first step', 'last step'))
    assert all(0 < a <= b for a, b in zip(first, last, strict=True))
    assert set(start.PHASES) <= set(row[kind]['phases'])
  compiled = lambda kind: row[kind]['phases']['compile'][1]
  assert compiled('warm') < compiled('cold')
  assert len([show(row) for show in start.COLUMNS.values()]) == len(start.COLUMNS)


def test_a_start_that_fails_says_why():
  with pytest.raises(ValueError, match='gan does not start: .*no option --wdith'):
    start.row('gan', start.Options(options='--wdith=8'))
