"""The entry point of `python -m jaxgan`, which runs the command `jaxgan`."""

import sys

from jaxgan.main import jaxgan

if __name__ == '__main__':
  sys.exit(jaxgan())
