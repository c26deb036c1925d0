"""Execute lessons, and keep what they print and draw beside their text."""

import os
import sys
import time

import jupytext
import nbclient
import nbformat

INSTALL = """import importlib.util

if importlib.util.find_spec('jaxgan') is None:  # as on Colab
  get_ipython().run_line_magic('pip', 'install -q jaxgan')"""


def chosen(folder, names):
  """Return the named lessons, or all; none if there is an unknown one, which is said."""
  known = sorted(path.stem for path in folder.glob('*.py'))
  if unknown := set(names) - set(known):
    print(f'there is no lesson {min(unknown)}, only {", ".join(known)}', file=sys.stderr)
    return []
  return names or known


def execute(folder, names):
  """Execute the named lessons, or all, one after the other; return the exit code."""
  lessons = chosen(folder, names)
  for name in lessons:
    start, used = time.perf_counter(), children()
    run(folder / f'{name}.py')
    spent = f'{children() - used:.0f} processor seconds'
    print(f'{name}: {time.perf_counter() - start:.0f} s, {spent}', flush=True)
  return 0 if lessons else 2


def children():
  """Return the processor seconds of all ended kernels."""
  times = os.times()
  return times.children_user + times.children_system


def reword(folder, names):
  """Put the present text of lessons around the output that is kept; return the exit code.

  What was printed and drawn stays valid as long as no code has changed. A lesson whose code has
  changed is named and has to be executed.
  """
  lessons, code = chosen(folder, names), 0
  for name in lessons:
    path = folder / f'{name}.py'
    notebook = path.with_suffix('.ipynb')
    kept = nbformat.read(notebook, 4) if notebook.exists() else nbformat.v4.new_notebook()
    cells = [cell for cell in kept.cells if cell.source != INSTALL]
    asked = jupytext.read(path).cells
    if [c.source for c in asked if c.cell_type == 'code'] != [
      c.source for c in cells if c.cell_type == 'code'
    ]:
      print(f'the code of {name} has changed: python -m docs execute {name}', file=sys.stderr)
      code = 1
      continue
    ran = iter([cell for cell in cells if cell.cell_type == 'code'])
    finish(kept, [next(ran) if c.cell_type == 'code' else c for c in asked], path)
  return code if lessons else 2


def run(path):
  """Execute one lesson and write its notebook, without anything of this machine."""
  notebook = jupytext.read(path)
  given = dict(timeout=1800, kernel_name='python3', coalesce_streams=True)
  nbclient.NotebookClient(notebook, **given).execute()
  for cell in notebook.cells:
    cell.metadata.pop('execution', None)
    if cell.cell_type == 'code':  # XLA says on a busy machine that it compiles slowly
      cell.outputs = [o for o in cell.outputs if o.get('name') != 'stderr']
    for output in cell.get('outputs', ()):
      output.pop('execution_count', None)
      if output.output_type == 'execute_result':
        output.execution_count = cell.execution_count
  finish(notebook, notebook.cells, path)


def finish(notebook, cells, path):
  """Write cells as the notebook of a lesson, with a cell that installs jaxgan on Colab."""
  install = nbformat.v4.new_code_cell(INSTALL, metadata={'tags': ['remove-cell']})
  notebook.cells = [cells[0], install, *cells[1:]]
  for i, cell in enumerate(notebook.cells):
    cell.id = f'cell-{i}'
  notebook.metadata = nbformat.from_dict(
    {
      'kernelspec': {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'},
      'language_info': {'name': 'python'},
    }
  )
  nbformat.write(notebook, path.with_suffix('.ipynb'))
