"""The command `jaxgan`; `python -m jaxgan.main --variant=lsgan --workdir=/tmp/run` trains a GAN.

What a command needs is imported when the command is called, so that `jaxgan --help` is quick.
"""

import difflib
import importlib
import importlib.metadata
import os
import pathlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from jaxgan.parallel.hosts import Hosts
  from jaxgan.recipes.config import Config

COMMANDS = {
  'train': 'Train a GAN: on a folder of images, or on a data set known by name.',
  'sample': 'Draw images from a run.',
  'evaluate': 'Score the images of a run, or one folder of images by another.',
  'human': 'Let people judge: make a page of choices, then count the answers.',
  'plane': 'Train GANs on points of the plane and draw what they learn.',
  'interpolate': 'Make a film that walks from image to image.',
  'truncate': 'Trade variety for quality, shown in a picture and in scores.',
  'stylemix': 'Put the styles of one image on another.',
  'invert': 'Find the latents of given images.',
  'directions': 'Find directions in the latent space and what they change.',
  'anomaly': 'Score images by how badly a run can make them.',
  'augment': 'Draw a folder of images for each class, for training a classifier.',
  'translate': 'Translate images by a run of cyclegan or pix2pix.',
  'upscale': 'Enlarge images by a run of srgan or esrgan.',
}
"""Every command and what it does."""


def jaxgan(argv: list[str] | None = None) -> int:
  """Run the command that the first word names; return its exit code."""
  name, *rest = (sys.argv[1:] if argv is None else argv) or ['--help']
  if name == 'train':
    return main(rest)
  if name in COMMANDS:
    return importlib.import_module(f'jaxgan.apps.{name}').main(rest)
  return _about(name)


def _about(name: str) -> int:
  """Print the help or the version, or that there is no such command."""
  if name in ('-h', '--help'):
    lines = [f'  {command:12} {text}' for command, text in COMMANDS.items()]
    text = 'usage: jaxgan COMMAND [OPTIONS]\n\n' + '\n'.join(lines)
    return _print(f'{text}\n\nThe options of a command: jaxgan COMMAND --help')
  if name in ('-V', '--version'):
    return _print(f'jaxgan {importlib.metadata.version("jaxgan")}')
  near = difflib.get_close_matches(name, COMMANDS, n=1)
  meant = f'perhaps you meant {near[0]}' if near else f'there are {", ".join(COMMANDS)}'
  print(f'jaxgan: there is no command {name!r}: {meant}', file=sys.stderr)
  return 2


def _print(text: str) -> int:
  try:
    print(text, flush=True)
  except BrokenPipeError:  # such as `jaxgan --help | head -1`
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
  return 0


def main(argv: list[str] | None = None) -> int:
  """Train; return 0 done, 2 wrong input, 128 + n on signal n, 1 anything else."""
  from jaxgan.apps import command

  return command.ended(lambda: _train(argv))


def _train(argv: list[str] | None) -> int:
  from jaxgan.parallel import hosts

  config, workdir, others = parse(argv)
  hosts.join(others)
  try:
    code = _run(config, workdir)
  except OSError as error:  # of this process alone: the others are not waited for
    return _fail(error, 1)
  hosts.leave()
  return code


def _run(config: 'Config', workdir: pathlib.Path) -> int:
  """Train, and return how the run ended, alike in all its processes."""
  from jaxgan.storage.checkpoint import CheckpointError
  from jaxgan.training.loop import Diverged, play
  from jaxgan.training.session import Refused, prepared
  from jaxgan.training.signals import Stopped

  try:
    with prepared(config, workdir) as session:
      play(session)
  except Stopped as stop:
    return _fail(stop, 128 + stop.signum)
  except Refused as error:
    return _fail(error, 2)
  except (Diverged, CheckpointError) as error:
    return _fail(error, 1)
  return 0


def _fail(error: Exception, code: int) -> int:
  print(f'jaxgan: {error}', file=sys.stderr)
  return code


def parse(argv: list[str] | None = None) -> tuple['Config', pathlib.Path, 'Hosts']:
  """Read the command line of a training, for its variant first.

  Options on the command line come before those of --config=FILE, these before what is picked for a
  folder of images, and this before the defaults of the variant.

  Raises:
    ValueError: a mistake, in one sentence.
    SystemExit: with 0, after the help was printed.
  """
  from jaxgan import variants
  from jaxgan.apps import arguments, training_options

  photos, words = training_options.folder(sys.argv[1:] if argv is None else argv)
  picked = training_options.defaults(photos, words)
  kind = variants.module(picked.values['variant']).Config
  _refuse_unknown(words, kind, picked.values['variant'])
  parsed: Any = arguments.read(
    training_options.choice(kind, picked),
    words,
    'jaxgan train',
    description=training_options.about(),
  )
  if parsed.photos != photos:  # it stood among the options, which depend on it
    return parse([str(parsed.photos), *training_options.without(parsed.photos, words)])
  return training_options.assembled(kind, picked, parsed)


def _refuse_unknown(argv: list[str], kind: type['Config'], variant: str) -> None:
  """Raise ValueError for an option that the variant does not have, and others have."""
  from jaxgan import variants
  from jaxgan.apps import arguments, training_options

  for name in arguments.unknown(argv, training_options.names(kind)):
    if sentence := variants.absent(variant, name):
      raise ValueError(sentence)


if __name__ == '__main__':
  sys.exit(main())
