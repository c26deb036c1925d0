import contextlib
import io
import os
import pathlib
import subprocess
import sys
import threading

import chex
import numpy as np
import pytest
import tensorflow_datasets as tfds
from absl import logging as absl_logging
from PIL import Image

from jaxgan import data
from jaxgan.data import prepared


class Odd(tfds.core.GeneratorBasedBuilder, skip_registration=True):
  """A set that jaxgan knows nothing of: other keys, other features besides, images of any size."""

  name = 'odd'
  VERSION = tfds.core.Version('2.1.0')

  def __init__(self, *, shape=(None, None, 3), **kwargs):
    self.shape = shape
    super().__init__(**kwargs)

  def _info(self):
    features = {
      'photo': tfds.features.Image(shape=self.shape),
      'kind': tfds.features.ClassLabel(names=['cat', 'dog']),
      'depth': tfds.features.Tensor(shape=(2, 2, 1), dtype=np.float32),
      'caption': tfds.features.Text(),
      'boxes': tfds.features.Sequence({'bbox': tfds.features.BBoxFeature()}),
    }
    return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

  def _split_generators(self, dl_manager):
    return {'train': self._generate_examples(12, 2), 'test': self._generate_examples(3, 0)}

  def _generate_examples(self, count, kinds):
    for i in range(count):
      size = (self.shape[1] or 20 + i, self.shape[0] or 30)
      yield (
        i,
        {
          'photo': Image.new('RGB', size, (i, 2 * i, 255)),
          'kind': i % 2 if kinds else -1,
          'depth': np.ones((2, 2, 1), np.float32),
          'caption': f'number {i}',
          'boxes': {'bbox': []},
        },
      )


def odd(folder, file_format='array_record', **options):
  builder = Odd(data_dir=folder, file_format=file_format, **options)
  with prepared.quiet():
    builder.download_and_prepare()
  return folder


@pytest.fixture(scope='module')
def odd_dir(tmp_path_factory):
  return odd(tmp_path_factory.mktemp('odd'))


def test_a_set_of_another_hand_is_found_by_its_features(odd_dir):
  source = data.load('odd', data_dir=odd_dir, image_size=16)
  assert source.spec == data.Spec(16, 3, 2, ('cat', 'dog'))
  pixels = source.images(np.arange(12))
  chex.assert_trees_all_equal(np.sort(pixels[:, 0, 0, 0]), np.arange(12, dtype=np.uint8))
  chex.assert_trees_all_equal(source.labels, (pixels[:, 5, 5, 0] % 2).astype(np.int32))
  assert len(data.load('odd:2.1.0', data_dir=odd_dir, split='train[:5]', image_size=16)) == 5


def test_unknown_labels_are_no_labels(odd_dir):
  for limit in (2**31, 1):
    source = data.load('odd', split='test', data_dir=odd_dir, image_size=16, in_memory_limit=limit)
    assert source.labels is None and source.spec.classes == 0


def test_images_of_several_sizes_need_one(odd_dir, tmp_path):
  with pytest.raises(ValueError, match='vary in size: say which image_size'):
    data.load('odd', data_dir=odd_dir)
  assert data.load('odd', data_dir=odd(tmp_path, shape=(40, 24, 3))).spec.size == 24


def test_another_file_format_is_refused(tmp_path):
  # writing tfrecord takes TensorFlow, so only say that it was
  odd(tmp_path)
  info = tmp_path / 'odd' / '2.1.0' / 'dataset_info.json'
  info.write_text(info.read_text().replace('array_record', 'tfrecord'))
  with pytest.raises(ValueError, match='stored as tfrecord, which only TensorFlow reads'):
    data.load('odd', data_dir=tmp_path, image_size=16)


@pytest.mark.parametrize(
  'name',
  ['cifar10', 'nothing', '../odd', 'odd/missing', 'odd:9.9.9', 'huggingface:mnist', '', 'a b'],
)
def test_an_unknown_name_lists_what_there_is(name, odd_dir):
  with pytest.raises(ValueError, match='neither one of digits, mnist, .* nor prepared in'):
    data.load(name, data_dir=odd_dir)


def test_streaming_decodes_what_memory_holds(odd_dir):
  options = dict(data_dir=odd_dir, image_size=16, channels=1)
  held = data.load('odd', **options)
  streamed = data.load('odd', in_memory_limit=12 * 16 * 16 - 1, **options)
  assert streamed.streams and not held.streams
  assert (streamed.fingerprint, streamed.spec) == (held.fingerprint, held.spec)
  chex.assert_trees_all_equal(streamed.labels, held.labels)
  order = np.array([11, 0, 5, 5])
  chex.assert_trees_all_equal(streamed.images(order), held.images(order))


