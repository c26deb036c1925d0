"""Losses of image-to-image translation: cycles between unpaired images, or paired images."""

from collections.abc import Mapping
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.augmentation.crops import ChangeBatch, unchanged
from jaxgan.core import parts
from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets, Shown
from jaxgan.core.typing import Array, Batch, Key, Logs, Memory
from jaxgan.losses.objectives import Objective


def cycle(
  objective: Objective,
  *,
  weight: float = 10.0,
  identity: float = 0.5,
  augment: ChangeBatch = unchanged,
) -> tuple[Loss, Loss]:
  """Return CycleGAN's losses of the generators and of the critics, in the order of their turns.

  With G, F = `generator_ab`, `generator_ba`, Da and Db the critics, w the weight, i `identity`:

  generators: 2 g(Db(G(a))) + 2 g(Da(F(b))) + w (|F(G(a)) - a| + |G(F(b)) - b|)
              + w i (|G(b) - b| + |F(a) - a|)
  critics: c(Da(a), Da(old F(b))) + c(Db(b), Db(old G(a)))

  g and c are the losses of the objective, |.| is the mean over all elements. In least squares both
  g and c contain a factor 1/2; CycleGAN has it in c only, so g is doubled here. The critics see
  fakes of the generators before their update, through pools of older fakes (`first_memory`). The
  two turns must share their draws, so that both see the same crops. `augment` changes the images of
  a batch at random. With `identity` 0 the identity term is omitted.

  Reference: Zhu et al., Unpaired Image-to-Image Translation, 2017.
  """

  def generators(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    augmenting, pooling = jax.random.split(key)
    batch = augment(batch, augmenting)
    a, b = batch['image'], batch['target']
    (fake_b, same_b), nets = _apart(nets, 'generator_ab', (a, b) if identity else (a,))
    (fake_a, same_a), nets = _apart(nets, 'generator_ba', (b, a) if identity else (b,))
    for domain, real, fake in (('a', a, fake_a), ('b', b, fake_b)):
      seeing = lambda x, nets=nets, name=f'critic_{domain}': nets(name, x)[0]
      nets.show(Shown(real, fake, seeing, objective.critic, domain))
    back_a, nets = nets('generator_ba', fake_b)
    back_b, nets = nets('generator_ab', fake_a)
    logits_a, nets = nets('critic_a', fake_a)
    logits_b, nets = nets('critic_b', fake_b)
    adversarial = 2 * objective.generator(logits_a, logits_a)
    adversarial += 2 * objective.generator(logits_b, logits_b)
    around = distance(back_a, a) + distance(back_b, b)
    loss = adversarial + weight * around
    logs = {'adversarial': adversarial, 'cycle': around}
    if identity:
      still = distance(same_b, b) + distance(same_a, a)
      loss, logs = loss + weight * identity * still, {**logs, 'identity': still}
    return loss, remember(nets, {'a': fake_a, 'b': fake_b}, pooling), logs

  def critics(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    augmenting, showing = jax.random.split(key)
    batch, loss = augment(batch, augmenting), jnp.zeros(())
    logs: Logs = {}
    for domain, images in (('a', batch['image']), ('b', batch['target'])):
      real, nets = nets(f'critic_{domain}', images)
      fake, nets = nets(f'critic_{domain}', parts.rows(nets.memory[domain]['shown'], showing))
      loss += objective.critic(real, fake)
      logs |= {f'real_{domain}': real.mean(), f'fake_{domain}': fake.mean()}
    return loss, nets, logs

  return generators, critics


def _apart(nets: Nets, name: str, inputs: tuple[Array, ...]) -> tuple[tuple[Array, Array], Nets]:
  """Apply a network to several batches in one pass; its norms treat each image separately."""
  output, nets = nets(name, jnp.concatenate(inputs))
  outputs = jnp.split(output, len(inputs))
  return (outputs[0], outputs[-1]), nets


def distance(x: Array, y: Array) -> Array:
  """Return the mean absolute difference, float32 at least."""
  return jnp.abs(x - y).astype(jnp.promote_types(x.dtype, jnp.float32)).mean()


def first_memory(shape: tuple[int, ...], batch: int, pool: int) -> Memory:
  """Return the first memory of `cycle`: for each domain an empty pool and images of zeros.

  The images are a broadcast zero, which needs no memory until the state is made.

  Args:
    shape: the shape of one image, (H, W, C).
    batch: the batch size.
    pool: the size of a pool.

  Returns:
    For the domains `a` and `b`: `pool`, the images; `held`, how many of them are in use; `shown`,
    the fakes that the critic sees next.
  """
  nothing = lambda n: np.broadcast_to(np.float32(0), (n, *shape))
  one = lambda: {'pool': nothing(pool), 'held': np.int32(0), 'shown': nothing(batch)}
  return {'a': one(), 'b': one()}


def remember(nets: Nets, fakes: Mapping[str, Array], key: Key) -> Nets:
  """Put the fakes of each domain through its pool; return the networks with the new memory."""
  memory = dict(nets.memory)
  for i, (domain, images) in enumerate(fakes.items()):
    kept = nets.memory[domain]
    draw = jax.random.fold_in(key, i)
    shown, pool, held = exchange(lax.stop_gradient(images), kept['pool'], kept['held'], draw)
    memory[domain] = {'pool': pool, 'held': held, 'shown': parts.whole(shown, key)}
  return replace(nets, memory=memory)


def exchange(images: Array, pool: Array, held: Array, key: Key) -> tuple[Array, Array, Array]:
  """Put images through a pool of older ones, one after another.

  Until the pool is full, an image is stored and shown. Then, with probability 1/2, it replaces a
  random image of the pool, which is shown instead; otherwise it is shown itself. With a pool of
  size 0 all images are shown.

  Args:
    images: `[n, ...]`.
    pool: `[size, ...]`.
    held: how many images the pool holds.
    key: the random key.

  Returns:
    The images to show `[n, ...]`, the new pool, and how many images it holds.

  Reference: Shrivastava et al., Learning from Simulated and Unsupervised Images, 2017.
  """
  if not len(pool):
    return images, pool, held
  parts.couples('a pool of older images', 'give --pool=0')

  def one(
    carry: tuple[Array, Array], given: tuple[Array, Key]
  ) -> tuple[tuple[Array, Array], Array]:
    (pool, held), (image, key) = carry, given
    place, coin = jax.random.split(key)
    full = held >= len(pool)
    slot = jnp.where(full, jax.random.randint(place, (), 0, len(pool)), held)
    swapped = full & jax.random.bernoulli(coin)
    old = pool[slot]
    kept = jnp.where(~full | swapped, image, old)
    carry = pool.at[slot].set(kept), held + (~full).astype(held.dtype)
    return carry, jnp.where(swapped, old, image)

  (pool, held), shown = lax.scan(one, (pool, held), (images, jax.random.split(key, len(images))))
  return shown, pool, held


def paired(
  objective: Objective,
  *,
  weight: float = 100.0,
  augment: ChangeBatch = unchanged,
) -> tuple[Loss, Loss]:
  """Return pix2pix's losses of the critic and of the generator, in the order of their turns.

  critic: c(D(x, y), D(x, G(x))) / 2;  generator: g(D(x, G(x))) + w |G(x) - y|

  x is the batch's image, y its target, |.| the mean over all elements. The two turns must share
  their draws: then they see the same crops, and the same noise makes the same fakes.

  Args:
    objective: the pair of losses of logits, c and g.
    weight: w, the weight of the distance to the target.
    augment: changes the images of a batch at random.

  Reference: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
  """

  def generate(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Array, Array, Nets]:
    augmenting, dropout = jax.random.split(key)
    batch = augment(batch, augmenting)
    fake, nets = nets('generator', batch['image'], key=dropout)
    return batch['image'], batch['target'], fake, nets

  def critic(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    x, y, fake, _ = generate(nets, batch, key)
    seeing = lambda images, nets=nets: nets('critic', x, images)[0]
    nets.show(Shown(y, fake, seeing, objective.critic))
    real_logits, nets = nets('critic', x, y)
    fake_logits, nets = nets('critic', x, fake)
    logs = {'real': real_logits.mean(), 'fake': fake_logits.mean()}
    return objective.critic(real_logits, fake_logits) / 2, nets, logs

  def generator(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    x, y, fake, nets = generate(nets, batch, key)
    logits, nets = nets('critic', x, fake)
    adversarial, apart = objective.generator(logits, logits), distance(fake, y)
    return adversarial + weight * apart, nets, {'adversarial': adversarial, 'l1': apart}

  return critic, generator
