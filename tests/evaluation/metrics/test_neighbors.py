import chex
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jaxgan.evaluation.metrics import neighbors
from jaxgan.evaluation.metrics.neighbors import prdc


def brute(real, fake, k):
  far = lambda a, b: np.sqrt(((a - b) ** 2).sum())
  radius = lambda x, i: sorted(far(x[i], x[j]) for j in range(len(x)) if j != i)[k - 1]
  of_real = [radius(real, i) for i in range(len(real))]
  of_fake = [radius(fake, i) for i in range(len(fake))]
  inside = [[far(r, f) <= of_real[i] for i, r in enumerate(real)] for f in fake]
  return (
    np.mean([any(row) for row in inside]),
    np.mean([any(far(r, f) <= of_fake[j] for j, f in enumerate(fake)) for r in real]),
    np.mean([sum(row) for row in inside]) / k,
    np.mean([min(far(r, f) for f in fake) <= of_real[i] for i, r in enumerate(real)]),
  )


@pytest.mark.parametrize('k', [1, 3, 5])
def test_equals_its_definition(k):
  random = np.random.default_rng(k)
  real, fake = random.normal(size=(30, 3)), 0.7 * random.normal(size=(25, 3)) + 0.2
  chex.assert_trees_all_close(tuple(prdc(real, fake, k)), brute(real, fake, k), atol=1e-12)


def test_duplicates_and_ties():
  """Whole numbers lie on many borders, and stand several times."""
  random = np.random.default_rng(0)
  real, fake = random.integers(0, 4, (40, 2)), random.integers(1, 5, (35, 2))
  chex.assert_trees_all_close(
    tuple(prdc(real, fake, 3)), brute(real.astype(float), fake.astype(float), 3), atol=1e-12
  )


def test_blocks_are_nothing(monkeypatch):
  random = np.random.default_rng(0)
  real, fake = random.normal(size=(2, 50, 4))
  whole = prdc(real, fake)
  monkeypatch.setattr(neighbors, 'ROWS', 7)
  chex.assert_trees_all_equal(prdc(real, fake), whole)


@pytest.mark.parametrize(
  ('width', 'three', 'five'),
  [
    (64, (0.8577778, 0.7490000), (0.9288889, 0.8435, 1.261, 0.977)),
    (2048, (0.8542857, 0.3033333), (0.9214286, 0.448, 1.6105714, 0.9886667)),
  ],
)
def test_matches_peers(peers, width, three, five):
  """torch-fidelity 0.4.0 at k = 3, prdc 0.2 at k = 5."""
  real, fake, _ = peers[width]
  chex.assert_trees_all_close(tuple(prdc(real, fake, 3))[:2], three, atol=1e-7, rtol=0)
  chex.assert_trees_all_close(tuple(prdc(real, fake, 5)), five, atol=1e-7, rtol=0)


def test_itself_and_elsewhere():
  x = np.random.default_rng(0).normal(size=(60, 3))
  assert tuple(prdc(x, x))[:2] == (1, 1) and prdc(x, x).coverage == 1
  assert tuple(prdc(x, x + 1000)) == (0, 0, 0, 0)


def test_k_needs_more_samples():
  with pytest.raises(ValueError, match='fake has 5 rows and this metric needs 6'):
    prdc(np.zeros((9, 2)), np.zeros((5, 2)), k=5)


@pytest.mark.parametrize('scale, form', [(1, '_of_whole'), (0.5, 'cdist'), (2.0**25, 'cdist')])
def test_whole_numbers_take_the_fast_way_to_the_same(scale, form):
  draw = np.random.default_rng(1)
  a, b = (scale * draw.integers(0, 256, (n, 300)).astype(np.float64) for n in (40, 30))
  b[3] = a[5]
  between = neighbors.metric(a, b)
  assert between.__name__ == form
  chex.assert_trees_all_equal(between(a, b), cdist(a, b))
  assert between(a, b)[5, 3] == 0


@pytest.mark.parametrize('k', [1, 5, 20])
def test_outlier_factors_are_those_of_scikit_learn(k):
  lof = pytest.importorskip('sklearn.neighbors', reason='needs scikit-learn').LocalOutlierFactor
  draw = np.random.default_rng(0)
  known = np.concatenate([draw.normal(size=(600, 4)), 5 + 0.1 * draw.normal(size=(300, 4))])
  asked = np.concatenate([draw.normal(size=(50, 4)), draw.uniform(-8, 8, (50, 4))])
  found = neighbors.outliers(known, asked, k)
  theirs = lof(n_neighbors=k, novelty=True).fit(known)
  np.testing.assert_allclose(found.factors, -theirs.score_samples(asked), rtol=1e-6)
  distances, numbers = theirs.kneighbors(asked)
  np.testing.assert_allclose(found.distances, distances.mean(1), rtol=1e-9)
  np.testing.assert_array_equal(found.nearest, numbers[:, 0])


def test_an_outlier_of_a_dense_kind_is_nearer_than_members_of_a_sparse_kind():
  """Distances alone rank them the other way round."""
  draw = np.random.default_rng(0)
  dense, sparse = 0.01 * draw.normal(size=(200, 3)), 50 + 10 * draw.normal(size=(200, 3))
  asked = np.concatenate([[[0.2, 0.2, 0.2]], 50 + 10 * draw.normal(size=(20, 3))])
  found = neighbors.outliers(np.concatenate([dense, sparse]), asked, 10)
  assert found.factors[0] > 5 > 2 > found.factors[1:].max()
  assert found.distances[0] < found.distances[1:].min()


def test_copies_are_no_outliers_and_have_finite_factors():
  known = np.zeros((30, 2))
  found = neighbors.outliers(known, np.array([[0.0, 0.0], [1.0, 0.0]]), 5)
  assert np.isfinite(found.factors).all() and found.factors[0] == 1 and found.factors[1] > 1e6


@pytest.mark.parametrize(
  ('known', 'asked', 'words'),
  [((5, 2), (3, 2), 'known has 5 rows'), ((9, 2), (3, 4), 'features')],
)
def test_outliers_refuse_few_or_other_samples(known, asked, words):
  with pytest.raises(ValueError, match=words):
    neighbors.outliers(np.ones(known), np.ones(asked), 5)
