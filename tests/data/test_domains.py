import itertools
import os
import zipfile

import chex
import numpy as np
import pytest
from PIL import Image

from jaxgan import data


def colour(path, value=(10, 20, 30), size=(12, 12)):
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.new('RGB', size, value).save(path)


def side_by_side(path, left, right, size=(16, 8)):
  path.parent.mkdir(parents=True, exist_ok=True)
  image = Image.new('RGB', size, left)
  image.paste(right, (size[0] // 2, 0, *size))
  image.save(path)


def load(kind, folder, tmp_path, **options):
  options = dict(image_size=8, data_dir=tmp_path / 'prepared') | options
  return data.load(kind, folder=folder, **options)


def first_pixels(source):
  return source.images(np.arange(len(source)))[:, 0, 0, 0].tolist()


def two(root, a=3, b=4, split='train'):
  for i in range(a):
    colour(root / f'{split}A' / f'{i}.png', (i, 0, 0))
  for i in range(b):
    colour(root / f'{split}B' / 'deep' / f'{i}.png', (100 + i, 0, 0))


def test_two_domains_with_their_splits(tmp_path):
  two(tmp_path / 'in')
  two(tmp_path / 'in', 1, 2, 'test')
  source = load('domains', tmp_path / 'in', tmp_path)
  assert sorted(first_pixels(source)) == [0, 1, 2] and source.spec == data.Spec(8, 3)
  assert sorted(first_pixels(source.target)) == [100, 101, 102, 103]
  assert not source.paired and source.labels is None
  test = load('domains', tmp_path / 'in', tmp_path, split='test')
  assert (len(test), len(test.target)) == (1, 2)
  part = load('domains', tmp_path / 'in', tmp_path, split='train[:2]')
  assert (len(part), len(part.target)) == (2, 2)
  assert len({source.fingerprint, test.fingerprint, part.fingerprint}) == 3


@pytest.mark.parametrize('kind', ['domains', 'pairs'])
@pytest.mark.parametrize(
  'names',
  [
    *('A B', 'A/train B/train', 'trainA trainB', 'x y', 'input target', 'Source Target'),
    *('train/A train/B', 'train_input train_target', 'inputs/training outputs/training'),
  ],
)
def test_folders_of_two_domains(kind, names, tmp_path):
  a, b = (tmp_path / 'in' / name for name in names.split())
  for i in range(3):
    colour(a / f'{i}.png', (i, 0, 0))
    colour(b / f'{i}.jpg', (100 + i,) * 3)
  apart = names == 'x y'
  folder, options = (a, {'target_folder': b}) if apart else (tmp_path / 'in', {})
  source = load(kind, folder, tmp_path, **options)
  assert source.paired == (kind == 'pairs')
  order = first_pixels(source)
  assert sorted(order) == [0, 1, 2]
  if kind == 'pairs':
    assert first_pixels(source.target) == [100 + i for i in order]


def test_pairs_side_by_side(tmp_path):
  for split, count in (('train', 3), ('val', 2)):
    for i in range(count):
      side_by_side(tmp_path / 'in' / split / f'{i}.png', (i, 0, 0), (100 + i, 0, 0))
  source = load('pairs', tmp_path / 'in', tmp_path)
  assert first_pixels(source.target) == [100 + i for i in first_pixels(source)]
  assert len(load('pairs', tmp_path / 'in', tmp_path, split='test')) == 2
  turned = load('pairs', tmp_path / 'in', tmp_path, direction='BtoA')
  assert first_pixels(turned) == first_pixels(source.target) and turned.paired
  assert first_pixels(turned.target) == first_pixels(source)
  assert turned.fingerprint != source.fingerprint


def test_what_was_assumed_is_said_in_a_line(tmp_path, caplog):
  for name in ('input', 'target', 'test/input', 'test/target', 'extra'):
    for i in range(2):
      colour(tmp_path / 'in' / name / f'{i}.png')
  load('pairs', tmp_path / 'in', tmp_path)
  said = 'in: train: 2 pairs of one name in input and target; 6 other images are not read'
  assert said in caplog.text
  caplog.clear()
  load('domains', tmp_path / 'in/input', tmp_path, target_folder=tmp_path / 'in/extra')
  assert (
    f'train: 2 images of {tmp_path}/in/input and 2 images of {tmp_path}/in/extra' in caplog.text
  )
  side_by_side(tmp_path / 'wide/train/a.png', (1, 1, 1), (2, 2, 2))
  side_by_side(tmp_path / 'wide/val/a.png', (1, 1, 1), (2, 2, 2))
  load('pairs', tmp_path / 'wide', tmp_path)
  said = (
    'pairs are the halves of 1 images, nearly all twice as wide as high, and of 1 held-out ones'
  )
  assert said in caplog.text


def test_held_out_pairs_lie_as_those_of_train_do(tmp_path):
  for i, name in enumerate(('train/input', 'val/input', 'train/target', 'val/target')):
    colour(tmp_path / 'in' / name / 'a.png', (i, 0, 0))
  source = load('pairs', tmp_path / 'in', tmp_path)
  assert (first_pixels(source), first_pixels(source.target)) == ([0], [2]) and source.has_held_out
  test = load('pairs', tmp_path / 'in', tmp_path, split='test')
  assert (first_pixels(test), first_pixels(test.target)) == ([1], [3])


def test_images_are_halved_only_with_evidence_or_on_request(tmp_path):
  for i in range(3):
    colour(tmp_path / 'in' / f'{i}.png', (i, 0, 0), size=(20, 20))
  refuse('pairs', tmp_path / 'in', tmp_path, r'Of 3 images .*opened, 0 are .*0.png, 20 x 20 is not')
  refuse('pairs', tmp_path / 'in', tmp_path, 'input and target.* It has 3 images.*side-by-')
  asked = load('pairs', tmp_path / 'in', tmp_path, side_by_side=True)
  assert sorted(first_pixels(asked)) == [0, 1, 2] and asked.paired
  refuse('folder', tmp_path / 'in', tmp_path, 'side_by_side is for .* pairs', side_by_side=True)


def test_folders_of_wide_images_with_equal_names_are_not_halved(tmp_path):
  for name in ('photos/a', 'photos/b', 'maps/a', 'maps/b'):
    side_by_side(tmp_path / 'in' / f'{name}.png', (1, 1, 1), (2, 2, 2))
  refuse(
    'pairs',
    tmp_path / 'in',
    tmp_path,
    'folders maps, photos. Images of maps.*--target-folder=.*in/photos',
  )


def test_halves_are_those_of_the_upright_image(tmp_path):
  exif = Image.Exif()
  exif[0x0112] = 6  # stored 8 x 16, shown 16 x 8: turned by a quarter
  array = np.zeros((16, 8, 3), np.uint8)
  array[8:] = (250, 0, 0)  # the left half, once upright
  (tmp_path / 'in').mkdir()
  Image.fromarray(array).save(tmp_path / 'in' / 'a.png', exif=exif)
  source = load('pairs', tmp_path / 'in', tmp_path)
  assert (first_pixels(source), first_pixels(source.target)) == ([250], [0])


def test_system_files_are_no_images_of_a_domain(tmp_path, caplog):
  two(tmp_path / 'in')
  for name in ('trainA/._0.png', 'trainA/.ipynb_checkpoints/0.png', '__MACOSX/0.png'):
    colour(tmp_path / 'in' / name)
  source = load('domains', tmp_path / 'in', tmp_path)
  assert (len(source), len(source.target)) == (3, 4)
  assert 'trainA: skipped what is hidden or of systems and tools, 2 in all' in caplog.text


def test_changed_pixels_of_the_same_size_and_time_are_other_pairs(tmp_path):
  path = tmp_path / 'in' / 'a.bmp'
  side_by_side(path, (1, 1, 1), (2, 2, 2))
  status, first = path.stat(), load('pairs', tmp_path / 'in', tmp_path)
  side_by_side(path, (1, 1, 1), (3, 3, 3))
  os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
  second = load('pairs', tmp_path / 'in', tmp_path)
  assert first_pixels(second.target) == [3] and first.fingerprint != second.fingerprint


def test_a_bad_file_takes_its_pair_along(tmp_path, caplog):
  for i in (0, 1, 2, 3, *range(5, 15)):
    side_by_side(tmp_path / 'in' / f'{i}.png', (i, 0, 0), (100 + i, 0, 0))
  side_by_side(tmp_path / 'in' / '4.png', (4, 0, 0), (104, 0, 0), size=(18, 8))
  (tmp_path / 'in' / '1.png').write_bytes(b'')
  (tmp_path / 'in' / 'notes.txt').write_text('')
  source = load('pairs', tmp_path / 'in', tmp_path)
  assert sorted(first_pixels(source)) == [0, 2, 3, *range(5, 15)]
  assert 'refused train/1.png: UnidentifiedImageError' in caplog.text
  assert 'refused train/4.png: 18 x 8, not twice as wide as high' in caplog.text
  assert 'refused 2 of 15 pairs' in caplog.text and '1 files are not images' in caplog.text


def test_partners_of_different_sizes_are_left_out(tmp_path, caplog):
  for i in range(2):
    colour(tmp_path / 'in/A' / f'{i}.png', (i, 0, 0))
    colour(tmp_path / 'in/B' / f'{i}.png', (i, 0, 0), size=(12, 12 + i))
  assert first_pixels(load('pairs', tmp_path / 'in', tmp_path)) == [0]
  assert '1.png: its partner is of another size: 12 x 12 and 12 x 13' in caplog.text


def test_a_domain_goes_on_without_its_bad_files(tmp_path, caplog):
  two(tmp_path / 'in')
  (tmp_path / 'in/trainA/bad.png').write_bytes(b'no')
  os.symlink('/etc/passwd', tmp_path / 'in/trainB/out.png')
  source = load('domains', tmp_path / 'in', tmp_path)
  assert (len(source), len(source.target)) == (3, 4)
  assert 'refused trainA/bad.png' in caplog.text
  assert 'refused trainB/out.png: link leaves the image folder' in caplog.text


def refuse(kind, folder, tmp_path, message, **options):
  with pytest.raises(ValueError, match=message) as error:
    load(kind, folder, tmp_path, **options)
  assert '\n' not in str(error.value)


def test_what_is_not_two_domains_is_refused(tmp_path):
  refuse('domains', None, tmp_path, 'needs the directory of images: give --folder')
  refuse('domains', tmp_path / 'missing', tmp_path, 'no folder of images at')
  colour(tmp_path / 'flat' / 'a.png')
  refuse('domains', tmp_path / 'flat', tmp_path, 'should hold the folders trainA and trainB')
  colour(tmp_path / 'half/trainA/a.png')
  refuse('domains', tmp_path / 'half', tmp_path, 'no folder .*trainB: both domains are needed')
  (tmp_path / 'half/trainB').mkdir()
  refuse('domains', tmp_path / 'half', tmp_path, 'trainB has no image')
  (tmp_path / 'half/trainB/a.png').write_bytes(b'')
  refuse('domains', tmp_path / 'half', tmp_path, 'split trainB has nothing readable: trainB/a.png')
  for name in ('A', 'B', 'input', 'target'):
    colour(tmp_path / 'twice' / name / 'a.png')
  refuse(
    'domains', tmp_path / 'twice', tmp_path, 'two layouts fit .*A with B and input with target'
  )
  colour(tmp_path / 'late/testA/a.png')
  colour(tmp_path / 'late/testB/a.png')
  refuse('domains', tmp_path / 'late', tmp_path, 'testA, testB, .*without train')
  colour(tmp_path / 'deep/A/x/train/a.png')
  colour(tmp_path / 'deep/A/x/test/a.png')
  colour(tmp_path / 'deep/B/a.png')
  refuse('domains', tmp_path / 'deep', tmp_path, 'x has train and test, which would be mixed')
  refuse('digits', None, tmp_path, 'is for data of two domains', direction='BtoA')
  refuse('digits', None, tmp_path, 'target_folder= is for', target_folder=tmp_path)


def test_pairs_without_a_partner_are_named(tmp_path):
  for name in ('A/a.png', 'A/b.png', 'A/c/d.png', 'B/a.jpg', 'B/d.png'):
    colour(tmp_path / 'in' / name)
  refuse('pairs', tmp_path / 'in', tmp_path, '2 images of .*A have no partner.*: b.png, c/d.png')
  colour(tmp_path / 'two/A/a.png')
  colour(tmp_path / 'two/A/a.jpg')
  colour(tmp_path / 'two/B/a.jpg')
  refuse('pairs', tmp_path / 'two', tmp_path, 'two images of one name: a.jpg, a.png')


# --- batches


def numbered(n, start=0):
  images = np.zeros((n, 2, 2, 1), np.uint8)
  images[:, 0, 0, 0] = start + np.arange(n)
  return data.from_arrays(images)


def draw(source, steps, **options):
  options = dict(batch_size=4, microbatches=2, seed=3) | options
  stream = data.batches(source, **options)
  drawn = list(itertools.islice(stream, steps))
  stream.close()
  return [{k: v[..., 0, 0, 0].astype(int) for k, v in batch.items()} for batch in drawn]


def test_every_domain_once_in_an_epoch_of_its_own():
  source = data.two_domains(numbered(12), numbered(20, 100))
  drawn = draw(source, 15)
  for name, n in (('image', 12), ('target', 20)):
    stream = np.concatenate([batch[name].ravel() for batch in drawn])
    for epoch in range(120 // n):
      assert len(set(stream[epoch * n : (epoch + 1) * n])) == n
  same = data.two_domains(numbered(12), numbered(12))
  assert any((batch['image'] != batch['target']).any() for batch in draw(same, 3))


def test_partners_come_together():
  source = data.two_domains(numbered(12), numbered(12, 100), paired=True)
  for batch in draw(source, 5):
    chex.assert_trees_all_equal(batch['image'] + 100, batch['target'])


@pytest.mark.parametrize('paired', [False, True])
def test_hosts_and_restarts_draw_as_one(paired):
  source = data.two_domains(numbered(12), numbered(12, 100), paired=paired)
  whole = draw(source, 6)
  chex.assert_trees_all_equal(draw(source, 3, start_step=3), whole[3:])
  shares = [draw(source, 6, host=host, hosts=2) for host in (0, 1)]
  for step, batch in enumerate(whole):
    joined = {k: np.concatenate([share[step][k] for share in shares], 1) for k in batch}
    chex.assert_trees_all_equal(joined, batch)


def test_domains_that_do_not_fit_are_refused():
  with pytest.raises(ValueError, match='as many on both sides, got 3 and 4'):
    data.two_domains(numbered(3), numbered(4), paired=True)
  with pytest.raises(ValueError, match='images of one shape'):
    data.two_domains(numbered(3), data.from_arrays(np.zeros((3, 4, 4, 1), np.uint8)))


def test_streaming_equals_memory(tmp_path):
  two(tmp_path / 'in', 8, 9)
  held = load('domains', tmp_path / 'in', tmp_path)
  streamed = load('domains', tmp_path / 'in', tmp_path, in_memory_limit=1)
  assert streamed.streams and streamed.target.streams and not held.streams
  chex.assert_trees_all_equal(draw(streamed, 4), draw(held, 4))


# --- real images


def extracted(archive, folder, names):
  with zipfile.ZipFile(archive) as opened:
    opened.extractall(folder, [n for n in opened.namelist() if names(n)])
  return folder


def test_horses_and_zebras(tmp_path, test_data):
  few = lambda name: name.endswith('0.jpg') and '/test' in name
  root = extracted(test_data / 'horse2zebra_128.zip', tmp_path, few) / 'horse2zebra'
  for side in 'AB':
    (root / f'test{side}').rename(root / f'train{side}')
  source = load('domains', root, tmp_path, image_size=128)
  for domain, side in ((source, 'A'), (source.target, 'B')):
    files = sorted((root / f'train{side}').iterdir())
    originals = sorted(np.asarray(Image.open(path).convert('RGB')).tobytes() for path in files)
    assert sorted(x.tobytes() for x in domain.images(np.arange(len(domain)))) == originals


def test_maps_are_halves(tmp_path, test_data):
  few = lambda name: name.endswith('00.jpg')
  root = extracted(test_data / 'maps_128.zip', tmp_path, few) / 'maps'
  source = load('pairs', root, tmp_path, image_size=128, split='test')
  both = np.concatenate([s.images(np.arange(len(s))) for s in (source, source.target)], 2)
  originals = sorted(np.asarray(Image.open(p)).tobytes() for p in (root / 'val').iterdir())
  assert sorted(x.tobytes() for x in both) == originals


def test_cycle_gan_as_prepared_by_tfds(tmp_path):
  """Splits and features of the set of that name, read without TensorFlow."""
  import tensorflow_datasets as tfds

  class CycleGan(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    name, VERSION = 'cycle_gan', tfds.core.Version('3.0.0')
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name='horse2zebra')]

    def _info(self):
      features = {
        'image': tfds.features.Image(shape=(None, None, 3), encoding_format='png'),
        'label': tfds.features.ClassLabel(names=['A', 'B']),
      }
      return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
      return {f'{s}{d}': self._generate_examples(d) for s in ('train', 'test') for d in 'AB'}

    def _generate_examples(self, domain):
      for i in range(3 if domain == 'A' else 5):
        image = Image.new('RGB', (10, 8), (i + 100 * (domain == 'B'), 0, 0))
        yield i, {'image': image, 'label': domain}

  place = dict(data_dir=tmp_path, file_format='array_record')
  CycleGan(config='horse2zebra', **place).download_and_prepare()
  source = data.load('cycle_gan/horse2zebra', data_dir=tmp_path, image_size=8)
  assert sorted(first_pixels(source)) == [0, 1, 2] and source.labels is None
  assert sorted(first_pixels(source.target)) == [100, 101, 102, 103, 104]
