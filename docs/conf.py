"""How Sphinx builds the site; `python -m docs` builds and checks it."""

import json
import os
import pathlib
import shutil
import sys

DOCS = pathlib.Path(__file__).parent
sys.path.insert(0, str(DOCS / 'site'))

import generated  # noqa: E402  docs/site is no package
import mathml  # noqa: E402

import jaxgan  # noqa: E402

project = 'jaxgan'
author = 'The jaxgan authors'
copyright = f'{author}, MIT License'
release = version = jaxgan.__version__

extensions = [
  'myst_nb',
  'sphinx.ext.autodoc',
  'sphinx.ext.napoleon',
  'sphinx.ext.linkcode',
  'sphinx_copybutton',
]
exclude_patterns = ['_build', 'site', 'examples', 'plane', 'conf.py', '__main__.py']
exclude_patterns += [f'lessons/{path.stem}.py' for path in (DOCS / 'lessons').glob('*.ipynb')]
html_theme = 'furo'
html_title = 'jaxgan'
html_static_path = ['site/static']
html_css_files = ['site.css']
html_show_sphinx = False

# A lesson is a text, `lessons/NAME.py`, and what it printed and drew when it was executed,
# `lessons/NAME.ipynb`. The site shows the latter and executes nothing; where there is none, it
# shows the text alone.
nb_custom_formats = {'.py': ['jupytext.reads', {'fmt': 'py:percent'}]}
nb_execution_mode = 'off'
nb_number_source_lines = False
nb_code_prompt_show = 'Open the solution'
nb_code_prompt_hide = 'Close the solution'
nb_render_markdown_format = 'myst'
myst_enable_extensions = ['dollarmath', 'amsmath', 'deflist', 'colon_fence']
myst_heading_anchors = 4
# A changelog may start at the second level; `Config` in a signature may be that of any variant.
suppress_warnings = ['myst.header', 'ref.python']

html_math_renderer = 'mathml'
autodoc_member_order = 'bysource'
autodoc_typehints_format = 'short'
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [('References', 'notes_style'), ('Reference', 'notes_style')]
default_role = 'code'
copybutton_prompt_text = r'>>> |\.\.\. |\$ '
copybutton_prompt_is_regexp = True

REPOSITORY = os.environ.get('GITHUB_REPOSITORY', '')
"""owner/name, which the public CI knows, for links to Colab and to the source."""


HERE = """To run it on your own machine, in a clone of the repository, with Python 3.11 or newer:

    python3 -m venv .venv && . .venv/bin/activate && pip install -e '.[docs]'
    python -m docs execute {0}

This writes `docs/lessons/{0}.ipynb`, which Jupyter opens, with what it printed and drew."""
"""How to run a lesson, for its page."""
PLANE = '| watch a GAN learn, in your browser | <a href="plane/index.html">The plane</a> |\n'
"""A row of the first page. The plane is no page of Sphinx, so a reference would not find it."""


def setup(app):
  """Add the formulas, the pages that are made of the code, and the links to Colab."""
  generated.write(DOCS)
  mathml.setup(app)
  app.connect('autodoc-process-docstring', generated.escape)
  app.connect('source-read', filled)
  app.connect('build-finished', with_plane)


def filled(app, docname, source):
  """Put into a page what is known only now: the link to Colab, and the list of pages of `docs/`."""
  executed = (DOCS / f'{docname}.ipynb').is_file()
  url = f'https://colab.research.google.com/github/{REPOSITORY}/blob/main/docs/{docname}.ipynb'
  link = f'[Open this lesson in Colab]({url}).\n\n' if REPOSITORY else ''
  link += HERE.format(pathlib.PurePath(docname).name)
  link = (
    link if executed else 'This page has no output yet: run it to see what it prints and draws.'
  )
  placed = {'index', 'architecture', 'experiments', 'gallery'}
  pages = sorted({path.stem for path in DOCS.glob('*.md')} - placed)
  there = (DOCS / 'plane' / 'index.html').is_file()
  plane = PLANE if there else ''
  known = {'(colab)': link, '(pages)': '\n'.join(pages), '(plane)\n': plane}
  for name, text in known.items():
    text = json.dumps(text)[1:-1] if executed else text  # a notebook is JSON
    source[0] = source[0].replace(name, text)


def linkcode_resolve(domain, info):
  """Return the address of a module's source where the repository is known."""
  path = info['module'].replace('.', '/')
  path += '.py' if (DOCS.parent / f'{path}.py').is_file() else '/__init__.py'
  return f'https://github.com/{REPOSITORY}/blob/main/{path}' if REPOSITORY else None


def with_plane(app, error):
  """Copy the interactive plane, a page of its own, to `plane/` of the site."""
  if not error and (DOCS / 'plane').is_dir():
    shutil.copytree(DOCS / 'plane', pathlib.Path(app.outdir) / 'plane', dirs_exist_ok=True)
