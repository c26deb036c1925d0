"""StarGAN: the sizes of its article, its losses, and its domains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_path import count
from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.nets import Nets
from jaxgan.core.network import Network
from jaxgan.core.typing import Spec
from jaxgan.networks.stargan import Generator

THREE = Spec(8, 3, 3, ('plain', 'red', 'thick'))


def made(*preset, spec=THREE, **options):
  return variants.build(variants.configure('stargan', *preset, **options), spec)


def test_the_networks_of_the_article():
  """53.2 million numbers for the 8 expressions of RaFD, as its table says."""
  stage = made('paper', spec=Spec(128, 3, 8)).stages[0]
  state = jax.eval_shape(lambda: game.init(stage.game, jax.random.key(0), dict(stage.example)))
  assert {name: count(tree) for name, tree in state.params.items()} == {
    'generator': 8_439_936,
    'critic': 44_721_088,
    'head': 4 * 2048 * 8 + 8,
  }
  assert stage.game.turns[0].repeats == 5


def fixed(function, features=None):
  """A network without parameters."""
  apply = lambda variables, *inputs, train, key=None: (function(*inputs), variables)
  shown = lambda variables, *inputs, train, key=None: (
    (function(*inputs), features(*inputs)),
    variables,
  )
  return Network(lambda key, *inputs: {'params': {}}, apply, features and shown)


def test_the_losses_follow_the_formula():
  """Of a generator that adds the number of the domain, a linear critic, and a head of its mean."""
  weighed = dict(classification=2.0, reconstruction=3.0, identity=4.0, penalty_weight=5.0)
  stage = made(**weighed).stages[0]
  weights = jnp.linspace(-0.1, 0.2, 8 * 8 * 3).reshape(8, 8, 3)
  logits = lambda x: x.mean((1, 2, 3))[:, None] * jnp.array([[1.0, -2.0, 3.0]])

  def critic(x):
    return (x * weights[None]).sum((1, 2, 3))[:, None, None]

  networks = {
    'generator': fixed(lambda x, d: x * 0.5 + d[:, None, None, None]),
    'critic': fixed(critic, features=lambda x: x),
    'head': fixed(logits),
  }
  nets = Nets(networks, dict.fromkeys(networks, {}), dict.fromkeys(networks, {}))
  draw = np.random.default_rng(0)
  x = jnp.float32(draw.normal(size=(4, 8, 8, 3)))
  batch = {'image': x, 'label': jnp.array([0, 1, 2, 1])}
  of_critic, _, told = stage.game.turns[0].loss(nets, batch, jax.random.key(0))
  of_generator, _, seen = stage.game.turns[1].loss(nets, batch, jax.random.key(0))

  drawn, _ = jax.random.split(jax.random.key(0))
  domains = jax.random.randint(drawn, (4,), 0, 3)
  fake = x * 0.5 + domains[:, None, None, None]
  named = lambda images, d: -np.mean(jax.nn.log_softmax(logits(images))[np.arange(4), d])
  slope = jnp.sqrt((weights**2).sum())
  wanted = critic(fake).mean() - critic(x).mean() + 5 * (slope - 1) ** 2
  np.testing.assert_allclose(of_critic, wanted + 2 * named(x, batch['label']), rtol=1e-4)
  back = fake * 0.5 + batch['label'][:, None, None, None]
  plain = -critic(fake).mean() + 2 * named(fake, domains) + 3 * jnp.abs(back - x).mean()
  same = x * 0.5 + batch['label'][:, None, None, None]
  np.testing.assert_allclose(of_generator, plain + 4 * jnp.abs(same - x).mean(), rtol=1e-4)
  article = made(**{**weighed, 'identity': 0.0}).stages[0]
  np.testing.assert_allclose(
    article.game.turns[1].loss(nets, batch, jax.random.key(0))[0], plain, rtol=1e-4
  )
  np.testing.assert_allclose(seen['cycle'], jnp.abs(back - x).mean(), rtol=1e-5)
  np.testing.assert_allclose(told['class'], named(x, batch['label']), rtol=1e-5)


def test_the_domain_changes_the_whole_image():
  """Instance norm takes out what a constant map adds, but at the edge, from which it spreads."""
  net = Generator(3, channels=3, width=8, blocks=2)
  x = jnp.float32(np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).repeat(2, 0))
  domains = jnp.array([0, 1])
  one, other = jax.jit(lambda: net.init_with_output(jax.random.key(0), x, domains)[0])()
  change = np.abs(one - other)
  assert change.min() > 0 and change[12:20, 12:20].mean() > 0.01 * np.std(one)


def test_there_is_a_way_to_each_domain():
  interface = made(width=4, blocks=1).interface
  assert list(interface.ways) == ['plain', 'red', 'thick'] and interface.needs == 'classes'
  assert interface.shown == ('source', 'plain', 'red', 'thick')
  assert len({way.apply for way in interface.ways.values()}) == 1  # one compiled program
  nets = Nets(
    {'generator': fixed(lambda x, d: x + d[:, None, None, None])}, *2 * [{'generator': {}}]
  )
  x = jnp.float32(np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)))
  shown = interface.show(nets, {'image': x}, jax.random.key(0))
  each = [way.apply(nets, x, jax.random.key(0), *way.given) for way in interface.ways.values()]
  np.testing.assert_allclose(each[2], x + 2)
  np.testing.assert_allclose(shown, jnp.stack([x, *each], 1), atol=1e-5)


@pytest.mark.parametrize('classes, has', [(0, 'no labels'), (1, 'one class')])
@pytest.mark.parametrize(
  'dataset, give', [('digits', 'a folder with a subfolder'), ('arrays', r'data=\(images, labels\)')]
)
def test_data_without_two_domains_are_refused(classes, has, dataset, give):
  words = f"stargan translates between classes, and '{dataset}' has {has}: give {give}"
  with pytest.raises(ValueError, match=words):
    made(spec=Spec(16, 1, classes), dataset=dataset)


@pytest.mark.parametrize(
  'size, options, words',
  [
    (18, {}, 'stargan needs images of a multiple of 4 pixels, these are 18'),
    (16, dict(critic_layers=5), '--critic-layers=5 halves 16 pixels to none: give 1 to 4'),
    (16, dict(critic_layers=0), '--critic-layers=0'),
    (16, dict(reconstruction=-1.0), '--reconstruction must'),
    (16, dict(width=0), '--width must be above 0'),
  ],
)
def test_what_means_nothing_is_refused(size, options, words):
  with pytest.raises(ValueError, match=words):
    made(spec=Spec(size, 3, 2), **options)
