"""Options reach the game and mean what their formulas say; what has state resumes to the bit."""

import functools
from dataclasses import replace
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_path import leaves
from jaxgan import variants
from jaxgan.core import game, network, network_transforms
from jaxgan.core.game import Nets
from jaxgan.core.typing import Spec
from jaxgan.losses import adversarial, objectives
from jaxgan.losses.objectives import Objective
from jaxgan.networks import mlp
from jaxgan.parallel import devices
from jaxgan.recipes import stages, tricks, two_player
from jaxgan.storage.checkpoint import Checkpoints

BATCH = 8
IMAGES = jnp.float32(np.random.default_rng(0).uniform(-1, 1, (BATCH, 8, 8, 1)))


def config(variant='gan', **options):
  small = {'widths': (8,), 'r1': 0.0} if variant in ('gan', 'unrolled') else {}
  return variants.configure(variant, **{'batch_size': BATCH, **small, **options})


def played(step=0, **options):
  """The networks at a step, and the losses of critic and generator by `(nets) -> value, logs`."""
  chosen = config(**options)
  stage = variants.build(chosen, Spec(8, 1)).stages[0]
  state = game.init(stage.game, jax.random.key(0), stage.example)
  nets = Nets(stage.game.networks, state.params, state.variables, state.memory, state.opt, step)

  def run(turn):
    def value(nets):
      value, after, logs = turn.loss(nets, {'image': IMAGES}, jax.random.key(1))
      return value, logs | {'memory': after.memory}

    return value

  return nets, *map(run, stage.game.turns), stage.game


def logits(nets, features=False):
  """Real and fake logits of the critic's turn and of the generator's, by the same draws."""
  seen = []

  def grab(r, f):
    seen.extend([np.float64(r), np.float64(f)])
    return jnp.zeros(())

  pair = adversarial.adversarial(
    Objective(grab, grab, uses_real=True), latent=two_player.latents(config())
  )
  for loss in map(adversarial.of_features, pair) if features else pair:
    loss(nets, {'image': IMAGES}, jax.random.key(1))
  return seen


def test_by_default_there_is_nothing_of_it():
  nets, _, _, chosen = played()
  assert chosen.memory == {} and chosen.after == ()
  assert set(nets.params['critic']) == {'Dense_0', 'Dense_1'}


