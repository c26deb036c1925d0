"""StyleGAN2's networks: published sizes, modulation written out, noise and the average style."""

import math
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_path import count
from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.network import linen, with_features
from jaxgan.core.typing import Spec
from jaxgan.networks import stylegan2
from jaxgan.networks.stylegan2 import Critic, Mapping, Synthesis, active, modulate, widths
from jaxgan.ops.convolution import convolve, upsample_fir_convolve
from jaxgan.ops.resample import upsample_fir


@pytest.mark.parametrize(
  'conditional, generator, critic',
  [(True, 20_215_315, 23_089_664), (False, 19_947_539, 20_720_641)],
)
def test_published_sizes(conditional, generator, critic):
  config = variants.configure('stylegan2', 'paper', conditional=conditional)
  stage = variants.build(config, Spec(32, 3, 10)).stages[0]
  params = jax.eval_shape(
    partial(game.init, stage.game), jax.random.key(0), dict(stage.example)
  ).params
  assert count(params['mapping']) + count(params['synthesis']) == generator
  assert count(params['critic']) == critic


def expected_likeness(layers, slope=0.2):
  """Return the mean cosine of the styles of two latents, in layers of infinite width.

  c <- ((1 - s)^2 (sqrt(1 - c^2) + (pi - arccos c) c) / 2 pi + s c) 2 / (1 + s^2), s the slope

  Reference: Cho and Saul, Kernel Methods for Deep Learning, 2009.
  """
  c = 0.0
  for _ in range(layers):
    relu = (math.sqrt(1 - c * c) + (math.pi - math.acos(c)) * c) / (2 * math.pi)
    c = ((1 - slope) ** 2 * relu + slope * c) * 2 / (1 + slope**2)
  return c


@pytest.mark.parametrize('layers, wanted', [(1, 0.20), (2, 0.34), (8, 0.71)])
def test_each_layer_makes_the_first_styles_more_alike(layers, wanted):
  """So few layers suit short runs: the mapping learns at a hundredth of the rate."""
  z, net = jax.random.normal(jax.random.key(1), (256, 512)), Mapping(512, layers)
  w = net.apply(net.init(jax.random.key(0), z, train=False), z, train=False)
  directions = w / jnp.linalg.norm(w, axis=1, keepdims=True)
  cosine = ((directions @ directions.T).sum() - 256) / (256 * 255)
  assert expected_likeness(layers) == pytest.approx(wanted, abs=0.005)
  assert float(cosine) == pytest.approx(wanted, abs=0.03)


def test_widths():
  assert widths((4, 64, 128, 1024)) == (512, 512, 256, 32)
  assert widths((7, 14, 28), base=64, most=8) == (8, 4, 2)


def by_image(x, w, style, form, demodulate):
  """A kernel for each image."""

  def one(x, style):
    kernel = w * style[None, None, :, None]
    norm = jnp.sqrt((kernel**2).sum((0, 1, 2)) + 1e-8)
    return form(x[None], kernel / norm[None, None, None] if demodulate else kernel)[0]

  return jnp.stack([one(*pair) for pair in zip(x, style, strict=True)])


@pytest.mark.parametrize('demodulate', [True, False])
@pytest.mark.parametrize('form', [convolve, upsample_fir_convolve])
def test_scaling_what_goes_in_is_scaling_the_kernel(images, form, demodulate):
  """And so are its derivatives, by all that goes in."""
  given = images(3, 4, 4, 5), images(3, 3, 5, 6), images(3, 5)
  ours = lambda *given: modulate(*given, form, demodulate)
  theirs = lambda *given: by_image(*given, form, demodulate)

  @partial(jax.jit, static_argnums=0)
  def both(run, *given):
    return run(*given), jax.grad(lambda *g: jnp.sin(run(*g)).sum(), (0, 1, 2))(*given)

  chex.assert_trees_all_close(both(ours, *given), both(theirs, *given), rtol=1e-4, atol=1e-4)


def test_demodulated_features_keep_a_variance_of_one(images):
  """Whatever the styles, of independent N(0, 1) inputs, away from the border."""
  x, w, style = images(16, 18, 18, 16), 7 * images(3, 3, 16, 24), 5 * images(16, 16)
  y = modulate(x, w, style)[:, 1:-1, 1:-1]
  np.testing.assert_allclose(y.std((1, 2)).mean(), 1, rtol=0.02)
  np.testing.assert_allclose((y**2).mean((1, 2)).mean(0), 1, rtol=0.1)


def test_active_keeps_the_mean_square(images):
  np.testing.assert_allclose((active(images(100_000)) ** 2).mean(), 1.04, rtol=0.02)


SYNTHESIS = Synthesis((4, 8), (5, 3), 2)


@partial(jax.jit, static_argnums=0)
def apply(net, variables, *inputs, key=None):
  rngs = {} if key is None else {'noise': key}
  return net.apply(variables, *inputs, train=False, rngs=rngs)


def changed(variables, name, value):
  """Every leaf of that name set."""
  set_ = lambda path, x: jnp.full_like(x, value) if path[-1].key == name else x
  return jax.tree_util.tree_map_with_path(set_, variables)


