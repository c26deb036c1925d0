"""Lessons run from top to bottom: one of them always, all of them with `pytest -m slow`."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
ALWAYS = ('dcgan',)
"""The lesson that every CI run executes: two short trainings of a variant of its own."""
LESSONS = sorted((ROOT / 'docs' / 'lessons').glob('*.py'))


@pytest.mark.parametrize(
  'path',
  [pytest.param(p, id=p.stem, marks=() if p.stem in ALWAYS else pytest.mark.slow) for p in LESSONS],
)
def test_a_lesson_runs(path, tmp_path):
  env = {**os.environ, 'MPLBACKEND': 'agg', 'PYTHONPATH': str(ROOT)}
  ran = subprocess.run(
    [sys.executable, str(path)], cwd=tmp_path, env=env, capture_output=True, text=True
  )
  assert ran.returncode == 0, ran.stderr
  assert ran.stdout.count('\n') >= 3
  assert not list(tmp_path.iterdir())
