"""Every page of the built site in a browser: nothing on the console, no scrolling to the side."""

import base64
import os
import pathlib
import subprocess
import sys

import pytest

import browsing

ROOT = pathlib.Path(__file__).parents[1]
SHOWN = os.environ.get('JAXGAN_SITE_SCREENSHOTS')
"""A folder for a screenshot of each page at each width in each scheme."""


@pytest.fixture(scope='module')
def site():
  """The pages, built anew."""
  pytest.importorskip('sphinx', reason='the extra docs is not installed')
  subprocess.run([sys.executable, '-m', 'docs'], cwd=ROOT, check=True)
  return ROOT / 'docs' / '_build' / 'html'


def wide(browser):
  """By how many pixels a page is wider than the window, and its widest element."""
  return browser.run(
    'const extra = document.documentElement.scrollWidth - document.documentElement.clientWidth;'
    'const all = extra > 0 ? [...document.body.querySelectorAll("*")] : [];'
    'const out = all.filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 3);'
    'return [extra, out.map(e => e.outerHTML.slice(0, 100))]'
  )


def cut(browser):
  """The formulas that are higher than the boxes they are shown in."""
  return browser.run(
    'const all = [...document.querySelectorAll(".formula")];'
    'return all.filter(e => e.scrollHeight > e.clientHeight + 1).map(e => e.textContent.trim())'
  )


@pytest.mark.slow
def test_every_page_is_quiet_and_fits_its_window(site, tmp_path):
  pages = sorted(site.rglob('*.html'))
  assert len(pages) > 50
  found = []
  with browsing.opened(tmp_path) as browser:
    for path in pages:
      for width in (390, 1280):
        for dark in (False, True):
          name = f'{path.relative_to(site)} at {width}, {"dark" if dark else "light"}'
          browser.show(width, dark=dark)
          browser.open(path.as_uri())
          found += [f'{name}: {each["message"]}' for each in browser.errors()]
          extra, elements = wide(browser)
          found += [f'{name}: {extra} pixels too wide: {elements}'] if extra > 0 else []
          found += [f'{name}: cut: {formula}' for formula in cut(browser)]
          if SHOWN:
            picture = pathlib.Path(SHOWN) / f'{name.replace("/", "_").replace(", ", "-")}.png'
            picture.write_bytes(base64.b64decode(browser.ask('/screenshot', 'GET')))
  assert not found
