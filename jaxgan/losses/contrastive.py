"""Losses of contrastive translation: a patch finds its place again among others of the image."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.augmentation.crops import ChangeBatch, unchanged
from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets, Shown
from jaxgan.core.parts import shared
from jaxgan.core.typing import Array, Batch, Key, Logs
from jaxgan.losses.objectives import Objective


def patch_nce(queries: Array, keys: Array, temperature: float = 0.07) -> Array:
  """Return how badly each query finds its own key among the keys of its image.

  E -log(exp(q_i k_i / t) / sum_j exp(q_i k_j / t))

  It is ln p where all vectors are equal. The keys are constants.

  Args:
    queries: q, vectors of length 1, `[n, p, d]`: p patches of each of n images.
    keys: k, of the same places, `[n, p, d]`.
    temperature: t, above 0.

  Example:
    >>> round(float(patch_nce(jnp.ones((1, 8, 1)), jnp.ones((1, 8, 1)))), 4)  # ln 8
    2.0794

  Reference: Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, 2020.
  """
  logits = jnp.einsum('npd,nqd->npq', queries, lax.stop_gradient(keys)) / temperature
  own = jnp.diagonal(logits, axis1=1, axis2=2)
  return (jax.nn.logsumexp(logits, axis=-1) - own).mean()


def places(maps: Sequence[Array], count: int, key: Key) -> list[Array]:
  """Draw places in maps `[n, H, W, C]`: for each map `[p]`, without repeats, p <= `count`."""
  sizes = [x.shape[1] * x.shape[2] for x in maps]
  keys = jax.random.split(shared(key), len(maps))
  return [jax.random.permutation(k, n)[:count] for k, n in zip(keys, sizes, strict=True)]


def patches(maps: Sequence[Array], at: Sequence[Array]) -> list[Array]:
  """Return the vectors of maps `[n, H, W, C]` at places: for each map `[n, p, C]`."""
  rows = lambda x: x.reshape(len(x), -1, x.shape[-1])
  return [rows(x)[:, where] for x, where in zip(maps, at, strict=True)]


def compared(
  nets: Nets, made: Array, maps: Sequence[Array], count: int, key: Key
) -> tuple[list[tuple[Array, Array]], Nets]:
  """Return, for each map, what the head makes of patches: of `made`, and of maps at their places.

  Args:
    nets: the networks `generator`, which shows maps as its features, and `head`.
    made: what the generator made of images.
    maps: the features of these images.
    count: places in each map.
    key: the random key.
  """
  at, (asked, nets) = places(maps, count, key), nets.features('generator', made)
  keys, nets = nets('head', *patches(lax.stop_gradient(maps), at))
  queries, nets = nets('head', *patches(asked, at))
  return list(zip(queries, keys, strict=True)), nets


def contrastive(
  objective: Objective,
  *,
  weight: float = 1.0,
  identity: float = 1.0,
  count: int = 256,
  temperature: float = 0.07,
  augment: ChangeBatch = unchanged,
) -> tuple[Loss, Loss]:
  """Return the losses of the critic, and of generator and head, in the order of their turns.

  critic: c(D(b), D(G(a)));  both others: 2 g(D(G(a))) + w (N(a) + i N(b)) / (1 + i)

  N(x) is the mean of `patch_nce` over the maps that the generator shows as features: queries are
  the head's vectors of patches of G(x), keys those of x, at the same places. g is doubled because
  least squares has a factor 1/2 that CUT has in c alone. The two turns must share their draws, so
  that both see the same crops.

  Args:
    objective: the pair of losses of logits.
    weight: w.
    identity: i, the weight of the target's images; 0: the generator never sees them.
    count: places in each map.
    temperature: of `patch_nce`.
    augment: changes the images of a batch at random.

  Reference: Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, 2020.
  """

  def critic(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    batch = augment(batch, jax.random.split(key)[0])
    real, (fake, _) = batch['target'], nets('generator', batch['image'])
    seeing = lambda x, nets=nets: nets('critic', x)[0]
    nets.show(Shown(real, fake, seeing, objective.critic))
    real_logits, nets = nets('critic', real)
    fake_logits, nets = nets('critic', fake)
    logs = {'real': real_logits.mean(), 'fake': fake_logits.mean()}
    return objective.critic(real_logits, fake_logits), nets, logs

  def generator(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    changing, placing = jax.random.split(key)
    batch = augment(batch, changing)
    images = jnp.concatenate([batch['image'], batch['target']][: 2 if identity else 1])
    (made, maps), nets = nets.whole('generator', images)
    pairs, nets = compared(nets, made, maps, count, placing)
    n = len(batch['image'])
    each = lambda part: [patch_nce(q[part], k[part], temperature) for q, k in pairs]
    over = lambda part: jnp.mean(jnp.stack(each(part)))
    logits, nets = nets('critic', made[:n])
    fooling, near = 2 * objective.generator(logits, logits), over(slice(n))
    logs: Logs = {'adversarial': fooling, 'nce': near}
    if identity:
      logs['identity'] = over(slice(n, None))
      near = (near + identity * logs['identity']) / (1 + identity)
    return fooling + weight * near, nets, logs

  return critic, generator
