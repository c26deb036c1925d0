"""What helps any game of two players, as the config asks; by default each does nothing at all."""

from collections.abc import Callable

from jaxgan import augment
from jaxgan.config import Config
from jaxgan.losses import Augment

AUGMENTATIONS: dict[str, Callable[[Config], Augment | None]] = {
  'none': lambda config: None,
  'diffaugment': lambda config: _diff_augment(config.policy),
}


def augmentation(config: Config) -> Augment | None:
  """What becomes of the images before the critic sees them.

  Raises:
    ValueError: a policy with an unknown name.
  """
  return AUGMENTATIONS[config.augment](config)


def _diff_augment(policy: str) -> Augment:
  augment.parts(policy)
  return lambda nets, images, key: augment.diff_augment(images, key, policy)
