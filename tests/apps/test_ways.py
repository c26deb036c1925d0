"""Which translation is meant: of two domains, of many, and what is refused."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import jaxgan
from apps.tiny import made
from jaxgan import variants
from jaxgan.apps import export, play_routes, sample, translate, ways
from jaxgan.core.typing import Spec
from jaxgan.training import doctor, session
from photographs import photographs, refused


@pytest.fixture(scope='module')
def many(tmp_path_factory):
  """A run of stargan on digits, before its first step."""
  return made(tmp_path_factory.mktemp('ways'), 'many', 'stargan', width=4, blocks=1)


def test_a_run_of_many_domains_needs_a_name(many):
  run = jaxgan.load(many)
  assert ways.asked(run, None, '7') == '7'
  assert ways.described(run, '7') == {'domain': '7'} and ways.described(run, None) == {}
  for given, words in (
    ((None, None), 'stargan translates to several domains: give --domain, one of 0, 1, .*9'),
    ((None, 'red'), "a run of stargan has no translation 'red', only 0, 1, .*9"),
    (('AtoB', None), '--direction is for a run of two domains, not for stargan: give --domain'),
  ):
    with pytest.raises(ValueError, match=words):
      ways.asked(run, *given)


def test_folders_are_translated_to_a_domain(many, tmp_path, capsys):
  given = [f'--workdir={many}', f'--images={photographs(tmp_path / "in", 1, (21, 13))}']
  for name in ('3', '8'):
    assert translate.main([*given, f'--out={tmp_path}/{name}', f'--domain={name}']) == 0
  found = [np.asarray(Image.open(tmp_path / name / '0.png')) for name in ('3', '8')]
  assert found[0].shape == (13, 21) and (found[0] != found[1]).any()
  capsys.readouterr()
  for more, words in (
    ([], 'several domains: give --domain'),
    (['--domain=red'], "no translation 'red', only 0, 1"),
  ):
    assert words in refused(capsys, translate.main, *given, f'--out={tmp_path}/no', *more)
  assert not (tmp_path / 'no').exists()
  said = refused(capsys, sample.main, given[0], f'--out={tmp_path}/grid.png')
  assert 'makes images from images, not from latents: use jaxgan translate' in said


def test_what_an_exported_function_translates_to_stands_beside_it(many, tmp_path, capsys):
  pytest.importorskip('flatbuffers', reason='needs flatbuffers')
  out = tmp_path / 'to.stablehlo'
  given = [f'--workdir={many}', f'--out={out}']
  assert 'give --domain' in refused(capsys, export.main, *given)
  assert export.main([*given, '--domain=4']) == 0
  about = json.loads((tmp_path / 'to.stablehlo.json').read_text())
  assert about['domain'] == '4' and about['arguments'] == ['images']
  every = f'--out={tmp_path}/all.safetensors'
  assert '--domain is for' in refused(capsys, export.main, given[0], every, '--domain=4')


def test_the_page_offers_every_domain_and_the_doctor_sees_translations(many):
  run = jaxgan.load(many)
  about = play_routes.of(run)['GET', '/about'](None)
  assert list(json.loads(about.data)['ways']) == [str(i) for i in range(10)]
  source = session.open_data(run.config)
  seen, real = doctor._translated(run, run.recipe.interface, source, 32)
  assert seen.shape == (32, 16, 16, 1) and len(real) == doctor.REAL


def test_domains_are_for_runs_that_have_them():
  config = variants.configure('cut', width=4, blocks=1)
  two = SimpleNamespace(config=config, recipe=variants.build(config, Spec(16, 3)))
  two.translator = lambda: two.recipe.interface
  with pytest.raises(ValueError, match='--domain is for a run of many domains, not for cut'):
    ways.asked(two, None, '3')
