"""A page is one small file that loads nothing; in a browser without a network it works."""

import json
import re
import shutil

import numpy as np
import pytest

import browsing
from jaxgan import data
from jaxgan.reports import page
from jaxgan.storage.workdir import METRICS, REPORT
from run_folders import DIAGNOSIS, samples_of, write_lines, written


@pytest.fixture(scope='session')
def pages(lsgan, cgan, cyclegan, tmp_path_factory):
  """The pages of single runs, and of three compared, with their sizes."""
  out = tmp_path_factory.mktemp('pages')
  images = np.uint8(127.5 * (samples_of([0, 1], (50, 16, 16, 1))[1] + 1))
  source = data.from_arrays(images, np.arange(50) % 10)
  runs = {'lsgan': [lsgan], 'cgan': [cgan], 'cyclegan': [cyclegan]}
  runs['three'] = [lsgan, cgan, cyclegan]
  for name, folders in runs.items():
    extras = page.Extras(source, DIAGNOSIS) if len(folders) == 1 else None
    size = page.write(folders, out / f'{name}.html', extras)
    assert size == (out / f'{name}.html').stat().st_size < page.LIMIT
  return out


NAMES = ['lsgan', 'cgan', 'cyclegan', 'three']


@pytest.mark.parametrize('name', NAMES)
def test_nothing_is_loaded(pages, name):
  text = (pages / f'{name}.html').read_text()
  assert "default-src 'none'" in text
  urls = re.findall(r'(?:src|href)="([^"]*)"', text)
  assert urls and all(url.startswith(('data:', '#')) for url in urls)
  assert set(re.findall(r'https?://[\w./]+', text)) == {'http://www.w3.org/2000/svg'}


@pytest.mark.parametrize('name', NAMES)
def test_every_image_has_words_and_every_heading_a_place(pages, name):
  text = (pages / f'{name}.html').read_text()
  images = re.findall(r'<img [^>]*>', text)
  assert images and all(re.search(r'alt="[^"]{8,}"', image) for image in images)
  identities = re.findall(r' id="([^"]*)"', text)
  assert len(identities) == len(set(identities))
  assert text.count('<h1') == 1 and text.count('<main') == 1


def test_a_page_has_all_sections(pages):
  text = (pages / 'cgan.html').read_text()
  titles = ['Diagnosis', 'Samples through time', 'Nearest training images', 'By class', 'Curves']
  titles += ['Scores', 'Options', 'Data set', 'Versions and speed', 'Train it again']
  assert re.findall(r'<h2[^>]*>([^<]*)', text) == titles


def test_translations_have_no_nearest_images(pages):
  text = (pages / 'cyclegan.html').read_text()
  assert 'Nearest' not in text and '<span>A to B</span>' in text
  assert 'Translations through time' in text


def test_a_run_that_has_just_begun_has_a_page(lsgan, tmp_path):
  folder = tmp_path / 'new'
  folder.mkdir()
  shutil.copy(lsgan / 'config.json', folder)
  page.write([folder], folder / REPORT)
  text = (folder / REPORT).read_text()
  assert 'no picture of samples yet' in text and 'Curves</h2>' not in text


def test_class_names_cannot_break_out(tmp_path):
  evil = ['</script><script>alert(1)</script>', '"><img src=x onerror=alert(2)>', "'&$title"]
  folder = written(tmp_path / 'a$b<i>', 'cgan', names=(evil * 4)[:10])
  page.write([folder], folder / REPORT)
  text = (folder / REPORT).read_text()
  assert 'alert(1)</script>' not in text and '<img src=x' not in text and '<i>' not in text
  assert '&lt;/script&gt;' in text and 'a$b&lt;i&gt;' in text


def test_many_long_runs_stay_below_the_limit(tmp_path, monkeypatch):
  folders = [written(tmp_path / f'run{i}', scored=i + 1.0) for i in range(4)]
  for folder in folders:
    write_lines(folder, range(1, 3000))
  whole = page.write(folders, tmp_path / 'all.html')
  monkeypatch.setattr(page, 'LIMIT', whole - 10_000)
  assert page.write(folders, tmp_path / 'less.html') <= whole - 10_000
  monkeypatch.setattr(page, 'LIMIT', 1000)
  with pytest.raises(ValueError, match='fewer runs'):
    page.write(folders, tmp_path / 'none.html')
  assert not (tmp_path / 'none.html').exists()


