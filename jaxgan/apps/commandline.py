"""How a command ends."""

import sys
from collections.abc import Callable
from typing import Any

import tyro


def run(
  program: str,
  choice: Any,
  act: Callable[[Any], None],
  argv: list[str] | None,
  by: str = 'jaxgan',
) -> int:
  """Read the options, act on them; 0, or 2 on wrong input with a message that says what it is."""
  options = tyro.cli(choice, args=argv, prog=program, config=(tyro.conf.FlagConversionOff,))
  try:
    act(options)
  except ValueError as error:
    print(f'{by}: {error}', file=sys.stderr)
    return 2
  return 0
