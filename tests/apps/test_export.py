"""Exports are loaded where jaxgan cannot be imported, and hold what the run makes."""

import json
import pathlib
import sys

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

import jaxgan
from jaxgan.main import jaxgan as command
from published_files import dcgan


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs') / 'run'
  config = jaxgan.configure('gan', steps=2, log_every=1, widths=(8,))
  jaxgan.train(config, folder, quiet=True)
  return folder


def test_stablehlo(workdir, tmp_path, capsys):
  from jax import export

  out = tmp_path / 'gan.stablehlo'
  assert command(['export', f'--workdir={workdir}', '--format=stablehlo', f'--out={out}']) == 0
  assert 'a function of latents (differs by ' in capsys.readouterr().out
  run = jaxgan.load(workdir)
  z = run.latents(1, 5)
  made = export.deserialize(bytearray(out.read_bytes())).call(z)
  np.testing.assert_allclose(made, run.generate(z), atol=1e-5)
  about = json.loads((tmp_path / 'gan.stablehlo.json').read_text())
  assert about['inputs'] == {'latents': {'dtype': 'float32', 'shape': 'b, 100'}}
  assert (about['variant'], about['step']) == ('gan', 2) and about['difference'] <= 1e-5


def test_safetensors_are_enough_to_draw(workdir, tmp_path):
  """In NumPy alone: the perceptron of `gan` is three lines."""
  out = tmp_path / 'gan.safetensors'
  assert command(['export', f'--workdir={workdir}', '--format=safetensors', f'--out={out}']) == 0
  arrays = load_file(out)
  about = json.loads((tmp_path / 'gan.safetensors.json').read_text())
  assert {name: one['shape'] for name, one in about['arrays'].items()} == {
    name: list(x.shape) for name, x in arrays.items()
  }
  assert not any(name.startswith('critic') for name in arrays)
  run = jaxgan.load(workdir)
  total = sum(x.size for name, x in arrays.items() if name.startswith('generator/params/'))
  assert total == sum(x.size for x in jax.tree.leaves(run.state.params['generator']))


def test_the_example_of_the_documentation(tmp_path, monkeypatch):
  """It draws the images of the run without jaxgan."""
  page = (pathlib.Path(__file__).parents[2] / 'docs' / 'weights.md').read_text()
  code = page.partition('```python\n')[2].partition('```')[0]
  weights, _ = dcgan()
  np.savez(tmp_path / 'g.npz', **weights)
  assert command(['import', str(tmp_path / 'g.npz'), f'--workdir={tmp_path / "run"}']) == 0
  monkeypatch.chdir(tmp_path)
  words = ['--format=safetensors', '--out=generator.safetensors']
  assert command(['export', '--workdir=run', *words]) == 0
  names: dict = {}
  with jax.numpy_rank_promotion('allow'):
    exec(code, names)
    run = jaxgan.load('run')
    z = run.latents(0, 3)
    np.testing.assert_allclose(names['images'](z, 1), run.generate(z), atol=1e-5)


@pytest.mark.parametrize(
  'words, said',
  [
    (['--format=onnx', '--direction=AtoB'], '--direction is for a run that translates'),
    (['--format=stablehlo', '--out=a.safetensors'], 'is written as .stablehlo'),
    (['--format=stablehlo', '--direction=AtoB'], '--direction is for a run that translates'),
    (['--format=safetensors', '--direction=AtoB'], '--direction is for --format=stablehlo'),
  ],
)
def test_what_a_run_cannot_export(words, said, workdir, tmp_path, capsys):
  out = tmp_path / f'out.{words[0].partition("=")[2]}'
  assert command(['export', f'--workdir={workdir}', f'--out={out}', *words]) == 2
  assert said in capsys.readouterr().err and not out.exists()


def test_a_file_that_another_process_cannot_use_is_not_written(
  workdir, tmp_path, monkeypatch, capsys
):
  from jaxgan.training import exporting

  monkeypatch.setattr(exporting, 'serialized', lambda program: b'not a program')
  out = tmp_path / 'out.stablehlo'
  assert command(['export', f'--workdir={workdir}', '--format=stablehlo', f'--out={out}']) == 2
  assert 'the file cannot be used without jaxgan' in capsys.readouterr().err
  assert not out.exists()


