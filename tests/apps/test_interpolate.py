"""Walks end where they began, and lead through what was asked for."""

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.apps import latents
from jaxgan.apps.interpolate import Options, corners, main, walk
from jaxgan.training.run import load


def test_a_walk_leads_through_its_points_and_back(plain):
  run = load(plain)
  where = latents.space(run)
  points, classes = corners(run, where, Options(plain, seeds=(3, 5, 8)))
  z = np.concatenate([run.sampler().latent(jax.random.key(s), 1) for s in (3, 5, 8)])
  np.testing.assert_array_equal(points, z)
  images = walk(run, where, points, classes, frames=4)
  assert images.shape == (12, 16, 16, 1)
  np.testing.assert_allclose(images[::4], latents.images(run, where, z, classes), atol=1e-5)
  steps = np.abs(np.diff(np.concatenate([images, images[:1]]), axis=0)).mean((1, 2, 3))
  assert steps.min() > 0 and steps.max() < 3 * steps.mean()  # no jump, at the end neither


def test_from_class_to_class_the_latent_stands_still(conditional):
  run = load(conditional)
  where = latents.space(run)
  points, classes = corners(run, where, Options(conditional, classes=(2, 7)))
  assert (points[0] == points[1]).all()
  images = walk(run, where, points, classes, frames=4)
  pure = latents.images(run, where, points, classes)
  np.testing.assert_allclose(images[[0, 4]], pure, atol=1e-5)
  np.testing.assert_allclose(images[1], images[7], atol=1e-5)  # there and back
  far = lambda images: np.abs(images - pure[0]).mean((1, 2, 3))
  assert (np.diff(far(images[:5])) > 0).all()


@pytest.mark.parametrize('labels', [(), ('--label=3',), ('--classes', '1', '2')])
def test_the_command_writes_film_and_strip(labels, conditional, tmp_path, said):
  argv = [
    f'--workdir={conditional}',
    f'--out={tmp_path / "w.gif"}',
    f'--strip={tmp_path / "s.png"}',
  ]
  ended = said(main, *argv, '--points=3', '--frames=4', *labels)
  points = 2 if '--classes' in labels else 3
  assert ended.code == 0 and f'{4 * points} frames' in ended.out
  with Image.open(tmp_path / 'w.gif') as film:
    durations = []
    for i in range(film.n_frames):  # frames that are alike are one that is shown for longer
      film.seek(i)
      durations.append(film.info['duration'])
  assert sum(durations) == 4 * points * 80
  with Image.open(tmp_path / 's.png') as strip:
    factor = strip.width // 70  # 4 images of 16 pixels, 2 between
    assert strip.size == (70 * factor, (18 * points - 2) * factor)


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    ((), 'nothing to write'),
    (('--out=w.gif', '--points=1'), 'a walk needs two points'),
    (('--out=w.gif', '--frames=0'), '--frames must be above 0'),
    (('--out=w.gif', '--label=1'), 'draws no classes'),
    (('--out=w.gif', '--classes', '0', '1'), 'draws no classes'),
  ],
)
def test_wrong_input_is_named(argv, words, plain, said):
  ended = said(main, f'--workdir={plain}', *argv)
  assert ended.code == 2 and words in ended.err


def test_runs_that_cannot_be_walked_are_refused(without_latents, tmp_path, said):
  ended = said(main, f'--workdir={without_latents}', '--out=w.gif')
  assert ended.code == 2 and 'makes images from images, not from latents' in ended.err
  assert said(main, f'--workdir={tmp_path}', '--out=w.gif').code == 2