def test_noise_of_strength_zero_changes_nothing_and_starts_there(filled, images):
  w = images(3, 4, 6)
  variables = filled(SYNTHESIS, w, train=True)
  silent = changed(variables, 'noise', 0.0)
  run = lambda variables, seed: apply(SYNTHESIS, variables, w, key=jax.random.key(seed))
  chex.assert_trees_all_equal(run(silent, 0), run(silent, 1))
  assert not np.allclose(run(variables, 0), run(variables, 1))
  chex.assert_trees_all_equal(apply(SYNTHESIS, variables, w), apply(SYNTHESIS, variables, w))
  noises = [
    x
    for path, x in jax.tree_util.tree_leaves_with_path(
      jax.eval_shape(partial(SYNTHESIS.init, train=True), jax.random.key(0), w)
    )
    if path[-1].key == 'noise'
  ]
  assert [x.shape for x in noises] == [()] * 3


def test_images_of_all_sizes_are_added_up(filled, images):
  """With the last size's own image silenced, what is left is the first's, enlarged."""
  w = images(3, 4, 6)
  variables = changed(filled(SYNTHESIS, w, train=True), 'noise', 0.0)
  silenced = {
    **variables['params'],
    'image_8': changed(variables['params']['image_8'], 'kernel', 0),
  }
  silenced['image_8'] = changed(silenced['image_8'], 'bias', 0.0)
  silenced['image_8']['style'] = variables['params']['image_8']['style']
  small = apply(Synthesis((4,), (5,), 2), variables, w)
  large = apply(SYNTHESIS, {'params': silenced}, w)
  chex.assert_trees_all_close(large, upsample_fir(small), atol=1e-5)


def test_each_style_reaches_its_own_layers(filled, images):
  """Of 2 styles a size, the first reaches everything, the last the last image alone."""
  w = images(1, 4, 6)
  variables = filled(SYNTHESIS, w, train=True)
  slope = jax.jit(jax.jacobian(lambda w: apply(SYNTHESIS, variables, w)[0]))(w)
  assert (jnp.abs(slope).sum((0, 1, 2, 3, 5)) > 0).all()


@pytest.mark.parametrize('decay', [0.995, 0.9])
def test_the_average_style_moves_by_the_decay(filled, images, decay):
  z, net = images(5, 4), Mapping(6, 2, decay=decay)
  variables = filled(net, z, train=True)
  before = variables['average']['style']
  w, moved = net.apply(variables, z, train=True, mutable=['average'])
  expected = decay * before + (1 - decay) * w.mean(0)
  chex.assert_trees_all_close(moved['average']['style'], expected, atol=1e-6)
  chex.assert_trees_all_close(net.apply(variables, z, train=False), w, atol=1e-6)


def test_mapping_forgets_the_length_of_latents_and_hears_labels(filled, images):
  z, labels, net = images(3, 4), jnp.array([0, 1, 2]), Mapping(6, 2, classes=3)
  variables = jax.tree.map(lambda x: 100 * x, filled(net, z, labels, train=True))
  w = net.apply(variables, z, labels, train=False)
  chex.assert_trees_all_close(net.apply(variables, 3 * z, labels, train=False), w, atol=1e-4)
  other = net.apply(variables, z, jnp.array([0, 2, 1]), train=False)
  assert (jnp.abs(w - other).max(1) > 1e-4).tolist() == [False, True, True]


def test_features_are_of_the_images_and_not_of_the_label(filled, images):
  net, x, labels = (
    Critic((4, 8), (5, 3), classes=4, label_layers=1),
    images(4, 8, 8, 2),
    jnp.arange(4),
  )
  variables = filled(net, x, labels, train=True)
  features = lambda labels: with_features(linen(net))(variables, x, labels, train=False)[0][1]
  one = features(jnp.zeros(4, jnp.int32))
  assert one.shape == (4, 5)
  assert len(np.unique(one, axis=0)) == 4  # different images of one label
  chex.assert_trees_all_equal(features(labels), one)


@pytest.mark.parametrize('residual', [True, False])
def test_the_critics_logit_is_a_projection_on_the_labels_vector(filled, images, residual):
  x, labels = images(4, 8, 8, 2), jnp.arange(4)
  net = Critic((4, 8), (5, 3), residual, classes=4, label_layers=1)
  variables = filled(net, x, labels, train=True)
  chex.assert_shape(apply(net, variables, x, labels), (4,))
  silent = jax.tree.map(lambda v: v, variables)
  silent['params']['logit'] = jax.tree.map(jnp.zeros_like, silent['params']['logit'])
  chex.assert_trees_all_equal(apply(net, silent, x, labels), jnp.zeros(4))
  assert ('layer_8_skip' in variables['params']) == residual


def test_outputs_of_layers_stay_within_the_clamp(images, filled):
  x, w, noise = images(2, 4, 4, 3), images(2, 5, seed=1), images(1, 4, 4, 1, seed=2)
  for free, bound, given in (
    (stylegan2.Layer(6), stylegan2.Layer(6, clamp=0.3), (x, w, noise)),
    (stylegan2.Image(3), stylegan2.Image(3, 0.3), (x, w)),
  ):
    variables = filled(free, *given)
    wanted = jnp.clip(free.apply(variables, *given), -0.3, 0.3)
    assert jnp.abs(wanted).max() == 0.3
    chex.assert_trees_all_equal(bound.apply(variables, *given), wanted)
