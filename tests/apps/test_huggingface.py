"""A folder for the Hub is complete without jaxgan, and goes there only if asked."""

import json
import subprocess
import sys
import types

import jax
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

import jaxgan
from apps.tiny import made
from jaxgan.apps import huggingface
from jaxgan.main import jaxgan as command

pytest.importorskip('flatbuffers', reason='needs flatbuffers, of the extra export')
SCORE = {
  **{'name': 'Fréchet distance', 'of': {'value': 3.25, 'low': 3.0, 'high': 3.5}, 'num': 1000},
  **{'real': 0.5, 'network': 'classifier abc'},
}


@pytest.fixture(scope='module')
def home(tmp_path_factory):
  return tmp_path_factory.mktemp('home')


def written(home, name, *words):
  return command(
    ['export', f'--workdir={home / name}', '--format=huggingface', f'--out={home / "hub"}', *words]
  )


@pytest.fixture(scope='module')
def folder(home):
  """That of a run of class-wise digits, which was evaluated."""
  made(home, 'cgan', 'cgan', width=4, latent_size=3)
  (home / 'cgan' / 'evaluation.json').write_text(json.dumps({'scores': [SCORE]}))
  assert written(home, 'cgan', '--license=cc-by-4.0') == 0
  return home / 'hub'


def test_the_folder_has_what_the_hub_reads(folder):
  assert {path.name for path in folder.iterdir()} == {
    *('README.md', 'config.json', 'model.safetensors', 'generator.stablehlo', 'example.py'),
    'samples.png',
  }
  card = (folder / 'README.md').read_text()
  _, head, text = card.split('---\n', 2)
  assert 'license: cc-by-4.0\n' in head and 'library_name: jaxgan\n' in head
  assert 'pipeline_tag: unconditional-image-generation\n' in head and '- cgan\n' in head
  assert '| Fréchet distance | 3.25 | 3 to 3.5 | 0.5 | 1000 |' in text
  assert '16 x 16 pixels, grey, by 10 classes' in text and 'Features: classifier abc.' in text


def test_no_path_of_the_user_is_told(folder, home):
  about = json.loads((folder / 'config.json').read_text())
  assert about['arguments'] == ['latents', 'labels'] and about['license'] == 'cc-by-4.0'
  assert about['config']['latent_size'] == 3 and 'data_dir' not in about['config']
  assert not [path for path in folder.iterdir() if str(home).encode() in path.read_bytes()]


def test_the_weights_are_those_of_the_generator_alone(folder, home):
  arrays = load_file(folder / 'model.safetensors')
  assert {name.partition('/')[0] for name in arrays} == {'generator'}
  averaged = jaxgan.load(home / 'cgan').state.ema['generator']
  params = [x for name, x in arrays.items() if name.startswith('generator/params/')]
  assert sum(x.size for x in params) == sum(x.size for x in jax.tree.leaves(averaged))


def test_the_example_draws_without_jaxgan(folder, home):
  """It has about 30 lines; what it draws is what the run draws."""
  code = "import sys; sys.modules['jaxgan'] = None; exec(open('example.py').read())"
  more = f"; np.savez('{home / 'drawn.npz'}', images=images, z=given[0], y=given[1])"
  words = [sys.executable, '-I', '-c', code + more]
  done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  with Image.open(folder / 'made.png') as image:
    assert image.size == (64, 64)
  (folder / 'made.png').unlink()
  with np.load(home / 'drawn.npz') as drawn:
    expected = jaxgan.load(home / 'cgan').generate(drawn['z'], drawn['y'])
    np.testing.assert_allclose(drawn['images'], expected, atol=1e-4)
  lines = [line for line in huggingface.EXAMPLE_CODE.splitlines() if line]
  assert len(lines) <= 40


def test_what_differs_is_not_written(home, tmp_path, monkeypatch, folder):
  true = huggingface.exporting.apart
  wrong = lambda *given: lambda arrays, *rest: 1.01 * true(*given)(arrays, *rest)
  monkeypatch.setattr(huggingface.exporting, 'apart', wrong)
  with pytest.raises(ValueError, match='differ from those of the run by 1.0e-02'):
    huggingface.write(jaxgan.load(home / 'cgan'), tmp_path / 'out', None, None, None)
  assert not (tmp_path / 'out').exists()


class Hub(types.ModuleType):
  """A stub of the Hub's client, which keeps what it is asked."""

  def __init__(self, error=None):
    super().__init__('huggingface_hub')
    self.asked, self.error = [], error

  def HfApi(self):
    return self

  def create_repo(self, repo_id, *, private, exist_ok):
    self.asked.append(('create', repo_id, private, exist_ok))

  def upload_folder(self, *, repo_id, folder_path, commit_message):
    if self.error:
      raise self.error
    self.asked.append(('upload', repo_id, sorted(path.name for path in folder_path.iterdir())))


@pytest.fixture
def sent(monkeypatch):
  """Uploads a folder with a stub of the client; what the client was asked."""

  def send(folder, error=None):
    hub = Hub(error)
    monkeypatch.setitem(sys.modules, 'huggingface_hub', hub)
    huggingface._upload(huggingface._client(), folder, 'me/digits')
    return hub.asked

  return send


def test_a_push_makes_a_private_repository_and_uploads_all_files(folder, sent, capsys):
  created, uploaded = sent(folder)
  assert created == ('create', 'me/digits', True, True)
  assert uploaded == ('upload', 'me/digits', sorted(path.name for path in folder.iterdir()))
  assert 'uploaded to me/digits' in capsys.readouterr().out


def test_a_push_that_fails_keeps_the_folder_and_says_the_reason_in_a_line(folder, sent):
  with pytest.raises(OSError, match=r'is complete, but --push=me/digits failed: no token$'):
    sent(folder, RuntimeError('no token\nlog in'))


@pytest.mark.parametrize(
  ('words', 'said'),
  [
    (['--push=digits'], "--push='digits' is no name of a repository: give USER/NAME"),
    (['--push=a/b'], "pip install 'jaxgan[huggingface]'"),
    (['--license=My own'], 'is no name of a licence on the Hub'),
    (['--direction=AtoB'], '--direction is for a run that translates'),
    ([], 'is there already and not empty: give another --out'),
    (['--format=safetensors', '--out=x.safetensors', '--push=a/b'], 'is for --format=huggingface'),
    (['--format=safetensors'], 'has no ending: end it in .stablehlo, .safetensors or .onnx'),
  ],
)
def test_wrong_input_is_one_line(folder, home, words, said, monkeypatch, capsys):
  monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
  before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
  assert written(home, 'cgan', *words) == 2
  error = capsys.readouterr().err
  assert said in error and len(error.splitlines()) == 1
  assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize(
  ('variant', 'options', 'image'),
  [
    ('stylegan2', dict(width=8, base=32, mapping_layers=2), False),
    ('biggan', dict(generator_width=8, critic_width=8), False),
    ('progan', dict(width=8, base=32), False),
    ('srgan', dict(width=8, blocks=1), True),
  ],
)
def test_other_kinds_of_runs(tmp_path, variant, options, image):
  made(tmp_path, 'run', variant, **options)
  assert written(tmp_path, 'run') == 0
  words = [sys.executable, '-I', 'example.py']
  if image:
    Image.new('RGB', (40, 30), (200, 100, 50)).save(tmp_path / 'a.png')
    words.append(str(tmp_path / 'a.png'))
  done = subprocess.run(words, cwd=tmp_path / 'hub', capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  with Image.open(tmp_path / 'hub' / 'made.png') as drawn:
    assert drawn.width >= 16
