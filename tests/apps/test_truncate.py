"""Pictures and scores of one set of latents at several thresholds."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.apps import latents, truncate
from jaxgan.apps.truncate import main
from jaxgan.ops.truncation import redrawn
from jaxgan.training.run import load


def test_rows_show_the_same_latents(styled):
  """At psi 0 all are the mean's image, at 1 those of whole styles, alike in each draw."""
  run = load(styled)
  where = latents.space(run)
  cut, usual = truncate.truncation(run, where, None)
  draw = truncate.drawn(run, where, cut, jnp.zeros(5, jnp.int32), seed=0)
  assert usual[0] == 1 and usual[-1] == 0
  mean = latents.images(run, where, jnp.full((1, 6, 5), 0.1), jnp.zeros(1))
  np.testing.assert_allclose(draw(0.0), np.repeat(mean, 5, 0), atol=1e-5)
  np.testing.assert_array_equal(draw(0.5), draw(0.5))
  far = lambda psi: np.abs(draw(psi) - mean).mean((1, 2, 3))
  assert (far(0.3) < far(0.6)).all() and (far(0.6) < far(1.0)).all()


def test_the_command_draws_a_row_a_threshold(plain, tmp_path, said):
  argv = [f'--workdir={plain}', f'--out={tmp_path / "t.png"}', '--columns=3']
  ended = said(main, *argv, '--thresholds', '2', '0.5')
  assert ended.code == 0 and 'thresholds 2.0, 0.5' in ended.out
  with Image.open(tmp_path / 't.png') as picture:
    factor = picture.width // 52
    assert picture.size == (52 * factor, 34 * factor)


def test_the_command_scores_each_threshold(plain, tmp_path, said, monkeypatch):
  network = truncate.features.FeatureNetwork('pixels', 'x', 'none', lambda x: (flat(x), flat(x)))
  flat = lambda x: x.reshape(len(x), -1)[:, ::16].astype(np.float32)
  monkeypatch.setattr(truncate.features, 'named', lambda *_: network)
  argv = [f'--workdir={plain}', f'--scores={tmp_path / "t.json"}', '--num=40']
  assert said(main, *argv, '--thresholds', '2', '0.1').code == 0
  wide, narrow = json.loads((tmp_path / 't.json').read_text())['scores']
  assert (wide['threshold'], narrow['threshold'], wide['num']) == (2.0, 0.1, 40)
  assert narrow['Fréchet distance'] != wide['Fréchet distance']
  assert {'precision', 'recall', 'network'} <= set(wide)


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    ((), 'nothing to write'),
    (('--out=t.png', '--thresholds', '0'), '--thresholds must be above 0'),
    (('--out=t.png', '--columns=0'), '--columns must be above 0'),
    (('--out=t.png', '--label=2'), 'draws no classes'),
  ],
)
def test_wrong_input_is_named(argv, words, plain, said):
  ended = said(main, f'--workdir={plain}', *argv)
  assert ended.code == 2 and words in ended.err


def test_uniform_latents_have_no_tails(uniform, said):
  ended = said(main, f'--workdir={uniform}', '--out=t.png')
  assert ended.code == 2 and '--latent=uniform' in ended.err


def test_batch_norm_is_measured_on_what_it_will_see(plain, key):
  """At a tiny threshold all latents are alike; the statistics that were learnt are of others."""
  run = load(plain)
  where = latents.space(run)
  zeros = jnp.zeros(64, jnp.int32)

  def points(nets, i, labels, threshold):
    drawing, cutting = jax.random.split(jax.random.fold_in(key, i))
    return redrawn(where.draw(nets, drawing, labels), threshold, cutting)

  settle = run.bound(lambda *given: truncate.settled(where, points, *given))
  z = jax.random.truncated_normal(key, -0.5, 0.5, (4096, 6))
  layer = run.state.ema['generator']['Dense_0']
  wanted = (z @ layer['weight']['kernel']).var(0)
  found = settle(zeros, jnp.float32(0.5))['generator']['batch_stats']['BatchNorm_0']['statistics']
  np.testing.assert_allclose(found['var'], wanted, rtol=0.15)
  assert set(settle(zeros, jnp.float32(0.5))['generator']) == {'batch_stats'}


def test_what_has_no_batch_norm_stays_as_it_is(styled):
  run = load(styled)
  where = latents.space(run)
  settle = run.bound(lambda *given: truncate.settled(where, None, *given))
  assert settle(jnp.zeros(2, jnp.int32), jnp.float32(0.5)) == {}
