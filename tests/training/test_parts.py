"""--accumulate: the gradients of the whole batch, or a refusal."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import data, variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.main import main
from jaxgan.parallel import devices
from jaxgan.recipes import stages
from jaxgan.training import steps

PARTS = 4
NORM = {'virtual_batch': 3, 'critic_norm': False}
TRANSLATION = {'width': 4, 'batch_size': PARTS, 'critic_layers': 1}  # parts of one image
GROWN = {'width': 8, 'base': 16, 'latent_size': 8}
ACCEPTED = {
  'gan': {'maxout': True, 'widths': (8,), 'zcr': 1.0, 'lecam': 0.1, 'lecam_start': 0},
  'dcgan': {**NORM, 'width': 4, 'augment': 'diffaugment', 'instance_noise': 0.1},
  'cgan': {'maxout': True},
  'wgan': {**NORM, 'width': 4, 'n_critic': 2},
  'wgan_gp': {'generator_norm': False, 'width': 4},
  'lsgan': {**NORM, 'width': 4, 'cr': 1.0},
  'unrolled': {'plain': True, 'unroll': 0, 'widths': (8,)},
  'progan': {**GROWN, 'batch_size': 16},
  'stylegan': {**GROWN, 'batch_size': 16, 'mapping_layers': 2},
  'stylegan2': {**GROWN, 'batch_size': 16, 'path_weight': 0.0, 'r1_every': 1},
  'r3gan': {'width': 8},
  'cyclegan': {**TRANSLATION, 'pool': 0, 'blocks': 1},
  'cut': {**TRANSLATION, 'blocks': 1, 'nce_patches': 7, 'head_size': 8},
  'pix2pix': {**TRANSLATION, 'norm': 'instance'},
  'stargan': {'width': 4, 'blocks': 1},
}
"""Variants that have the option, with small networks and what must stand beside it."""
SIZE = {'cyclegan': 16, 'cut': 16, 'pix2pix': 16}
BESIDE = {
  'gan': 'maxout',
  'dcgan': 'virtual-batch',
  'cgan': 'virtual-batch',
  'wgan': 'virtual-batch',
  'lsgan': 'virtual-batch',
  'wgan_gp': 'generator-norm',
  'unrolled': 'plain',
  'cyclegan': 'pool',
  'pix2pix': 'norm',
}
"""What the refusal names, of those that have the option beside another one alone."""


def images(size, spec):
  """A source of random images with labels, and partners."""
  rng = np.random.default_rng(0)
  pictures = lambda: rng.integers(0, 256, (32, size, size, 3), np.uint8)
  one = dataclasses.replace(data.from_arrays(pictures(), rng.integers(0, 3, 32)), spec=spec)
  return data.two_domains(one, data.from_arrays(pictures()), paired=True)


def configured(variant, parts, **options):
  chosen = {'batch_size': 8, **ACCEPTED[variant], **options}
  size = SIZE.get(variant, 8)
  config = variants.configure(variant, image_size=size, channels=3, accumulate=parts, **chosen)
  return config, Spec(size, 3, 3, ('a', 'b', 'c'))


def gradients(variant, parts):
  """The gradients of all players in one step, its memory and its logs."""
  config, spec = configured(variant, parts)
  stage = variants.build(config, spec).stages[-1]
  still = lambda grads: jax.tree.map(jnp.zeros_like, grads)
  held = optax.GradientTransformation(still, lambda grads, state, params: (still(grads), grads))
  players = {name: p._replace(optimizer=held) for name, p in stage.game.players.items()}
  played = dataclasses.replace(stage.game, players=players)
  mesh = devices.mesh(config.batch_size, jax.devices()[:1])
  state = stages.first_state(
    stage._replace(game=played), jax.random.key(0), devices.replicated(mesh)
  )
  sizes = dict(batch_size=config.batch_size, microbatches=played.microbatches, seed=0)
  batches = devices.scaled(next(data.batches(images(spec.size, spec), **sizes)))
  state, logs = jax.jit(lambda s, b: game.train_step(played, s, b))(state, batches)
  return state.opt, state.memory, logs


@pytest.mark.slow
@pytest.mark.parametrize('variant', ACCEPTED)
def test_gradients_are_those_of_the_whole_batch(variant):
  (whole, *rest), (parted, *same) = gradients(variant, 1), gradients(variant, PARTS)
  apart = jax.tree.map(jnp.subtract, whole, parted)
  for player in whole:
    relative = float(optax.tree.norm(apart[player]) / optax.tree.norm(whole[player]))
    print(f'{variant} {player}: {relative:.1e}')
    assert relative <= 1e-5
  for (path, a), b in zip(
    jax.tree_util.tree_leaves_with_path(rest), jax.tree.leaves(same), strict=True
  ):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=jax.tree_util.keystr(path))


@pytest.mark.parametrize('variant', variants.VARIANTS)
def test_every_other_variant_refuses_in_one_sentence(variant, tmp_path, capsys):
  """Nine have batch norm always, others by default; progan, stylegan, r3gan, cut and stargan
  have none."""
  words = [f'--variant={variant}', '--accumulate=2', f'--workdir={tmp_path}/run']
  if variant in ACCEPTED:
    assert configured(variant, 2)[0].accumulate == 2
    if variant not in BESIDE:
      assert variants.configure(variant, accumulate=2, batch_size=8).accumulate == 2
      return
  assert main(words) == 2
  said = capsys.readouterr().err.strip()
  assert len(said.splitlines()) == 1
  if variant in BESIDE:
    assert '--accumulate=2 would change' in said and f'give --{BESIDE[variant]}' in said
  else:
    assert f'{variant} has no --accumulate: it is an option of gan, dcgan' in said
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
  ('variant', 'options', 'what'),
  [
    ('r3gan', dict(minibatch=2, r1=0.0, r2=0.0), 'minibatch discrimination'),
    ('r3gan', dict(feature_matching='squared'), 'feature matching'),
    ('wgan_gp', dict(pack=2), 'a critic of packs'),
    ('wgan_gp', dict(top_k=0.5), '--top-k'),
  ],
)
def test_what_compares_images_is_refused(variant, options, what):
  config, spec = configured(variant, PARTS, **options)
  recipe, mesh = variants.build(config, spec), devices.mesh(config.batch_size, jax.devices()[:1])
  with pytest.raises(ValueError, match=f'--accumulate=4 plays a batch in parts, and {what} compar'):
    steps.check_parts(config, recipe, mesh, images(spec.size, spec))


def test_path_lengths_are_refused():
  with pytest.raises(ValueError, match=r'--accumulate=2 would change .* give --path-weight=0'):
    variants.configure('stylegan2', accumulate=2, path_weight=2.0)


def test_packs_are_refused_before_anything_is_written(tmp_path, capsys):
  folder = tmp_path / 'run'
  words = ['--variant=wgan_gp', '--pack=2', '--accumulate=2', '--batch-size=16']
  words += ['--generator-norm=False', f'--workdir={folder}']
  assert main(words) == 2
  said = capsys.readouterr().err.strip()
  assert 'a critic of packs compares all its images' in said
  assert len(said.splitlines()) == 1
  assert not folder.exists()


def test_parts_that_do_not_divide_are_refused(tmp_path, capsys):
  words = ['--variant=r3gan', '--accumulate=3', '--batch-size=16', f'--workdir={tmp_path}/run']
  assert main(words) == 2
  assert '--batch-size=16 does not divide into --accumulate=3 parts' in capsys.readouterr().err
