"""Similarity of images to their references: PSNR, SSIM, detail; one float64 value for each image.

Images are `[N, H, W, C]` of any type, with values from 0 to 255; PSNR takes other ranges, too.
Published scores of super-resolution use `luma`, then `cropped` by as many pixels as the scale.
"""

import numpy as np
from scipy.ndimage import correlate1d

PEAK = 255.0
LUMA = (65.481, 128.553, 24.966)  # of ITU-R BT.601, from 16 to 235
SIGMA, RADIUS = 1.5, 5  # of the Gaussian window, 11 x 11 pixels


def luma(images: np.ndarray) -> np.ndarray:
  """Return the luma Y of ITU-R BT.601, float64 from 16 to 235, not rounded.

  Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255

  Args:
    images: `[N, H, W, 3]` from 0 to 255; grey images `[N, H, W, 1]` are returned unchanged.

  Returns:
    float64 `[N, H, W, 1]`.
  """
  if images.shape[-1] == 1:
    return images.astype(np.float64)
  return 16 + (images.astype(np.float64) @ np.array(LUMA) / PEAK)[..., None]


def cropped(images: np.ndarray, border: int) -> np.ndarray:
  """Crop `border` pixels from each side.

  Raises:
    ValueError: the border is negative, or no pixel would remain.
  """
  if not 0 <= 2 * border < min(images.shape[1:3]):
    raise ValueError(f'a border of {border} leaves nothing of images {list(images.shape)}')
  return images[:, border : images.shape[1] - border, border : images.shape[2] - border]


def psnr(images: np.ndarray, references: np.ndarray, peak: float = PEAK) -> np.ndarray:
  """Return the peak signal-to-noise ratio in dB, `[N]`; infinite for equal images.

  PSNR = 10 log10(peak^2 / mean squared difference)

  Args:
    images: `[N, H, W, C]`.
    references: of the same shape and range.
    peak: the width of the range: 255 for bytes, 2 for [-1, 1].

  Raises:
    ValueError: the shapes differ.

  Example:
    >>> psnr(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 25.5)).tolist()
    [20.0]
  """
  a, b = _pair(images, references)
  error = ((a - b) ** 2).mean((1, 2, 3))
  with np.errstate(divide='ignore'):
    return 10 * np.log10(peak**2 / error)


def detail(images: np.ndarray, scale: int) -> np.ndarray:
  """Return the power of the frequencies that an image `scale` times smaller cannot hold, `[N]`.

  detail = sum of |F(u, v)|^2 / (H W)^2 over channels and all |u| or |v| > 1 / (2 scale)

  F is the discrete Fourier transform, and u and v are in cycles per pixel. Flat images have 0. It
  measures sharpness, which PSNR does not, but not whether the details are right: compare it with
  the detail of the original.
  """
  height, width = images.shape[1:3]
  power = np.abs(np.fft.fft2(images.astype(np.float64), axes=(1, 2), norm='forward')) ** 2
  rows, columns = (np.abs(np.fft.fftfreq(n)) * 2 * scale > 1 for n in (height, width))
  return power[:, rows[:, None] | columns].sum((1, 2))


def ssim(images: np.ndarray, references: np.ndarray) -> np.ndarray:
  """Return the structural similarity, `[N]`, at most 1.

  It is the mean over pixels and channels of

  (2 m n + c1) (2 s + c2) / ((m^2 + n^2 + c1) (v + w + c2)),  c1 = (0.01 255)^2, c2 = (0.03 255)^2

  with means m and n, variances v and w and covariance s under a Gaussian window of 11 x 11 pixels
  and standard deviation 1.5. Only windows that lie inside the image count.

  Args:
    images: `[N, H, W, C]` from 0 to 255.
    references: of the same shape and range.

  Raises:
    ValueError: the shapes differ, or the images are smaller than the window.

  References: Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity,
  2004.
  """
  a, b = _pair(images, references)
  if min(a.shape[1:3]) <= 2 * RADIUS:
    raise ValueError(f'SSIM needs images of 11 pixels or more, these are {list(a.shape)}')
  m, n = _blurred(a), _blurred(b)
  v, w, s = _blurred(a * a) - m * m, _blurred(b * b) - n * n, _blurred(a * b) - m * n
  c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
  alike = (2 * m * n + c1) * (2 * s + c2) / ((m * m + n * n + c1) * (v + w + c2))
  return alike.mean((1, 2, 3))


def _blurred(x: np.ndarray) -> np.ndarray:
  at = np.arange(-RADIUS, RADIUS + 1)
  window = np.exp(-(at**2) / (2 * SIGMA**2))
  for axis in (1, 2):
    x = correlate1d(x, window / window.sum(), axis=axis)
  return cropped(x, RADIUS)


def _pair(images: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  if images.shape != references.shape or images.ndim != 4:
    raise ValueError(
      f'images and references should have one shape [N, H, W, C], got {list(images.shape)} and '
      f'{list(references.shape)}'
    )
  return images.astype(np.float64), references.astype(np.float64)
