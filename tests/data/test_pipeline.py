import dataclasses
import itertools
import threading
import time

import chex
import numpy as np
import pytest

from jaxgan import data
from jaxgan.data.pipeline import ordered


def numbered(n, classes=3):
  """Image i holds the value i in its first two bytes."""
  images = np.zeros((n, 2, 2, 1), np.uint8)
  images[:, 0, 0, 0], images[:, 0, 1, 0] = np.arange(n) % 256, np.arange(n) // 256
  return data.from_arrays(images, np.arange(n) % classes)


def identities(batch):
  image = batch['image'].astype(int)
  return image[..., 0, 0, 0] + 256 * image[..., 0, 1, 0]


def draw(source, count, **options):
  options = dict(batch_size=8, microbatches=3, seed=5) | options
  batches = data.batches(source, **options)
  drawn = list(itertools.islice(batches, count))
  batches.close()
  return drawn


@pytest.mark.parametrize('n, count', [(257, 24), (24, 24), (7, 24), (1, 5)])
def test_each_example_once_an_epoch(n, count):
  epochs = 3
  steps = -(-epochs * n // count)
  stream = np.concatenate([data.indices(n, 3, step, count) for step in range(steps)])
  for epoch in range(epochs):
    assert sorted(stream[epoch * n : (epoch + 1) * n]) == list(range(n))


def test_order_depends_on_seed_and_epoch_alone():
  first, again = data.indices(100, 1, 0, 100), data.indices(100, 1, 0, 100)
  chex.assert_trees_all_equal(first, again)
  assert (first != data.indices(100, 2, 0, 100)).any()
  assert (first != data.indices(100, 1, 1, 100)).any()
  chex.assert_trees_all_equal(first[40:60], data.indices(100, 1, 2, 20))


def test_order_is_the_same_for_ever():
  assert data.indices(10, 0, 0, 10).tolist() == [0, 8, 9, 3, 7, 5, 1, 2, 6, 4]
  assert data.indices(10, 7, 3, 5).tolist() == [8, 3, 2, 5, 0]


def test_positions_beyond_32_bits():
  chex.assert_trees_all_equal(data.indices(3, 0, 2**34, 3), data.indices(3, 0, 2**33, 6)[:3])


def test_shapes_types_and_labels():
  batch = draw(numbered(50), 1)[0]
  chex.assert_shape(batch['image'], (3, 8, 2, 2, 1))
  chex.assert_shape(batch['label'], (3, 8))
  assert batch['image'].dtype == np.uint8 and batch['label'].dtype == np.int32
  chex.assert_trees_all_equal(batch['label'], (identities(batch) % 3).astype(np.int32))
  unlabelled = data.from_arrays(np.zeros((4, 2, 2, 1), np.uint8))
  assert set(draw(unlabelled, 1)[0]) == {'image'}


@pytest.mark.parametrize('labelled', [True, False])
def test_a_blank_batch_is_shaped_like_a_real_one(labelled):
  one = numbered(5)
  one = one if labelled else dataclasses.replace(one, labels=None)
  source = data.two_domains(one, numbered(7))
  sizes = dict(batch_size=4, microbatches=2)
  real = next(data.batches(source, seed=0, **sizes))
  shapes = lambda batch: {name: (x.shape, x.dtype) for name, x in batch.items()}
  assert shapes(data.blank(source, **sizes)) == shapes(real)


def test_batches_follow_the_indices():
  for step, batch in enumerate(draw(numbered(50), 5)):
    chex.assert_trees_all_equal(identities(batch).ravel(), data.indices(50, 5, step, 24))


@pytest.mark.parametrize('hosts', [1, 2, 4])
def test_hosts_share_the_batch_of_one(hosts):
  source = numbered(50)
  whole = draw(source, 4)
  parts = [draw(source, 4, host=host, hosts=hosts) for host in range(hosts)]
  for step, batch in enumerate(whole):
    shares = [part[step] for part in parts]
    joined = {key: np.concatenate([share[key] for share in shares], 1) for key in batch}
    chex.assert_trees_all_equal(joined, batch)


@pytest.mark.parametrize('start', [1, 7, 13])
def test_a_restart_goes_on_as_if_nothing_had_happened(start):
  source = numbered(50)
  chex.assert_trees_all_equal(draw(source, 3, start_step=start), draw(source, start + 3)[start:])


@pytest.mark.parametrize('prefetch', [0, 1, 5])
@pytest.mark.parametrize('batch_size', [8, 128])
def test_streaming_equals_memory(prefetch, batch_size):
  source = numbered(300)

  def slow(indices):  # the first of a batch finish last
    time.sleep(0.002 * (indices[0] % 3))
    return source.images(indices)

  streamed = dataclasses.replace(source, images=slow, streams=True)
  options = dict(batch_size=batch_size, prefetch=prefetch, host=1, hosts=2, start_step=2)
  chex.assert_trees_all_equal(draw(streamed, 6, **options), draw(source, 6, **options))


def data_threads():
  return [thread for thread in threading.enumerate() if thread.name.startswith('jaxgan-data')]


def test_closing_ends_the_threads():
  batches = data.batches(
    dataclasses.replace(numbered(50), streams=True), batch_size=8, microbatches=3, seed=0
  )
  next(batches)
  assert data_threads()
  batches.close()
  assert not data_threads()


def test_an_error_in_a_thread_reaches_the_consumer():
  source = numbered(48)
  bad = data.indices(48, 5, 1, 24)[0]

  def broken(indices):
    if bad in indices:
      raise OSError('disk on fire')
    return source.images(indices)

  batches = data.batches(
    dataclasses.replace(source, images=broken, streams=True), batch_size=8, microbatches=3, seed=5
  )
  next(batches)
  with pytest.raises(OSError, match='disk on fire'):
    next(batches)
  assert not data_threads()


def test_only_so_much_is_decoded_ahead():
  begun = []
  results = ordered(begun.append, itertools.count(), ahead=4, workers=2)
  next(results)
  next(results)
  time.sleep(0.05)
  assert len(begun) <= 2 + 4
  results.close()


def test_ordered_keeps_the_order_of_finite_items():
  def slowest_first(i):
    time.sleep((10 - i) / 1000)
    return i

  assert list(ordered(slowest_first, range(10), ahead=5, workers=4)) == list(range(10))


@pytest.mark.parametrize(
  'options, message',
  [
    (dict(batch_size=9, hosts=2), 'batch_size 9 should be a multiple of the 2 hosts'),
    (dict(host=2, hosts=2), 'host should lie from 0 to 1, got 2'),
    (dict(batch_size=0), 'should be positive'),
    (dict(microbatches=0), 'should be positive'),
  ],
)
def test_impossible_batches_are_refused_at_once(options, message):
  options = dict(batch_size=8, microbatches=1, seed=0) | options
  with pytest.raises(ValueError, match=message):
    data.batches(numbered(20), **options)


def sided(n):
  """Image i has i on its left, and on its right i + 100."""
  images = np.zeros((n, 2, 2, 1), np.uint8) + np.arange(n, dtype=np.uint8)[:, None, None, None]
  return data.from_arrays(images + np.array([0, 100], np.uint8)[:, None], np.arange(n) % 3)


def test_half_of_mirrored_images_are_turned_anew_in_each_step():
  plain, turned = (draw(sided(100), 40, mirror=mirror) for mirror in (False, True))
  shares = []
  for before, after in zip(plain, turned, strict=True):
    chex.assert_trees_all_equal(before['label'], after['label'])
    same = (before['image'] == after['image']).all((2, 3, 4))
    chex.assert_trees_all_equal(after['image'][~same], before['image'][~same][:, :, ::-1])
    shares.append(same.mean())
  assert abs(np.mean(shares) - 0.5) < 0.05 and len(set(shares)) > 5


def test_mirrored_images_depend_on_seed_and_step_alone():
  whole = draw(sided(100), 5, mirror=True)
  later = draw(sided(100), 3, mirror=True, start_step=2)
  chex.assert_trees_all_equal(whole[2:], later)
  hosts = [draw(sided(100), 5, mirror=True, host=host, hosts=2) for host in (0, 1)]
  for step, parts in enumerate(zip(*hosts, strict=True)):
    joined = {name: np.concatenate([part[name] for part in parts], 1) for name in whole[step]}
    chex.assert_trees_all_equal(joined, whole[step])
  streamed = draw(dataclasses.replace(sided(100), streams=True), 5, mirror=True)
  chex.assert_trees_all_equal(streamed, whole)


@pytest.mark.parametrize('paired', [True, False])
def test_pairs_are_turned_together_and_domains_apart(paired):
  both = data.two_domains(sided(100), sided(100), paired=paired)
  left = lambda images: images[..., 0, 0, 0] >= 100
  same = [left(x['image']) == left(x['target']) for x in draw(both, 20, mirror=True)]
  assert np.mean(same) == 1 if paired else 0.3 < np.mean(same) < 0.7
