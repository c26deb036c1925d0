"""Images that a generator made are found again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from apps.tiny import sharpened
from jaxgan.apps import invert, latents
from jaxgan.apps.invert import Options, main
from jaxgan.evaluation.metrics import fidelity
from jaxgan.training.run import load


@pytest.mark.parametrize('feature_weight', [0.0, 0.2])
def test_a_generated_image_is_recovered(plain, feature_weight):
  run = sharpened(load(plain))
  images = run.sample(7, 3)
  assert np.std(images, axis=0).mean() > 0.1
  options = Options(plain, steps=150, restarts=4, feature_weight=feature_weight)
  found = invert.invert(run, images, options)
  decibels = fidelity.psnr(found.images, images, peak=2.0)
  assert decibels.min() > 30, decibels
  again = latents.images(run, latents.space(run), found.points, jnp.zeros(3, jnp.int32))
  np.testing.assert_allclose(again, found.images, atol=1e-4)


def test_restarts_and_neighbors_leave_a_search_as_it_is(plain):
  """An image's search hangs on its number alone, and more starts never end farther away."""
  run = sharpened(load(plain))
  images = run.sample(7, 3)
  search = lambda x, restarts: invert.invert(run, x, Options(plain, steps=15, restarts=restarts))
  one, few = search(images, 1), search(images[:1], 1)
  np.testing.assert_allclose(few.points[0], one.points[0], rtol=1e-4, atol=1e-5)
  more = search(images, 4)
  assert more.distances.sum() < one.distances.sum()


def test_of_styles_every_layer_is_found(styled):
  """Styles of several latents mixed, which no latent has."""
  run = load(styled)
  where = latents.space(run)
  w = run.bound(where.draw)(jax.random.key(3), jnp.arange(6))
  mixed = jnp.stack([w[i, i] for i in range(6)])[None]
  image = latents.images(run, where, mixed, jnp.zeros(1, jnp.int32))
  found = invert.invert(run, image, Options(styled, steps=200, restarts=2, feature_weight=0.0))
  assert fidelity.psnr(found.images, image, peak=2.0).min() > 30


def test_the_picture_shows_where_they_differ():
  image, other = np.zeros((1, 4, 4, 1)), np.zeros((1, 4, 4, 1))
  other[0, 1, 2] = 1
  shown = invert.compared(image, other)
  assert shown.shape == (3, 4, 4, 3)
  heat = shown[2].sum(-1)
  assert heat[1, 2] == 3 and (np.delete(heat.ravel(), 6) == -3).all()


@pytest.mark.parametrize('source', ['split', 'folder', 'generated'])
def test_the_command_inverts_images_of_any_kind(source, plain, tmp_path, said):
  Image.fromarray(np.full((20, 20, 3), 90, np.uint8)).save(tmp_path / 'grey.png')
  chosen = {
    'split': ['--split=test', '--num=2'],
    'folder': [f'--images={tmp_path}'],
    'generated': ['--generated=True', '--num=2'],
  }[source]
  out, npz = tmp_path / 'out' / 'i.png', tmp_path / 'out' / 'i.npz'
  argv = [f'--workdir={plain}', f'--out={out}', f'--npz={npz}', '--steps=3', '--restarts=2']
  ended = said(main, *argv, *chosen)
  n = 1 if source == 'folder' else 2
  assert ended.code == 0 and f'dB over {n} images' in ended.out
  name = {'split': 'test/', 'folder': 'grey.png: ', 'generated': 'generated/0: '}[source]
  assert name in ended.out
  assert out.exists() and np.load(npz, allow_pickle=False)['points'].shape == (n, 6)


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    ((), 'give the images'),
    (('--split=test', '--images=x'), 'give the images'),
    (('--split=test', '--generated=True'), 'do not give --images or --split'),
    (('--images=nowhere',), 'no image at nowhere'),
    (('--split=test', '--steps=0'), '--steps must be above 0'),
    (('--split=test', '--feature-weight=2'), '--feature-weight must lie from 0 to 1'),
    (('--split=never',), "no split 'never'"),
  ],
)
def test_wrong_input_is_named(argv, words, plain, said):
  ended = said(main, f'--workdir={plain}', *argv)
  assert ended.code == 2 and words in ended.err


def test_a_conditional_run_is_asked_for_the_class(conditional, said):
  ended = said(main, f'--workdir={conditional}', '--split=test')
  assert ended.code == 2 and '--label' in ended.err


def test_a_damaged_image_is_named(plain, tmp_path, said):
  (tmp_path / 'bad.png').write_bytes(b'nothing')
  ended = said(main, f'--workdir={plain}', f'--images={tmp_path}')
  assert ended.code == 2 and 'bad.png' in ended.err
