"""The palette of a run: found before training, kept in its state, the same when it goes on."""

import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import variants
from jaxgan.core.typing import Spec
from jaxgan.data.label_maps import Palette
from jaxgan.losses.semantic import PALETTE
from jaxgan.recipes import label_maps
from jaxgan.training.session import Session, prepared

COLORS = np.array([[250, 240, 230], [20, 40, 200], [10, 160, 60]], np.uint8)
SMALL = dict(width=2, modulation=2, critic_width=2, labels=3, batch_size=8, image_size=16)


@pytest.fixture
def config(tmp_path):
  """Twelve maps of three colors beside images, 32 x 16."""
  folder, draw = tmp_path / 'pairs', np.random.default_rng(0)
  folder.mkdir()
  for i in range(12):
    numbers = np.kron(draw.choice(3, (4, 4), p=[0.6, 0.3, 0.1]), np.ones((4, 4), int))
    image = np.concatenate([COLORS[numbers], COLORS[numbers] // 2 + 60], 1)
    Image.fromarray(image).save(folder / f'{i}.png')
  return variants.configure('spade', folder=folder, **SMALL)


def test_before_the_maps_are_known_colors_are_grey():
  recipe = variants.build(variants.configure('spade', **SMALL), Spec(16, 3))
  colors = recipe.stages[0].game.memory[PALETTE]
  np.testing.assert_array_equal(colors, [[-1] * 3, [0] * 3, [1] * 3])


def test_a_run_keeps_the_colors_of_its_maps(config, tmp_path, monkeypatch, capsys):
  """A run that goes on, and one that is loaded, have those of the checkpoint."""
  monkeypatch.setattr(Session, 'compile_ahead', lambda *_: None)
  bytes_of = lambda state: np.rint((np.asarray(state.memory[PALETTE]) + 1) * 127.5).tolist()
  with prepared(config, tmp_path / 'run', quiet=True) as session:
    assert bytes_of(session.state) == COLORS.tolist()
    session.checkpoints.save(0, session.state, wait=True)
  assert 'label maps: 3 colors, which 100.0% of the pixels have exactly' in capsys.readouterr().err
  other = Palette(COLORS[::-1], True, 1.0, 0.0)
  monkeypatch.setattr(label_maps.label_maps, 'palette', lambda source, labels: other)
  with prepared(config, tmp_path / 'run', quiet=True) as session:
    first = session.recipe.stages[0].game.memory[PALETTE]
    assert first[0].tolist() != np.asarray(session.state.memory[PALETTE])[0].tolist()
    assert bytes_of(session.state) == COLORS.tolist()
  assert bytes_of(jaxgan.load(tmp_path / 'run').state) == COLORS.tolist()
