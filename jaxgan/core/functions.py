"""Functions of the user's, which an option names as MODULE:FUNCTION."""

import importlib
from collections.abc import Callable
from typing import Any


def imported(name: str, option: str) -> Callable[..., Any]:
  """Return the function that MODULE:FUNCTION names.

  Args:
    name: such as 'my_file:describe', for a file in the current folder or on PYTHONPATH.
    option: the option that names it, for the error.

  Raises:
    ValueError: there is no such module or function.

  Example:
    >>> imported('math:sqrt', '--features')(4)
    2.0
  """
  module, _, attribute = name.partition(':')
  try:
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
  except Exception as error:  # the module is the user's, and may raise anything
    raise ValueError(f'{option}={name} cannot be found: {error}') from error
  return found
