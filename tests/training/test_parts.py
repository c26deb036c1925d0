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

SIZE, BATCH = 16, 8
SPEC = Spec(SIZE, 3, 3, ('a', 'b', 'c'))
SMALL = {
  'wgan_gp': dict(width=4, generator_norm=False),
  'r3gan': dict(width=8),
}
ACCEPTED = ('wgan_gp', 'r3gan')


def images():
  """A source of random images with labels, and partners."""
  rng = np.random.default_rng(0)
  pictures = lambda: rng.integers(0, 256, (2 * BATCH, SIZE, SIZE, 3), np.uint8)
  one = data.from_arrays(pictures(), rng.integers(0, 3, 2 * BATCH))
  one = dataclasses.replace(one, spec=SPEC)
  return data.two_domains(one, data.from_arrays(pictures()), paired=True)


def configured(variant, parts, **options):
  chosen = SMALL.get(variant, {}) | options
  return variants.configure(
    variant, batch_size=BATCH, image_size=SIZE, channels=3, accumulate=parts, **chosen
  )


def gradients(variant, parts):
  """The gradients of all players in one step, and its logs."""
  config = configured(variant, parts)
  stage = variants.build(config, SPEC).stages[-1]
  still = lambda grads: jax.tree.map(jnp.zeros_like, grads)
  held = optax.GradientTransformation(still, lambda grads, state, params: (still(grads), grads))
  players = {name: p._replace(optimizer=held) for name, p in stage.game.players.items()}
  played = dataclasses.replace(stage.game, players=players)
  mesh = devices.mesh(BATCH, jax.devices()[:1])
  placed = devices.replicated(mesh)
  state = stages.first_state(stage._replace(game=played), jax.random.key(0), placed)
  sizes = dict(batch_size=BATCH, microbatches=played.microbatches, seed=0)
  batches = devices.scaled(next(data.batches(images(), **sizes)))
  state, logs = jax.jit(lambda s, b: game.train_step(played, s, b))(state, batches)
  return state.opt, logs


@pytest.mark.slow
@pytest.mark.parametrize('variant', ACCEPTED)
def test_gradients_are_those_of_the_whole_batch(variant):
  (whole, logs), (parted, same) = gradients(variant, 1), gradients(variant, 4)
  apart = jax.tree.map(jnp.subtract, whole, parted)
  for player in whole:
    relative = float(optax.tree.norm(apart[player]) / optax.tree.norm(whole[player]))
    print(f'{variant} {player}: {relative:.1e}')
    assert relative <= 1e-5
  for name in logs:
    np.testing.assert_allclose(logs[name], same[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
  ('variant', 'options'),
  [
    ('r3gan', dict(minibatch=2, r1=0.0, r2=0.0)),
    ('r3gan', dict(feature_matching='squared')),
    ('wgan_gp', dict(pack=2)),
    ('wgan_gp', dict(top_k=0.5)),
  ],
)
def test_what_compares_images_is_refused(variant, options):
  config = configured(variant, 4, **options)
  recipe, mesh = variants.build(config, SPEC), devices.mesh(BATCH, jax.devices()[:1])
  with pytest.raises(ValueError, match='--accumulate=4 plays a batch in parts, and .* compares'):
    steps.check_parts(config, recipe, mesh, images())


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
