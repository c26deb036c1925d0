"""The losses of SPADE: images of label maps, by a critic and by the maps of its layers."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.augmentation.crops import ChangeBatch, unchanged
from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets, Shown
from jaxgan.core.typing import Array, Batch, Key, Logs
from jaxgan.losses.image_to_image import distance
from jaxgan.losses.objectives import Objective, in_parts
from jaxgan.ops import palette

PALETTE = 'palette'
"""The name of the palette in the memory of the game."""


def semantic(
  objective: Objective,
  counts: Sequence[int],
  *,
  weight: float = 10.0,
  augment: ChangeBatch = unchanged,
) -> tuple[Loss, Loss]:
  """Return the losses of the critic and of the generator, in the order of their turns.

  critic: c(D(m, y), D(m, G(m)))
  generator: g(D(m, G(m))) + w sum_l |D_l(m, G(m)) - D_l(m, y)|

  m is the label map as channels of 0 and 1, by the palette in the memory; y is the batch's target;
  D_l are the maps of the critic's layers, |.| the mean over all elements. c, g and the sum over the
  layers are means over the critic's scales. The two turns must share their draws.

  Args:
    objective: c and g, for the logits of one scale.
    counts: how many logits each of the critic's scales gives.
    weight: w, the weight of matching the critic's layers.
    augment: changes the maps and images of a batch at random, alike; after it, each pixel of a map
      has the label that is strongest there.

  References: Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, 2019;
  matching: Wang et al., High-Resolution Image Synthesis and Semantic Manipulation with Conditional
  GANs, 2018.
  """

  joined = in_parts(objective, counts)

  def generate(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Array, Array, Nets]:
    maps = palette.one_hot(batch['image'], nets.memory[PALETTE])
    changed = augment({**batch, 'image': maps}, key)
    maps = palette.hardened(changed['image'])
    fake, nets = nets('generator', maps)
    return maps, changed['target'], fake, nets

  def critic(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    maps, y, fake, _ = generate(nets, batch, key)
    seeing = lambda images, nets=nets: nets('critic', maps, images)[0][0]
    nets.show(Shown(y, fake, seeing, objective.critic))
    (real, _), nets = nets('critic', maps, y)
    (judged, _), nets = nets('critic', maps, fake)
    logs = {'real': real.mean(), 'fake': judged.mean()}
    return joined.critic(real, judged), nets, logs

  def generator(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    maps, y, fake, nets = generate(nets, batch, key)
    (logits, seen), nets = nets('critic', maps, fake)
    adversarial = joined.generator(logits, logits)
    apart = matching(seen, nets('critic', maps, y)[0][1])
    return adversarial + weight * apart, nets, {'adversarial': adversarial, 'matching': apart}

  return critic, generator


def matching(fake: list[list[Array]], real: list[list[Array]]) -> Array:
  """Return the sum over a critic's layers of the mean distance of their maps, a mean over scales.

  Args:
    fake: for each scale, the maps of generated images after each layer.
    real: those of the images that should be generated; they are constants.
  """
  each = jax.tree.map(lambda x, y: distance(x, lax.stop_gradient(y)), fake, real)
  return jnp.stack(jax.tree.leaves(each)).sum() / len(fake)
