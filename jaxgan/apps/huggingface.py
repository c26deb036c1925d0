"""A folder for the Hugging Face Hub: card, options, weights, and an example that draws images.

`jaxgan export --workdir=RUN --format=huggingface --out=DIR`. The weights are in model.safetensors;
generator.stablehlo is the function that takes them, so that neither jaxgan nor Flax is needed.
"""

import pathlib
import re
import tempfile
from collections.abc import Sequence
from types import ModuleType

import jax
import numpy as np
from flax.traverse_util import flatten_dict
from safetensors.numpy import save

from jaxgan.apps import elsewhere, ways
from jaxgan.core.typing import Json
from jaxgan.recipes.option_groups import PLACE
from jaxgan.recipes.types import Translator
from jaxgan.storage import figures, files
from jaxgan.storage.workdir import SCORES
from jaxgan.training import exporting
from jaxgan.training.run import Run

CARD, CONFIG, EXAMPLE, SAMPLES = 'README.md', 'config.json', 'example.py', 'samples.png'
WEIGHTS, FUNCTION = 'model.safetensors', 'generator.stablehlo'
OWN = dict.fromkeys(('folder', 'domains', 'pairs', 'arrays'), 'own images')
"""What data sets are called that are not known by name."""
SHOWN = 32
"""Images in the picture of the card."""


def write(
  run: Run, out: pathlib.Path, direction: str | None, license: str | None, push: str | None
) -> None:
  """Write the folder, after its function was compared in a process without jaxgan; upload if asked.

  Args:
    run: the run.
    out: the folder; a new or an empty one.
    direction: the translation, for a run that translates.
    license: the licence of the weights, as the Hub calls it.
    push: USER/NAME of the repository to upload to; None: upload nothing.

  Raises:
    ValueError: the run has no such translation, what was written differs, the folder is not empty,
      or there is no such name of a repository or licence.
    OSError: the upload failed; the folder is complete.
  """
  if push is not None and not re.fullmatch(r'[\w-][\w.-]*/[\w-][\w.-]*', push, re.ASCII):
    raise ValueError(f'--push={push!r} is no name of a repository: give USER/NAME')
  if license is not None and not re.fullmatch(r'[a-z0-9][a-z0-9.-]*', license):
    raise ValueError(
      f'--license={license!r} is no name of a licence on the Hub, which are such as mit, cc-by-4.0'
    )
  send = _client() if push else None
  translates = isinstance(run.recipe.interface, Translator)
  with files.becoming(out) as folder:
    about = _network(run, folder, direction)
    about['license'] = license or 'unknown'
    files.write_config(folder / CONFIG, about)
    (folder / EXAMPLE).write_text(EXAMPLE_CODE, encoding='utf-8')
    if not translates:
      (folder / SAMPLES).write_bytes(figures.png(run.sample(0, SHOWN), columns=8))
    (folder / CARD).write_text(card(about, _scores(run), translates), encoding='utf-8')
  print(f'jaxgan: {out} is ready for the Hub: {CARD}, {CONFIG}, {WEIGHTS}, {FUNCTION}, {EXAMPLE}')
  if license is None:
    print('jaxgan: its licence is unknown: give --license, such as mit, before others may use it')
  if send:
    _upload(send, out, str(push))


def _network(run: Run, folder: pathlib.Path, direction: str | None) -> Json:
  """Write weights and function, and return what config.json says of them, without local paths.

  Raises:
    ValueError: another process makes other images of them.
  """
  interface = run.recipe.interface
  way = None
  if isinstance(interface, Translator):
    way = direction or next(iter(interface.ways))
  program = exporting.of_images(run, way) if way else exporting.of_latents(run)
  making = exporting.making(run)
  arrays = {k: np.array(x, order='C') for k, x in flatten_dict(making, sep='/').items()}
  function = exporting.apart(run, program, making, way)
  (folder / WEIGHTS).write_bytes(save(arrays))
  data = exporting.serialized(program._replace(function=function), arrays)
  (folder / FUNCTION).write_bytes(data)
  with tempfile.TemporaryDirectory() as place:
    made = pathlib.Path(place) / 'made.npy'
    elsewhere.run(CALL, data, program.inputs, str((folder / WEIGHTS).absolute()), str(made))
    found = np.load(made, allow_pickle=False)
  error = elsewhere.difference(
    found, np.asarray(jax.jit(program.function)(*program.inputs.values()))
  )
  if not error <= elsewhere.ROUNDING:
    raise ValueError(f'images of the folder differ from those of the run by {error:.1e}')
  inputs = {
    name: {'dtype': str(x.dtype), 'shape': program.shapes[name]}
    for name, x in program.inputs.items()
  }
  about = exporting.about(run, 'huggingface')
  about |= {'inputs': inputs, 'arguments': [*inputs], 'difference': error}
  about |= {'numbers': sum(x.size for x in arrays.values())}
  shared = {name: value for name, value in about['config'].items() if name not in PLACE}
  return about | {'config': shared} | ways.described(run, way)


CALL = """
import sys
import numpy as np
from jax import export
from safetensors.numpy import load_file
with open(sys.argv[1], 'rb') as file:
  program = export.deserialize(bytearray(file.read()))
with np.load(sys.argv[2]) as given:
  made = program.call(load_file(sys.argv[3]), *(given[name] for name in given.files))
np.save(sys.argv[4], np.asarray(made))
"""

