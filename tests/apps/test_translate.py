"""A run of cyclegan from its data to translated files, and one of srgan to enlarged ones."""

import numpy as np
import pytest

from jaxgan import variants
from jaxgan.apps import evaluate, sample, translate, upscale
from jaxgan.training.loop import train
from jaxgan.training.session import Refused, prepared
from photographs import opened, photographs, refused

pytestmark = pytest.mark.xdist_group('translate')  # what is set up for all is set up once


@pytest.fixture(scope='module')
def cyclegan(tmp_path_factory):
  folder = tmp_path_factory.mktemp('cyclegan')
  for domain in 'AB':
    photographs(folder / 'in' / f'train{domain}')
  config = variants.configure(
    'cyclegan',
    folder=folder / 'in',
    data_dir=folder / 'data',
    image_size=16,
    width=4,
    blocks=1,
    pool=2,
    steps=1,
    batch_size=8,
  )
  train(config, folder / 'run', quiet=True)
  return folder / 'run'


def test_a_picture_shows_the_way_there_and_back(cyclegan):
  shown = opened(cyclegan / 'samples/000001.png')
  assert shown.width / shown.height == (6 * 18 - 2) / (4 * 18 - 2)


def test_folders_are_translated(cyclegan, tmp_path, capsys):
  photographs(tmp_path / 'in', size=(21, 13))
  photographs(tmp_path / 'in/deep', 1, (30, 18), 'RGBA')
  (tmp_path / 'in/bad.png').write_bytes(b'')
  given = [f'--workdir={cyclegan}', f'--images={tmp_path}/in']
  assert translate.main([*given, f'--out={tmp_path}/out']) == 0
  assert "skipped 'bad.png'" in capsys.readouterr().err
  sizes = {p.relative_to(tmp_path / 'out').as_posix(): p for p in (tmp_path / 'out').rglob('*.png')}
  assert set(sizes) == {'0.png', '1.png', 'deep/0.png'}
  assert opened(sizes['0.png']).size == (21, 13)
  deep, source = opened(sizes['deep/0.png']), opened(tmp_path / 'in/deep/0.png')
  assert np.array_equal(deep.getchannel('A'), source.getchannel('A'))
  assert translate.main([*given, f'--out={tmp_path}/back', '--direction=BtoA']) == 0
  one, other = (np.asarray(opened(tmp_path / name / '0.png')) for name in ('out', 'back'))
  assert (one != other).any()


def test_what_a_translator_cannot_do(cyclegan, tmp_path, capsys):
  given = [f'--workdir={cyclegan}', f'--images={photographs(tmp_path / "in")}']
  assert 'neither an image' in refused(
    capsys, translate.main, given[0], '--images=/nowhere', f'--out={tmp_path}/out'
  )
  assert "has no translation 'upscale', only AtoB, BtoA" in refused(
    capsys, upscale.main, *given, f'--out={tmp_path}/out'
  )
  assert 'use jaxgan translate' in refused(
    capsys, sample.main, given[0], f'--out={tmp_path}/grid.png'
  )


@pytest.mark.parametrize(
  'variant, what', [('cyclegan', 'images of two domains'), ('pix2pix', 'pairs of images')]
)
def test_data_of_one_domain_is_refused(variant, what, tmp_path):
  place = dict(data_dir=tmp_path / 'data', image_size=16, width=4, batch_size=8)
  messages = {
    'digits': f"{variant} needs {what}, which 'digits' has not: give --dataset=pairs",
    None: 'needs the directory of images: give --folder=PATH',
  }
  with pytest.raises(ValueError, match=f'{variant} has no --eval-every'):
    variants.configure(variant, dataset='digits', eval_every=1, **place)
  for dataset, message in messages.items():
    options = {'dataset': dataset} if dataset else {}
    with pytest.raises(Refused, match=message):
      with prepared(variants.configure(variant, **place, **options), tmp_path / 'run'):
        raise AssertionError('it was taken')


def test_a_score_of_latents_is_not_for_translators(cyclegan, capsys):
  said = refused(capsys, evaluate.main, f'--workdir={cyclegan}')
  assert 'makes images from images, not from latents: use jaxgan translate' in said
