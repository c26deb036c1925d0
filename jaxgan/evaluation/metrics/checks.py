"""Checks of features, which all metrics use."""

import numpy as np


def features(name: str, x: np.ndarray, least: int = 1) -> np.ndarray:
  """Return `x` as float64 `[N, d]`.

  Raises:
    ValueError: it has another shape, fewer than `least` rows, or a number that is not finite.
  """
  x = np.asarray(x)
  if x.ndim != 2 or not np.issubdtype(x.dtype, np.number) or np.iscomplexobj(x):
    raise ValueError(f'{name} should be real numbers [N, d], got {x.dtype}{list(x.shape)}')
  if len(x) < least:
    raise ValueError(f'{name} has {len(x)} rows and this metric needs {least} or more')
  x = x.astype(np.float64)
  if not np.isfinite(x).all():
    rows = np.flatnonzero(~np.isfinite(x).all(1))
    raise ValueError(f'{name} has numbers that are not finite in {len(rows)} rows, first {rows[0]}')
  return x


def pair(
  real: np.ndarray,
  fake: np.ndarray,
  least: int = 1,
  names: tuple[str, str] = ('real', 'fake'),
) -> tuple[np.ndarray, np.ndarray]:
  """Return both as float64, `[N, d]` and `[M, d]`; `names` are what a message calls them.

  Raises:
    ValueError: as `features`, or their widths d differ.
  """
  real, fake = (features(name, x, least) for name, x in zip(names, (real, fake), strict=True))
  if real.shape[1] != fake.shape[1]:
    raise ValueError(
      f'{names[0]} has {real.shape[1]} features and {names[1]} {fake.shape[1]}: use one network '
      'for both'
    )
  return real, fake
