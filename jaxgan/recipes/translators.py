"""Options of the variants that translate images against critics of patches."""

from dataclasses import dataclass

from jaxgan.networks.patch_discriminator import field, most_layers
from jaxgan.recipes import config


@dataclass(frozen=True)
class Config(config.Config):
  """Options of the variants that make an image of an image."""

  width: int = 32
  """Channels of the layers next to the image."""
  critic_layers: int | None = None
  """Convolutions of stride 2 in the critic: 3 see patches of 70 pixels, 2 of 34, 1 of 16; the most,
  up to 3, of which an image holds a patch, if not given."""
  jitter: bool = True
  """Random crops of images enlarged by 286/256, and random flips."""
  batch_size: int = 1
  image_size: int | None = 64
  schedule: config.Schedule = 'constant_linear'
  ema_images: float = 0.0

  def problems(self) -> list[str]:
    """Options without use here."""
    return super().problems() + config.idle(self, *config.LATENT, *config.CRITIC)

  def patches(self, size: int) -> int:
    """The critic's layers for images of that size.

    Raises:
      ValueError: images smaller than a patch.
    """
    layers = most_layers(size) if self.critic_layers is None else self.critic_layers
    if layers < 1 or field(layers) > size:
      raise ValueError(
        f'--critic-layers={layers} is for images of {field(max(layers, 1))} pixels or more, these '
        f'are {size}: give larger images or --critic-layers={most_layers(size)}'
      )
    return layers
