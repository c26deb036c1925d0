"""Take a generator elsewhere: `jaxgan export --workdir=RUN --format=stablehlo --out=FILE`.

A file is loaded again in a process without jaxgan, and compared, before the command says that it is
done.
"""

import hashlib
import pathlib
import sys
import tempfile
from dataclasses import dataclass
from typing import Literal

import jax
import numpy as np
from flax.traverse_util import flatten_dict
from safetensors.numpy import save

from jaxgan.apps import command, elsewhere, huggingface, ways
from jaxgan.apps.checks import Exported
from jaxgan.core.typing import Json
from jaxgan.ops import convolution
from jaxgan.recipes.types import Translator
from jaxgan.storage import files
from jaxgan.training import exporting
from jaxgan.training.run import Run, load

CLOSE_ONNX = 1e-4
"""How far, of the largest number, images of an ONNX file may be from those of the program."""


@dataclass(frozen=True)
class Options:
  """Write the generator of a run for use without jaxgan.

  safetensors: the parameters by name. stablehlo: the function from latents (or images) to images,
  for `jax.export` and every program that reads StableHLO, with any batch size. onnx: the same for
  ONNX Runtime. A JSON beside the file says what is in it. huggingface: a folder for the Hub, with
  parameters, function, a card and an example.
  """

  workdir: pathlib.Path
  """The run's directory."""
  out: Exported
  """The file to write; the JSON has its name with .json behind it. Or the folder to write."""
  format: Literal['safetensors', 'stablehlo', 'onnx', 'huggingface'] | None = None
  """The form of the file; that of the ending of --out if not given."""
  license: str | None = None
  """For huggingface: the licence of the weights, as the Hub calls it, such as mit or cc-by-4.0."""
  push: str | None = None
  """For huggingface: USER/NAME of a repository to upload the folder to, with your own token."""
  direction: str | None = None
  """For a run on two domains: AtoB or BtoA; the one that it was trained for if not given."""
  domain: str | None = None
  """For a run of stargan: the domain to translate to, by its name."""
  checkpoint: Literal['latest', 'best'] = 'latest'
  """The newest state of the run, or the one with the best score."""


def write(options: Options) -> None:
  """Write the file and its JSON, after a check of what was written.

  Raises:
    ValueError: as `load`; the run has no such translation; what was written differs.
  """
  if options.format == 'huggingface':
    run = load(options.workdir, options.checkpoint)
    way = _way(run, options)
    return huggingface.write(run, options.out, way, options.license, options.push)
  for name in ('license', 'push'):
    if getattr(options, name):
      raise ValueError(f'--{name} is for --format=huggingface')
  form = options.out.suffix.lower().removeprefix('.')
  if not form:
    raise ValueError(
      f'--out={options.out} has no ending: end it in .stablehlo, .safetensors or .onnx, or give '
      '--format=huggingface for a folder'
    )
  if options.format not in (None, form):
    raise ValueError(f'--format={options.format} is written as .{options.format}: name --out so')
  run = load(options.workdir, options.checkpoint)
  made = {'safetensors': _safetensors, 'stablehlo': stablehlo, 'onnx': onnx}[form]
  way = _way(run, options, chosen=form != 'safetensors')
  data, about, said = made(run, way)
  with files.atomic(options.out) as file:
    file.write(data)
  beside = options.out.with_name(options.out.name + '.json')
  files.write_config(beside, {**exporting.about(run, form), **about, **ways.described(run, way)})
  print(f'jaxgan: {said} in {options.out}, described in {beside.name}')


def _way(run: Run, options: Options, chosen: bool = True) -> str | None:
  """Return the translation to write; None for a run of latents, and for a file of all networks."""
  for name in ('direction', 'domain'):
    if getattr(options, name) and not chosen:
      raise ValueError(f'--{name} is for --format=stablehlo: safetensors has all networks')
    if getattr(options, name) and not isinstance(run.recipe.interface, Translator):
      raise ValueError(f'--{name} is for a run that translates, not for {run.config.variant}')
  if not chosen or not isinstance(run.recipe.interface, Translator):
    return None
  return ways.asked(run, options.direction, options.domain)


# Parameters.


def _safetensors(run: Run, way: str | None = None) -> tuple[bytes, Json, str]:
  """Return the parameters as bytes, their shapes, and a sentence."""
  flat = {k: np.asarray(x) for k, x in flatten_dict(exporting.making(run), sep='/').items()}
  data = save({name: np.array(x, order='C') for name, x in flat.items()})
  digest = hashlib.sha256(b''.join(flat[name].tobytes() for name in sorted(flat))).hexdigest()
  if elsewhere.run(READ, data, {}) != digest:
    raise ValueError('the file does not hold what was written: try again, or another disk')
  shapes = {name: {'dtype': str(x.dtype), 'shape': list(x.shape)} for name, x in flat.items()}
  numbers = sum(x.size for x in flat.values())
  return data, {'arrays': shapes}, f'{len(flat)} arrays of {numbers:,} numbers'


