"""What a work directory must agree with before a run goes on in it."""

import dataclasses
import json
import os
import shutil

import pytest
from PIL import Image

from jaxgan import data, variants
from jaxgan.storage import descriptions, files
from jaxgan.training import kept, run
from jaxgan.training.loop import train
from jaxgan.training.session import Refused, held_out, open_data, prepared
from small_runs import config_of


def test_another_config_is_refused_with_the_difference(finished, data_dir):
  folder, _ = finished
  before = (folder / 'config.json').read_text()
  with pytest.raises(Refused, match=r'generator_lr: 0.001 -> 0.1'):
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


# --- runs that began under other rules


def put(folder, *names):
  """An image of its own colour for each name."""
  for i, name in enumerate(names):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (8, 8), (20 * i, 0, 0)).save(folder / f'{name}.png')
  return folder


def conditional(home, **options):
  """A small config of a run that draws by class."""
  given = dict(dataset='folder', folder=home / 'in', data_dir=home / 'data', image_size=8)
  sizes = dict(width=4, latent_size=4, batch_size=8, steps=1, log_every=1)
  return variants.configure('cgan', **given, **sizes, **options)


def as_before(folder, names, **changed):
  """Let a run have begun with these classes."""
  about = files.read_config(folder / 'data.json')
  about['spec'][2:] = [len(names), list(names)]
  files.write_config(folder / 'data.json', {**about, **changed})


def table(config, folder):
  """The number of each class's colour in a session of the run."""
  with prepared(config, folder, quiet=True) as session:
    source = session.source
    colours = source.all()[:, 0, 0, 0] // 20
    assert list(kept.spec(folder)) == list(source.spec)
    return source.spec.names, dict(zip(colours.tolist(), source.labels.tolist(), strict=True))


NUMBERS = ('0', '1', '2', '10')
TEXT = ('0', '1', '10', '2')


def test_a_run_keeps_the_order_of_classes_that_it_began_with(tmp_path):
  put(tmp_path / 'in', *(f'{name}/a' for name in NUMBERS))
  config, run = conditional(tmp_path), tmp_path / 'run'
  assert table(config, run) == (NUMBERS, {0: 0, 1: 1, 2: 2, 3: 3})
  as_before(run, TEXT)
  assert table(config, run) == (TEXT, {0: 0, 1: 1, 2: 3, 3: 2})
  again = open_data(config, numbered=kept.spec(run))
  assert again.spec.names == TEXT


def test_classes_that_were_removed_by_number_stay_those(tmp_path):
  put(tmp_path / 'in', *(f'{name}/a' for name in NUMBERS))
  config, run = conditional(tmp_path, without_classes=(2,)), tmp_path / 'run'
  assert table(config, run) == (('0', '1', '10'), {0: 0, 1: 1, 3: 2})
  whole = open_data(dataclasses.replace(config, without_classes=()))
  before = data.without(data.renamed(whole, TEXT), (2,))  # 10, and not 2
  as_before(run, before.spec.names, fingerprint=before.fingerprint)
  assert table(config, run) == (('0', '1', '2'), {0: 0, 1: 1, 2: 2})


def test_a_class_of_which_nothing_can_be_read_stays_one_of_an_older_run(tmp_path):
  put(tmp_path / 'in', 'cat/a', 'dog/a')
  config, run = conditional(tmp_path), tmp_path / 'run'
  table(config, run)
  as_before(run, ('bad', 'cat', 'dog'))
  assert table(config, run) == (('bad', 'cat', 'dog'), {0: 1, 1: 2})


def test_a_run_without_classes_stays_without(tmp_path):
  """As one whose folder had a hidden file beside its subfolders."""
  put(tmp_path / 'in', 'cat/a', 'dog/a')
  config = dataclasses.replace(config_of(tmp_path / 'data', steps=1), image_size=8)
  config = dataclasses.replace(config, dataset='folder', folder=tmp_path / 'in')
  with prepared(config, tmp_path / 'run', quiet=True):
    pass
  as_before(tmp_path / 'run', ())
  with prepared(config, tmp_path / 'run', quiet=True) as session:
    assert session.source.labels is None and session.source.spec.classes == 0


def test_a_run_on_splits_or_hidden_folders_as_classes_is_refused(tmp_path):
  put(tmp_path / 'in', 'train/cat/a', 'train/dog/a', 'test/cat/b', '.cache/a')
  config, run = conditional(tmp_path), tmp_path / 'run'
  assert table(config, run)[0] == ('cat', 'dog')
  as_before(run, ('.cache', 'test', 'train'), count=4, fingerprint='other')
  with pytest.raises(Refused, match=r'images of .*in changed since') as error:
    table(config, run)
  said = '(.cache, test, train are no classes any more, but splits or hidden: docs/formats.md)'
  assert said in str(error.value)


def test_the_held_out_folder_is_offered_and_not_trained_on(tmp_path):
  put(tmp_path / 'in', 'train/cat/a', 'train/dog/a', 'test/dog/b')
  config = conditional(tmp_path)
  train_ = open_data(config)
  held = held_out(config, train_)
  assert len(train_) == 2 and len(held) == 1 and held.labels.tolist() == [1]


def test_a_copied_folder_goes_on_and_changed_pixels_do_not(tmp_path):
  folder = tmp_path / 'in'
  folder.mkdir()
  Image.new('RGB', (8, 8), (1, 1, 1)).save(folder / 'a.bmp')
  config = dataclasses.replace(
    config_of(tmp_path / 'data', steps=1), dataset='folder', folder=folder, image_size=8
  )
  with prepared(config, tmp_path / 'run', quiet=True):
    pass
  shutil.copytree(folder, tmp_path / 'copy')
  copied = dataclasses.replace(config, folder=tmp_path / 'copy')
  with prepared(copied, tmp_path / 'run', quiet=True):
    pass
  status = (folder / 'a.bmp').stat()
  Image.new('RGB', (8, 8), (2, 2, 2)).save(folder / 'a.bmp')
  os.utime(folder / 'a.bmp', ns=(status.st_atime_ns, status.st_mtime_ns))
  with pytest.raises(Refused, match='changed since .*\n  fingerprint'):
    with prepared(config, tmp_path / 'run', quiet=True):
      pass


@pytest.mark.parametrize('options', [dict(steps=4), dict(log_every=3), dict(steps=4, keep=5)])
def test_a_finished_run_keeps_its_options(options, finished, data_dir, capsys):
  """It is at step 8, so nothing of this is done."""
  folder, _ = finished
  names = ('config.json', 'data.json')
  before = [(folder / name).read_text() for name in names]
  assert train(config_of(data_dir, **options), folder).step == 8
  assert 'nothing left to do' in capsys.readouterr().out
  assert [(folder / name).read_text() for name in names] == before
