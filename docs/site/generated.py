"""The pages that are made of what is there: the API of its docstrings, the experiments, the notes.

`documented()` lists every public name once, at the most public of its places.
"""

import importlib
import inspect
import pathlib
import pkgutil
import re

from sphinx.pycode import ModuleAnalyzer

import jaxgan

PACKAGES = (
  'jaxgan',
  'jaxgan.data',
  'jaxgan.losses',
  'jaxgan.networks',
  'jaxgan.nn',
  'jaxgan.evaluation.metrics',
)
"""Where users import from, before the modules in which things are defined."""
NOTES = {
  'changelog': ('CHANGELOG.md', 'Changelog'),
  'contributing': ('CONTRIBUTING.md', 'Contributing'),
}


def modules():
  """List the names of all public modules, the packages that users import from first."""
  names = {info.name for info in pkgutil.walk_packages([folder()], 'jaxgan.')}
  known = sorted(name for name in names if '._' not in name and real(name))
  return [*PACKAGES, *(name for name in known if name not in PACKAGES)]


def folder():
  """Return the folder of the package."""
  return str(pathlib.Path(jaxgan.__file__).parent)


def real(name):
  """Tell whether a module is where its name says: `jaxgan.sample` is another name of an app."""
  path = pathlib.Path(folder(), *name.split('.')[1:])
  return (path.with_suffix('.py').is_file() or path.is_dir()) and not name.endswith('__main__')


def public(module):
  """Return the public names of a module and their values: `__all__`, else what it defines."""
  names = getattr(module, '__all__', None)
  if names is not None:
    return {name: getattr(module, name) for name in names if name != '__version__'}
  own = {**vars(module)}
  return {
    name: value
    for name, value in own.items()
    if not name.startswith('_') and getattr(value, '__module__', None) == module.__name__
    if inspect.isclass(value) or inspect.isfunction(value)
  }


def documented():
  """Return the names that each module's section documents, each thing once: `{module: [name]}`."""
  seen, found = set(), {}
  for place in modules():
    names = []
    for name, value in public(importlib.import_module(place)).items():
      if not inspect.ismodule(value) and id(value) not in seen:
        seen.add(id(value))
        names.append(name)
    found[place] = names
  return found


def page(title, places, names):
  """Return a page of the API in reStructuredText."""
  parts = [title, '=' * len(title), '']
  for place in places:
    values = public(importlib.import_module(place))
    made = [n for n in names[place] if callable_or_class(values.get(n))]
    parts += [
      *((place, '-' * len(place), '') if place != title else ()),
      f'.. automodule:: {place}',
    ]
    parts += [f'   :members: {", ".join(made)}', '   :imported-members:', ''] if made else ['']
    for name in names[place]:
      if name not in made:
        parts += [
          f'.. py:data:: {name}',
          f'   :module: {place}',
          '',
          *('   ' + t for t in said(name)),
          '',
        ]
  return '\n'.join(parts)


def callable_or_class(value):
  """Tell whether a value has a docstring of its own; a constant or an alias of a type has none."""
  return inspect.isclass(value) or inspect.isfunction(value)


def said(name):
  """Return the text below the definition of a constant, as lines."""
  for place in modules():
    found = ModuleAnalyzer.for_module(place).find_attr_docs().get(('', name))
    if found:
      escape(None, 'data', name, None, None, found)
      return found
  return []


def api():
  """Return the pages of the API: `{file name: text}`."""
  names, pages, groups = documented(), {}, {}
  for place in names:
    top = place if place in PACKAGES else '.'.join(place.split('.')[:2])
    near = [p for p in PACKAGES[1:] if place.startswith(p + '.')]
    groups.setdefault(near[0] if near else top, []).append(place)
  for title, places in groups.items():
    pages[f'{title}.rst'] = page(title, places, names)
  listed = '\n'.join(f'   {name[:-4]}' for name in pages)
  pages['index.rst'] = INDEX + listed + '\n'
  return pages


INDEX = """API
===

Every public name, from its docstring. Start with :mod:`jaxgan`; `jaxgan.losses`, `jaxgan.networks`,
`jaxgan.nn`, `jaxgan.data` and `jaxgan.evaluation.metrics` are for your own variants. The other
pages are for those who change the library; see :doc:`../architecture`.

.. toctree::
   :maxdepth: 1

"""


def write(docs):
  """Write the generated pages below `docs`; what has not changed keeps its time."""
  pages = {f'api/{name}': text for name, text in api().items()}
  root = docs.parent
  for path in sorted((root / 'experiments').glob('*.md')):
    pages[f'experiments/{path.name}'] = included(f'../../experiments/{path.name}')
  for name, (path, _) in NOTES.items():
    pages[f'about/{name}.md'] = included(f'../../{path}')
  for name, text in pages.items():
    place = docs / name
    place.parent.mkdir(exist_ok=True)
    if not place.exists() or place.read_text() != text:
      place.write_text(text)


def included(path):
  """Return a page that shows a file of the repository."""
  return f'```{{include}} {path}\n:relative-docs: docs/\n:relative-images:\n```\n'


def escape(app, what, name, obj, options, lines):
  """Escape what reStructuredText would read as markup: docstrings are plain text with code."""
  for i, line in enumerate(lines):
    if line.lstrip().startswith(('>>>', '...')):
      continue
    before = lines[i - 1] if i else ''
    if before[:1].strip() and before[0] not in ':-*.>' and line[:1] == ' ':
      line = line.lstrip()  # the second line of an equation, no definition of the first
    parts = re.split(r'(`[^`]*`)', line)
    lines[i] = ''.join(p if p.startswith('`') else escaped(p) for p in parts)


def escaped(text):
  """Escape bars, stars and trailing underscores."""
  return re.sub(r'(\w)_(?=\W|$)', r'\1\\_', re.sub(r'([|*\\])', r'\\\1', text))