EXAMPLE_CODE = '''"""Make images with this generator: python example.py [IMAGE]; writes made.png.

It needs jax, numpy, pillow and safetensors. IMAGE is for a generator that translates images.
"""

import json
import sys

import numpy as np
from jax import export
from PIL import Image
from safetensors.numpy import load_file

with open('config.json') as file:
  about = json.load(file)
with open('generator.stablehlo', 'rb') as file:
  program = export.deserialize(bytearray(file.read()))
draw, count = np.random.default_rng(0), 1 if 'images' in about['inputs'] else 16
given = []
for name in about['arguments']:
  one = about['inputs'][name]
  shape = [count if size == 'b' else int(size) for size in one['shape'].split(', ') if size]
  if name == 'images':  # in [-1, 1]
    image = Image.open(sys.argv[1]).convert('L' if shape[-1] == 1 else 'RGB').resize(shape[2:0:-1])
    values = np.asarray(image, 'float32').reshape(shape) / 127.5 - 1
  elif name == 'labels':
    values = np.arange(count) % about['images']['classes']
  elif name in ('psi', 'seed'):  # psi: 1 is all variety, less is better and more alike
    values = np.asarray(1)
  elif about['config'].get('latent') == 'uniform':
    values = draw.uniform(-1, 1, shape)
  else:
    values = draw.normal(size=shape)
  given.append(values.astype(one['dtype']))
images = np.asarray(program.call(load_file('model.safetensors'), *given))  # [n, H, W, C] in [-1, 1]
pixels = np.uint8((images.clip(-1, 1) + 1) * 127.5 + 0.5)
pixels = np.concatenate([np.concatenate(pixels[i : i + 4], 1) for i in range(0, len(pixels), 4)])
Image.fromarray(pixels.squeeze()).save('made.png')
'''


# The card.


def _scores(run: Run) -> list[Json]:
  """Return the scores of the run's evaluation.json; none if it was not evaluated."""
  path = run.folder / SCORES if run.folder else None
  if not path or not path.exists():
    return []
  found = files.read_config(path).get('scores', [])
  return [score for score in found if isinstance(score, dict) and {'name', 'of'} <= score.keys()]


def card(about: Json, scores: Sequence[Json], translates: bool) -> str:
  """Return the text of the model card, with the fields that the Hub reads at its head."""
  images, variant = about['images'], about['variant']
  task = 'image-to-image' if translates else 'unconditional-image-generation'
  head = [
    *('---', f'license: {about["license"]}', 'library_name: jaxgan', f'pipeline_tag: {task}'),
    *('tags:', '- gan', '- jax', f'- {variant}', '---'),
  ]
  kind = 'translates images' if translates else 'draws images'
  classes = f', by {images["classes"]} classes' if 'labels' in about['inputs'] else ''
  text = [
    f'# {variant} on {OWN.get(about["config"]["dataset"], about["config"]["dataset"])}',
    f'A generator that {kind} of {images["size"]} x {images["size"]} pixels, '
    f'{"grey" if images["channels"] == 1 else "colour"}{classes}: the variant `{variant}` of '
    f'jaxgan {about["versions"]["jaxgan"]}, after {about["step"]} steps, {about["numbers"]:,} '
    'numbers.',
    *([] if translates else [f'![Samples with seed 0, not chosen]({SAMPLES})']),
    '## Use',
    f'`python {EXAMPLE}{" IMAGE" if translates else ""}` writes made.png. It needs jax, numpy, '
    f'pillow and safetensors. `{WEIGHTS}` has the weights, averaged where the run keeps averages, '
    f'`{FUNCTION}` is the function that takes them, and `{CONFIG}` has its inputs and all options '
    'of the training.',
    '## Scores',
    *(_table(scores) if scores else ['This run was not evaluated.']),
  ]
  return '\n'.join(head) + '\n\n' + '\n\n'.join(text) + '\n'


def _table(scores: Sequence[Json]) -> list[str]:
  """Return the table of scores and what they were computed with."""
  rows = ['| | score | 95 % | held-out real | images |', '|---|---|---|---|---|']
  for score in scores:
    of = score['of']
    ends = [of.get(end) for end in ('low', 'high')]
    shown = ' to '.join(f'{end:.4g}' for end in ends if isinstance(end, float)) or '-'
    real = score.get('real')
    known = f'{real:.4g}' if isinstance(real, float) else '-'
    rows.append(
      f'| {score["name"]} | {of["value"]:.4g} | {shown} | {known} | {score.get("num", "-")} |'
    )
  networks = sorted({str(score.get('network')) for score in scores} - {'None'})
  return ['\n'.join(rows), *(f'Features: {name}.' for name in networks)]


# The upload.


def _client() -> ModuleType:
  """Return the Hub's functions, which find the user's token by themselves."""
  try:
    import huggingface_hub
  except ImportError:
    raise ValueError("--push needs a package: pip install 'jaxgan[huggingface]'") from None
  return huggingface_hub


def _upload(client: ModuleType, folder: pathlib.Path, name: str) -> None:
  """Upload the folder; a new repository is private.

  Raises:
    OSError: the Hub refused it, or cannot be reached.
  """
  try:
    client.create_repo(name, private=True, exist_ok=True)
    client.upload_folder(repo_id=name, folder_path=folder, commit_message='Upload by jaxgan export')
  except Exception as error:  # of the network, of the Hub, or no token: all are of many kinds
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    raise OSError(f'{folder} is complete, but --push={name} failed: {first}') from error
  print(f'jaxgan: uploaded to {name}; a new repository is private until you change it on its page')