def test_packs_are_judged(key):
  nets, critic, generator, _ = played(pack=2)
  kernel = nets.params['critic']['Dense_0']['weight']['kernel']
  assert kernel.shape == (2 * 64, 8)
  r, f, _, g = logits(nets)
  assert r.shape == f.shape == (BATCH // 2,)
  x = np.asarray(network_transforms.packs(IMAGES, 2)).reshape(BATCH // 2, -1)
  hidden = np.asarray(jax.nn.leaky_relu(x @ kernel, 0.2))
  by_hand = hidden @ np.asarray(nets.params['critic']['Dense_1']['weight']['kernel'])
  np.testing.assert_allclose(r, by_hand[:, 0], atol=1e-6)
  np.testing.assert_allclose(
    critic(nets)[0], np.logaddexp(0, -r).mean() + np.logaddexp(0, f).mean()
  )
  np.testing.assert_allclose(generator(nets)[0], np.logaddexp(0, -g).mean(), rtol=1e-6)


def test_slopes_of_packs_are_of_packs():
  """R1 of packs: gamma / 2 of the mean over packs, which are half as many as images."""
  nets, critic, _, _ = played(pack=2, r1=3.0)
  alone = lambda packs: nets('critic', network_transforms.unpacked(packs, 2))[0].sum()
  slope = jax.grad(alone)(network_transforms.packs(IMAGES, 2))
  expected = 3.0 / 2 * (slope**2).sum() / (BATCH // 2)
  np.testing.assert_allclose(critic(nets)[1]['penalty'], expected, rtol=1e-4)


@pytest.mark.parametrize('step, kept', [(0, 8), (5, 5), (10, 4), (10_000, 2)])
def test_the_generator_learns_from_the_best(step, kept):
  """Half of all after 80 images: 2^(-1/2) of 8 after five steps of eight; a quarter in the end."""
  nets, _, generator, _ = played(step, top_k=0.25, top_k_images=80.0)
  best = np.sort(logits(nets)[3])[::-1][:kept]
  np.testing.assert_allclose(generator(nets)[0], np.logaddexp(0, -best).mean(), rtol=1e-6)


@pytest.mark.parametrize('step', [9, 10])
def test_lecam_reads_and_moves_the_memory(step):
  """From its first step on; before, the memory follows the batch."""
  nets, critic, _, _ = played(step, lecam=0.3, lecam_start=10)
  means = {'real': jnp.float32(-0.1), 'fake': jnp.float32(0.1)}
  nets = replace(nets, memory={'logits': means})
  r, f, *_ = logits(nets)
  value, logs = critic(nets)
  far = (np.maximum(r - 0.1, 0) ** 2).mean() + (np.maximum(-0.1 - f, 0) ** 2).mean()
  plain = np.logaddexp(0, -r).mean() + np.logaddexp(0, f).mean()
  np.testing.assert_allclose(value, plain + 0.3 * far * (step >= 10), rtol=1e-6)
  left = 0.99 if step >= 10 else 0.0
  kept = logs['memory']['logits']
  np.testing.assert_allclose(kept['real'], left * -0.1 + (1 - left) * r.mean(), rtol=1e-4)
  np.testing.assert_allclose(kept['fake'], left * 0.1 + (1 - left) * f.mean(), rtol=1e-4)


@pytest.mark.parametrize('side', ['cr', 'cr_fake'])
def test_consistency_is_a_penalty_of_its_weight(side):
  penalty = lambda **options: float(played(**options)[1](played()[0])[1]['penalty'])
  one = penalty(**{side: 1.0})
  assert one > 0
  np.testing.assert_allclose(penalty(**{side: 10.0}), 10 * one, rtol=1e-5)
  assert penalty(**{side: 1.0, 'policy': ''}) == 0


def test_consistency_of_latents_reaches_its_player():
  for option, player, scale in (('zcr', 1, 1e8), ('zcr_generator', 2, 1e4)):
    nets, *turns, _ = played()
    values = [played(**{option: weight})[player](nets)[0] for weight in (1e-9, scale, 2 * scale)]
    plain, once, twice = (float(v) for v in values)
    np.testing.assert_allclose(twice - plain, 2 * (once - plain), rtol=1e-3)
    assert (once > plain) == (option == 'zcr')  # the generator moves away
    other = 3 - player
    chex.assert_trees_all_equal(played(**{option: 3.0})[other](nets)[0], turns[other - 1](nets)[0])


@pytest.mark.parametrize('change', [{'augment': 'diffaugment'}, {'instance_noise': 0.5}])
def test_consistency_of_latents_is_judged_as_all_images_are(change, monkeypatch):
  """Both images of a pair are changed, and alike: without a move of the latent nothing differs."""
  seen = []
  judged = adversarial.judged

  def noting(given, noise=0.0, augment=None):
    judge = judged(given, noise, augment)

    def call(nets, images, batch, key):
      def look(variables, x, **options):
        seen.append(np.asarray(x))
        return whole.apply(variables, x, **options)

      whole = nets.networks['critic']
      watched = replace(nets, networks={**nets.networks, 'critic': whole._replace(apply=look)})
      seen.append(np.asarray(images))
      logits, after = judge(watched, images, batch, key)
      return logits, replace(after, networks=nets.networks)

    return call

  nets = played()[0]
  alone = dict(zcr=1.0, zcr_deviation=1e-12, **change)
  monkeypatch.setattr(adversarial, 'judged', noting)
  played(**alone)[1](nets)
  *_, one, first, two, second = seen
  assert np.abs(one - first).max() > 0.1
  np.testing.assert_allclose(one, two, atol=1e-6)
  np.testing.assert_allclose(first, second, atol=1e-6)


def test_history_weighs_on_both():
  nets, critic, generator, chosen = played(1, history=0.5)
  chex.assert_trees_all_equal_shapes(
    chosen.memory['history'], {name: nets.params[name] for name in ('critic', 'generator')}
  )
  _, plain_critic, plain_generator, _ = played(1)
  for name, loss, plain in (
    ('critic', critic, plain_critic),
    ('generator', generator, plain_generator),
  ):
    square = sum((np.float64(x) ** 2).sum() for x in jax.tree.leaves(nets.params[name]))
    np.testing.assert_allclose(loss(nets)[0] - plain(nets)[0], 0.5 * square, rtol=1e-4)


@pytest.mark.parametrize('distance, power', [('squared', 2), ('absolute', 1)])
def test_feature_matching_takes_the_place_of_the_generators_loss(distance, power):
  nets, critic, generator, _ = played(feature_matching=distance)
  _, _, r, f = logits(nets, features=True)
  assert r.shape == (BATCH, 8)
  expected = (np.abs(r.mean(0) - f.mean(0)) ** power).mean()
  np.testing.assert_allclose(generator(nets)[0], expected, rtol=1e-4)
  chex.assert_trees_all_equal(critic(nets)[0], played()[1](nets)[0])


def test_minibatch_discrimination_is_in_the_critic():
  nets, _, _, _ = played(minibatch=3)
  params = nets.params['critic']
  assert params['head']['MinibatchDiscrimination_0']['bias'].shape == (3,)
  params['head']['Dense_0']['weight']['kernel'] = jnp.ones((3, 1))
  bare = network.linen(mlp.Critic((8,)))
  alone, _ = bare.apply({'params': params['body']}, IMAGES[:1], train=True)
  equal = jnp.broadcast_to(IMAGES[:1], IMAGES.shape)
  # Equal images: each of three kernels says B - 1, beside its bias of -1.
  expected = np.full(BATCH, alone[0] + 3 * (BATCH - 2))
  np.testing.assert_allclose(nets('critic', equal)[0], expected, rtol=1e-5)


def test_virtual_batch_norm_keeps_the_generators_images_apart(key):
  nets, _, _, _ = played(virtual_batch=5)
  assert nets.variables['generator']['reference'][0].shape == (5, 100)
  assert set(nets.variables['generator']) == {'reference'}
  z = jax.random.normal(key, (4, 100))
  for train in (True, False):
    images, _ = replace(nets, train=train)('generator', z)
    others, _ = replace(nets, train=train)('generator', z.at[1:].multiply(-2))
    chex.assert_trees_all_close(images[0], others[0], rtol=1e-5)
    assert jnp.abs(images[1] - others[1]).max() > 1e-3


# --- what does not go together


def refused(match, variant='gan', **options):
  with pytest.raises(ValueError, match=match):
    variants.build(config(variant, **options), Spec(16, 1, 10))


def test_what_does_not_go_together_is_refused():
  refused('--pack=2 joins images of different classes', 'sngan', pack=2)
  refused('cgan has no --pack: it is an option of', 'cgan', pack=2)
  refused('--batch-size=8 does not divide by --pack=3', pack=3)
  refused('--pack must be above 0, it is 0', pack=0)
  refused(r'--top-k must be in \(0, 1\], it is 0', top_k=0.0)
  refused('--r1 and --r2 take each image for itself, which --minibatch does not', minibatch=2, r1=1)
  refused('wgan_gp has no --minibatch: it is an option of', 'wgan_gp', minibatch=2)
  refused('sngan has no --virtual-batch: it is an option of', 'sngan', virtual_batch=4)
  refused('wgan_gp has no --virtual-batch: it is an option of', 'wgan_gp', virtual_batch=4)
  refused("--policy has 'blur'", cr=1.0, policy='blur')
  refused('--top-k=0.5 .* with --objective=minimax', 'unrolled', top_k=0.5)


@pytest.mark.parametrize('name', ['relativistic', 'relativistic_average'])
def test_the_best_of_pairs_cannot_be_told(name):
  objective = objectives.OBJECTIVES[name]()
  with pytest.raises(ValueError, match='uses fake logits only'):
    tricks.losses_of(config(top_k=0.5), objective, [], latent=None, conditional=False)


# --- networks of other kinds


STYLED = dict(
  progan=dict(width=4, base=16, latent_size=4),
  stylegan=dict(width=4, base=16, latent_size=4, mapping_layers=1),
  stylegan2=dict(
    width=4, base=16, latent_size=4, mapping_layers=1, path_weight=0.0, augment='none'
  ),
)


DEAR = 'stylegan', 'progan'
"""They have the parts of `stylegan2`, and take as long to compile."""
dear = lambda name: pytest.param(name, marks=pytest.mark.slow) if name in DEAR else name


@pytest.fixture(params=map(dear, STYLED), scope='module')
def judged(request):
  """Losses of critic and generator of the last stage, jitted once for each set of options."""

  @functools.cache
  def losses(**options):
    chosen = variants.configure(
      request.param, **{'batch_size': BATCH, **STYLED[request.param], **options}
    )
    stage = variants.build(chosen, Spec(8, 1)).stages[-1]
    state = jax.jit(lambda: game.init(stage.game, jax.random.key(0), stage.example))()

    def run(turn, step, memory):
      bound = Nets(stage.game.networks, state.params, state.variables, memory, state.opt, step)
      value, after, logs = turn.loss(bound, {'image': IMAGES}, jax.random.key(1))
      return value, {**logs, 'memory': after.memory}

    turns = {turn.player: jax.jit(partial(run, turn)) for turn in reversed(stage.game.turns[:2])}
    return lambda player, step=10**6, memory=state.memory: turns[player](step, memory)

  return losses


@pytest.mark.parametrize('side', ['cr', 'cr_fake'])
def test_consistency_reaches_critics_of_every_kind(judged, side):
  penalty = lambda weight: float(judged(**{side: weight})('critic')[1]['penalty'])
  one, two, four = map(penalty, (1e3, 2e3, 4e3))
  assert two > one
  np.testing.assert_allclose(four - two, 2 * (two - one), rtol=1e-3)


def test_lecam_reaches_critics_of_every_kind(judged):
  """The memory moves to the means of the logits, and the loss is weighed by it."""
  told = {'logits': {'real': np.float32(3), 'fake': np.float32(-3)}}
  plain, logs = judged()('critic')
  value, now = judged(lecam=0.5)('critic', memory=told)
  for side, mean in now['memory']['logits'].items():
    expected = 0.99 * told['logits'][side] + 0.01 * logs[side]
    np.testing.assert_allclose(mean, expected, rtol=1e-3)
  assert value > plain
  before = judged(lecam=0.5)('critic', step=0, memory=told)[0]
  np.testing.assert_allclose(before, plain, rtol=1e-4)


def test_consistency_of_latents_reaches_networks_of_every_kind(judged):
  for name, player in (('zcr', 'critic'), ('zcr_generator', 'generator')):
    plain, one, two = (float(judged(**{name: w})(player)[0]) for w in (0.0, 1e6, 2e6))
    assert one != plain
    np.testing.assert_allclose(two - plain, 2 * (one - plain), rtol=1e-2)


def test_the_generator_learns_from_the_best_whatever_the_networks(judged):
  """Of eight images the best one: a smaller loss than the mean of all."""
  best = judged(top_k=0.125, top_k_images=8.0)('generator')[0]
  assert best < judged()('generator')[0]


def test_diff_augment_and_its_policy_reach_critics_of_every_kind(judged):
  loss = lambda **options: float(judged(**options)('critic')[0])
  changed = loss(augment='diffaugment')
  assert changed != loss() and changed != loss(augment='diffaugment', policy='cutout')
  assert loss(augment='diffaugment', policy='') == loss()


# --- state


def test_all_at_once_resumes_to_the_bit(tmp_path):
  """Four steps, against two, a checkpoint, and two."""
  options = dict(
    **dict(augment='diffaugment', pack=2, top_k=0.5, top_k_images=20.0, lecam=0.3, lecam_start=1),
    **dict(cr=1.0, cr_fake=1.0, zcr=1.0, zcr_generator=0.1, history=0.1, minibatch=2),
    virtual_batch=3,
  )
  made, mesh = variants.build(config(**options), Spec(8, 1)), devices.mesh(BATCH, jax.devices()[:1])
  step, placed = devices.compile_step(made.stages[0].game, mesh), devices.replicated(mesh)

  def play(state, steps):
    for i in steps:
      images = np.random.default_rng(i).integers(0, 256, (1, BATCH, 8, 8, 1)).astype(np.uint8)
      state, logs = step(state, devices.place(mesh, {'image': images}))
      assert all(np.isfinite(value) for value in logs.values())
    return state

  first = lambda: stages.first_state(made.stages[0], jax.random.key(0), placed)
  start, whole = leaves(first()), leaves(play(first(), range(4)))
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(2, play(first(), range(2)), wait=True)
    _, kept = checkpoints.restore(lambda step: stages.abstract(made, step, placed))
  chex.assert_trees_all_equal(whole, leaves(play(kept, range(2, 4))))
  fixed = {'.key', '.skipped', ".variables['generator']['reference'][0]"}
  assert {name for name in whole if np.array_equal(whole[name], start[name])} == fixed
