"""AC-GAN: which images the head names, for whom, and a critic that is not told the class."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.losses import classes

SPEC, LABELS = Spec(8, 1, 3), jnp.array([0, 1, 2, 2])
BATCH = {
  'image': jax.random.uniform(jax.random.key(5), (4, 8, 8, 1), minval=-1.0),
  'label': LABELS,
}


def made(**options):
  options = dict(batch_size=4, width=4, latent_size=3) | options
  stage = variants.build(variants.configure('acgan', **options), SPEC).stages[0]
  state = game.init(stage.game, jax.random.key(0), dict(stage.example))
  return stage.game, game.nets(stage.game, state)


def loss(player, **options):
  played, nets = made(**options)
  turn = next(turn for turn in played.turns if turn.player == player)
  return turn.loss(nets, BATCH, jax.random.key(1))


@pytest.mark.parametrize('head', ['acgan', 'reacgan'])
def test_the_head_names_real_images_and_fakes(head):
  """Its loss is added with its weight: both kinds in AC-GAN's critic, real ones in ReACGAN's."""
  given = {'directions': 5} if head == 'reacgan' else {}
  whole, _, logs = loss('critic', head=head, classification=2.0, **given)
  without, _, _ = loss('critic', head=head, classification=0.0, **given)
  _, nets = made(head=head, **given)
  seen, _ = nets.features('critic', BATCH['image'], LABELS)
  found = nets('head', seen)[0]
  if head == 'acgan':
    named = classes.cross_entropy(found, LABELS)
  else:
    named = classes.data_to_data(found[:, :3], found[:, 3:], LABELS)
  assert float(logs['class']) == pytest.approx(float(named), rel=1e-4)
  assert ('class_fake' in logs) == (head == 'acgan')
  added = sum(float(logs[name]) for name in ('class', 'class_fake') if name in logs)
  assert float(whole - without) == pytest.approx(2 * added, rel=1e-3)
  _, _, logs = loss('generator', head=head, **given)
  assert 'class_fake' in logs and 'class' not in logs


def test_the_critic_is_not_told_the_class():
  _, nets = made()
  one, other = (nets('critic', BATCH['image'], y)[0] for y in (LABELS, (LABELS + 1) % 3))
  np.testing.assert_array_equal(one, other)


def test_what_has_no_class_is_refused():
  with pytest.raises(ValueError, match='acgan draws by class, and .* has no labels'):
    variants.build(variants.configure('acgan', dataset='stacked_mnist'), Spec(28, 3))
  with pytest.raises(ValueError, match='--margin must be from 0 to 1, it is 2'):
    variants.configure('acgan', head='reacgan', margin=2.0)
