"""The channels of published Progressive GANs."""

import pytest

from jaxgan.published import latents
from jaxgan.published.layouts import Unfit


def test_channels_halve_with_every_size():
  assert latents._channels([32, 32, 16]) == {'width': 32, 'base': 128}
  assert latents._channels([512] * 4) == {'width': 512, 'base': 8192}
  with pytest.raises(Unfit, match=r'\[32, 24, 8\] channels, which do not halve'):
    latents._channels([32, 24, 8])
