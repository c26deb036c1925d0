"""The picture of a table."""

import numpy as np
import pytest
import small_tables
from PIL import Image

from jaxgan.core.columns import Column
from jaxgan.storage import histograms

ROW = ['1.5', 'a', 'cm', '3', 'f']


def picture(path, columns, **tables):
  histograms.save(path, columns, tables)
  with Image.open(path) as image:
    return np.asarray(image.convert('RGB')).astype(int)


def test_tables_stand_beside_each_other(tmp_path):
  columns = small_tables.COLUMNS
  one = picture(tmp_path / 'a.png', columns, real=[ROW], generated=[ROW])
  other = picture(tmp_path / 'b.png', columns, real=[ROW], generated=[['', 'b', 'cm', '9', 'm']])
  assert one.shape == other.shape and (one != other).any()


@pytest.mark.parametrize('count', [1, 50])
def test_any_number_of_columns_and_odd_names_are_drawn(tmp_path, count):
  columns = [Column(f'$\\frac{i} {"x" * 90}', values=('', '$_', 'y' * 99)) for i in range(count)]
  seen = picture(tmp_path / 'a.png', columns, real=[['$_'] * count], generated=[[''] * count])
  assert max(seen.shape) < 2000
