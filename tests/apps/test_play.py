"""The page in a browser: a control changes the picture, and nothing is fetched elsewhere."""

import contextlib
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

import browsing
from jaxgan.apps import loopback, play, play_routes
from jaxgan.training.run import load
from photographs import refused

RIGHT, TAB = '\ue014', '\ue004'  # of WebDriver


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
  with browsing.opened(tmp_path_factory.mktemp('downloads'), '127.0.0.1') as opened:
    yield opened


@contextlib.contextmanager
def command(workdir, tell):
  """The command in a process of its own; its address. It ends well at Ctrl-C."""
  words = [sys.executable, '-m', 'jaxgan', 'play', f'--workdir={workdir}', '--port=0']
  begun = time.monotonic()
  process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
  try:
    address = re.search(r'at (http://127\.0\.0\.1:\d+/) ', process.stdout.readline()).group(1)
    tell(time.monotonic() - begun)
    yield address
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, 'jaxgan: the page is closed\n', '')
  finally:
    process.kill()
    process.wait()


@contextlib.contextmanager
def served(run):
  """The page of a run, answered by this process."""
  with loopback.serving(play_routes.of(run), '127.0.0.1', 0) as (server, address):
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
      yield address
    finally:
      server.shutdown()


def until(browser, script, seconds=30):
  end = time.monotonic() + seconds
  while not browser.run(f'return {script}'):
    assert time.monotonic() < end, (script, text(browser, 'message'), browser.errors())
    time.sleep(0.02)


def text(browser, name):
  return browser.run(f"return document.getElementById('{name}').textContent")


def drawn(browser):
  """The bytes of the picture, once the page has drawn what is wished."""
  until(browser, 'document.body.dataset.nearby')
  return browser.run("""
    const image = document.getElementById('picture'), canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext('2d').drawImage(image, 0, 0);
    return canvas.toDataURL();""")


def after(browser, act):
  """The picture after an action."""
  browser.run('delete document.body.dataset.nearby')
  act()
  return drawn(browser)


def shown(browser):
  return browser.run("""return [...document.querySelectorAll('legend')]
    .filter((x) => x.offsetParent).map((x) => x.innerText.trim())""")


NAMED = """return [...document.querySelectorAll('button, select, input, a, img, progress')]
  .filter((x) => x.offsetParent && !(x.tagName === 'IMG' && x.closest('button')))
  .filter((x) => !(x.alt || x.getAttribute('aria-label') || x.labels?.[0]?.innerText
    || x.innerText))
  .map((x) => x.outerHTML)"""
ELSEWHERE = """return performance.getEntriesByType('resource').map((x) => x.name)
  .filter((x) => !x.startsWith(location.origin) && !x.startsWith('blob:' + location.origin)
    && !x.startsWith('data:'))"""


def silent(browser):
  assert browser.run(NAMED) == []
  assert browser.run(ELSEWHERE) == []
  assert browser.errors() == []


def test_a_run_by_class_in_a_browser(conditional, browser, tmp_path):
  browser.show(1280)
  with command(conditional, tell=lambda seconds: print(f'{seconds:.1f} s to an address')) as url:
    browser.open(url)
    first = drawn(browser)
    until(browser, "document.getElementById('direction-6')")
    assert shown(browser) == ['Seed', 'Class', 'Directions', 'Film', 'Your picture']
    moved = after(browser, lambda: browser.press('#direction-1', 20 * RIGHT))
    assert moved != first
    assert 'direction 1: 2' in browser.run("return document.getElementById('picture').alt")
    assert 'moves=' in browser.run('return location.hash')
    other = after(browser, lambda: browser.press('#label', '7'))
    assert other not in (first, moved) and text(browser, 'caption').startswith('seed 0, class 7')
    undo = "document.getElementById('undo').click()"
    assert after(browser, lambda: browser.run(undo)) == moved
    assert after(browser, lambda: browser.run(undo)) == first
    browser.run("document.getElementById('film-make').click()")
    until(browser, "document.getElementById('film-picture').naturalWidth === 16")
    step = after(browser, lambda: browser.run("document.querySelector('#thumbs button').click()"))
    assert step != first and '1 step from it' in text(browser, 'caption')
    Image.fromarray(np.full((30, 20), 200, np.uint8)).save(tmp_path / 'grey.png')
    browser.press('#upload', str(tmp_path / 'grey.png'))
    until(browser, "document.querySelector('#found .compare')")
    assert 'dB' in text(browser, 'found') and text(browser, 'message') == ''
    silent(browser)
    browser.open(f'{url}#label=7&moves=[2]&nothing=1')
    drawn(browser)
    assert text(browser, 'caption') == 'seed 0, class 7, direction 1: 2'
    assert 'does not know: nothing' in text(browser, 'message')
  browser.run("document.getElementById('next').click()")
  until(
    browser, "document.getElementById('message').textContent.startsWith('The program does not')"
  )
  browser.open('about:blank')
  assert {x['source'] for x in browser.errors()} == {'network'}  # the browser's own words on that


