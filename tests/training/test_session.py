"""What a work directory must agree with before a run goes on in it."""

import dataclasses
import json
import shutil

import pytest
from PIL import Image

from jaxgan import variants
from jaxgan.storage import descriptions
from jaxgan.training import run
from jaxgan.training.loop import train
from jaxgan.training.session import Refused, prepared
from small_runs import config_of


def test_another_config_is_refused_with_the_difference(finished, data_dir):
  folder, _ = finished
  before = (folder / 'config.json').read_text()
  with pytest.raises(Refused, match=r'generator_lr: 0.0002 -> 0.1'):
    train(config_of(data_dir, generator_lr=0.1), folder)
  assert (folder / 'config.json').read_text() == before


def test_a_schedule_fixes_the_length(data_dir, tmp_path):
  train(config_of(data_dir, steps=2, schedule='linear'), tmp_path, quiet=True)
  with pytest.raises(Refused, match='linear schedule of the learning rates depends'):
    train(config_of(data_dir, steps=4, schedule='linear'), tmp_path)


def test_a_workdir_in_use_is_refused(data_dir, tmp_path):
  with prepared(config_of(data_dir), tmp_path):
    with pytest.raises(Refused, match='in use'):
      train(config_of(data_dir), tmp_path)


def test_images_that_changed_are_refused(data_dir, tmp_path):
  folder = tmp_path / 'photos'
  folder.mkdir()
  for i in range(4):
    Image.new('RGB', (16, 16), (60 * i, 0, 0)).save(folder / f'{i}.png')
  config = config_of(
    tmp_path / 'data', dataset='folder', folder=folder, image_size=16, batch_size=8, steps=2
  )
  train(config, tmp_path / 'run', quiet=True)
  (folder / '3.png').unlink()
  with pytest.raises(Refused, match=r'photos changed since .*\n  count: 4 -> 3\n  fingerprint'):
    train(dataclasses.replace(config, steps=4), tmp_path / 'run', quiet=True)
  Image.new('RGB', (16, 16), (180, 0, 0)).save(folder / '3.png')
  assert train(dataclasses.replace(config, steps=4), tmp_path / 'run', quiet=True).step == 4


class TestCheckpointsOfAnotherRun:
  FOREIGN = r'holds a checkpoint of another run, of step 8: to continue that run, copy its whole'

  @pytest.mark.parametrize('place', ['checkpoints', 'best'])
  def test_are_refused_in_a_new_folder(self, finished, data_dir, tmp_path, place):
    shutil.copytree(finished[0] / 'checkpoints', tmp_path / place)
    with pytest.raises(Refused, match=self.FOREIGN):
      train(config_of(data_dir, steps=20), tmp_path, quiet=True)
    assert not (tmp_path / 'config.json').exists()

  def test_are_refused_in_the_folder_of_another(self, finished, data_dir, tmp_path):
    with prepared(config_of(data_dir), tmp_path, quiet=True) as session:
      session.checkpoints.save(0, session.state, wait=True)
    assert run.load(tmp_path).step == 0
    shutil.copytree(finished[0] / 'checkpoints', tmp_path / 'checkpoints', dirs_exist_ok=True)
    before = (tmp_path / 'config.json').read_text()
    with pytest.raises(Refused, match=self.FOREIGN):
      train(config_of(data_dir, steps=20), tmp_path, quiet=True)
    with pytest.raises(ValueError, match=self.FOREIGN):
      run.load(tmp_path)
    assert (tmp_path / 'config.json').read_text() == before

  def test_a_copy_of_the_whole_folder_goes_on(self, finished, data_dir, tmp_path):
    copy = shutil.copytree(finished[0], tmp_path / 'copy')
    shutil.move(copy, tmp_path / 'moved')
    assert run.load(tmp_path / 'moved').step == 8
    assert train(config_of(data_dir, steps=9), tmp_path / 'moved', quiet=True).step == 9

  def test_a_config_alone_begins_another_run(self, finished, data_dir, tmp_path):
    """Its checkpoints, copied later, are those of another run."""
    shutil.copy(finished[0] / 'config.json', tmp_path)
    with prepared(config_of(data_dir), tmp_path, quiet=True):
      pass
    shutil.copytree(finished[0] / 'checkpoints', tmp_path / 'checkpoints')
    with pytest.raises(Refused, match=self.FOREIGN):
      train(config_of(data_dir), tmp_path, quiet=True)

  def test_a_run_from_before_marks_gets_one(self, finished, data_dir, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / 'old')
    config = json.loads((folder / 'config.json').read_text())
    del config['run']
    (folder / 'config.json').write_text(json.dumps(config))
    for step in descriptions.steps(folder / 'checkpoints'):
      about = descriptions.read(path := folder / 'checkpoints' / str(step))
      about.pop('run')
      (path / descriptions.NAME).unlink()
      descriptions.write(path, about)
    assert run.load(folder).step == 8
    assert train(config_of(data_dir, steps=9), folder, quiet=True).step == 9
    mark = json.loads((folder / 'config.json').read_text())['run']
    assert descriptions.read(folder / 'checkpoints/9')['run'] == mark
    assert run.load(folder).step == 9


def test_a_run_with_a_trick_that_older_versions_ignored_goes_on(data_dir, tmp_path):
  """Its versions tell it from a run of 0.1.0, where the option had no effect."""
  options = dict(lecam=0.1, width=4, base=8, latent_size=4, batch_size=8, stage_images=8)
  config = variants.configure('progan', steps=1, data_dir=data_dir, **options)
  with prepared(config, tmp_path / 'run', quiet=True):
    pass
  with prepared(config, tmp_path / 'run', quiet=True) as session:
    assert session.config.lecam == 0.1