def test_images_that_differ_are_refused(workdir, tmp_path, monkeypatch, capsys):
  """The check must be able to fail."""
  from jaxgan.training import exporting

  true = exporting.serialized
  other = lambda program: true(program._replace(function=lambda z: 1.01 * program.function(z)))
  monkeypatch.setattr(exporting, 'serialized', other)
  out = tmp_path / 'out.stablehlo'
  assert command(['export', f'--workdir={workdir}', '--format=stablehlo', f'--out={out}']) == 2
  assert 'differ from those of the run by 1.0e-02' in capsys.readouterr().err
  assert not out.exists()


def test_onnx_without_its_packages_says_what_to_install(workdir, tmp_path, monkeypatch, capsys):
  monkeypatch.setitem(sys.modules, 'jax2onnx', None)
  out = tmp_path / 'gan.onnx'
  assert command(['export', f'--workdir={workdir}', f'--out={out}']) == 2
  said = capsys.readouterr().err
  assert 'jax2onnx: pip install' in said and 'pip install --no-deps jax2onnx==' in said
  assert not out.exists()


NEGATED = """
import sys
import numpy as np
with np.load(sys.argv[2]) as given:
  np.save(sys.argv[3], float(open(sys.argv[1]).read()) * given['latents'].sum(1))
"""


def test_onnx_is_for_any_number_of_images_or_else_for_one(workdir, tmp_path, monkeypatch, capsys):
  """A converter that knows fixed shapes alone, and a file that is checked in another process."""
  from jaxgan.apps import export
  from jaxgan.training import exporting

  tried = []

  def converted(program):
    tried.append(program.shapes['latents'])
    if program.shapes['latents'][0] == 'b':
      raise exporting.Inexpressible('no symbols')
    assert len(program.inputs['latents']) == 1
    return factor

  simple = lambda run: exporting.of_latents(run)._replace(function=lambda z: 2.0 * z.sum(1))
  monkeypatch.setattr(export, '_program', lambda run, direction: simple(run))
  monkeypatch.setattr(exporting, 'onnx_bytes', converted)
  monkeypatch.setattr(export, 'CALL_ONNX', NEGATED)
  out, words = tmp_path / 'gan.onnx', ['export', f'--workdir={workdir}']
  factor = b'2.0'
  assert command([*words, f'--out={out}']) == 0
  assert 'a function of latents for one image (differs by' in capsys.readouterr().out
  assert tried == ['b, 100', '1, 100'] and out.read_bytes() == factor
  about = json.loads((tmp_path / 'gan.onnx.json').read_text())
  assert about['inputs']['latents']['shape'] == '1, 100' and about['converter'].startswith('jax2')
  out.unlink()
  seeded = lambda run: simple(run)._replace(inputs={'images': 1, 'seed': 2})
  monkeypatch.setattr(export, '_program', lambda run, direction: seeded(run))
  assert command([*words, f'--out={out}']) == 2
  assert 'gan draws noise from a seed here, and ONNX has' in capsys.readouterr().err
  monkeypatch.setattr(export, '_program', lambda run, direction: simple(run))
  factor = b'2.01'
  assert command([*words, f'--out={out}']) == 2
  said = capsys.readouterr().err
  assert 'gan cannot be written as ONNX: images of the file differ' in said and not out.exists()


def test_onnx_in_onnx_runtime(workdir, tmp_path, capsys):
  pytest.importorskip('jax2onnx')
  onnxruntime = pytest.importorskip('onnxruntime')
  out = tmp_path / 'gan.onnx'
  assert command(['export', f'--workdir={workdir}', f'--out={out}']) == 0
  assert 'for any number of images (differs by' in capsys.readouterr().out
  run = jaxgan.load(workdir)
  z = run.latents(1, 5)
  session = onnxruntime.InferenceSession(str(out), providers=['CPUExecutionProvider'])
  np.testing.assert_allclose(session.run(None, {'latents': z})[0], run.generate(z), atol=1e-4)
