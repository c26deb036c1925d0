"""Columns of tables: where their numbers stand in a row."""

import json

import pytest
import small_tables

from jaxgan.core import columns
from jaxgan.core.columns import Column


def test_spans_fill_a_row_without_gaps_or_overlaps():
  ends = [(span.first, span.first + span.width) for _, span in columns.spans(small_tables.COLUMNS)]
  assert [first for first, _ in ends] == [0, *(last for _, last in ends[:-1])]
  assert ends[-1][1] == columns.width(small_tables.COLUMNS) == 1 + 3 + 3 + 1 + 2


def test_a_constant_column_and_a_single_mode_take_no_one_hot_vector():
  one_hot = [column.name for column, span in columns.spans(small_tables.COLUMNS) if span.one_hot]
  assert one_hot == ['size', 'kind', 'sex']


def test_conditions_name_each_category_and_its_place():
  assert columns.conditions(small_tables.COLUMNS) == [
    *(('kind=a', 4), ('kind=b', 5), ('kind=c', 6)),
    *(('sex=f', 8), ('sex=m', 9)),
  ]


def test_columns_survive_json():
  text = json.dumps(columns.to_json(small_tables.COLUMNS))
  assert columns.from_json(json.loads(text)) == small_tables.COLUMNS


def test_damaged_columns_are_refused():
  with pytest.raises(KeyError):
    columns.from_json([{'name': 'a'}])
  assert columns.from_json([]) == ()
  assert Column('a', values=('x',)).width == 0
