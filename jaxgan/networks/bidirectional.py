"""Networks of games of pairs: an encoder of images, and a critic of images with latents."""

import flax.linen as nn

from jaxgan.core.typing import Array
from jaxgan.nn.dense import Dense
from jaxgan.nn.elementwise import leaky_relu

START = nn.initializers.he_normal()
"""Of layers with few inputs, such as a latent's: as small as DCGAN's weights, they go unheard."""


class Encoder(nn.Module):
  """Encoder: images `[B, H, W, C]` -> latents `[B, size]`, of any size and sign.

  Attributes:
    images: a critic with several outputs, images -> `[B, hidden]`; a linear layer makes latents of
      these, after leaky ReLU.
    size: dimensions of the latent.
  """

  images: nn.Module
  size: int

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    return Dense(self.size, start=START)(leaky_relu(self.images(x, train=train)))


class PairCritic(nn.Module):
  """Critic of pairs: images and latents `[B, Z]` -> logits `[B]`.

  What the critic of images returns is added to a linear map of the latent, which is the same as one
  dense layer on both, joined. A second dense layer and the logit follow.

  Attributes:
    images: a critic with `hidden` outputs, images -> `[B, hidden]`.
    hidden: units of both dense layers.

  References: Donahue et al., Adversarial Feature Learning, 2017; Dumoulin et al., Adversarially
  Learned Inference, 2017.
  """

  images: nn.Module
  hidden: int

  @nn.compact
  def __call__(self, x: Array, z: Array, *, train: bool) -> Array:
    first = self.images(x, train=train) + Dense(self.hidden, use_bias=False, start=START)(z)
    second = leaky_relu(Dense(self.hidden, start=START)(leaky_relu(first)))
    self.sow('intermediates', 'features', second)
    return Dense(1, start=START)(second)[:, 0]
