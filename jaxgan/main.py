"""The command `jaxgan`; `python -m jaxgan.main --variant=lsgan --workdir=/tmp/run` trains a GAN.

Each command imports its modules only when it is called, so that `jaxgan --help` is quick.
"""

import difflib
import importlib
import importlib.metadata
import pathlib
import sys
from typing import TYPE_CHECKING

from jaxgan.core import collecting

if TYPE_CHECKING:
  from jaxgan.apps.training_options import Given
  from jaxgan.parallel.hosts import Hosts
  from jaxgan.recipes.config import Config
  from jaxgan.training.start import Start

COMMANDS = {
  'train': 'Train a GAN on a folder of images, or on a data set known by name.',
  'sample': 'Draw images from a run.',
  'evaluate': 'Score the images of a run, or compare two folders of images.',
  'report': 'Write a page about a run, or compare several on one page.',
  'film': 'Make a film of the samples of a training through time.',
  'doctor': 'Say what is wrong with a run, and what may help.',
  'human': 'Ask people: make a page of choices, then count the answers.',
  'plane': 'Train GANs on points of the plane and draw what they learn.',
  'play': 'Explore the generator of a run in a browser.',
  'interpolate': 'Make an animation that walks from image to image.',
  'truncate': 'Trade variety for quality, shown in a picture and in scores.',
  'stylemix': 'Combine the styles of two images.',
  'captions': 'Picture a table of captions, words by words.',
  'invert': 'Find the latents of given images.',
  'encode': 'Write the latents of given images, by the encoder of a run.',
  'directions': 'Find directions in the latent space and what they change.',
  'anomaly': 'Score how abnormal images are: how badly the generator reproduces them.',
  'augment': 'Draw a folder of images for each class, to train a classifier.',
  'translate': 'Translate images with a run of cyclegan, cut, pix2pix, spade or stargan.',
  'upscale': 'Enlarge images with published weights, or with a run of srgan or esrgan.',
  'import': 'Make a run of published weights.',
  'export': 'Write the generator of a run for use without jaxgan.',
}
"""The name of every command, and what the command does."""


def jaxgan(argv: list[str] | None = None) -> int:
  """Run the command that the first word of the command line names, and return its exit code.

  Args:
    argv: the words after `jaxgan`; those of the process if None.

  Returns:
    0 after success, 2 for wrong input; other codes as in `main`.
  """
  name, *rest = (sys.argv[1:] if argv is None else argv) or ['--help']
  if name == 'train':
    return main(rest)
  if name in COMMANDS:
    with collecting.seldom():
      return importlib.import_module(f'jaxgan.apps.{name}').main(rest)
  return _about(name)


def _about(name: str) -> int:
  """Print the help, the version, or an error for an unknown command; return the exit code."""
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
  """Print a text; return 0, also if its reader has gone, or 1 if its disk is full."""
  from jaxgan.core import console

  with console.tolerant() as output:
    print(text, flush=True)
    if getattr(output.failed, 'errno', None) in console.FULL:
      return _fail(OSError(f'standard output could not be written: {output.failed}'), 1)
  return 0


def main(argv: list[str] | None = None) -> int:
  """Train a GAN and return the exit code.

  Args:
    argv: the words after `jaxgan train`; those of the process if None.

  Returns:
    0 if the training is complete or its minutes are over, 2 for wrong input, 128 + n if signal n
    stopped it, 1 for any other failure. Lost output, such as that of a closed terminal, changes
    none of these.
  """
  with collecting.seldom():
    from jaxgan.apps import command

    return command.ended(lambda: _train(argv), prints=False)


def _train(argv: list[str] | None) -> int:
  """Read the command line, join the other processes, train, and return the exit code."""
  from jaxgan.parallel import hosts

  given = read(argv)
  hosts.join(given.hosts)
  try:
    code = _run(given.config, given.workdir, _start(given))
  except OSError as error:  # only this process failed: do not wait for the others
    return _fail(error, 1)
  hosts.leave()
  return code


def _start(given: 'Given') -> 'Start | None':
  """Return what the run starts from: a run, or what a file of published weights holds.

  Raises:
    ValueError: the file holds no network that is known; and as `start.asked`.
  """
  from jaxgan.training import start

  source = given.start_from
  if source is None or not source.is_file():
    return start.asked(source, given.start_optimizer)
  from jaxgan.published.runs import from_published

  made = start.asked(from_published(source), given.start_optimizer)
  return made and made._replace(name=str(source.resolve()))


def _run(config: 'Config', workdir: pathlib.Path, start: 'Start | None' = None) -> int:
  """Train, and return the exit code; all processes of a run return the same code."""
  from jaxgan.storage.checkpoint import CheckpointError
  from jaxgan.training.loop import Diverged, play
  from jaxgan.training.session import Refused, prepared
  from jaxgan.training.signals import Stopped

  try:
    with prepared(config, workdir, start=start) as session:
      play(session)
  except Stopped as stop:
    return _fail(stop, 128 + stop.signum)
  except Refused as error:
    return _fail(error, 2)
  except (Diverged, CheckpointError) as error:
    return _fail(error, 1)
  return 0


def _fail(error: Exception, code: int) -> int:
  """Print an error in one line, and return the exit code."""
  print(f'jaxgan: {error}', file=sys.stderr)
  return code


def parse(argv: list[str] | None = None) -> tuple['Config', pathlib.Path, 'Hosts']:
  """Return config, work directory and the options for several processes, as `read` does."""
  given = read(argv)
  return given.config, given.workdir, given.hosts


def read(argv: list[str] | None = None) -> 'Given':
  """Read the command line of a training.

  The variant is read first, because it decides which other options exist. An option on the command
  line overrides the one in --config=FILE; this overrides the value picked for a folder of images;
  and this overrides the default of the variant.

  Args:
    argv: the words after `jaxgan train`; those of the process if None.

  Returns:
    the config of the run, its work directory, what it starts from, and the options for several
    processes.

  Raises:
    ValueError: if the command line has a mistake; the message is one sentence.
    SystemExit: with code 0, after the help was printed.
  """
  from jaxgan import variants
  from jaxgan.apps import arguments, training_options

  photos, words = training_options.folder(sys.argv[1:] if argv is None else argv)
  picked = training_options.defaults(photos, words)
  kind = variants.module(picked.values['variant']).Config
  _refuse_unknown(words, kind, picked.values['variant'])
  parsed = arguments.read(
    training_options.choice(kind, picked),
    words,
    'jaxgan train',
    description=training_options.about(),
  )
  if parsed.photos != photos:  # the folder stood between options, whose defaults depend on it
    return read([str(parsed.photos), *training_options.without(parsed.photos, words)])
  return training_options.assembled(kind, picked, parsed)


def _refuse_unknown(argv: list[str], kind: type['Config'], variant: str) -> None:
  """Raise ValueError for an option that this variant lacks and other variants have."""
  from jaxgan import variants
  from jaxgan.apps import arguments, training_options

  for name in arguments.unknown(argv, training_options.names(kind)):
    if sentence := variants.absent(variant, name):
      raise ValueError(sentence)


if __name__ == '__main__':
  sys.exit(main())
