"""Statistics in a file: they come back as they went, and are compared with their own network."""

import dataclasses
import types

import numpy as np
import pytest

from jaxgan.evaluation import reference_statistics
from jaxgan.evaluation.metrics import frechet, moments
from jaxgan.evaluation.reference_statistics import Statistics


@dataclasses.dataclass
class Means:
  """Features that are the means of the columns."""

  hash: str = 'abc'
  about: str = 'means'
  described: str = 'means of columns'

  def apply(self, images):
    return images.reshape(len(images), 4, -1).mean(-1), None


def pixels(seed, shift=0, n=200):
  drawn = np.random.default_rng(seed).normal(100 + shift, 30, (n, 8, 8, 1))
  return drawn.clip(0, 255).astype(np.uint8)


def features(*args, **kwargs):
  return Means().apply(pixels(*args, **kwargs))[0]


@pytest.fixture
def kept():
  train, held = (moments.of(features(seed)) for seed in (0, 1))
  return Statistics(train, held, 'abc', 'some digits', (8, 8, 1))


def equal(one, other):
  assert one._replace(train=None, held=None) == other._replace(train=None, held=None)
  for a, b in ((one.train, other.train), (one.held, other.held)):
    assert (a is None) == (b is None)
    for x, y in zip(a or (), b or (), strict=True):
      np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize('halves', [True, False])
def test_what_is_written_is_read(kept, halves, tmp_path):
  kept = kept if halves else kept._replace(held=None)
  path = tmp_path / 'deep' / 'kept.npz'
  reference_statistics.write(path, kept)
  again = reference_statistics.read(path)
  equal(again, kept)
  assert isinstance(again.train.n, int) and isinstance(again.shape, tuple)


def test_another_npz_is_none(tmp_path):
  np.savez(tmp_path / 'images.npz', images=pixels(0))
  assert reference_statistics.read(tmp_path / 'images.npz') is None


def test_a_damaged_file_is_named(kept, tmp_path):
  path = tmp_path / 'kept.npz'
  reference_statistics.write(path, kept)
  whole = path.read_bytes()
  for hurt in (whole[: len(whole) // 2], b'', b'words'):
    path.write_bytes(hurt)
    with pytest.raises(ValueError, match=r'kept.npz cannot be read as statistics'):
      reference_statistics.read(path)


def test_scores_are_distances_to_the_statistics(kept):
  shifted = lambda seed: types.SimpleNamespace(features=features(10 + seed, shift=20))
  (score,) = reference_statistics.scores(Means(), kept, shifted, (0, 1))
  reference = frechet.reference(kept.train)
  each = [frechet.distance_of(features(10 + seed, shift=20), reference) for seed in (0, 1)]
  assert min(each) > 5 * score.real  # what is held out is near, what is shifted far
  np.testing.assert_allclose(score.of.value, np.mean(each), rtol=1e-6)
  np.testing.assert_allclose(score.real, frechet.distance(kept.held, reference), rtol=1e-6)
  assert (score.num, score.real_num, score.seeds) == (200, 200, (0, 1))


def test_statistics_of_another_network_are_refused(kept):
  with pytest.raises(ValueError, match=r'by network abc, this is xyz \(means\): use the same'):
    reference_statistics.scores(Means(hash='xyz'), kept, pixels, (0,))


def test_without_held_out_images_there_is_no_score(kept):
  with pytest.raises(ValueError, match='hold no held-out images'):
    reference_statistics.scores(Means(), kept._replace(held=None), pixels, (0,))
