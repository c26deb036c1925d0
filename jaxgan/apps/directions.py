"""Directions of latents: `jaxgan directions --workdir=/tmp/run --out=walks.png`.

sefa: the directions in which the output of the first layer changes most, in closed form (Shen and
Zhou, Closed-Form Factorization of Latent Semantics in GANs, 2021). pca: the directions in which
styles vary most (Harkonen et al., GANSpace, 2020). For normal latents and a linear first layer, pca
would give the same directions as sefa.
"""

import contextlib
import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.apps import checks, command, latents
from jaxgan.apps.latents import Space
from jaxgan.core import game
from jaxgan.core.seeds import key_of
from jaxgan.core.typing import Array
from jaxgan.storage import figures, files
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Draw walks along the directions that change images most, a row for each."""

  workdir: pathlib.Path
  """The run's directory."""
  out: checks.Picture
  """The picture to write, PNG."""
  npz: checks.Arrays | None = None
  """A file to write: the unit `directions` `[k, d]` and their singular `values` `[k]`."""
  method: Literal['sefa', 'pca'] = 'sefa'
  """sefa: from the weights of the generator. pca: from drawn styles, for runs with styles."""
  k: int = 6
  """Number of directions."""
  steps: int = 7
  """Images along each direction; the one in the middle shows the latent itself."""
  reach: float = 3.0
  """Length of a walk to either side: in units for sefa, in standard deviations for pca."""
  label: str | None = None
  """The class of all images, by name or number, for a run that draws by class."""
  seed: int = 0
  """Seed of the latent through which all walks lead."""


class _Enough(Exception):
  """Ends a call of networks of which no more is needed."""


def linear_maps(apply: Callable[[], object], most: int | None = None) -> list[np.ndarray]:
  """Return the matrices `[in, out]` of the layers that are linear in vectors, in order of calls.

  Each layer whose only input is a float array `[B, in]` is evaluated at zero, at the unit vectors
  and at twice the unit vectors. The matrix therefore includes everything that scales the kernel,
  such as spectral norm.

  Args:
    apply: a function that runs networks made of Linen modules.
    most: after so many matrices the call ends; None: all.
  """
  found: list[np.ndarray] = []

  def note(
    following: Callable[..., object],
    args: tuple[Array, ...],
    kwargs: dict[str, object],
    context: nn.module.InterceptorContext,
  ) -> object:
    vectors = len(args) == 1 and getattr(args[0], 'ndim', 0) == 2 and not kwargs
    if vectors and context.module.path and jnp.issubdtype(args[0].dtype, jnp.floating):
      n, unit = len(args[0]), jnp.eye(args[0].shape[1])
      output = following(jnp.concatenate([args[0], 0 * unit, unit, 2 * unit]))
      if isinstance(output, jax.Array):
        zero, one, two = np.split(np.asarray(output)[n:], 3)
        if np.allclose(two - one, one - zero, rtol=1e-3, atol=1e-5):
          found.append(one - zero)
          if len(found) == most:
            raise _Enough
      return jax.tree.map(lambda x: x[:n], output)
    return following(*args, **kwargs)

  with contextlib.suppress(_Enough), nn.intercept_methods(note):
    apply()
  return found


def sefa(run: Run, where: Space, label: Array) -> tuple[np.ndarray, np.ndarray]:
  """Return unit directions `[k, d]`, the most important first, and their singular values `[k]`.

  For latents, these are the singular vectors of the first dense layer that they enter. If the
  generator splits the latent into pieces, this is the first piece; if it joins a class to the
  latent, only the rows of the latent count. For styles, the matrices of the affine layers of all
  styles are joined.

  Args:
    run: the run.
    where: its space, of latents or of styles.
    label: a class, `[1]`.

  Raises:
    ValueError: if the generator has no such layer.

  Reference: Shen and Zhou, Closed-Form Factorization of Latent Semantics in GANs, 2021.
  """
  nets = game.nets(run.stage.game, run.state)
  point = where.draw(nets, jax.random.key(0), label)
  size = point.shape[-1]
  most = None if where.styles else 1
  maps = linear_maps(lambda: where.generate(nets, point, label), most)
  maps = [m for m in maps if m.shape[0] == size] if where.styles else maps[:1]
  if not maps or point.ndim > 3 or (point.ndim == 3) != bool(where.styles):
    raise ValueError(f'{run.config.variant} has no dense layer that its latents enter first')
  matrix = np.concatenate(maps, 1)[:size]
  vectors, values, _ = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
  return np.pad(vectors.T, ((0, 0), (0, size - len(matrix)))), values


def pca(run: Run, where: Space, label: Array, num: int = 2048) -> tuple[np.ndarray, np.ndarray]:
  """Return the unit principal directions of styles `[d, d]`, and the standard deviation along each.

  Args:
    run: the run.
    where: its space of styles.
    label: a class, `[1]`.
    num: number of styles to draw.

  Raises:
    ValueError: if the run has no styles.

  Reference: Harkonen et al., GANSpace, 2020.
  """
  if not where.styles:
    raise ValueError(
      f'{run.config.variant} has no styles: --method=pca of its latents would be --method=sefa'
    )
  draw = run.bound(lambda nets, key, labels: where.draw(nets, key, labels)[:, 0])
  w = np.asarray(draw(jax.random.key(1), jnp.repeat(label, num)), np.float64)
  _, values, vectors = np.linalg.svd(w - w.mean(0), full_matrices=False)
  return vectors, values / np.sqrt(num - 1)


def walks(point: Array, directions: np.ndarray, offsets: np.ndarray) -> Array:
  """Return points `[k * steps, ...]` on lines through `point`, direction by direction.

  Args:
    point: `[1, ...]`.
    directions: `[k, d]`.
    offsets: `[k, steps]`, the positions along each direction.
  """
  k, steps = offsets.shape
  lead = (1,) * (point.ndim - 1)
  along = offsets.reshape(-1, *lead) * np.repeat(directions, steps, 0).reshape(
    k * steps, *lead[1:], -1
  )
  return point + jnp.float32(along)


def write(options: Options) -> None:
  """Find the directions and draw walks along them.

  Raises:
    ValueError: if there is no run with latents; as in `sefa` and `pca`.
  """
  command.positive(options, 'k', 'steps', 'reach')
  run = load(options.workdir)
  where = latents.space(run)
  label = latents.labels(run, 1, options.label)
  found, values = {'sefa': sefa, 'pca': pca}[options.method](run, where, label)
  found, values = found[: options.k], values[: options.k]
  point = run.bound(where.draw)(key_of(options.seed), label)
  scale = values if options.method == 'pca' else np.ones(len(found))
  offsets = scale[:, None] * np.linspace(-options.reach, options.reach, options.steps)
  points = walks(point, found, offsets)
  images = latents.images(run, where, points, jnp.repeat(label, len(points)))
  figures.save_grid(options.out, images, columns=options.steps)
  if options.npz:
    files.save_npz(options.npz, directions=found, values=values)
  command.said((options.out, options.npz), f'{len(found)} directions')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('directions', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
