"""BigGAN's options."""

import pytest

from jaxgan import variants


@pytest.mark.parametrize('options', [dict(generator_width=0), dict(orthogonal=-1.0)])
def test_what_biggan_cannot_be(options):
  with pytest.raises(ValueError, match='must be'):
    variants.configure('biggan', **options)
