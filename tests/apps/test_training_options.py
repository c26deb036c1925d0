"""Options of a training come from flags, a file, a folder of images and the variant, in order."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from jaxgan import main
from jaxgan.apps import training_options
from jaxgan.recipes.config import Config
from jaxgan.variants import VARIANTS, configure


@pytest.fixture
def photos(tmp_path):
  """A folder of three images in colour, 40 pixels high."""
  folder, random = tmp_path / 'p', np.random.default_rng(0)
  folder.mkdir()
  for i in range(3):
    pixels = random.integers(0, 255, (40, 50, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / f'{i}.png')
  return folder


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    (['p', '--steps=2'], ['--steps=2']),
    (['--steps=2', 'p'], ['--steps=2']),
    (['--steps', '2'], ['--steps', '2']),
    (['--widths=1', '2'], ['--widths=1']),
    (['--help'], ['--help']),
    ([], []),
  ],
)
def test_the_folder_is_apart(argv, words):
  assert training_options.folder(argv)[1] == words


@pytest.mark.parametrize('name', VARIANTS)
def test_without_options_it_is_the_variant(name):
  assert main.parse([f'--variant={name}', '--workdir=w'])[0] == configure(name)
  paper = main.parse([f'--variant={name}', '--preset=paper', '--workdir=w'])[0]
  assert paper == configure(name, 'paper')


@pytest.mark.parametrize(
  'order',
  [('PHOTOS', '--steps=2'), ('--steps=2', 'PHOTOS'), ('--steps', '2', 'PHOTOS', '--keep=1')],
)
def test_photos_stand_anywhere(order, photos):
  config, workdir, _ = main.parse([str(photos) if w == 'PHOTOS' else w for w in order])
  assert (config.folder, config.steps, workdir) == (photos, 2, pathlib.Path('runs/p'))


@pytest.mark.parametrize(
  'images',
  [{'dataset': 'digits'}, {'dataset': 'folder', 'folder': '/other'}, {'dataset': 'arrays'}],
)
def test_a_folder_is_read_though_the_file_of_another_run_names_other_images(
  photos, tmp_path, images
):
  """The options of that run are kept, but for those that say which images are read."""
  file = tmp_path / 'c.json'
  given = {'variant': 'sngan', 'latent_size': 7, 'without_classes': [1], **images}
  file.write_text(json.dumps(given))
  config, _, _ = main.parse([str(photos), f'--config={file}'])
  assert (config.dataset, config.folder, config.latent_size) == ('folder', photos, 7)
  assert config.without_classes == ()


def test_a_file_may_say_what_the_folder_holds(tmp_path):
  file = tmp_path / 'c.json'
  file.write_text('{"variant": "gan", "dataset": "mnist"}')
  config, _, _ = main.parse([str(tmp_path), f'--config={file}'])
  assert (config.dataset, config.folder) == ('mnist', tmp_path)


def test_picks_are_overridden_by_flags_and_by_a_file(photos, tmp_path, capsys):
  file = tmp_path / 'c.json'
  file.write_text('{"variant": "stylegan2", "channels": 1}')
  argv = [str(photos), f'--config={file}', '--augment=none', '--workdir=w']
  config, workdir, _ = main.parse(argv)
  assert (config.variant, config.channels, config.augment) == ('stylegan2', 1, 'none')
  assert workdir == pathlib.Path('w')
  said = capsys.readouterr().out
  assert 'picked --image-size=32: ' in said
  assert not any(f'--{name}=' in said for name in ('variant', 'channels', 'augment', 'workdir'))


def test_only_the_first_process_says_what_was_picked(photos, capsys):
  several = ['--coordinator=h:1', '--num-processes=2']
  main.parse([str(photos), *several, '--process-id=1'])
  assert not capsys.readouterr().out
  main.parse([str(photos), *several, '--process-id=0'])
  assert 'picked --variant=sngan: ' in capsys.readouterr().out


def test_files_of_a_set_known_by_name_are_not_looked_at(tmp_path):
  config, workdir, _ = main.parse([str(tmp_path), '--dataset=mnist'])
  assert (config.dataset, config.folder, config.variant) == ('mnist', tmp_path, 'lsgan')


def test_the_help_shows_every_option_in_its_group(capsys):
  @dataclasses.dataclass(frozen=True)
  class Inks:
    """Inks of the printer."""

    ink: int = 3

  @dataclasses.dataclass(frozen=True)
  class Mine(Config, Inks):
    """Options of a printer."""

    paper_size: int = 4

  picked = training_options.Picked(
    {f.name: f.default for f in dataclasses.fields(Mine)} | {'variant': 'mine'}, None, None, []
  )
  with pytest.raises(SystemExit):
    training_options.arguments.read(training_options.choice(Mine, picked), ['--help'], 'x')
  said = capsys.readouterr().out
  assert said.index('Inks of the printer.') < said.index('--ink INT')
  assert said.index('Options of a printer.') < said.index('--paper-size INT')
  assert all(f'--{f.name.replace("_", "-")}' in said for f in dataclasses.fields(Mine))
