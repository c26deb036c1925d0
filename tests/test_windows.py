"""Where modules of Unix alone are missing, as on Windows, everything imports all the same."""

import subprocess
import sys

IMPORTS = """
import importlib
import pkgutil
import sys

import psutil  # it has a module for each system; that of Linux takes `resource`

for name in ('fcntl', 'resource', 'pwd', 'grp', 'termios', 'array_record'):
  sys.modules[name] = None  # to import it is an ImportError

import jaxgan

names = [found.name for found in pkgutil.walk_packages(jaxgan.__path__, 'jaxgan.')]
for name in names:
  if name != 'jaxgan.__main__':  # runs the command
    importlib.import_module(name)
print(len(names))
"""


def test_every_module_imports_without_those_of_unix():
  done = subprocess.run(
    [sys.executable, '-c', IMPORTS], capture_output=True, text=True, check=False, timeout=120
  )
  assert done.returncode == 0, done.stderr
  assert int(done.stdout) > 100
