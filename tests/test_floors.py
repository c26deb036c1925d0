"""The house keeps its floors: a module imports from below its own, and functions stay short."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1] / 'jaxgan'
FLOORS = [
  ('typing', 'commandline'),
  ('ada', 'augment', 'resample', 'formulations', 'metrics', 'weights'),
  ('objectives', 'convolution', 'network', 'hosts', 'guard'),
  ('penalties', 'config', 'workdir', 'pictures', 'signals', 'serial'),
  ('layers', 'journal', 'checkpoint'),
  ('equalized', 'game', 'data'),
  ('growth',),
  ('networks',),
  ('losses', 'translation', 'superresolution', 'after', 'devices', 'features', 'standing'),
  ('tricks',),
  ('recipe', 'scores', 'perceptual'),
  ('styles', 'adaptive', 'upscaling', 'patches'),
  ('stages', 'variants', 'best', 'statistics'),
  ('run',),
  ('train', 'sample', 'plane'),
  ('evaluate', 'human'),
  ('apps',),
  ('main', ''),  # '' is the package itself
]
FLOOR = {name: i for i, names in enumerate(FLOORS) for name in names}
FILES = sorted(ROOT.rglob('*.py'))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
FORBIDDEN = {'tensorflow', 'torch', 'pickle', 'cloudpickle', 'dill', 'marshal', 'shelve', 'yaml'}


EXCEPT = {'weights.py': {'pickle'}}
"""Reads PyTorch's files by an unpickler that knows a dozen names, all of them inert."""


def noun(path: pathlib.Path) -> str:
  """The module or package of the house that a file belongs to."""
  first = path.relative_to(ROOT).parts[0]
  return '' if first == '__init__.py' else first.removesuffix('.py')


def imports(path: pathlib.Path) -> list[str]:
  """Dotted names of all that a file imports, but for what only type checkers see."""
  tree = ast.parse(path.read_text())
  hidden = {
    id(node)
    for branch in ast.walk(tree)
    if isinstance(branch, ast.If) and getattr(branch.test, 'id', '') == 'TYPE_CHECKING'
    for node in ast.walk(branch)
  }
  names = []
  for node in ast.walk(tree):
    if id(node) in hidden:
      continue
    if isinstance(node, ast.Import):
      names += [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
      whole = node.module == 'jaxgan'
      names += [f'jaxgan.{alias.name}' for alias in node.names] if whole else [node.module]
  return names


@pytest.mark.parametrize('path', FILES, ids=NAMES)
def test_imports_only_from_below(path):
  own = noun(path)
  assert own in FLOOR, f'give {own!r} a floor'
  for name in imports(path):
    top, _, rest = name.partition('.')
    below = rest.partition('.')[0]
    if top == 'jaxgan' and below != own:
      assert FLOOR[below] < FLOOR[own], f'{own} imports {below}, which does not lie below it'


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
  tree = ast.parse(path.read_text())
  for node in ast.walk(tree):
    if isinstance(node, ast.FunctionDef):
      assert node.end_lineno - node.lineno < 60, f'{path.name}: {node.name}'
  limit = 240 if path.name == 'game.py' else 450
  assert len(path.read_text().splitlines()) <= limit


def test_the_engine_knows_no_variant():
  from jaxgan.variants import VARIANTS

  engine = [ROOT / f'{name}.py' for name in ('game', 'losses', 'recipe', 'stages', 'train', 'main')]
  words = {
    node.value
    for path in engine
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
  }
  assert words & set(VARIANTS) <= {'lsgan'}  # the command's default


@pytest.mark.parametrize('path', sorted((ROOT / 'variants').glob('*.py')), ids=lambda p: p.name)
def test_a_variant_is_one_short_file(path):
  limit = 40 if path.name == 'lsgan.py' else 120
  assert len(path.read_text().splitlines()) <= limit
