"""Code in a process without jaxgan, by which a command checks what it has exported."""

import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

CLOSE, ROUNDING = 1e-5, 1e-3
"""How far, of the largest number, images of the file may be from those of the same program here,
and from those of the run, whose convolutions add their products in another order."""


def run(code: str, data: bytes, inputs: dict[str, np.ndarray], *more: str) -> str:
  """Run code on a file and arrays in another process, which cannot import jaxgan; return its words.

  Raises:
    ValueError: it fails; with the last line of what it said.
  """
  guard = "import sys\nsys.modules['jaxgan'] = None\n"
  with tempfile.TemporaryDirectory() as folder:
    file, given = pathlib.Path(folder) / 'exported', pathlib.Path(folder) / 'given.npz'
    file.write_bytes(data)
    np.savez(given, **inputs)  # type: ignore[arg-type]
    words = [sys.executable, '-I', '-c', guard + code, str(file), str(given), *more]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=dict(os.environ))
  if done.returncode:
    last = (done.stderr.strip().splitlines() or ['it ended without a word'])[-1]
    raise ValueError(f'the file cannot be used without jaxgan: {last}')
  return done.stdout.strip()


def difference(one: np.ndarray, other: np.ndarray) -> float:
  """Return the largest difference, as a share of the largest number."""
  return float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-30))
