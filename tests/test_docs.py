"""The site: every public name has a page, lessons are kept as executed, and links are checked."""

import ast
import importlib
import itertools
import json
import pathlib
import re
import shlex
import tomllib

import jax.numpy as jnp
import pytest

import jaxgan
from jaxgan import main

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / 'docs'
LESSONS = sorted((DOCS / 'lessons').glob('*.py'))


def loaded(name, path, monkeypatch):
  monkeypatch.syspath_prepend(str(path))
  return importlib.import_module(name)


def test_every_public_name_has_a_place_in_the_api(monkeypatch):
  pytest.importorskip('sphinx', reason='the extra docs is not installed')
  generated = loaded('generated', DOCS / 'site', monkeypatch)
  found = generated.documented()
  names = {name for names in found.values() for name in names}
  text = '\n'.join(generated.api().values())
  for place in generated.PACKAGES:
    module = importlib.import_module(place)
    for name in module.__all__:
      value = getattr(module, name)
      listed = f'automodule:: {value.__name__}\n' in text if ispage(value) else name in names
      assert listed or name == '__version__', f'{place}.{name}'
  assert {'Game', 'train', 'configure', 'VARIANTS'} <= set(found['jaxgan'])


def ispage(value):
  return type(value) is type(jaxgan)


def test_docstrings_keep_what_looks_like_markup(monkeypatch):
  pytest.importorskip('sphinx', reason='the extra docs is not installed')
  generated = loaded('generated', DOCS / 'site', monkeypatch)
  lines = ['loss = |a - b|', '       + w *c', '', '>>> a * b', ':param x: some_', '   `a|b` |']
  generated.escape(None, 'function', 'f', None, None, lines)
  assert lines == [
    r'loss = \|a - b\|',
    r'+ w \*c',
    '',
    '>>> a * b',
    r':param x: some\_',
    r'   `a|b` \|',
  ]


def test_broken_links_are_found(tmp_path, monkeypatch):
  checks = loaded('docs.__main__', ROOT, monkeypatch)
  (tmp_path / 'a').mkdir()
  (tmp_path / 'a/index.html').write_text('<h1 id="top">A</h1><a href="../b.html#there">b</a>')
  (tmp_path / 'b.html').write_text(
    '<p id="there"><a href="a/#top">1</a><a href="a/#no">2</a><img src="no.png">'
    '<a href="#here">3</a><a href="https://example.org/no">4</a></p>'
  )
  assert checks.broken(tmp_path) == ['b.html: a/#no', 'b.html: no.png', 'b.html: #here']


@pytest.mark.parametrize('path', LESSONS, ids=[path.stem for path in LESSONS])
def test_a_lesson_is_whole(path):
  text = path.read_text()
  ast.parse(text)
  if path.stem == 'exercises':
    assert text.count('tags=["hide-cell"]') == len(re.findall(r'^# ## \d\. ', text, re.M)) == 5
    return
  parts = ['The idea and its mathematics', 'The few lines of jaxgan', 'Break it', 'What to read']
  needed = [part for part in parts if path.stem != 'evaluation' or part != parts[1]]
  assert all(f'# ## {part}' in text for part in needed)
  assert '(colab)' in text and '<details><summary>A solution</summary>' in text


@pytest.mark.parametrize('path', LESSONS, ids=[path.stem for path in LESSONS])
def test_its_notebook_is_of_its_text_and_of_no_machine(path):
  """What is shown was printed by the present text, without an error or a path of a machine."""
  notebook = path.with_suffix('.ipynb')
  if not notebook.exists():
    pytest.skip('this lesson is shown without output')
  jupytext = pytest.importorskip('jupytext', reason='the extra docs is not installed')
  cells = json.loads(notebook.read_text())['cells']
  shown = [''.join(cell['source']) for cell in cells if 'find_spec' not in ''.join(cell['source'])]
  asked = [cell.source for cell in jupytext.read(path).cells]
  assert shown == asked, f'the text has changed: python -m docs execute {path.stem}'
  outputs = [output for cell in cells for output in cell.get('outputs', ())]
  assert outputs and not [o for o in outputs if o['output_type'] == 'error']
  said = re.sub(r'"image/\w+": "[^"]*"', '', notebook.read_text())
  assert not re.search(r'(?<![\w.:/<])/[\w.-]+/[\w./-]+', said)  # a path from the root of a disk
  assert notebook.stat().st_size < 1_000_000


