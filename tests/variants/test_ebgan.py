"""EBGAN: its critic, its margin, and the term that keeps fakes apart."""

import pytest

from jaxgan import variants
from jaxgan.core.typing import Spec


def networks_of(**options):
  stage = variants.build(variants.configure('ebgan', **options), Spec(16, 1)).stages[0]
  return stage.game


def test_the_paper_has_batch_norm_and_the_margin_of_faces():
  """The authors' margin for 64 x 64 x 3 is 20 as a norm, without division by the root of 12288."""
  config = variants.configure('ebgan', 'paper')
  assert config.margin == pytest.approx(20 / (64 * 64 * 3) ** 0.5, abs=0.001)
  assert config.critic_norm and config.pulling_away == 0.1


def test_what_means_nothing_is_refused():
  for option in ('margin', 'code'):
    with pytest.raises(ValueError, match=f'--{option} must be above 0'):
      variants.configure('ebgan', **{option: 0})
  with pytest.raises(ValueError, match='--pulling-away'):
    variants.configure('ebgan', pulling_away=-1.0)
  with pytest.raises(ValueError, match='images of 8 pixels or more'):
    variants.build(variants.configure('ebgan'), Spec(7, 1))