def test_styles_have_their_controls_and_every_window_fits(styled, browser):
  with served(load(styled)) as url:
    for width, dark in ((390, True), (1280, False)):
      browser.show(width, dark=dark)
      browser.open(url)
      until(browser, "document.getElementById('direction-5')")
      assert browser.run('return document.documentElement.scrollWidth <= innerWidth')
      back = browser.run('return getComputedStyle(document.body).backgroundColor')
      assert (int(back.split('(')[1].split(',')[0]) < 128) is dark
    whole = drawn(browser)
    wanted = ['Seed', 'Directions', 'Truncation', 'Style mixing', 'Film', 'Your picture']
    assert shown(browser) == wanted
    assert after(browser, lambda: browser.press('#psi', 20 * RIGHT)) != whole
    assert after(browser, lambda: browser.run("document.getElementById('reset').click()")) == whole
    assert after(browser, lambda: browser.press('#mix-part', 'the coarse')) != whole
    silent(browser)


def test_a_translation_is_compared_by_a_slider(without_latents, browser, tmp_path):
  Image.fromarray(np.full((30, 20), 90, np.uint8)).save(tmp_path / 'grey.png')
  browser.show(390)
  with served(load(without_latents)) as url:
    browser.open(url)
    until(browser, "document.getElementById('images').offsetParent")
    assert shown(browser) == ['Your picture'] and text(browser, 'title') == 'gan on digits, step 0'
    browser.press('#source', str(tmp_path / 'grey.png'))
    until(browser, "document.querySelector('.under')?.naturalWidth === 20")
    silent(browser)
    line = "return document.querySelector('.both').style.getPropertyValue('--at')"
    browser.press('.compare input', 10 * RIGHT)
    assert browser.run(line) == '60%'
    (tmp_path / 'bad.png').write_bytes(b'bad')
    browser.press('#source', str(tmp_path / 'bad.png'))
    until(browser, "document.getElementById('message').offsetParent")
    assert 'cannot be used: give an intact PNG' in text(browser, 'message')


@pytest.mark.parametrize('at_work', [[], ['/film']])
def test_ctrl_c_does_not_wait_for_a_picture(plain, at_work, monkeypatch, capsys):
  """Nor does it end threads inside of compiled code, by which Python would abort."""

  def pressed(server, poll_interval):
    server.answering += at_work
    raise KeyboardInterrupt

  ended = []
  monkeypatch.setattr(loopback.Server, 'serve_forever', pressed)
  monkeypatch.setattr(play.os, '_exit', ended.append)
  monkeypatch.setattr(play, 'cache_programs', lambda: None)
  assert play.main([f'--workdir={plain}', '--port=0']) == 0
  assert capsys.readouterr().out.endswith('the page is closed\n')
  assert ended == [0] * len(at_work)


def test_what_cannot_be_served(plain, tmp_path, capsys):
  assert 'holds no run' in refused(capsys, play.main, f'--workdir={tmp_path}')
  assert '--port must lie from 0 to 65535' in refused(
    capsys, play.main, f'--workdir={plain}', '--port=70000'
  )
  assert '--host=203.0.113.7 --port=0 cannot be used' in refused(
    capsys, play.main, f'--workdir={plain}', '--port=0', '--host=203.0.113.7'
  )
