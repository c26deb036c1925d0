"""The architecture of StyleGAN2 is read from names and shapes."""

import numpy as np
import pytest

from jaxgan.published import styles
from jaxgan.published.layouts import Unfit, Weights


def test_channels_that_become_fewer():
  assert styles._base({4: 512, 8: 512, 64: 512, 128: 256}, 512) == 32768
  assert styles._base({4: 8, 8: 8}, 8) == 64


@pytest.mark.parametrize('read', [styles.generator, styles.critic])
def test_sizes_with_a_gap(read):
  names = ['synthesis.b{}.torgb.weight', 'b{}.conv1.weight']
  weights = Weights({name.format(size): np.zeros(1) for name in names for size in (4, 16)})
  with pytest.raises(Unfit, match=r'the sizes of its maps are \[4, 16\]'):
    read(weights)
