"""What the commands of applications share: how they end, and how they open runs and images."""

import pathlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from jaxgan import data
from jaxgan.apps import commandline
from jaxgan.core.typing import Spec
from jaxgan.data import images
from jaxgan.data.listing import listing
from jaxgan.ops.images import to_unit
from jaxgan.recipes.config import Config
from jaxgan.training.run import Run
from jaxgan.training.session import open_data


def run(name: str, choice: Any, act: Callable[[Any], None], argv: list[str] | None) -> int:
  """`commandline.run` of an application."""
  return commandline.run(f'python -m jaxgan.apps.{name}', choice, act, argv)


def positive(options: Any, *names: str) -> None:
  """Raises ValueError for an option that is given and not above 0."""
  for name in names:
    value = getattr(options, name)
    if value is not None and not value > 0:
      raise ValueError(f'--{name.replace("_", "-")} must be above 0, it is {value}')


def something(**written: pathlib.Path | None) -> None:
  """Raises ValueError where nothing would be written."""
  if not any(written.values()):
    flags = ' or '.join(f'--{name}=FILE' for name in written)
    raise ValueError(f'nothing to write: give {flags}')


class Pictures(NamedTuple):
  """Images `[n, H, W, C]` in [-1, 1], a name for each, and their labels where these are known."""

  names: list[str]
  images: np.ndarray
  labels: np.ndarray | None = None


def of_folder(path: pathlib.Path, spec: Spec) -> Pictures:
  """The images below a folder, or the one at a path, cut and resized to what a run makes.

  Raises:
    ValueError: no image there, or one that cannot be read, with its name.
  """
  root = path if path.is_dir() else path.parent
  found = listing(path).images if path.is_dir() else (path.name,)
  files = [root / name for name in found if name.lower().endswith(images.EXTENSIONS)]
  if not files or not files[0].exists():
    raise ValueError(f'no image at {path}: give an image or a folder of {images.EXTENSIONS}')
  with images.guarded():
    arrays = [_read(file, root, spec) for file in files]
  return Pictures([str(file.relative_to(root)) for file in files], to_unit(np.stack(arrays)))


def _read(file: pathlib.Path, root: pathlib.Path, spec: Spec) -> np.ndarray:
  try:
    image = images.load_image(file, root, size=spec.size)
  except ValueError as error:
    raise ValueError(f'{file}: {error}') from None
  return images.to_array(images.fit(image, spec.size), spec.channels)


def of_split(config: Config, split: str, num: int | None = None) -> Pictures:
  """The first `num` images (or all) of a split of a run's data set."""
  source: data.Source = open_data(config, split)
  chosen = np.arange(len(source))[:num]
  labels = None if source.labels is None else source.labels[chosen]
  return Pictures([f'{split}/{i}' for i in chosen], to_unit(source.images(chosen)), labels)


def given(
  opened: Run, path: pathlib.Path | None, split: str | None, num: int | None = None
) -> Pictures:
  """The images that the options name: of a folder, or of a split of the run's own data set.

  Raises:
    ValueError: neither or both are given; as `of_folder` and `open_data`.
  """
  if (path is None) == (split is None):
    raise ValueError("give the images: --images=FOLDER, or --split=test of the run's data set")
  if path is None:
    return of_split(opened.config, str(split), num)
  found = of_folder(path.expanduser(), opened.spec)
  return Pictures(found.names[:num], found.images[:num])


def said(written: Iterable[pathlib.Path | None], what: str) -> None:
  """Say what was written where."""
  for path in written:
    if path:
      print(f'jaxgan: {what} in {path}')
