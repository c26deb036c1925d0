"""Tiny runs, as they are before their first step."""

import dataclasses

import pytest

from apps import tiny_styles
from apps.tiny import made
from jaxgan import variants
from jaxgan.recipes import types


@pytest.fixture(scope='package')
def home(tmp_path_factory):
  """A folder of runs and data."""
  return tmp_path_factory.mktemp('apps')


@pytest.fixture(scope='package')
def plain(home):
  """Perceptrons with batch norm in the generator, of normal latents."""
  return made(home, 'plain', 'gan', widths=(24,), latent_size=6)


@pytest.fixture(scope='package')
def uniform(home):
  """The same of uniform latents."""
  return made(home, 'uniform', 'gan', widths=(24,), latent_size=6, latent='uniform')


@pytest.fixture(scope='package')
def conditional(home):
  """Convolutions that are told the class."""
  return made(home, 'conditional', 'cgan', width=4, latent_size=6)


@pytest.fixture(scope='package')
def worded(home):
  """A run on digits that draws by text; its texts are the names of the digits."""
  return made(home, 'worded', 'gan_cls', width=4, latent_size=6)


@pytest.fixture(scope='package')
def _styled(home):
  with pytest.MonkeyPatch.context() as patch:
    patch.setitem(variants.VARIANTS, 'styled', tiny_styles)
    return made(home, 'styled', 'styled', latent_size=6)


@pytest.fixture
def styled(_styled, monkeypatch):
  """A generator with styles, a variant of these tests and of no others."""
  monkeypatch.setitem(variants.VARIANTS, 'styled', tiny_styles)
  return _styled


@pytest.fixture
def without_latents(plain, monkeypatch):
  """A recipe that makes images from images."""
  build = variants.build
  way = types.Translation(lambda nets, images, key: images)
  interface = types.Translator({'AtoB': way}, lambda nets, batch, key: batch['image'][:, None])
  bare = lambda *given: build(*given)._replace(interface=interface)
  monkeypatch.setattr(variants, 'build', bare)
  return plain


@dataclasses.dataclass
class Said:
  """How a command ended, and what it said."""

  code: int
  out: str
  err: str


@pytest.fixture
def said(capsys):
  """Run a command in this process: `said(main, '--option', ...)`."""

  def run(main, *argv):
    code = main([str(a) for a in argv])
    captured = capsys.readouterr()
    assert 'Traceback' not in captured.err
    return Said(code, captured.out, captured.err)

  return run
