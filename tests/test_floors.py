"""The house keeps its floors: a folder imports only from folders above it in one list."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1] / 'jaxgan'
FOLDERS = (
  *('core', 'ops', 'nn', 'networks', 'augmentation', 'losses', 'parallel', 'storage', 'data'),
  *(
    'evaluation',
    'recipes',
    'variants',
    'diagnosis',
    'reports',
    'training',
    'published',
    'apps',
    '',
  ),  # '': the modules at the root
)
"""The order of docs/architecture.md."""
FILES = sorted(ROOT.rglob('*.py'))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
FORBIDDEN = {'tensorflow', 'torch', 'pickle', 'cloudpickle', 'dill', 'marshal', 'shelve', 'yaml'}
EXCEPT = {'foreign_weights.py': {'pickle'}}
"""Reads PyTorch's files by an unpickler that knows a dozen names, all of them inert."""


def folder(path: pathlib.Path) -> str:
  """The folder of the house that a file lies in; '' for the root."""
  parts = path.relative_to(ROOT).parts
  return parts[0] if len(parts) > 1 else ''


def imports(path: pathlib.Path) -> list[str]:
  """Dotted names of all that a file imports, for type checkers alone too."""
  names = []
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      names += [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
      assert not node.level, 'imports are absolute'
      names += [f'{node.module}.{alias.name}' for alias in node.names]
  return names


def modules(path: pathlib.Path) -> set[str]:
  """The modules of the house that a file imports, as dotted names below `jaxgan`."""
  found = set()
  for name in imports(path):
    top, _, rest = name.partition('.')
    while top == 'jaxgan' and rest and not _is_module(rest):
      rest = rest.rpartition('.')[0]
    found |= {rest} if top == 'jaxgan' else set()
  return found


def _is_module(name: str) -> bool:
  path = ROOT.joinpath(*name.split('.'))
  return path.is_dir() or path.with_suffix('.py').is_file()


@pytest.mark.parametrize('path', FILES, ids=NAMES)
def test_imports_only_from_folders_above(path):
  own = folder(path)
  assert own in FOLDERS, f'give {own!r} its place in FOLDERS'
  for name in modules(path):
    other = name.partition('.')[0] if _is_module(name) and name else ''
    other = other if (ROOT / other).is_dir() else ''
    if other != own and not (own != '' and other == ''):
      assert FOLDERS.index(other) < FOLDERS.index(own), f'{own} imports {name}'
    assert own == '' or other != '', f'{own} imports the root: name the module itself'


def test_folders_are_those_of_the_list():
  there = {p.name for p in ROOT.iterdir() if p.is_dir() and p.name != '__pycache__'}
  assert there == set(FOLDERS) - {''}
  root = {p.name for p in ROOT.iterdir() if p.is_file()}
  assert root == {'__init__.py', '__main__.py', 'main.py', 'py.typed'}


def test_modules_have_no_cycle():
  """Also within a folder; a package stands for its `__init__`."""
  graph = {
    '.'.join(p.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__'): modules(p)
    for p in FILES
  }
  done: set[str] = set()

  def visit(name, trail):
    assert name not in trail, ' -> '.join([*trail[trail.index(name) :], name])
    if name not in done:
      for other in sorted(graph.get(name, ()) - {name}):
        visit(other, [*trail, name])
      done.add(name)

  for name in graph:
    visit(name, [])


def test_every_module_has_its_tests():
  """tests/ mirrors jaxgan/; the files of variants share tests/test_variants.py."""
  tests = ROOT.parent / 'tests'
  missing = []
  for path in FILES:
    inner = path.relative_to(ROOT)
    if path.name in ('__init__.py', '__main__.py') or inner.parts[0] == 'variants':
      continue
    if not (tests / inner.parent / f'test_{path.name}').is_file():
      missing.append(str(inner))
  assert not missing


@pytest.mark.parametrize('path', FILES, ids=NAMES)
def test_imports_nothing_heavy_or_unsafe(path):
  found = {name.partition('.')[0] for name in imports(path)} & FORBIDDEN
  assert found <= EXCEPT.get(path.name, set())


@pytest.mark.parametrize('path', FILES, ids=NAMES)
def test_arrays_are_never_read_as_pickles(path):
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.keyword) and node.arg == 'allow_pickle':
      assert isinstance(node.value, ast.Constant) and node.value.value is False


@pytest.mark.parametrize('path', FILES, ids=NAMES)
def test_functions_and_modules_stay_short(path):
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.FunctionDef):
      assert node.end_lineno - node.lineno < 60, f'{path.name}: {node.name}'
  limit = 200 if path.name == 'game.py' else 450
  assert len(path.read_text().splitlines()) <= limit


def test_the_engine_knows_no_variant():
  from jaxgan.variants import VARIANTS

  engine = [p for p in FILES if folder(p) in ('core', 'losses', 'recipes', 'training')]
  words = {
    node.value
    for path in engine
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
  }
  assert words & set(VARIANTS) <= {'lsgan'}  # the command's default
