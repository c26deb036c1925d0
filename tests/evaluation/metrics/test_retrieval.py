import numpy as np
import pytest

from jaxgan.evaluation.metrics.retrieval import r_precision


def vectors(n, seed=0):
  return np.random.default_rng(seed).normal(size=(n, 16))


def test_an_image_at_its_text_is_right_and_far_from_it_is_wrong():
  texts = np.eye(30)
  own = np.arange(30)
  assert r_precision(texts, texts, own, top=1, candidates=20).value == 1
  assert r_precision(-texts, texts, own, top=10, candidates=20).value == 0


@pytest.mark.parametrize('images', [vectors(2000, 1), np.zeros((2000, 16))], ids=['noise', 'ties'])
def test_chance_is_top_of_candidates(images):
  own = np.arange(2000) % 200
  found = r_precision(images, vectors(200), own, top=10, candidates=50)
  assert found.low < 0.2 < found.high


def test_the_rank_is_that_of_sorting():
  texts, images, own = vectors(12), vectors(40, 3), np.arange(40) % 12
  ranks = (-images @ texts.T).argsort(1).argsort(1)[np.arange(40), own]
  for top in (1, 5):
    assert r_precision(images, texts, own, top=top, candidates=12).value == (ranks < top).mean()


def test_what_does_not_fit_is_refused():
  texts = vectors(12)
  with pytest.raises(ValueError, match='1 <= top < candidates <= 12 texts, got 10 and 100'):
    r_precision(texts, texts, np.arange(12))
  with pytest.raises(ValueError, match='own should be rows of the 12 texts'):
    r_precision(texts, texts, np.arange(1, 13), top=1, candidates=2)
