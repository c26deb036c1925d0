"""What a run makes, as one function of arrays, for use without jaxgan."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from jaxgan.core import game
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array
from jaxgan.ops import convolution
from jaxgan.ops.truncation import towards_mean
from jaxgan.recipes.types import Sampler, Styles
from jaxgan.training.run import Run

PLATFORMS = ('cpu', 'cuda', 'tpu')
EXAMPLES = 3
SYNTHESIS = 'synthesis'
"""The network of a run with styles that takes noise."""


class Program(NamedTuple):
  """A function of arrays with the run's parameters in it.

  `inputs` are examples by name, in the order of the arguments; `shapes` are their shapes as text, a
  letter for each size that a caller chooses, such as 'b, 64'. `scale` is how many times larger the
  images become, for a function of images.
  """

  function: Callable[..., Array]
  inputs: dict[str, np.ndarray]
  shapes: dict[str, str]


def of_latents(run: Run) -> Program:
  """Return the function from latents, and labels if the run draws by class, to images.

  Where the run has styles, psi (truncation) and the noise of each layer are inputs too.

  Raises:
    ValueError: the run does not make its images of latents.
  """
  z, conditional = run.latents(0, EXAMPLES), run.recipe.conditional
  inputs: dict[str, np.ndarray] = {'latents': z}
  shapes = {'latents': f'b, {", ".join(map(str, z.shape[1:]))}'}
  if conditional:
    inputs['labels'] = np.arange(EXAMPLES, dtype=np.int32) % run.spec.classes
    shapes['labels'] = 'b'
  interface = run.recipe.interface
  assert isinstance(interface, Sampler)
  if interface.styles is None:
    made, params = run.generator()
    return Program(lambda *given: made(params, *given), inputs, shapes)
  noise = interface.styles.noise
  inputs['psi'], shapes['psi'] = np.array(getattr(run.config, 'psi', 1.0), np.float32), ''
  for i, side in enumerate(noise):
    draw = np.random.default_rng(i).normal(size=(EXAMPLES, side, side, 1))
    inputs[f'noise_{i}'] = draw.astype(np.float32)
    shapes[f'noise_{i}'] = f'b, {side}, {side}, 1'
  return Program(_styled(run, interface.styles, conditional), inputs, shapes)


def _styled(run: Run, styles: Styles, conditional: bool) -> Callable[..., Array]:
  nets = replace(game.nets(run.stage.game, run.state), step=run.step)
  layers = getattr(run.config, 'psi_layers', None)

  def function(z: Array, *given: Array) -> Array:
    labels, *rest = given if conditional else (jnp.zeros(z.shape[0], jnp.int32), *given)
    psi, *noise = rest
    bound = _with_noise(nets, noise)
    w = towards_mean(styles.map(bound, z, labels), styles.mean(bound), psi, layers)
    return jnp.clip(styles.synthesize(bound, w, None), -1, 1)

  return function


def _with_noise(nets: Nets, noise: list[Array]) -> Nets:
  """Return the networks whose synthesis uses this noise."""
  held = {**nets.variables[SYNTHESIS], 'noise': {str(i): x for i, x in enumerate(noise)}}
  return replace(nets, variables={**nets.variables, SYNTHESIS: held})


def of_images(run: Run, way: str) -> Program:
  """Return the function from images to images of a translation, and a seed if it draws noise.

  Raises:
    ValueError: there is no such translation.
  """
  chosen, spec = run.way(way), run.spec
  nets = replace(game.nets(run.stage.game, run.state), step=run.step)
  side = max(spec.size // chosen.scale, chosen.smallest) // chosen.multiple * chosen.multiple
  images = np.random.default_rng(0).uniform(-1, 1, (EXAMPLES, side, side, spec.channels))
  inputs = {'images': images.astype(np.float32), 'seed': np.zeros((), np.uint32)}
  shapes = {'images': f'b, {side}, {side}, {spec.channels}', 'seed': ''}

  def seeded(images: Array, seed: Array) -> Array:
    return chosen.apply(nets, images, jax.random.key(seed))

  if _uses_last(seeded, *inputs.values()):
    return Program(seeded, inputs, shapes)
  del inputs['seed'], shapes['seed']
  return Program(lambda images: chosen.apply(nets, images, jax.random.key(0)), inputs, shapes)


def _uses_last(function: Callable[..., Array], *inputs: np.ndarray) -> bool:
  """Return whether a function's result depends on its last argument."""
  from jax.interpreters import partial_eval

  traced = jax.make_jaxpr(function)(*inputs).jaxpr
  return partial_eval.dce_jaxpr(traced, [True])[1][-1]


def serialized(program: Program) -> bytes:
  """Return a program as StableHLO in the form of `jax.export`, with every batch size.

  Its convolutions are plain ones, which the compilers of all platforms know.

  Raises:
    ValueError: the package flatbuffers is not installed.
  """
  if importlib.util.find_spec('flatbuffers') is None:
    raise ValueError("--format=stablehlo needs a package: pip install 'jaxgan[export]'")
  scope = export.SymbolicScope()
  given = [
    jax.ShapeDtypeStruct(export.symbolic_shape(program.shapes[name], scope=scope), x.dtype)
    for name, x in program.inputs.items()
  ]
  with convolution.plain():
    made = export.export(jax.jit(program.function), platforms=PLATFORMS)(*given)
  return bytes(made.serialize())
