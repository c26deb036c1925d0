"""CSV files: what is read, what is said, and what is refused."""

import logging

import pytest

from jaxgan.data import csv_files
from jaxgan.data.csv_files import Kinds


def table(tmp_path, text):
  path = tmp_path / 'rows.csv'
  path.write_bytes(text.encode() if isinstance(text, str) else text)
  return csv_files.read(path)


def test_cells_are_read_with_quotes_and_any_line_ends(tmp_path):
  found = table(tmp_path, 'a,b\r\n"1, 2"," x "\r\n\r\n3,"""y"""\n')
  assert found.names == ('a', 'b') and found.rows == (('1, 2', 'x'), ('3', '"y"'))


@pytest.mark.parametrize('mark', ';\t|')
def test_other_separators_are_found_and_said(tmp_path, mark, caplog):
  assert table(tmp_path, f'a{mark}b{mark}c,d\n1{mark}2{mark}3\n').rows == (('1', '2', '3'),)
  assert repr(mark) in caplog.text


def test_lines_that_are_no_rows_are_counted_and_named(tmp_path, caplog):
  found = table(tmp_path, 'a,b\n1,2\n1\n1,2,3\n3,4\n')
  assert found.rows == (('1', '2'), ('3', '4'))
  assert '2 lines do not have the 2 cells of the header' in caplog.text
  assert 'line 3 (1), line 4 (3)' in caplog.text


@pytest.mark.parametrize(
  'text, said',
  [
    ('', 'is empty'),
    ('\n\n', 'is empty'),
    ('a,b\n', 'a header and no row'),
    ('a,b\n1\n', 'a header and no row'),
    ('a,a\n1,2\n', 'more than one column a'),
    ('a,b\n1,"2\n', 'line 2: unexpected end of data'),
    ('a,b\n1,"2"x\n', 'line 2'),
    ('a\n' + 'x' * 200_000 + '\n', 'line 2: field larger than field limit'),
    (b'a\n\xff\n', 'not in UTF-8'),
  ],
)
def test_what_is_no_table_is_refused_in_one_sentence(tmp_path, text, said):
  with pytest.raises(ValueError, match=said) as caught:
    table(tmp_path, text)
  assert '\n' not in str(caught.value)


def columns(tmp_path, **cells):
  rows = zip(*cells.values(), strict=True)
  text = '\n'.join([','.join(cells), *(','.join(map(str, row)) for row in rows), ''])
  return table(tmp_path, text)


NUMBERS = range(12)


def test_numbers_and_categories_are_told_apart(tmp_path):
  found = columns(
    tmp_path,
    whole=NUMBERS,
    few=[i % 3 for i in NUMBERS],
    point=[f'{i % 2}.5' for i in NUMBERS],
    power=[f'{i}e-9' for i in NUMBERS],
    text=['abc'[i % 3] for i in NUMBERS],
    gaps=[('', 'NA', '?')[i % 3] if i % 2 else f'{i}.0' for i in NUMBERS],
    gone=['' for _ in NUMBERS],
    dated=[f'2020-01-{i + 1:02}' for i in NUMBERS],
  )
  numeric = [name for name, is_number in csv_files.chosen(found, Kinds()).items() if is_number]
  assert numeric == ['whole', 'point', 'power', 'gaps']


def test_what_the_user_decides_wins(tmp_path):
  found = columns(tmp_path, a=NUMBERS, b=[i % 3 for i in NUMBERS], c=NUMBERS)
  kinds = Kinds(categorical=('a',), numeric=('b',), dropped=('c',))
  assert csv_files.chosen(found, kinds) == {'a': False, 'b': True}


@pytest.mark.parametrize(
  'kinds, said',
  [
    (Kinds(numeric=('b',)), "the cell 'x'"),
    (Kinds(numeric=('c',)), 'missing cells alone'),
    (Kinds(categorical=('none',)), '--categorical: .* has no column none, only a, b, c'),
    (Kinds(dropped=('none',)), '--drop: '),
    (Kinds(categorical=('a',), numeric=('a',)), 'share a'),
    (Kinds(dropped=('a', 'b', 'c')), 'no column that is not in --drop'),
  ],
)
def test_decisions_that_do_not_fit_are_refused(tmp_path, kinds, said):
  found = columns(tmp_path, a=NUMBERS, b=['x' for _ in NUMBERS], c=['' for _ in NUMBERS])
  with pytest.raises(ValueError, match=said):
    csv_files.chosen(found, kinds)


@pytest.mark.parametrize('number', ['inf', '-Infinity', '1e400', '-1e200'])
def test_numbers_that_are_too_large_are_refused(tmp_path, number):
  found = columns(tmp_path, a=[*NUMBERS, number])
  with pytest.raises(ValueError, match=f'the number {number}, beyond 1e.100'):
    csv_files.chosen(found, Kinds())


def test_names_are_refused_unless_they_are_wanted(tmp_path):
  found = columns(tmp_path, name=[f'n{i}' for i in range(150)])
  with pytest.raises(ValueError, match='150 different texts in 150 rows.*--drop'):
    csv_files.chosen(found, Kinds())
  assert csv_files.chosen(found, Kinds(categorical=('name',))) == {'name': False}


@pytest.fixture(autouse=True)
def heard(caplog):
  caplog.set_level(logging.WARNING, 'jaxgan')
