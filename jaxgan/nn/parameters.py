"""Parameters of modules."""

from collections.abc import Sequence

import flax.errors
import flax.linen as nn

from jaxgan.core.typing import Array
from jaxgan.nn.initializers import Initializer


def parameter(module: nn.Module, name: str, start: Initializer, shape: Sequence[int]) -> Array:
  """Return a parameter of a module, which is made where it is missing.

  It is `module.param(name, start, shape)`. But flax traces the initializer at each call, to compare
  the shapes: an eighth of the time to trace a step. This compares them without.

  Args:
    module: the module, within its `__call__`.
    name: the name of the parameter.
    start: its initializer.
    shape: its shape.

  Raises:
    flax.errors.ScopeParamShapeError: the parameter that is given has another shape.
  """
  shape = tuple(shape)
  if not module.has_variable('params', name):
    return module.param(name, start, shape)
  found: Array = module.get_variable('params', name)
  if found.shape != shape:
    path = module.scope.path_text if module.scope else ''
    raise flax.errors.ScopeParamShapeError(name, path, found.shape, shape)
  return found
