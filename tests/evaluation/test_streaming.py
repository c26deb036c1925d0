"""Moments in constant memory: the same bits after a kill, and no file of other images."""

import numpy as np
import pytest

from jaxgan.evaluation import streaming
from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import moments

NETWORK = FeatureNetwork(
  'means', 'hash', 'of rows', lambda x: (x.reshape(len(x), 4, -1).mean(-1), np.zeros((len(x), 0)))
)
PARTS = 5


def part(i):
  return np.random.default_rng(i).integers(0, 256, (7, 4, 4, 1)).astype(np.uint8)


def counted(seen, dies=None):
  """Draws parts, notes them, and is killed at one."""

  def draw(i):
    if i == dies:
      raise KeyboardInterrupt
    seen.append(i)
    return part(i)

  return draw


def same(a, b):
  assert a.n == b.n
  assert a.mean.tobytes() == b.mean.tobytes() and a.scatter.tobytes() == b.scatter.tobytes()


@pytest.fixture
def whole(tmp_path):
  return streaming.moments_of(part, PARTS, NETWORK, tmp_path / 'whole.npz', 'these')


def test_the_moments_are_those_of_all_images(whole):
  rows = NETWORK.apply(np.concatenate([part(i) for i in range(PARTS)]))[0]
  for one, other in zip(whole, moments.of(rows), strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize('dies', range(1, PARTS))
def test_a_kill_at_any_part_leaves_the_same_bits(whole, tmp_path, monkeypatch, capsys, dies):
  monkeypatch.setattr(streaming, 'EVERY', 0.0)
  path, seen = tmp_path / 'part.npz', []
  with pytest.raises(KeyboardInterrupt):
    streaming.moments_of(counted(seen, dies), PARTS, NETWORK, path, 'these')
  same(whole, streaming.moments_of(counted(seen), PARTS, NETWORK, path, 'these'))
  assert seen == list(range(PARTS))
  assert f'goes on after part {dies}' in capsys.readouterr().err


def damaged(path):
  path.write_bytes(path.read_bytes()[:-40])


def changed(path):
  """A file that is whole, but whose numbers are not those that were written."""
  with np.load(path) as stored:
    np.savez(path, **{**stored, 'mean': stored['mean'] + 1})


@pytest.mark.parametrize(
  ('harm', 'mark', 'why'),
  [
    (damaged, 'these', 'is damaged'),
    (changed, 'these', 'is damaged'),
    (lambda path: None, 'others', 'is of other images or another state'),
  ],
)
def test_a_file_that_does_not_serve_is_begun_anew(whole, tmp_path, capsys, harm, mark, why):
  path, seen = tmp_path / 'whole.npz', []
  harm(path)
  same(whole, streaming.moments_of(counted(seen), PARTS, NETWORK, path, mark))
  assert seen == list(range(PARTS))
  assert f'{why}: the evaluation begins anew' in capsys.readouterr().err