# In a browser.


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
  with browsing.opened(tmp_path_factory.mktemp('downloads')) as found:
    yield found


FETCHED = """return performance.getEntriesByType('resource').map(e => e.name)
  .filter(name => !name.startsWith('data:'))"""
SHOWN = "return [...document.querySelectorAll('[id^=frame-]')].map(i => [i.src, i.alt])"
HOME, END, LEFT, RIGHT = '\ue011', '\ue010', '\ue012', '\ue014'


@pytest.mark.parametrize('name', NAMES)
def test_in_a_browser(pages, browser, name):
  """The slider moves every picture, by keys; curves are drawn and read; the console is silent."""
  browser.ask('/url', url=f'file://{pages / f"{name}.html"}')
  last = browser.run(SHOWN)
  assert len(last) == (3 if name == 'three' else 1)
  assert all('at step 400' in words for _, words in last)
  browser.press('#time', HOME)
  first = browser.run(SHOWN)
  assert all('at step 0' in words for _, words in first)
  assert not {url for url, _ in first} & {url for url, _ in last}
  browser.press('#time', RIGHT)
  said = browser.run("return document.getElementById('time').getAttribute('aria-valuetext')")
  assert said == ('25 %' if name == 'three' else 'step 100')
  browser.press('#time', END)
  assert browser.run(SHOWN) == last

  charts = browser.run(
    "return [...document.querySelectorAll('.chart svg[role=img]')].map("
    "s => [s.getAttribute('aria-label'), s.querySelectorAll('path.line').length])"
  )
  titles = [label.split(',')[0] for label, _ in charts]
  assert titles == ['loss', 'real and fake', 'speed'] and all(count for _, count in charts)
  value = "return document.querySelector('.legend b').textContent"
  before = browser.run(value)
  browser.press('.chart > svg', LEFT * 10)
  assert browser.run(value) != before
  wrong = browser.run('return [...document.images].filter(i => !i.alt || !i.naturalWidth).length')
  assert wrong == 0
  assert browser.run(FETCHED) == []
  assert browser.errors() == []


def test_curves_can_be_hidden_and_scaled(pages, browser):
  browser.ask('/url', url=f'file://{pages / "three.html"}')
  lines = "return document.querySelectorAll('.chart:first-child path.line').length"
  assert browser.run(lines) == 6
  browser.ask(browser.find('[data-run="1"]') + '/click')
  assert browser.run(lines) == 4
  browser.ask(browser.find('.chart:first-child .legend button') + '/click')
  assert browser.run(lines) == 3
  label = "return document.querySelector('.chart:first-child svg text').textContent"
  before = browser.run(label)
  browser.ask(browser.find('.chart:first-child .scale') + '/click')
  assert browser.run(label) != before
  assert browser.errors() == []


def test_steps_on_the_axis_are_whole_numbers(browser, lsgan, tmp_path):
  """A curve of one line spans one step."""
  folder = tmp_path / 'one'
  shutil.copytree(lsgan, folder)
  lines = (folder / METRICS).read_text().splitlines()
  (folder / METRICS).write_text(next(line for line in lines if 'critic/loss' in line) + '\n')
  page.write([folder], folder / REPORT)
  browser.ask('/url', url=f'file://{folder / REPORT}')
  axis = "return [...document.querySelectorAll('.chart svg text[text-anchor=middle]')]"
  labels = browser.run(f'{axis}.map(t => t.textContent)')
  assert labels and all(label.isdigit() for label in labels)


def test_pages_fit_a_telephone_and_play(pages, browser):
  browser.ask('/window/rect', width=500, height=900)
  browser.ask('/url', url=f'file://{pages / "cgan.html"}')
  wide = 'return document.documentElement.scrollWidth - document.documentElement.clientWidth'
  assert browser.run(wide) <= 0
  browser.ask(browser.find('#play') + '/click')
  assert browser.run("return document.getElementById('now').textContent") == 'step 0'
  assert browser.run("return document.getElementById('play').textContent") == 'Pause'
  browser.ask('/window/rect', width=1100, height=1400)
  assert browser.errors() == []


def test_the_curves_hold_what_the_log_says(pages):
  text = (pages / 'lsgan.html').read_text()
  found = json.loads(re.search(r'id="curves-data">(.*?)</script>', text)[1])
  steps, values = found['runs'][0]['curves']['critic/loss']
  assert steps == list(range(10, 401, 10)) and values[0] == 0.1 and values[-1] == 0.0025
