"""What the files of residual networks say about their form."""

import numpy as np
import pytest

from golden import arrays
from jaxgan.published import residual
from jaxgan.published.layouts import Unfit, Weights


def test_the_unit_of_channels():
  assert residual._unit(1536, 128) == 96
  for channels, size in ((100, 128), (64, 4096)):
    with pytest.raises(Unfit):
      residual._unit(channels, size)


def test_statistics_between_two_truncations(test_data):
  """The lower row has the weight of the part beyond it, as in the published code."""
  weights, _ = arrays(test_data, 'biggan_deep_g128')
  table = weights['generator.bn.running_means']
  (leaf,) = [
    leaf
    for leaf in residual.biggan_deep(Weights(weights), 0.7).networks['generator']
    if leaf.ours == 'batch_stats/BatchNorm_0/statistics/mean'
  ]
  np.testing.assert_allclose(leaf.change(table), 0.4 * table[1] + 0.6 * table[2], rtol=1e-6)
