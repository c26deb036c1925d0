"""What a run makes, as one function of arrays, for use without jaxgan."""

import contextlib
import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from jaxgan.core import game
from jaxgan.core.nets import Nets, parted
from jaxgan.core.state import TrainState, named
from jaxgan.core.typing import Array, Json, Variables
from jaxgan.ops import convolution
from jaxgan.ops.truncation import towards_mean
from jaxgan.recipes.config_json import to_json
from jaxgan.recipes.types import Sampler, Styles
from jaxgan.training.kept import versions
from jaxgan.training.run import Run

PLATFORMS = ('cpu', 'cuda', 'tpu')
EXAMPLES = 3
SYNTHESIS = 'synthesis'
"""The network of a run with styles that takes noise."""
CONVERTER = 'jax2onnx==0.17.1'
"""What makes ONNX files. It asks for an older Orbax than jaxgan, but imports none."""
OUTPUT = 'made'
"""The name of the output of an ONNX file."""


class Inexpressible(ValueError):
  """A program cannot be written in a format."""


class Program(NamedTuple):
  """A function of arrays with the run's parameters in it.

  `inputs` are examples by name, in the order of the arguments; `shapes` are their shapes as text, a
  letter for each size that a caller chooses, such as 'b, 64'. `scale` is how many times larger the
  images become, for a function of images.
  """

  function: Callable[..., Array]
  inputs: dict[str, np.ndarray]
  shapes: dict[str, str]


def about(run: Run, form: str) -> Json:
  """Return what the JSON beside every file says of the run."""
  return {
    'format': form,
    'variant': run.config.variant,
    'step': run.step,
    'images': dict(run.spec._asdict()),
    'config': to_json(run.config),
    'versions': versions(),
  }


def making(run: Run) -> dict[str, Variables]:
  """Return the variables of the networks that make images, averaged where there are averages."""
  nets = game.nets(run.stage.game, run.state)
  names = [name for name in nets.networks if not name.startswith(('critic', 'features'))]
  return {name: {'params': nets.params[name], **nets.variables[name]} for name in names}


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
    return chosen.apply(nets, images, jax.random.key(seed), *chosen.given)

  if _uses_last(seeded, *inputs.values()):
    return Program(seeded, inputs, shapes)
  del inputs['seed'], shapes['seed']
  make = lambda images: chosen.apply(nets, images, jax.random.key(0), *chosen.given)
  return Program(make, inputs, shapes)


def _uses_last(function: Callable[..., Array], *inputs: np.ndarray) -> bool:
  """Return whether a function's result depends on its last argument."""
  from jax.interpreters import partial_eval

  traced = jax.make_jaxpr(function)(*inputs).jaxpr
  return partial_eval.dce_jaxpr(traced, [True])[1][-1]


def apart(
  run: Run, program: Program, variables: Mapping[str, Variables], way: str | None
) -> Callable[..., Array]:
  """Return the function of a program with its parameters as the first argument.

  Args:
    run: the run.
    program: what `of_latents` or `of_images` returns.
    variables: the variables of the networks that make images, by name.
    way: the translation, for a run that translates.

  Returns:
    `function(arrays, ...)`, where `arrays` are the variables by path, such as
    'generator/params/Dense_0/bias'.
  """
  names, structure = [*named(variables)], jax.tree.structure(variables)

  def function(arrays: Mapping[str, Array], *given: Array) -> Array:
    held = jax.tree.unflatten(structure, [arrays[name] for name in names])
    return _bare(replace(run, state=_holding(run.state, held)), program, way)(*given)

  return function


def _holding(state: TrainState, variables: Mapping[str, Variables]) -> TrainState:
  """Return the state with these variables, also as averages."""
  params, rest = parted(variables)
  averages = {name: params.get(name, mean) for name, mean in state.ema.items()}
  return replace(
    state,
    params={**state.params, **params},
    variables={**state.variables, **rest},
    ema=averages,
  )


def _bare(run: Run, program: Program, way: str | None) -> Callable[..., Array]:
  """Return the function of a program for another state, without a call of the run's functions."""
  if way is not None:
    return of_images(run, way).function
  interface, conditional = run.recipe.interface, run.recipe.conditional
  assert isinstance(interface, Sampler)
  if interface.styles is not None:
    return _styled(run, interface.styles, conditional)
  nets = replace(game.nets(run.stage.game, run.state), step=run.step)
  none = lambda z: jnp.zeros(z.shape[0], jnp.int32)
  return lambda z, *labels: interface.generate(nets, z, labels[0] if labels else none(z))


def serialized(program: Program, arrays: Mapping[str, np.ndarray] | None = None) -> bytes:
  """Return a program as StableHLO in the form of `jax.export`, with every batch size.

  Its convolutions are plain ones, which the compilers of all platforms know. With `arrays`, the
  function takes them as its first argument (`apart`).

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
  if arrays is not None:
    first = {name: jax.ShapeDtypeStruct(x.shape, x.dtype) for name, x in arrays.items()}
    given = [first, *given]  # type: ignore[list-item]
  with convolution.plain():
    made = export.export(jax.jit(program.function), platforms=PLATFORMS)(*given)
  return bytes(made.serialize())


def with_batch(program: Program, batch: int | None) -> Program:
  """Return a program whose examples and shapes have a batch of this size; None: of any size."""
  if batch is None:
    return program
  fixed = {name for name, shape in program.shapes.items() if shape[:1] == 'b'}
  return program._replace(
    inputs={k: x[:batch] if k in fixed else x for k, x in program.inputs.items()},
    shapes={k: f'{batch}{x[1:]}' if k in fixed else x for k, x in program.shapes.items()},
  )


def onnx_bytes(program: Program) -> bytes:
  """Return a program as an ONNX file, for the batch of its shapes.

  Raises:
    ValueError: packages are missing.
    Inexpressible: the converter cannot express the program.
  """
  if missing := [x for x in ('onnx', 'onnxruntime', 'jax2onnx') if not importlib.util.find_spec(x)]:
    raise ValueError(
      f"--format=onnx needs {', '.join(missing)}: pip install 'jaxgan[onnx]', then "
      f'pip install --no-deps {CONVERTER} (without --no-deps it brings an Orbax that is too old)'
    )
  given = [
    jax.ShapeDtypeStruct(
      ('b', *x.shape[1:]) if program.shapes[name][:1] == 'b' else x.shape, x.dtype
    )
    for name, x in program.inputs.items()
  ]
  with _silent(), convolution.plain():
    try:
      from jax2onnx import to_onnx

      names = dict(input_names=[*program.inputs], output_names=[OUTPUT])
      return bytes(to_onnx(program.function, given, **names).SerializeToString())
    except Exception as error:  # a converter may raise anything
      first = (str(error).strip().splitlines() or [''])[0]
      raise Inexpressible(f'{type(error).__name__}: {first[:200]}') from None


@contextlib.contextmanager
def _silent() -> Iterator[None]:
  """Hide what is logged: the converter warns of packages for networks that are not ours."""
  before = logging.root.manager.disable
  logging.disable(logging.CRITICAL)
  try:
    yield
  finally:
    logging.disable(before)
