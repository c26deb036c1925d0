"""Labels: the one rule by which a run draws by class, or without classes."""

import dataclasses
from typing import TypeVar

from jaxgan.core.typing import Json, Spec
from jaxgan.recipes.config import Common, Labels
from jaxgan.recipes.texts import Texts

C = TypeVar('C', bound=Common)


def classes_of(config: Common, spec: Spec, conditional: bool | None) -> int:
  """Return how many classes the networks of a run are given; 0 if it draws without classes.

  Args:
    config: the options, which name the variant and the data set.
    spec: the data set.
    conditional: True demands labels, False ignores them, None uses them if there are any.

  Raises:
    ValueError: labels are demanded, and the data set has none.

  Example:
    >>> from jaxgan.recipes.config import Config
    >>> unlabelled, digits = Spec(8, 1), Spec(8, 1, classes=10)
    >>> [classes_of(Config(), digits, choice) for choice in (True, False, None)]
    [10, 0, 10]
    >>> classes_of(Config(), unlabelled, None)
    0
  """
  if conditional and not spec.classes:
    raise ValueError(_refusal(config))
  return 0 if conditional is False else spec.classes


def chosen_classes(config: Common, spec: Spec) -> int:
  """Return what `classes_of` returns for the option `conditional` of a variant that has it."""
  return classes_of(config, spec, _choice(config))


def decided(config: C, spec: Spec) -> C:
  """Return the config with the decision in `conditional`, so that a resumed run keeps it.

  Raises:
    ValueError: as `classes_of`; or another option does not fit the decision.
  """
  if not isinstance(config, Labels):
    return config
  return _with_choice(config, bool(chosen_classes(config, spec)))


def of_run(config: C, spec: Spec) -> C:
  """Return the config of a run that exists.

  Older runs of `stylegan2` have True beside data without labels: they draw without classes.
  """
  older = isinstance(config, Labels) and config.conditional and not spec.classes
  return _with_choice(config, False) if older else config


def _choice(config: Common) -> bool | None:
  return config.conditional if isinstance(config, Labels) else False


def _with_choice(config: C, conditional: bool) -> C:
  changes: Json = {'conditional': conditional}
  return dataclasses.replace(config, **changes)


def _refusal(config: Common) -> str:
  arrays = config.dataset == 'arrays'  # which Python gave
  labelled = 'data=(images, labels)' if arrays else 'a folder with a subfolder for each class'
  if isinstance(config, Texts):
    return (
      f'{config.variant} draws by text, and {config.dataset!r} has no texts: give '
      f'--dataset=captions, or {labelled}, whose names are then the texts'
    )
  if isinstance(config, Labels):
    return (
      f'--conditional=True needs labels, and {config.dataset!r} has no labels: '
      f'leave --conditional out to draw without classes, or give {labelled}'
    )
  return (
    f'{config.variant} draws by class, and {config.dataset!r} has no labels: give {labelled}, '
    'or use a variant that can draw without classes, such as sngan or dcgan'
  )
