import gzip
import shutil
import socket
import threading
import time

import chex
import numpy as np
import pytest
import tensorflow_datasets as tfds

from jaxgan import data
from jaxgan.data import mnist

TRAIN = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.parametrize('split, counts', [('train', TRAIN), ('test', TEST)])
def test_label_counts(mnist_dir, split, counts):
  source = data.load('mnist', split=split, data_dir=mnist_dir)
  assert source.spec == data.Spec(28, 1, 10, tuple('0123456789'))
  assert np.bincount(source.labels).tolist() == counts


def test_every_pixel_is_the_original(mnist_dir, test_data):
  with gzip.open(test_data / 'mnist' / 't10k-images-idx3-ubyte.gz') as file:
    original = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
  source = data.load('mnist', split='test', data_dir=mnist_dir)
  found = source.images(np.arange(10000)).reshape(-1, 784)
  assert sorted(map(bytes, found)) == sorted(map(bytes, original))


def test_streaming_equals_memory(mnist_dir):
  held = data.load('mnist', data_dir=mnist_dir)
  streamed = data.load('mnist', data_dir=mnist_dir, in_memory_limit=47_039_999)
  assert streamed.streams and not held.streams
  both = [
    data.batches(source, batch_size=64, microbatches=2, seed=1, start_step=467)
    for source in (held, streamed)
  ]
  for _ in range(4):  # from the first epoch into the second
    chex.assert_trees_all_equal(*map(next, both))
  for batches in both:
    batches.close()


def test_the_layout_is_the_stock_one(mnist_dir):
  assert len(tfds.data_source('mnist', data_dir=mnist_dir)['test']) == 10000
  assert tfds.builder('mnist', data_dir=mnist_dir).is_prepared()


def test_without_files_or_network_one_clear_error(tmp_path, monkeypatch):
  monkeypatch.setattr(mnist, 'reachable', lambda url: False)
  start = time.monotonic()
  with pytest.raises(ValueError) as error:
    data.load('mnist', data_dir=tmp_path)
  assert time.monotonic() - start < 5
  message = str(error.value)
  assert str(tmp_path / 'downloads' / 'manual') in message
  for name, digest in mnist.FILES.items():
    assert name in message and digest in message
  assert len(message.splitlines()) <= 10


def test_a_download_that_breaks_off_leaves_nothing(tmp_path, monkeypatch):
  monkeypatch.setattr(mnist, 'reachable', lambda url: True)
  monkeypatch.setattr(mnist, 'URL', f'file://{tmp_path}/nowhere/')
  with pytest.raises(ValueError, match='mnist is not in place.*nowhere'):
    mnist.place(tmp_path / 'manual')
  assert not list((tmp_path / 'manual').iterdir())


def test_files_are_downloaded_where_tfds_looks(tmp_path, test_data, monkeypatch):
  monkeypatch.setattr(mnist, 'reachable', lambda url: True)
  monkeypatch.setattr(mnist, 'URL', f'file://{test_data}/mnist/')
  mnist.place(tmp_path)
  assert {path.name for path in tmp_path.iterdir()} == set(mnist.FILES)


def test_files_in_place_need_no_network(tmp_path, test_data, monkeypatch):
  monkeypatch.setattr(mnist, 'reachable', None)
  for name in mnist.FILES:
    shutil.copy(test_data / 'mnist' / name, tmp_path)
  mnist.place(tmp_path)


def test_a_folder_that_lacks_a_file_is_refused(tmp_path):
  (tmp_path / 't10k-labels-idx1-ubyte.gz').write_bytes(b'')
  with pytest.raises(ValueError, match='lacks train-images.* of the four files'):
    data.load('mnist', data_dir=tmp_path / 'prepared', folder=tmp_path)


def test_another_file_of_the_same_name_is_refused(tmp_path):
  for name in mnist.FILES:
    (tmp_path / name).write_bytes(b'not this')
  with pytest.raises(ValueError, match='is not the original: its SHA-256 is'):
    mnist.place(tmp_path / 'manual', folder=tmp_path)
  assert not list((tmp_path / 'manual').iterdir())
  with pytest.raises(ValueError, match='is not the original'):
    mnist.place(tmp_path)


def test_reachable_tells_an_open_port_from_a_closed_one(monkeypatch):
  monkeypatch.setattr(mnist.urllib.request, 'getproxies', dict)
  with socket.create_server(('127.0.0.1', 0)) as server:
    port = server.getsockname()[1]
    assert mnist.reachable(f'http://127.0.0.1:{port}/')
  assert not mnist.reachable(f'http://127.0.0.1:{port}/')


def test_reachable_asks_the_proxy(monkeypatch):
  with socket.create_server(('127.0.0.1', 0)) as server:
    port = server.getsockname()[1]
    monkeypatch.setattr(mnist.urllib.request, 'getproxies', lambda: {'https': f'127.0.0.1:{port}'})
    assert mnist.reachable('https://host.invalid/')


def test_reachable_does_not_wait_for_a_name_server(monkeypatch):
  monkeypatch.setattr(mnist.urllib.request, 'getproxies', dict)
  answer = threading.Event()

  def look_up(address, timeout):
    answer.wait(10)
    raise OSError('no such host')

  monkeypatch.setattr(mnist.socket, 'create_connection', look_up)
  start = time.monotonic()
  assert not mnist.reachable('https://host.invalid/', timeout=0.1)
  assert time.monotonic() - start < 1
  answer.set()
