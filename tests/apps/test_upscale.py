"""Images are enlarged, and compared with what bicubic makes of them."""

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

import golden
from jaxgan import variants
from jaxgan.apps import translate, upscale
from jaxgan.training import run
from jaxgan.training.loop import train
from photographs import opened, photographs, refused


@pytest.fixture(scope='module')
def srgan(tmp_path_factory):
  folder = tmp_path_factory.mktemp('srgan')
  config = variants.configure(
    'srgan', data_dir=folder / 'data', width=4, blocks=1, scale=2, steps=1
  )
  train(config, folder / 'run', quiet=True)
  return folder / 'run'


def test_images_are_enlarged(srgan, tmp_path, capsys):
  photographs(tmp_path / 'in', 1, (11, 9), 'RGB')
  photographs(tmp_path / 'in/grey', 1, (11, 9), 'L')
  given = [f'--workdir={srgan}', f'--images={tmp_path}/in']
  assert upscale.main([*given, f'--out={tmp_path}/out', '--tile=8', '--overlap=2']) == 0
  for name, mode in (('0.png', 'RGB'), ('grey/0.png', 'L')):
    made = opened(tmp_path / 'out' / name)
    assert (made.size, made.mode) == ((22, 18), mode)
  assert 'enlarges images: use jaxgan upscale' in refused(
    capsys, translate.main, *given, f'--out={tmp_path}/out'
  )
  assert 'give --out=DIR, or --compare' in refused(capsys, upscale.main, *given)


def test_the_comparison_knows_what_is_better(srgan, monkeypatch):
  """Of a network that is bicubic itself nothing differs; of noise it loses."""
  from jaxgan.ops.resample import resize

  trained = run.load(srgan)
  image = np.tile(np.linspace(0, 255, 32).astype(np.uint8)[None, :, None], (32, 1, 1))
  smooth = lambda images, way: np.asarray(resize(images, 2 * images.shape[1], 2 * images.shape[2]))
  monkeypatch.setattr(run.Run, 'translate', lambda self, images, way: smooth(images, way))
  same = upscale.compare(trained, [image, image])
  assert same['run'] == same['bicubic'] and same['run']['images'] == 2
  assert same['run']['psnr'] > 40 and 0.99 < same['run']['ssim'] <= 1
  noise = lambda self, images, way: -smooth(images, way)
  monkeypatch.setattr(run.Run, 'translate', noise)
  worse = upscale.compare(trained, [image])
  assert worse['run']['psnr'] < worse['bicubic']['psnr'] and 'bicubic' in upscale.table(worse)


def test_published_weights_in_place_of_a_run(test_data, tmp_path, capsys):
  """The photo of odd size becomes what the official network makes of it, in RGB of [0, 1]."""
  weights, numbers = golden.arrays(test_data, 'esrgan_basicsr_names')
  save_file({k: np.ascontiguousarray(x) for k, x in weights.items()}, tmp_path / 'net.safetensors')
  pixels = np.round(255 * numbers['in/x'][0]).clip(0, 255).astype(np.uint8)
  Image.fromarray(pixels).save(tmp_path / 'photo.png')
  words = [str(tmp_path / 'photo.png'), f'--weights={tmp_path / "net.safetensors"}']
  assert upscale.main([*words, f'--out={tmp_path / "out"}']) == 0
  made = np.asarray(Image.open(tmp_path / 'out' / 'photo.png')).astype(float)
  wanted = 255 * np.clip(numbers['out/y'][0], 0, 1)
  assert made.shape == (80, 96, 3)
  # The photo was rounded to 256 levels, which the network's output follows.
  assert np.abs(made - wanted).mean() < 2


@pytest.mark.parametrize(
  'words, said',
  [
    (['photo.png', '--out=o'], 'give --workdir=RUN or --weights=NAME'),
    (['photo.png', '--workdir=r', '--weights=w', '--out=o'], 'or --weights=NAME, such as'),
    (['photo.png', '--images=photo.png', '--weights=w', '--out=o'], 'give the images once'),
    (['--weights=w', '--out=o'], 'there is nothing to enlarge'),
    (['photo.png', '--weights=mine', '--out=o'], '--weights=mine is neither a file nor one of'),
  ],
)
def test_one_network_and_one_path(words, said, capsys):
  assert upscale.main(words) == 2
  assert said in capsys.readouterr().err
