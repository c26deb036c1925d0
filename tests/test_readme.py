"""What the README says is so."""

import pathlib
import re
import subprocess
import sys

import pytest

from jaxgan.variants import VARIANTS

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / 'README.md').read_text()


def test_is_short_and_opens_with_a_picture():
  assert len(README.split()) <= 800
  picture = re.search(r'!\[.*?\]\((.*?)\)', README)
  assert (ROOT / picture.group(1)).is_file()
  assert README.index(picture.group(0)) < 100


def test_the_table_has_every_variant():
  assert re.findall(r'^`(\w+)`, .* \| ', README, re.M) == list(VARIANTS)


def test_every_dependency_has_its_reason():
  named = re.search(r'## Dependencies\n(.*?)\n## ', README, re.S).group(1)
  listed = re.search(
    r'^dependencies = \[(.*?)^\]', (ROOT / 'pyproject.toml').read_text(), re.S | re.M
  )
  for name in re.findall(r'^\s+"([\w-]+)', listed.group(1), re.M):
    assert name in named


def example():
  return re.search(r'```python\n(.*?)```', README, re.S).group(1)


def test_the_example_is_of_forty_lines_at_most():
  assert len(example().splitlines()) <= 40


def test_the_example_trains(tmp_path):
  (tmp_path / 'my_gan.py').write_text(example())
  command = [sys.executable, 'my_gan.py', '--variant=my_gan', '--workdir=run', '--data-dir=data']
  done = subprocess.run(
    [*command, '--steps=3'], cwd=tmp_path, capture_output=True, text=True, timeout=300
  )
  assert done.returncode == 0, done.stderr
  assert (tmp_path / 'run/samples/000003.png').is_file()


@pytest.mark.parametrize('flag', sorted(set(re.findall(r'(--[a-z-]+)=', README))))
def test_every_flag_exists(flag):
  from jaxgan.apps import sample, upscale
  from jaxgan.recipes.config import Config

  known = {*Config.__dataclass_fields__, *sample.Arguments.__dataclass_fields__, 'workdir', 'peer'}
  known |= {'config', 'plugin', *upscale.Options.__dataclass_fields__}
  assert flag.removeprefix('--').replace('-', '_') in known


def test_ci_runs_the_command_for_tests():
  section = README.split('## Test\n')[1].split('\n## ')[0]
  command = next(line for line in section.splitlines() if 'pytest' in line)
  assert command.startswith('python3 -m venv .venv && . .venv/bin/activate && pip install')
  ci = (ROOT / '.ci/run').read_text()
  assert "grep -m 1 'pytest'" in ci and 'eval "${command//.venv/$environment}"' in ci
