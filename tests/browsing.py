"""A browser without a window and a network, by the WebDriver protocol: it needs no library."""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

import pytest

FLAGS = [
  *('--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-sync'),
  *('--disable-background-networking', '--disable-component-update', '--disable-quic'),
  '--window-size=1100,1400',
]
NOWHERE = '--host-resolver-rules=MAP * ~NOTFOUND'


class Browser:
  def __init__(self, port):
    self.base = f'http://127.0.0.1:{port}'

  def ask(self, path, method='POST', **body):
    data = json.dumps(body).encode() if method == 'POST' else None
    request = urllib.request.Request(self.base + path, data, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
      return json.loads(response.read())['value']

  def ready(self):
    for _ in range(100):
      with contextlib.suppress(OSError):
        return self.ask('/status', 'GET')
      time.sleep(0.1)
    raise AssertionError('chromedriver does not answer')

  def open(self, url):
    """Load a page anew, also where only the fragment differs."""
    self.ask('/url', url='about:blank')
    self.ask('/url', url=url)

  def devtools(self, command, **params):
    """What a command of the DevTools protocol returns."""
    return self.ask('/goog/cdp/execute', cmd=command, params=params)

  def show(self, width, height=900, dark=False):
    """Set the size of the window in pixels, and the preferred colours."""
    size = dict(width=width, height=height, deviceScaleFactor=1, mobile=False)
    self.devtools('Emulation.setDeviceMetricsOverride', **size)
    scheme = {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}
    self.devtools('Emulation.setEmulatedMedia', features=[scheme])

  def find(self, selector):
    """The path of an element."""
    found = self.ask('/element', using='css selector', value=selector)
    return '/element/' + next(iter(found.values()))

  def run(self, script):
    """What JavaScript returns in the page."""
    return self.ask('/execute/sync', script=script, args=[])

  def press(self, selector, keys):
    self.ask(self.find(selector) + '/value', text=keys)

  def errors(self):
    """What the console said since it was last asked."""
    return self.ask('/se/log', type='browser')


@contextlib.contextmanager
def opened(downloads, reachable=None):
  """A browser that reaches no host, or this one alone."""
  rules = NOWHERE + (f' , EXCLUDE {reachable}' if reachable else '')
  driver, chrome = shutil.which('chromedriver'), shutil.which('chromium')
  if not (driver and chrome):
    pytest.skip('needs chromium and chromedriver')
  with socket.socket() as server:
    server.bind(('127.0.0.1', 0))
    port = server.getsockname()[1]
  with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    process = subprocess.Popen([driver, f'--port={port}'], stdout=subprocess.DEVNULL)
    try:
      browser = Browser(port)
      browser.ready()
      options = {'args': [*FLAGS, rules, f'--user-data-dir={profile}'], 'binary': chrome}
      options['prefs'] = {'download.default_directory': str(downloads)}
      asked = {'goog:chromeOptions': options, 'goog:loggingPrefs': {'browser': 'ALL'}}
      session = browser.ask('/session', capabilities={'alwaysMatch': asked})['sessionId']
      browser.base += f'/session/{session}'
      yield browser
      browser.ask('', 'DELETE')
    finally:
      process.terminate()
      process.wait()
