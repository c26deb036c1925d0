"""Runs of a small perceptron, in this process or in another."""

import os
import subprocess
import sys

from jaxgan import variants

LENGTH = 8


def config_of(data_dir, **options):
  rhythm = dict(log_every=2, sample_every=4, checkpoint_every=2)
  options = {'steps': LENGTH, 'batch_size': 16, 'widths': (16,), **rhythm, **options}
  return variants.configure('gan', data_dir=data_dir, **options)


LIMITED = """
import os
import resource
import sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def start(data_dir, folder, limit=None, *, widths=16, **options):
  flags = {'steps': 2000, 'log_every': 10, 'sample_every': 1000, 'checkpoint_every': 20, **options}
  argv = [f'--{name.replace("_", "-")}={value}' for name, value in flags.items()]
  command = [
    sys.executable,
    '-m',
    'jaxgan.main',
    '--variant=gan',
    '--batch-size=16',
    '--widths',
    str(widths),
  ]
  command += [f'--data-dir={data_dir}', f'--workdir={folder}', *argv]
  output = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
  if limit is None:
    return subprocess.Popen(command, **output)
  environment = {k: v for k, v in os.environ.items() if 'CACHE' not in k}  # these files grow, too
  command = [sys.executable, '-c', LIMITED, str(limit), *command[1:]]
  return subprocess.Popen(command, env=environment, **output)
