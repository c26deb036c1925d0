import chex
import numpy as np
import pytest

from jaxgan.evaluation.metrics.fidelity import cropped, detail, luma, psnr, ssim


def noisy():
  draw = np.random.default_rng(0)
  a = draw.integers(0, 256, (2, 24, 31, 3)).astype(np.uint8)
  return a, np.clip(a + draw.integers(-40, 41, a.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
  'of, found',
  [
    (
      lambda x: x,
      ((21.145195487942402, 21.037404796340265), (0.9520715004030661, 0.9544907541244455)),
    ),
    (luma, ((25.95201064574981, 26.155275624656696), (0.9522657394419675, 0.9599264246663864))),
  ],
)
def test_matches_scikit_image(of, found):
  """0.26.0: structural_similarity of Gaussian weights, sigma 1.5, population covariance, range 255;
  rgb2ycbcr."""
  a, b = map(of, noisy())
  chex.assert_trees_all_close(psnr(b, a), np.array(found[0]), rtol=1e-12)
  chex.assert_trees_all_close(ssim(b, a), np.array(found[1]), rtol=1e-12)


def test_psnr_of_another_range():
  images = np.zeros((2, 4, 4, 1))
  others = np.stack([images[0] + 0.2, images[0] + 2])
  chex.assert_trees_all_close(psnr(images, others, peak=2.0), np.array([20.0, 0.0]), atol=1e-9)


def test_psnr_of_a_known_difference():
  a = np.full((3, 4, 4, 1), 100, np.uint8)
  b = a + np.array([0, 1, 51], np.uint8)[:, None, None, None]
  with np.errstate(all='raise'):
    chex.assert_trees_all_close(
      psnr(b, a), np.array([np.inf, 20 * np.log10(255), 20 * np.log10(5)])
    )


def test_ssim_of_flat_images():
  """No variance: what is left is the ratio of means."""
  a, b = np.full((1, 12, 12, 1), 100.0), np.full((1, 12, 12, 1), 150.0)
  c1 = 2.55**2
  chex.assert_trees_all_close(
    ssim(a, b), np.array([(2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)]), rtol=1e-9
  )


def test_ssim_of_itself_is_one_and_of_its_negative_below():
  a = noisy()[0]
  chex.assert_trees_all_close(ssim(a, a), np.ones(2), rtol=1e-12)
  assert (ssim(255 - a, a) < 0).all()


def test_luma_of_the_corners():
  colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0]], np.uint8)[:, None, None]
  chex.assert_trees_all_close(luma(colours).ravel(), np.array([16, 235, 81.481]), atol=1e-3)
  grey = np.full((1, 2, 2, 1), 7, np.uint8)
  assert (luma(grey) == 7).all()


def test_borders_do_not_count():
  a = np.zeros((1, 20, 20, 1))
  b = np.pad(np.zeros((1, 12, 12, 1)), ((0, 0), (4, 4), (4, 4), (0, 0)), constant_values=9)
  assert psnr(cropped(a, 4), cropped(b, 4)) == np.inf and psnr(a, b) < np.inf


def test_detail_of_waves():
  """A cos(2 pi f x) has power A^2 / 2, all of it at f; a quarter of the size holds f < 1/8."""
  x = np.arange(32)
  wave = lambda frequency: 6 * np.cos(2 * np.pi * frequency * x / 32)
  rows = np.broadcast_to(wave(3)[:, None] + 7, (32, 32))
  fine = rows + wave(9)[None]
  chex.assert_trees_all_close(
    detail(np.stack([rows, fine])[..., None], 4), np.array([0.0, 18.0]), atol=1e-9
  )
  chex.assert_trees_all_close(detail(fine[None, ..., None], 2), np.array([18.0]), atol=1e-9)
  assert detail(fine[None, ..., None], 1) < 1e-9


@pytest.mark.parametrize(
  'call, message',
  [
    (lambda a: psnr(a, a[:, 1:]), 'one shape'),
    (lambda a: psnr(a[0], a[0]), 'one shape'),
    (lambda a: ssim(a[:, :10], a[:, :10]), '11 pixels or more'),
    (lambda a: cropped(a, 12), 'leaves nothing'),
  ],
)
def test_what_cannot_be_compared_is_refused(call, message):
  with pytest.raises(ValueError, match=message):
    call(noisy()[0])
