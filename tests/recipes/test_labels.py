"""One rule: labels are used where there are any, unless they are demanded or ignored."""

import dataclasses
import json
import types

import numpy as np
import pytest

from jaxgan import variants
from jaxgan.apps import config_file
from jaxgan.core.typing import Spec
from jaxgan.recipes import labels
from jaxgan.recipes.config import Labels
from jaxgan.training.session import Refused, Session, prepared

CHOOSING = [n for n, v in variants.VARIANTS.items() if issubclass(v.Config, Labels)]
SMALL = dict(
  **dict(width=4, base=8, depth=1, cardinality=2, generator_width=4, critic_width=4),
  **dict(shared_size=4, latent_size=4, batch_size=8, group=4, image_size=16, steps=1),
)
PLAIN, CLASSES = Spec(16, 1), Spec(16, 1, 3, ('a', 'b', 'c'))


def small(variant, **options):
  names = {f.name for f in dataclasses.fields(variants.module(variant).Config)}
  known = {name: value for name, value in SMALL.items() if name in names}
  return variants.configure(variant, **{**known, **options})


def test_the_variants_with_a_choice():
  assert CHOOSING == ['lsgan', 'sngan', 'sagan', 'biggan', 'stylegan2', 'r3gan']
  for name, variant in variants.VARIANTS.items():
    fields = {f.name for f in dataclasses.fields(variant.Config)}
    assert ('conditional' in fields) == (name in CHOOSING)


@pytest.mark.parametrize('variant', CHOOSING)
def test_labels_are_used_if_there_are_any(variant):
  drawn = lambda spec, **given: variants.build(small(variant, **given), spec).conditional
  assert drawn(CLASSES) and drawn(CLASSES, conditional=True)
  assert not drawn(PLAIN) and not drawn(PLAIN, conditional=False)
  assert not drawn(CLASSES, conditional=False)
  with pytest.raises(ValueError, match="'digits' has no labels: leave --conditional out to draw"):
    variants.build(small(variant, conditional=True), PLAIN)


def test_a_variant_about_labels_names_others():
  wanted = "cgan draws by class, and 'digits' has no labels: .* such as sngan or dcgan"
  with pytest.raises(ValueError, match=wanted):
    variants.build(small('cgan'), PLAIN)
  config = dataclasses.replace(small('cgan'), dataset='arrays')
  with pytest.raises(ValueError, match=r'give data=\(images, labels\), or use a variant'):
    variants.build(config, PLAIN)


@pytest.mark.parametrize('variant', CHOOSING)
def test_the_decision_is_kept_and_said(variant):
  config = small(variant)
  (said,) = config.cautions(PLAIN)
  assert said == f"'digits' has no labels: {variant} draws without classes"
  assert not config.cautions(CLASSES) and not labels.decided(config, PLAIN).cautions(PLAIN)
  assert [labels.decided(config, spec).conditional for spec in (PLAIN, CLASSES)] == [False, True]


def test_packs_wait_for_the_decision():
  config = small('sngan', pack=2)
  assert labels.decided(config, PLAIN).pack == 2
  with pytest.raises(ValueError, match='--pack=2 joins images of different classes'):
    labels.decided(config, CLASSES)


def test_a_variant_without_the_choice_is_left_alone():
  config = small('dcgan')
  assert labels.decided(config, CLASSES) is config and labels.of_run(config, PLAIN) is config


IMAGES = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 1), np.uint8)


@pytest.fixture
def without_a_state(monkeypatch):
  """Sessions that make no first state, which takes long to compile and plays no part here."""
  state = types.SimpleNamespace(step=0)
  monkeypatch.setattr(Session, 'restore', lambda session: state)


def played(folder, config, data):
  """The config as a session has it, and the one that its folder keeps."""
  with prepared(config, folder, data=data, quiet=True) as session:
    return session.config.conditional, json.loads((folder / 'config.json').read_text())


def test_a_run_keeps_its_decision(without_a_state, tmp_path, capsys):
  config = small('sngan')
  for name, data, decided in (('a', IMAGES, False), ('b', (IMAGES, np.arange(8) % 2), True)):
    for _ in range(2):  # and goes on
      found, kept = played(tmp_path / name, config, data)
      assert found is kept['conditional'] is decided
      said = capsys.readouterr().err
      line = "jaxgan: warning: 'arrays' has no labels: sngan draws without classes\n"
      assert said == ('' if decided else line)
  with pytest.raises(Refused, match="'arrays' has no labels"):
    played(tmp_path / 'a', small('sngan', conditional=True), IMAGES)
  with pytest.raises(Refused, match='conditional: true -> false'):
    played(tmp_path / 'b', small('sngan', conditional=False), (IMAGES, np.arange(8) % 2))


def test_older_runs_of_stylegan2_go_on(without_a_state, tmp_path):
  """They have True beside data without labels, and drew without classes."""
  folder, config = tmp_path / 'run', small('stylegan2')
  _, kept = played(folder, config, IMAGES)
  (folder / 'config.json').write_text(json.dumps({**kept, 'conditional': True}))
  from_file = config_file.load(folder)
  assert from_file['conditional'] is None
  found, kept = played(folder, config, IMAGES)
  assert found is kept['conditional'] is False
  assert not labels.of_run(small('stylegan2', conditional=True), PLAIN).conditional
  assert labels.of_run(small('stylegan2', conditional=True), CLASSES).conditional
