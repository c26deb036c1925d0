"""Claim: the generator of every variant can be used without jaxgan, and makes the same images.

Networks of the laptop presets before training, at 32 pixels, are written as `jaxgan export` writes
them, and loaded in a process that cannot import jaxgan. A line for each form and variant says which
arguments the function has, whether it takes any number of images, and how far its images are from
those of the run, as a share of the largest number; or why the form cannot hold it.

Command:

    python -m experiments.exports --forms stablehlo onnx
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import tyro
from jax.sharding import SingleDeviceSharding

from jaxgan import variants
from jaxgan.apps import export
from jaxgan.core.typing import Json, Spec
from jaxgan.recipes import stages
from jaxgan.training.run import Run

FORMS: dict[str, Callable[[Run, str | None], tuple[bytes, Json, str]]] = {
  'stablehlo': export.stablehlo,
  'onnx': export.onnx,
}


@dataclasses.dataclass(frozen=True)
class Arguments:
  """Export what is asked for."""

  forms: tuple[str, ...] = ('stablehlo', 'onnx')
  """stablehlo, and onnx with the packages that docs/weights.md names."""
  names: tuple[str, ...] = tuple(variants.VARIANTS)
  """The variants."""
  size: int = 32
  """Pixels on a side."""


def untrained(variant: str, size: int, **options: object) -> Run:
  """Return a run of ten classes before its first step."""
  config = variants.configure(variant, image_size=size, **options)
  spec = Spec(size, 3, 10)
  recipe = variants.build(config, spec)
  device = SingleDeviceSharding(jax.local_devices()[0])
  state = stages.first_state(recipe.stages[-1], jax.random.key(0), device)
  step = sum(one.steps or 0 for one in recipe.stages[:-1])
  return Run(config, spec, recipe, dataclasses.replace(state, step=jnp.int32(step)))


def main(arguments: Arguments) -> None:
  """A line for each form of each variant, then how many there are."""
  done = dict.fromkeys(arguments.forms, 0)
  for name in arguments.names:
    run = untrained(name, arguments.size)
    for form in arguments.forms:
      try:
        _, about, said = FORMS[form](run, None)
        done[form] += 1
        print(f'{form} {name}: {about["difference"]:.1e}; {said}', flush=True)
      except ValueError as error:
        print(f'{form} {name}: none: {error}', flush=True)
  for form, count in done.items():
    print(f'{form}: {count} of {len(arguments.names)}')


if __name__ == '__main__':
  main(tyro.cli(Arguments))