def test_a_text_is_changed_around_kept_output_but_no_code_is(tmp_path, monkeypatch, capsys):
  for extra in ('jupytext', 'nbclient'):
    pytest.importorskip(extra, reason='the extra docs is not installed')
  import nbformat

  executed = loaded('executed', DOCS / 'site', monkeypatch)
  lesson, text = tmp_path / 'one.py', '# %% [markdown]\n# # {}\n\n# %%\nprint({})\n'
  v4 = nbformat.v4
  code = v4.new_code_cell('print(1)', outputs=[v4.new_output('stream', text='1\n')])
  kept = v4.new_notebook(cells=[v4.new_markdown_cell('# Old'), v4.new_code_cell('INSTALL'), code])
  kept.cells[1].source = executed.INSTALL
  nbformat.write(kept, tmp_path / 'one.ipynb')
  lesson.write_text(text.format('New', 1))
  assert executed.reword(tmp_path, ['one']) == 0
  cells = nbformat.read(tmp_path / 'one.ipynb', 4).cells
  assert [cell.source for cell in cells] == ['# New', executed.INSTALL, 'print(1)']
  assert cells[2].outputs[0].text == '1\n'
  lesson.write_text(text.format('New', 2))
  assert executed.reword(tmp_path, ['one']) == 1
  assert 'python -m docs execute one' in capsys.readouterr().err


def test_the_extra_has_what_the_site_is_built_with():
  extras = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['optional-dependencies']
  names = {re.split(r'[<>=]', each)[0] for each in extras['docs']}
  assert {'sphinx', 'myst-nb', 'furo', 'jupytext', 'nbclient'} <= names
  assert 'python -m docs' in (ROOT / '.github/workflows/site.yml').read_text()


def test_a_release_is_installed_outside_of_the_clone_before_it_is_published():
  release = (ROOT / '.github/workflows/release.yml').read_text()
  steps = ['python -m build', 'twine check', 'mktemp -d', 'jaxgan train', 'gh-action-pypi-publish']
  places = [release.index(step) for step in steps]
  assert places == sorted(places)


def test_commands_of_the_pages_are_known(capsys):
  """Those of README.md and docs/*.md run in test_commands; of the other pages they are read."""
  pages = [page for folder in ('start', 'howto', 'about') for page in (DOCS / folder).glob('*.md')]
  said = [found for page in pages for found in re.findall(r'^jaxgan .+', page.read_text(), re.M)]
  named = [found for page in pages for found in re.findall(r'`jaxgan ([a-z]+)', page.read_text())]
  assert len(said) >= 5 and set(named) | {line.split()[1] for line in said} <= set(main.COMMANDS)
  for line in said:
    words = shlex.split(line)
    if words[1] == 'train' and words[2].startswith('--'):
      assert main.parse(words[2:])[0].variant in jaxgan.VARIANTS
    elif words[1] != 'train':
      command = itertools.takewhile(lambda word: word[:2] != '--', words[1:])  # `anomaly score`
      with pytest.raises(SystemExit):
        main.jaxgan([*command, '--help'])
      shown = capsys.readouterr().out
      assert all(
        re.search(rf'{word.partition("=")[0]}\b', shown) for word in words[2:] if word[:2] == '--'
      ), line


def test_programs_of_the_pages_run():
  """Those that train are shorter forms of what the README's tests run; they are only parsed."""
  pages = [*(DOCS / 'start').glob('*.md'), *(DOCS / 'howto').glob('*.md')]
  programs = [
    p for page in pages for p in re.findall(r'```python\n(.*?)```', page.read_text(), re.S)
  ]
  made = {}
  for program in programs:
    if 'jaxgan.train(' in program:
      ast.parse(program)
    else:
      exec(program, made)
  assert [turn.player for turn in made['game'].turns] == ['critic', 'generator']
  real, fake = jnp.array([3.0, 1.0]), jnp.array([-3.0, -1.0])
  assert float(made['margin'].critic(real, fake)) == 1.0
  assert float(made['drift'](lambda x: 2 * x, real, fake, None)) == pytest.approx(0.02)


def test_the_bibliography_has_the_article_of_every_variant():
  page = (DOCS / 'about/bibliography.md').read_text()
  assert sorted(re.findall(r'^\| `(\w+)` \|', page, re.M)) == sorted(jaxgan.VARIANTS)


def test_the_gallery_shows_what_the_command_of_every_variant_makes():
  from experiments import gallery

  page, pictures = (DOCS / 'gallery.md').read_text(), (DOCS / 'gallery').glob('*.png')
  known = {path.stem for path in (ROOT / 'jaxgan/variants').glob('*.py')} - {'__init__'}
  sizes = {picture.stem: picture.stat().st_size for picture in pictures}
  fed = {'gan_cls', 'ctgan'}  # neither captions nor tables come with the package
  assert set(gallery.SETTINGS) == known - fed and set(sizes) <= known
  assert max(sizes.values()) <= gallery.HEAVIEST and sum(sizes.values()) <= 1_000_000
  for name in gallery.SETTINGS:
    config, _, _ = main.parse(gallery.line(name).split()[2:])
    shown = f'![What {name} makes after {config.length} steps](gallery/{name}.png)'
    shown = shown if name in sizes else 'Not made yet.'
    assert f'### {name}\n\n{shown}\n\n    {gallery.line(name)}\n' in page
    assert config.variant == name
    assert (f'| [`{name}`](#{name}) | {config.length} |' in page) == (name in sizes)
