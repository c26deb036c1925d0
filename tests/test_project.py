"""What the project's own files say of each other: versions, the order of folders, the public CI."""

import ast
import pathlib
import re
import tomllib

import test_floors

import jaxgan

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
CI = (ROOT / '.github/workflows/ci.yml').read_text()


def test_architecture_names_the_folders_in_their_order():
  page = (ROOT / 'docs/architecture.md').read_text()
  named = re.findall(r'^\| `(\w+)` \| .+\. \|$', page, re.M)
  assert named == [folder for folder in test_floors.FOLDERS if folder]


def test_architecture_names_what_is_there():
  """`folder.module`, `folder.module.name` or `module.py`, in code."""
  page = (ROOT / 'docs/architecture.md').read_text()
  package = pathlib.Path(jaxgan.__file__).parent
  for folder, module in re.findall(r'`(\w+)\.(\w+)[\w.]*(?:\(.*?\))?`', page):
    if folder in test_floors.FOLDERS and module != 'json':
      there = (package / folder / f'{module}.py').is_file()
      assert there or module in (package / folder / '__init__.py').read_text(), (folder, module)


def test_public_ci_asks_every_python_that_is_promised():
  versions = r'Programming Language :: Python :: (3\.\d+)'
  promised = re.findall(versions, '\n'.join(PROJECT['classifiers']))
  asked = re.search(r'python: (\[.*\])', CI).group(1)
  assert ast.literal_eval(asked) == promised
  assert PROJECT['requires-python'] == f'>={promised[0]}'


def test_public_ci_asks_the_oldest_jax_that_is_promised():
  (least,) = (d.removeprefix('jax>=') for d in PROJECT['dependencies'] if d.startswith('jax>='))
  assert re.findall(r'(?:jax|jaxlib)==(\S+?)\\n', CI) == [f'{least}.0'] * 2
  assert 'run: bash .ci/run' in CI


def test_the_citation_is_of_this_version():
  citation = (ROOT / 'CITATION.cff').read_text()
  assert re.search(r'^version: (.+)$', citation, re.M).group(1) == PROJECT['version']
