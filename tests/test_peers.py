"""Against the peers themselves, a job of its own: pip install -e '.[test,peers]'; pytest -m peers.

What they said once is kept as golden values in the other tests; here they are asked again.
"""

import pathlib
from unittest import mock

import jax
import numpy as np
import pytest

from benchmarks.evaluation import random_weights
from jaxgan.evaluation.metrics import classifier_score, frechet, kernel, moments, neighbors
from jaxgan.networks.pretrained import inception
from jaxgan.networks.pretrained.inception import Inception

pytestmark = pytest.mark.peers
torch = pytest.importorskip('torch', reason='the extra peers is not installed')
fidelity = pytest.importorskip('torch_fidelity', reason='the extra peers is not installed')


@pytest.fixture(params=[10, 64, 2048])
def sets(request):
  """Features as of an Inception: 0 or above, of a decaying spectrum; real, fake, and logits."""
  d, random = request.param, np.random.default_rng(request.param)
  turn = random.normal(size=(d, d)) / np.sqrt(d)
  scale = (1 + np.arange(d)) ** -0.5 * 3
  draw = lambda n, by, plus: np.maximum(random.normal(size=(n, d)) * scale * by @ turn + plus, 0)
  return draw(1500, 1.0, 0.3), draw(1400, 0.95, 0.33), random.normal(size=(2000, 10)) * 3


def test_the_frechet_distance(sets):
  from torch_fidelity import metric_fid

  real, fake, _ = sets
  stats = [metric_fid.fid_features_to_statistics(torch.from_numpy(x)) for x in (real, fake)]
  theirs = metric_fid.fid_statistics_to_metric(*stats, False)['frechet_inception_distance']
  reference = frechet.reference(moments.of(real))
  ours = frechet.distance_of(fake, reference), frechet.distance(moments.of(fake), reference)
  np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_the_kernel_distance(sets):
  from torch_fidelity import metric_kid

  real, fake, _ = (x.astype(np.float32) for x in sets)
  given = [torch.from_numpy(x).double() for x in (fake, real)]
  kept = dict(kid_subsets=10, kid_subset_size=1000, rng_seed=2020, verbose=False)
  theirs = metric_kid.kid_features_to_metric(*given, **kept)['kernel_inception_distance_mean']
  np.testing.assert_allclose(kernel.in_subsets(real, fake, subsets=10)[0], theirs, rtol=1e-4)


def test_the_classifier_score(sets):
  from torch_fidelity import metric_isc

  given = torch.from_numpy(sets[2])
  theirs = metric_isc.isc_features_to_metric(given, splits=10, shuffle=True, rng_seed=2020)
  ours = classifier_score.classifier_score(sets[2])
  np.testing.assert_allclose(ours[0], theirs['inception_score_mean'], rtol=1e-8)
  np.testing.assert_allclose(ours[1], theirs['inception_score_std'], rtol=1e-8)


def test_precision_and_recall(sets):
  from torch_fidelity import metric_prc

  real, fake, _ = sets
  given = [torch.from_numpy(x) for x in (fake, real)]
  theirs = metric_prc.prc_features_to_metric(*given, prc_neighborhood=3, verbose=False)
  ours = neighbors.prdc(real, fake, 3)
  np.testing.assert_allclose(ours.precision, theirs['precision'], atol=1e-7)
  np.testing.assert_allclose(ours.recall, theirs['recall'], atol=1e-7)


def test_density_and_coverage(sets, capsys):
  prdc = pytest.importorskip('prdc', reason='the extra peers is not installed')
  real, fake, _ = sets
  theirs = prdc.compute_prdc(real, fake, nearest_k=5)
  for name, value in neighbors.prdc(real, fake, 5)._asdict().items():
    np.testing.assert_allclose(value, theirs[name], atol=1e-7, err_msg=name)


@pytest.fixture(scope='module')
def extractor(tmp_path_factory):
  """Theirs and ours, of the same random weights, which go through a file of PyTorch's."""
  import torch_fidelity.feature_extractor_inceptionv3 as theirs

  class Empty(theirs.FeatureExtractorInceptionV3):
    """Takes no weights, for the names and shapes of all that it holds."""

    def load_state_dict(self, given, **options):
      return None if given is None else super().load_state_dict(given, **options)

  layers = ['2048', 'logits_unbiased']
  with mock.patch.object(theirs, 'load_state_dict_from_url', lambda *_, **__: None):
    empty = Empty('random', layers)
  drawn = random_weights(1)
  whole = {
    name: torch.from_numpy(drawn[name]) if name in drawn else torch.zeros_like(value)
    for name, value in empty.state_dict().items()
  }
  path = pathlib.Path(tmp_path_factory.mktemp('weights')) / 'random.pth'
  torch.save(whole, path)
  net = theirs.FeatureExtractorInceptionV3(
    'random', layers, feature_extractor_weights_path=str(path)
  )
  from jaxgan.storage import foreign_weights

  params = inception.converted(foreign_weights.read(path))
  return net.eval(), jax.jit(lambda x: Inception().apply({'params': params}, x))


@pytest.mark.parametrize('shape', [(2, 32, 32, 3), (1, 299, 299, 3), (1, 40, 512, 3)])
def test_the_inception(extractor, shape):
  net, ours = extractor
  images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
  with torch.no_grad():
    theirs = [x.numpy() for x in net(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))]
  for a, b in zip(ours(images), theirs, strict=True):
    assert np.abs(np.asarray(a) - b).max() <= 1e-5 * np.abs(b).max()


@pytest.mark.parametrize('control', ['pool', 'padding', 'resize'])
def test_what_is_not_quite_the_inception_is_rejected(extractor, control):
  """The three negative controls: the comparison above must fail for each."""
  net, _ = extractor
  drawn = inception.converted(random_weights(1))
  images = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.uint8)
  with torch.no_grad():
    theirs = net(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))[0].numpy()
  pads = ((0, 0), (1, 1), (1, 1), (0, 0))
  window = (1, 3, 3, 1), (1, 1, 1, 1), pads
  plain = inception.pool

  def counting(x, kind, stride=1):
    if kind == 'max' or stride == 2:
      return plain(x, kind, stride)
    return jax.lax.reduce_window(x, 0.0, jax.lax.add, *window) / 9

  half = lambda x, size=299: jax.image.resize(x, (*x.shape[:1], size, size, 3), 'bilinear')
  blocks = {**inception.BLOCKS, 'Mixed_7c': inception.BLOCKS['Mixed_7b']}
  changed = {'pool': ('BLOCKS', blocks), 'padding': ('pool', counting), 'resize': ('resize', half)}
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(inception, *changed[control])
    found = np.asarray(jax.jit(lambda x: Inception().apply({'params': drawn}, x))(images)[0])
  assert np.abs(found - theirs).max() > 1e-4 * np.abs(theirs).max()


def test_the_modulated_block():
  """The workload W6 of the benchmarks: equal gradients, in both of PyTorch's forms and layouts."""
  from benchmarks import modulation, peers

  inputs = modulation.block_inputs(batch=2, side=4, channels=16)
  ours = jax.tree.leaves(modulation.block_gradients(inputs)())
  for gradients in peers.modulated_block(*inputs).values():
    found = [g.numpy() for g in gradients()]
    theirs = [a.transpose(0, 2, 3, 1) if a.shape[0] == 2 and a.ndim == 4 else a for a in found]
    theirs = [a.transpose(2, 3, 1, 0) if a.shape[:2] == (16, 16) else a for a in theirs]
    for a, b in zip(ours, theirs, strict=True):
      np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())
