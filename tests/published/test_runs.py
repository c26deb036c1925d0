"""Runs of published weights: the official images come out, and everything goes on from there."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

import jaxgan
from golden import arrays
from jaxgan.main import jaxgan as command
from jaxgan.published import runs
from jaxgan.published.layouts import Unfit
from published_files import dcgan, nvidia


@pytest.fixture(scope='module')
def files(tmp_path_factory):
  folder = tmp_path_factory.mktemp('files')
  generator, critic = dcgan()
  save_file(generator, folder / 'g.safetensors')
  np.savez(folder / 'd.npz', **critic)
  return folder


@pytest.fixture(scope='module')
def imported(files, tmp_path_factory):
  """A run of both files, made by the command, with images to go on with."""
  folder = tmp_path_factory.mktemp('runs')
  photos = folder / 'photos'
  photos.mkdir()
  for i in range(8):
    Image.new('RGB', (8, 8), (30 * i, 0, 90)).save(photos / f'{i}.png')
  words = [str(files / 'd.npz'), str(files / 'g.safetensors'), f'--workdir={folder / "run"}']
  assert command(['import', *words, f'--folder={photos}', '--batch-size=8']) == 0
  return folder / 'run'


def test_the_command_writes_what_python_makes(imported, files):
  made = jaxgan.from_published(files / 'g.safetensors', files / 'd.npz')
  run = jaxgan.load(imported)
  assert (run.config.variant, run.spec.shape, run.config.width) == ('dcgan', (8, 8, 3), 4)
  theirs = dict(critic_norm=True, r1=0.0, beta1=0.5, update_clip=0.0)
  assert {name: getattr(run.config, name) for name in theirs} == theirs
  z = run.latents(0, 2)
  np.testing.assert_array_equal(run.generate(z), made.generate(z))
  kernel = run.state.params['critic']['Conv_0']['weight']['kernel']
  np.testing.assert_array_equal(kernel, dcgan()[1]['main.0.weight'].transpose(2, 3, 1, 0))
  origin = json.loads((imported / 'imported.json').read_text())
  assert [len(digest) for digest in origin['files'].values()] == [64, 64]


def test_training_goes_on_from_there(imported):
  """With the run's own config, and with its average from the first step on."""
  before = jaxgan.load(imported).state.params['critic']
  assert command(['train', f'--config={imported / "config.json"}', f'--workdir={imported}',
                  '--steps=1', '--log-every=1']) == 0  # fmt: skip
  run = jaxgan.load(imported)
  moved = np.abs(run.state.params['critic']['Conv_0']['weight']['kernel']
                 - before['Conv_0']['weight']['kernel']).max()  # fmt: skip
  assert run.step == 1 and 0 < moved < 0.01


def test_a_run_without_images_says_so(files, tmp_path, capsys):
  folder = tmp_path / 'run'
  assert command(['import', str(files / 'g.safetensors'), f'--workdir={folder}']) == 0
  assert 'licence' in capsys.readouterr().out
  assert command(['sample', f'--workdir={folder}', '--num=1', f'--out={tmp_path / "s.png"}']) == 0
  assert command(['train', f'--config={folder / "config.json"}', f'--workdir={folder}']) == 2
  assert 'made of published weights, without images' in capsys.readouterr().err
  assert command(['import', str(files / 'g.safetensors'), f'--workdir={folder}']) == 2
  assert 'holds a run already' in capsys.readouterr().err


def test_averages_and_moving_parameters_of_nvidias_pickles(test_data, tmp_path):
  """Both are kept, the source of the classes is not run, and the critic comes too."""
  generator, numbers = arrays(test_data, 'stylegan2_g_uncond')
  critic, _ = arrays(test_data, 'stylegan2_d_resnet_uncond')
  moving = {name: 2 * x for name, x in generator.items()}
  generator['synthesis.b4.conv1.conv_clamp'] = 256.0
  critic |= {'b4.conv.conv_clamp': 256.0, 'b4.mbstd.group_size': 2.0}
  mark = tmp_path / 'mark'
  path = nvidia(
    tmp_path / 'network.pkl', f'open({str(mark)!r}, "w")', G_ema=generator, G=moving, D=critic
  )
  run = jaxgan.from_published(path)
  assert (run.config.clamp, run.config.group) == (256, 2)
  strength = lambda params: float(params['synthesis']['layer_4']['noise'])
  wanted = float(generator['synthesis.b4.conv1.noise_strength'])
  assert strength(run.state.ema) == pytest.approx(wanted)
  assert strength(run.state.params) == pytest.approx(2 * wanted)
  bias = run.state.params['critic']['entry']['bias']
  np.testing.assert_array_equal(bias, critic['b32.fromrgb.bias'])
  assert not mark.exists()
  official = np.clip(numbers['out/image'], -1, 1)
  np.testing.assert_allclose(run.generate(numbers['in/z']), official, atol=2e-5)


def test_a_second_generator_is_of_the_way_back():
  weights = runs.Weights({'a': np.zeros(1)})
  found = runs.Found('cyclegan', {}, runs.Spec(8, 3), {'generator_ab': []})
  one = runs.Part(runs.family(runs.Weights(dcgan()[0])), found, weights)
  assert [set(p.found.networks) for p in runs._placed([one, one])] == [
    {'generator_ab'},
    {'generator_ba'},
  ]
  with pytest.raises(Unfit, match='there are two of the network generator_ab'):
    runs._placed([one, one, one])


def test_networks_that_contradict_each_other():
  found = [runs.parts(weights)[0].found for weights in (dcgan()[0], dcgan(width=8)[1])]
  with pytest.raises(Unfit, match='its networks differ in width: 4 and 8'):
    runs.configured(found)
  grey = found[0]._replace(spec=found[0].spec._replace(channels=1))
  with pytest.raises(Unfit, match='for different images'):
    runs.configured([found[0], grey])


def test_options_and_images_that_do_not_fit(files):
  with pytest.raises(ValueError, match='jaxgan has no such run: --batch-size must be above 0'):
    jaxgan.from_published(files / 'g.safetensors', batch_size=-1)
  with pytest.raises(ValueError, match=r'--truncation is for BigGAN-deep, and this is DCGAN gen'):
    jaxgan.from_published(files / 'g.safetensors', truncation=0.5)
  with pytest.raises(ValueError, match='there is nothing to read'):
    jaxgan.from_published()