def test_decoded_arrays_are_kept_and_used(tmp_path, monkeypatch):
  odd(tmp_path)
  load = lambda: data.load('odd', data_dir=tmp_path, image_size=16)
  first = load()
  with monkeypatch.context() as patch:
    patch.setattr(prepared.Records, 'read', None)
    second = load()
  everything = np.arange(12)
  chex.assert_trees_all_equal(first.images(everything), second.images(everything))
  chex.assert_trees_all_equal(first.labels, second.labels)


def test_a_damaged_cache_is_made_again(tmp_path):
  odd(tmp_path)
  load = lambda: data.load('odd', data_dir=tmp_path, image_size=16).images(np.arange(12))
  first = load()
  (kept,) = tmp_path.rglob('*-images.npy')
  kept.write_bytes(kept.read_bytes()[:300])
  chex.assert_trees_all_equal(load(), first)
  chex.assert_trees_all_equal(np.load(kept), first)


def test_a_full_disk_costs_the_cache_only(tmp_path, monkeypatch, caplog):
  odd(tmp_path)

  def full(*args, **kwargs):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(np, 'save', full)
  assert len(data.load('odd', data_dir=tmp_path, image_size=16)) == 12
  assert 'not kept' in caplog.text and 'No space left' in caplog.text
  assert not list(tmp_path.rglob('*.npy')) and not list(tmp_path.rglob('*.incomplete'))


def test_an_atomic_file_is_whole_or_absent(tmp_path):
  path = tmp_path / 'file'
  with pytest.raises(KeyboardInterrupt), prepared.atomic(path) as file:
    file.write(b'half')
    raise KeyboardInterrupt
  assert not list(tmp_path.iterdir())
  with prepared.atomic(path) as file:
    file.write(b'whole')
  assert path.read_bytes() == b'whole'


def test_the_lock_lets_one_in_at_a_time(tmp_path):
  order = []

  def enter():
    with prepared.locked(tmp_path / 'lock'):
      order.append('second')

  with prepared.locked(tmp_path / 'lock'):
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join(0.1)
    order.append('first')
  thread.join()
  assert order == ['first', 'second']


def test_a_place_that_cannot_be_written_is_named(tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(ValueError, match='file cannot be written .*choose another data_dir'):
    data.load('digits', data_dir=tmp_path / 'file')


def test_nothing_is_printed_and_settings_return(tmp_path, capfd):
  before = absl_logging.get_verbosity()
  data.load('digits', data_dir=tmp_path)
  assert capfd.readouterr() == ('', '')
  assert absl_logging.get_verbosity() == before
  with contextlib.redirect_stderr(io.StringIO()) as bar:
    list(tfds.core.utils.tqdm_utils.tqdm(range(3)))
  assert '3/3' in bar.getvalue()


PREPARE = """
import sys
import numpy as np
from jaxgan import data
assert 'tensorflow_datasets' not in sys.modules
source = data.load('digits', data_dir=sys.argv[1])
data.load('digits', data_dir=sys.argv[1], in_memory_limit=1).images(np.arange(3))
if len(sys.argv) > 2:
  data.load('folder', folder=sys.argv[2], data_dir=sys.argv[1])
print(source.fingerprint, source.images(np.arange(1437)).sum())
assert 'tensorflow' not in sys.modules
"""


def run(*arguments, path=''):
  root = pathlib.Path(data.__file__).parents[2]
  return subprocess.Popen(
    [sys.executable, '-W', 'error::ResourceWarning', '-c', PREPARE, *map(str, arguments)],
    env=os.environ | {'PYTHONPATH': os.pathsep.join([str(root), str(path)])},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def test_tensorflow_is_never_asked_for(tmp_path):
  spy = tmp_path / 'tensorflow'
  spy.mkdir()
  (spy / '__init__.py').write_text('raise SystemExit("tensorflow was imported")')
  Image.new('RGB', (9, 9)).save(tmp_path / 'a.png')
  process = run(tmp_path / 'prepared', tmp_path, path=tmp_path)
  out, err = process.communicate(timeout=120)
  assert process.returncode == 0, err


def test_processes_prepare_one_set_between_them(tmp_path):
  processes = [run(tmp_path) for _ in range(3)]
  results = [process.communicate(timeout=120) for process in processes]
  assert [process.returncode for process in processes] == [0] * 3, results
  assert len({out for out, _ in results}) == 1
  assert [path.name for path in (tmp_path / 'digits').iterdir()] == ['1.0.0']
