"""The first direction is the one that the image moves along most."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jaxgan.apps.directions as directions
from jaxgan.apps import latents
from jaxgan.apps.directions import main
from jaxgan.core import network
from jaxgan.networks import mlp
from jaxgan.nn.dense import Dense
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.training.run import load


def test_of_a_linear_generator_it_is_the_top_singular_vector(plain):
  run = load(plain)
  found, values = directions.sefa(run, latents.space(run), jnp.zeros(1, jnp.int32))
  kernel = run.state.ema['generator']['Dense_0']['weight']['kernel']  # z W
  left, singular, _ = np.linalg.svd(np.asarray(kernel, np.float64))
  np.testing.assert_allclose(values, singular[:6], rtol=1e-4)
  np.testing.assert_allclose(np.abs(found @ left[:, :6]), np.eye(6), atol=1e-3)
  # No other direction moves the first layer as much.
  draws = np.random.default_rng(0).normal(size=(1000, 6))
  moved = np.linalg.norm(draws / np.linalg.norm(draws, axis=1, keepdims=True) @ kernel, axis=1)
  assert moved.max() < values[0] and np.linalg.norm(found[0] @ kernel) > moved.max()


def test_beside_a_class_it_is_of_the_latents_part(conditional):
  run = load(conditional)
  found, values = directions.sefa(run, latents.space(run), jnp.zeros(1, jnp.int32))
  kernel = np.asarray(run.state.ema['generator']['Dense_0']['weight']['kernel'])
  assert kernel.shape[0] == 6 + 50 and found.shape == (6, 6)
  np.testing.assert_allclose(values, np.linalg.svd(kernel[:6])[1], rtol=1e-3)


def test_of_styles_it_is_of_all_affine_layers(styled):
  run = load(styled)
  found, values = directions.sefa(run, latents.space(run), jnp.zeros(1, jnp.int32))
  params = run.state.params['synthesis']
  kernels = [params[f'affine_{i}']['weight']['kernel'] for i in range(6)]
  np.testing.assert_allclose(values, np.linalg.svd(np.concatenate(kernels, 1))[1], rtol=1e-4)


def test_pca_finds_where_styles_vary_most(styled):
  run = load(styled)
  where = latents.space(run)
  found, values = directions.pca(run, where, jnp.zeros(1, jnp.int32))
  w = run.bound(where.draw)(jax.random.key(9), jnp.zeros(2048, jnp.int32))[:, 0]
  np.testing.assert_allclose(np.std(w @ found.T, axis=0), values, rtol=0.1)
  assert (np.diff(values) <= 0).all()


def test_only_linear_layers_count(key):
  """An activation is none, whatever it is called with; scales of the kernel are part of the map."""

  class Net(mlp.nn.Module):
    @mlp.nn.compact
    def __call__(self, x, *, train):
      x = Dense(4, spectral=True)(x)
      return Dense(2, use_bias=False)(leaky_relu(x))

  net = network.linen(Net())
  x = jax.random.normal(key, (3, 5))
  variables = net.init(key, x)
  outputs = []
  found = directions.linear_maps(lambda: outputs.append(net.apply(variables, x, train=False)[0]))
  assert [m.shape for m in found] == [(5, 4), (4, 2)]
  np.testing.assert_allclose(outputs[0], net.apply(variables, x, train=False)[0], rtol=1e-6)
  kernel = variables['params']['Dense_0']['weight']['kernel']
  ratio = found[0] / np.asarray(kernel)
  np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)
  assert abs(ratio[0, 0] - 1) > 0.1


def test_walks_lead_through_the_point(styled, plain):
  for workdir in (styled, plain):
    run = load(workdir)
    where = latents.space(run)
    label = jnp.zeros(1, jnp.int32)
    point = run.bound(where.draw)(jax.random.key(0), label)
    unit = np.eye(point.shape[-1])[:2]
    points = directions.walks(point, unit, np.array([[-1.0, 0, 1]] * 2))
    assert points.shape == (6, *point.shape[1:])
    np.testing.assert_array_equal(points[1], point[0])
    moved = np.asarray(points[5] - point[0])
    np.testing.assert_allclose(moved, np.broadcast_to(unit[1], moved.shape), atol=1e-6)


@pytest.mark.parametrize('method', ['sefa', 'pca'])
def test_the_command_draws_a_row_a_direction(method, styled, tmp_path, said):
  argv = [f'--workdir={styled}', f'--out={tmp_path / "d.png"}', f'--npz={tmp_path / "d.npz"}']
  ended = said(main, *argv, '--k=2', '--steps=3', f'--method={method}')
  assert ended.code == 0 and '2 directions' in ended.out
  with Image.open(tmp_path / 'd.png') as picture:
    assert picture.width / picture.height == 52 / 34
  stored = np.load(tmp_path / 'd.npz', allow_pickle=False)
  np.testing.assert_allclose(np.linalg.norm(stored['directions'], axis=1), 1, rtol=1e-5)


def test_what_cannot_be_had_is_refused(plain, without_latents, said):
  ended = said(main, f'--workdir={without_latents}', '--out=d.png')
  assert ended.code == 2 and 'makes images from images, not from latents' in ended.err


def test_pca_needs_styles(plain, said):
  ended = said(main, f'--workdir={plain}', '--out=d.png', '--method=pca')
  assert ended.code == 2 and 'has no styles' in ended.err
  ended = said(main, f'--workdir={plain}', '--out=d.png', '--k=0')
  assert ended.code == 2 and '--k must be above 0' in ended.err
