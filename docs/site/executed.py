"""Execute lessons, and keep what they print and draw beside their text."""

import sys
import time

import jupytext
import nbclient
import nbformat

INSTALL = """import importlib.util

if importlib.util.find_spec('jaxgan') is None:  # as on Colab
  get_ipython().run_line_magic('pip', 'install -q jaxgan')"""


def execute(folder, names):
  """Execute the named lessons, or all, one after the other; return the exit code."""
  known = sorted(path.stem for path in folder.glob('*.py'))
  if unknown := set(names) - set(known):
    print(f'there is no lesson {min(unknown)}, only {", ".join(known)}', file=sys.stderr)
    return 2
  for name in names or known:
    start = time.perf_counter()
    run(folder / f'{name}.py')
    print(f'{name}: {time.perf_counter() - start:.0f} s', flush=True)
  return 0


def run(path):
  """Execute one lesson and write its notebook, without anything of this machine."""
  notebook = jupytext.read(path)
  nbclient.NotebookClient(notebook, timeout=1800, kernel_name='python3').execute()
  for cell in notebook.cells:
    cell.metadata.pop('execution', None)
    if cell.cell_type == 'code':  # XLA says on a busy machine that it compiles slowly
      cell.outputs = [o for o in cell.outputs if o.get('name') != 'stderr']
    for output in cell.get('outputs', ()):
      output.pop('execution_count', None)
      if output.output_type == 'execute_result':
        output.execution_count = cell.execution_count
  notebook.cells.insert(1, nbformat.v4.new_code_cell(INSTALL, metadata={'tags': ['remove-cell']}))
  for i, cell in enumerate(notebook.cells):
    cell.id = f'cell-{i}'
  notebook.metadata = nbformat.from_dict(
    {
      'kernelspec': {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'},
      'language_info': {'name': 'python'},
    }
  )
  nbformat.write(notebook, path.with_suffix('.ipynb'))
