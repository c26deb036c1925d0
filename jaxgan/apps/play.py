"""Explore a generator in a browser: `jaxgan play --workdir=RUN` serves a page on this machine."""

import os
import pathlib
import sys
import webbrowser
from dataclasses import dataclass
from typing import Literal

from jaxgan.apps import command, loopback, play_routes
from jaxgan.training.programs import cache_programs
from jaxgan.training.run import load


@dataclass(frozen=True)
class Options:
  """Explore the generator of a run in a browser.

  The page has controls for what the run has: seeds and neighbors, classes, directions, styles, a
  film, and a picture of yours. Only this machine can open it. Ctrl-C ends the command.
  """

  workdir: pathlib.Path
  """The run's directory."""
  port: int = 8017
  """The port of the page; 0: a free one."""
  host: str = '127.0.0.1'
  """The address to listen at. With another than 127.0.0.1, such as 0.0.0.0, everybody who reaches
  this machine can use the page."""
  browser: bool = False
  """Open the page in the browser."""
  checkpoint: Literal['latest', 'best'] = 'latest'
  """The newest state of the run, or the one with the best score."""


def write(options: Options) -> None:
  """Serve the page until the command is stopped.

  Raises:
    ValueError: there is no such run, or the address cannot be used.
  """
  if not 0 <= options.port < 2**16:
    raise ValueError(f'--port must lie from 0 to {2**16 - 1}, it is {options.port}')
  cache_programs()
  routes = play_routes.of(load(options.workdir, options.checkpoint))
  with loopback.serving(routes, options.host, options.port) as (server, address):
    if not loopback.is_loopback(options.host):
      print(f'jaxgan: everybody who reaches {options.host} can use this page', file=sys.stderr)
    print(f'jaxgan: explore the run at {address} (Ctrl-C ends)', flush=True)
    if options.browser:
      webbrowser.open(address)
    try:
      server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
      print('jaxgan: the page is closed', flush=True)
      if server.answering:
        # Python would end the threads that still compute inside of compiled code, which aborts.
        sys.stderr.flush()
        os._exit(0)


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('play', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
