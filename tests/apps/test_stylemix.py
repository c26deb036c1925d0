"""Layers come from where the table says."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.apps import latents, stylemix
from jaxgan.apps.stylemix import main
from jaxgan.training.run import load


def test_layers_between_are_the_others(key):
  of, others = jax.random.normal(key, (5, 6, 3))[:2], jax.random.normal(key, (5, 6, 3))[2:]
  found = stylemix.mixed(of, others, 2, 4)
  assert found.shape == (2, 3, 6, 3)
  for r in range(2):
    for c in range(3):
      np.testing.assert_array_equal(found[r, c, :2], of[r, :2])
      np.testing.assert_array_equal(found[r, c, 2:4], others[c, 2:4])
      np.testing.assert_array_equal(found[r, c, 4:], of[r, 4:])


def test_the_layers_are_cut_in_three():
  assert stylemix.spans(6, ()) == [(0, 2), (2, 4), (4, 6)]
  assert stylemix.spans(18, (4, 8)) == [(0, 4), (4, 8), (8, 18)]
  for bounds in ((4,), (0, 4), (4, 4), (4, 6)):
    with pytest.raises(ValueError, match='rise from 1 to 5'):
      stylemix.spans(6, bounds)


def test_a_table_shows_the_columns_image_where_its_layers_rule(styled):
  """Rows 4 to 7 of these images hang on the middle layers alone."""
  run = load(styled)
  w = run.bound(latents.space(run).draw)(jax.random.key(0), jnp.zeros(5, jnp.int32))
  images = stylemix.tables(run, w, 2, ()).reshape(3, 3, 4, 16, 16, 1)  # table, row, column
  middle, alone = images[1], latents.images(run, latents.space(run), w, jnp.zeros(5))
  for r in (1, 2):
    for c in (1, 2, 3):
      row, column, cell = alone[r - 1], alone[c + 1], middle[r, c]
      np.testing.assert_allclose(cell[4:8], column[4:8], atol=1e-6)
      np.testing.assert_allclose(cell[:4], row[:4], atol=1e-6)
      np.testing.assert_allclose(cell[8:], row[8:], atol=1e-6)
      assert np.abs(row - column).max() > 0.01


def test_the_command_draws_three_tables(styled, tmp_path, said):
  ended = said(main, f'--workdir={styled}', f'--out={tmp_path / "m.png"}', '--rows=2')
  assert ended.code == 0
  with Image.open(tmp_path / 'm.png') as picture:
    assert picture.width % 106 == 0  # six images of 16 pixels, 2 between
    assert picture.height / picture.width == (9 * 18 - 2) / 106


def test_runs_without_styles_are_refused(plain, styled, said):
  ended = said(main, f'--workdir={plain}', '--out=m.png')
  assert ended.code == 2 and 'gan has no styles to mix' in ended.err
  ended = said(main, f'--workdir={styled}', '--out=m.png', '--bounds', '3', '9')
  assert ended.code == 2 and '--bounds' in ended.err


def test_all_tables_are_of_one_program(styled):
  """Not one for each table, and one for the images beside them."""
  run, traces = load(styled), []
  styles = run.sampler().styles

  def synthesize(nets, w, key):
    traces.append(w.shape)
    return styles.synthesize(nets, w, key)

  counting = run.sampler()._replace(styles=styles._replace(synthesize=synthesize))
  run = dataclasses.replace(run, recipe=run.recipe._replace(interface=counting))
  layers = run.bound(latents.space(run).draw)(jax.random.key(0), jnp.zeros(5, jnp.int32))
  stylemix.tables(run, layers, 2, (1, 2))
  assert len(traces) == 1
