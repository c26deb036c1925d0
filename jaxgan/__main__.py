"""The command `jaxgan`, as `python -m jaxgan`."""

import sys

from jaxgan.main import jaxgan

if __name__ == '__main__':
  sys.exit(jaxgan())
