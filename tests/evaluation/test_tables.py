"""Scores of rows: closed forms, and real rows beside noise."""

import numpy as np
import pytest
import small_tables

from jaxgan.core.columns import Column
from jaxgan.data import tables as data
from jaxgan.evaluation import tables

NUMBER = Column('x', modes=((5.0, 3.0),), missing=True, decimals=None, low=0.0, high=10.0)
SEX = Column('sex', values=('f', 'm'))


def test_distances_of_columns_in_closed_form():
  real = [['0', 'f'], ['10', 'f'], ['', 'm'], ['4', 'm']]
  rows = [['0', 'f'], ['0', 'f'], ['', 'f'], ['0', 'm']]
  apart = tables.columns_apart([NUMBER, SEX], rows, real)
  np.testing.assert_allclose(apart, [2 / 3, 1 / 4])
  assert not tables.columns_apart([NUMBER, SEX], real, real).any()
  gone = tables.columns_apart([NUMBER], [['']], [['1'], ['']])
  assert gone.tolist() == [0.5]


def test_distances_of_rows_are_of_ranges_and_categories():
  rows = tables.described([NUMBER, SEX], [['0', 'f'], ['10', 'f'], ['10', 'm'], ['', 'f']])
  far = lambda i, j: np.linalg.norm(rows[i] - rows[j])
  assert far(0, 1) == pytest.approx(1) and far(1, 2) == pytest.approx(1)
  assert far(0, 3) == pytest.approx(0.5)
  assert tables.nearest(rows[3:], rows[:3]).tolist() == [pytest.approx(0.5)]


def test_correlations_that_turn_are_two_apart():
  x = np.linspace(0, 1, 9)
  one, other = np.stack([x, x], 1), np.stack([x, -x], 1)
  assert tables.correlations_apart(one, other) == pytest.approx(2)
  assert tables.correlations_apart(one, one) == 0
  assert tables.correlations_apart(np.zeros((5, 2)), one[:5]) == 0


def test_real_rows_score_better_than_noise_and_copies_are_found(tmp_path):
  (tmp_path / 'a.csv').write_text(small_tables.text(400))
  source = data.load(tmp_path / 'a.csv')
  columns, draw = source.spec.columns, np.random.default_rng(0)
  rows = source.images(draw.permutation(400))
  real = data.decoded(columns, rows)
  noise = [data.decoded(columns, draw.uniform(-1, 1, (40, source.spec.channels))) for _ in '12']
  found = tables.scores(columns, noise, real[::2], real[1::2], [0, 1])
  by_name = {score.name: score for score in found}
  assert [score.name for score in found] == list(tables.METRICS)
  assert by_name['column distance'].of.value > 2 * by_name['column distance'].real
  assert by_name['copied rows'].of.value == 0 and by_name['column distance'].real_num == 200
  copies = tables.scores(columns, [real[::2]], real[::2], None, [0])
  assert copies[-1].of.value == 1 and copies[-2].of.value == 0