READ = """
import hashlib, sys
from safetensors.numpy import load_file
arrays = load_file(sys.argv[1])
print(hashlib.sha256(b''.join(arrays[name].tobytes() for name in sorted(arrays))).hexdigest())
"""


# The function.


def stablehlo(run: Run, way: str | None) -> tuple[bytes, Json, str]:
  """Return the function as bytes, its inputs, and a sentence with the largest difference."""
  program = _program(run, way)
  data = exporting.serialized(program)
  found = _called(CALL, data, program.inputs)
  with convolution.plain():
    same = np.asarray(jax.jit(program.function)(*program.inputs.values()))
  usual = np.asarray(jax.jit(program.function)(*program.inputs.values()))
  error = elsewhere.difference(found, usual)
  if not (elsewhere.difference(found, same) <= elsewhere.CLOSE and error <= elsewhere.ROUNDING):
    raise ValueError(f'images of the file differ from those of the run by {error:.1e}')
  inputs = _inputs(program)
  sizes = ', '.join(map(str, found.shape[1:]))
  about: Json = {'arguments': [*inputs]}  # in their order, which the names of an object have not
  about |= {'inputs': inputs, 'output': f'float32 [b, {sizes}] in [-1, 1]', 'difference': error}
  return data, about, f'a function of {", ".join(inputs)} (differs by {error:.1e})'


def onnx(run: Run, way: str | None) -> tuple[bytes, Json, str]:
  """Return the function as ONNX, its inputs, and a sentence; for any batch size, or else for 1.

  Raises:
    ValueError: it cannot be converted, or its images differ.
  """
  program, reasons = _program(run, way), []
  if 'seed' in program.inputs:
    raise ValueError(
      f'{run.config.variant} draws noise from a seed here, and ONNX has no such random numbers: '
      'use --format=stablehlo'
    )
  for batch in (None, 1):
    chosen = exporting.with_batch(program, batch)
    try:
      data, error = _checked_onnx(chosen)
    except exporting.Inexpressible as reason:
      reasons.append(str(reason))
      continue
    sizes = 'any number of images' if batch is None else 'one image'
    about = {'inputs': _inputs(chosen), 'output': f'{exporting.OUTPUT}, in [-1, 1]'}
    said = f'a function of {", ".join(program.inputs)} for {sizes} (differs by {error:.1e})'
    return data, {**about, 'difference': error, 'converter': exporting.CONVERTER}, said
  raise ValueError(
    f'{run.config.variant} cannot be written as ONNX: {reasons[-1]}; use --format=stablehlo'
  )


def _checked_onnx(program: exporting.Program) -> tuple[bytes, float]:
  """Return a program as ONNX, and how far its images are from those of the program."""
  data = exporting.onnx_bytes(program)
  with convolution.plain():
    wanted = np.asarray(jax.jit(program.function)(*program.inputs.values()))
  try:
    error = elsewhere.difference(_called(CALL_ONNX, data, program.inputs), wanted)
  except ValueError as reason:
    raise exporting.Inexpressible(str(reason)) from None
  if not error <= CLOSE_ONNX:
    raise exporting.Inexpressible(f'images of the file differ from those of the run by {error:.1e}')
  return data, error


def _inputs(program: exporting.Program) -> Json:
  """Return the types and shapes of a program's inputs, by name."""
  return {
    name: {'dtype': str(x.dtype), 'shape': program.shapes[name]}
    for name, x in program.inputs.items()
  }


def _program(run: Run, way: str | None) -> exporting.Program:
  interface = run.recipe.interface
  if isinstance(interface, Translator):
    return exporting.of_images(run, way or next(iter(interface.ways)))
  return exporting.of_latents(run)


def _called(code: str, data: bytes, inputs: dict[str, np.ndarray]) -> np.ndarray:
  """Return what a file makes of inputs, called by code in a process without jaxgan."""
  with tempfile.TemporaryDirectory() as folder:
    result = pathlib.Path(folder) / 'made.npy'
    elsewhere.run(code, data, inputs, str(result))
    return np.load(result, allow_pickle=False)


CALL_ONNX = """
import sys
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])
with np.load(sys.argv[2]) as given:
  inputs = {name: given[name] for name in given.files}
np.save(sys.argv[3], session.run(None, inputs)[0])
"""
CALL = """
import sys
import numpy as np
from jax import export
with open(sys.argv[1], 'rb') as file:
  program = export.deserialize(bytearray(file.read()))
with np.load(sys.argv[2]) as given:
  made = program.call(*(given[name] for name in given.files))
np.save(sys.argv[3], np.asarray(made))
"""


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('export', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
