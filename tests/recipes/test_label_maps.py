"""The palette of a run: found before training, kept in its state, the same when it goes on."""

import dataclasses

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import data, variants
from jaxgan.core.typing import Spec
from jaxgan.losses.semantic import PALETTE
from jaxgan.recipes import label_maps

COLORS = np.array([[250, 240, 230], [20, 40, 200], [10, 160, 60]], np.uint8)
SMALL = dict(width=2, modulation=2, critic_width=2, labels=3, batch_size=8, image_size=16)


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
  """Twelve maps of three colors beside images, 32 x 16."""
  folder, draw = tmp_path_factory.mktemp('pairs'), np.random.default_rng(0)
  for i in range(12):
    numbers = np.kron(draw.choice(3, (4, 4), p=[0.6, 0.3, 0.1]), np.ones((4, 4), int))
    image = np.concatenate([COLORS[numbers], COLORS[numbers] // 2 + 60], 1)
    Image.fromarray(image).save(folder / f'{i}.png')
  return folder


@pytest.fixture(scope='module')
def run(pairs, tmp_path_factory):
  folder = tmp_path_factory.mktemp('run')
  config = variants.configure('spade', folder=pairs, steps=2, jitter=False, report=False, **SMALL)
  return jaxgan.train(config, folder, quiet=True), config


def test_before_the_maps_are_known_colors_are_grey():
  recipe = variants.build(variants.configure('spade', **SMALL), Spec(16, 3))
  colors = recipe.stages[0].game.memory[PALETTE]
  np.testing.assert_array_equal(colors, [[-1] * 3, [0] * 3, [1] * 3])


def test_a_run_keeps_the_colors_of_its_maps(run):
  made, _ = run
  np.testing.assert_allclose((made.state.memory[PALETTE] + 1) * 127.5, COLORS, atol=1e-3)
  again = jaxgan.load(made.folder)
  np.testing.assert_array_equal(again.state.memory[PALETTE], made.state.memory[PALETTE])


def test_a_run_goes_on_with_its_own_colors(run, monkeypatch):
  made, config = run
  other = label_maps.label_maps.Palette(COLORS[::-1], True, 1.0, 0.0)
  monkeypatch.setattr(label_maps.label_maps, 'palette', lambda source, labels: other)
  longer = dataclasses.replace(config, steps=3, schedule=config.schedule)
  with pytest.raises(ValueError, match='schedule'):
    jaxgan.train(longer, made.folder, quiet=True)
  resumed = jaxgan.train(config, made.folder, quiet=True)
  np.testing.assert_array_equal(resumed.state.memory[PALETTE], made.state.memory[PALETTE])


def test_what_is_near_a_color_is_that_color(run, pairs):
  """The translation depends on labels alone, and pictures show the map as the network sees it."""
  made, _ = run
  source = data.load('pairs', folder=pairs, image_size=16)
  image = source.images(np.arange(2))
  noisy = np.clip(
    image.astype(int) + np.random.default_rng(1).integers(-9, 10, image.shape), 0, 255
  )
  unit = lambda x: np.float32(x) / 127.5 - 1
  np.testing.assert_array_equal(
    made.translate(unit(noisy), 'AtoB', 0), made.translate(unit(image), 'AtoB', 0)
  )
  batch = {'image': unit(noisy), 'target': unit(source.target.images(np.arange(2)))}
  shown = made.translator().show(made.nets(), batch, jax.random.key(0))
  assert shown.shape == (2, 3, 16, 16, 3)
  np.testing.assert_allclose(shown[:, 0], unit(image), atol=1e-5)
