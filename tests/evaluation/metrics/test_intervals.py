import numpy as np
import pytest

from jaxgan.evaluation.metrics import intervals


def test_wilson_solves_its_equation():
  """At its ends the proportion lies z deviations away: (p - e)^2 = z^2 e (1 - e) / n."""
  found = intervals.wilson(30, 100)
  assert found.value == 0.3
  for end in found[1:]:
    assert (0.3 - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / 100, rel=1e-5)


def test_wilson_holds_at_the_ends():
  assert intervals.wilson(0, 10)[:2] == (0, 0)
  assert intervals.wilson(0, 10).high == pytest.approx(0.2775, abs=1e-3)
  assert intervals.wilson(10, 10).high == pytest.approx(1)


@pytest.mark.parametrize('p', [0.05, 0.5, 0.9])
def test_wilson_covers(p):
  draws = np.random.default_rng(0).binomial(80, p, 4000)
  ends = [intervals.wilson(k, 80) for k in draws]
  assert 0.92 < np.mean([e.low <= p <= e.high for e in ends]) < 0.985


def test_repeats_cover():
  random = np.random.default_rng(0)
  ends = [intervals.repeats(random.normal(size=5)) for _ in range(4000)]
  assert 0.93 < np.mean([e.low <= 0 <= e.high for e in ends]) < 0.97


def test_one_repeat_says_nothing_of_its_error():
  assert intervals.repeats([3.0]) == (3, -np.inf, np.inf)


def test_impossible_counts_are_refused():
  for successes, trials in ((1, 0), (5, 4), (-1, 4)):
    with pytest.raises(ValueError, match='expected 0 <= successes'):
      intervals.wilson(successes, trials)


def test_none_and_all_reach_the_ends_exactly():
  for n in (7, 50, 400, 1800):
    none, every = intervals.wilson(0, n), intervals.wilson(n, n)
    assert none.low == 0 < none.high < 1 and 0 < every.low < every.high == 1


def test_shares_stay_in_their_range_and_have_a_width():
  low, high = intervals.share([0.0, 0.01, 0.1], 30), intervals.share([1.0, 0.99, 0.9], 30)
  assert low.low == 0 < low.value < low.high < 1 and 0 < high.low < high.value < high.high == 1
  assert intervals.share([0.2, 0.4, 0.3], 30) == intervals.repeats([0.2, 0.4, 0.3])
  for same in ([1.0], [1.0, 1.0], [0.0, 0.0, 0.0]):
    assert intervals.share(same, 30) == intervals.wilson(same[0] * 30, 30)
