"""Chromium without a window, over its debugging pipe: pages, their errors, pictures and keys."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time

PROGRAM = next(
  filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None
)
FLAGS = (
  *('--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'),
  *('--disable-dev-shm-usage', '--no-first-run', '--hide-scrollbars', '--remote-debugging-pipe'),
)


class Page:
  """One page. `errors` has every error and warning of its console, and every failed request."""

  def __init__(self, commands, answers):
    self.commands, self.answers, self.rest, self.number = commands, answers, b'', 0
    self.session, self.errors, self.loaded = None, [], False
    target = self.call('Target.createTarget', url='about:blank')['targetId']
    attached = self.call('Target.attachToTarget', targetId=target, flatten=True)
    self.session = attached['sessionId']
    for domain in ('Page', 'Runtime', 'Log'):
      self.call(f'{domain}.enable')

  def call(self, method, **params):
    """Send a command and return its result."""
    self.number += 1
    message = {'id': self.number, 'method': method, 'params': params}
    if self.session:
      message['sessionId'] = self.session
    os.write(self.commands, json.dumps(message).encode() + b'\0')
    while True:
      answer = self.receive()
      if answer.get('id') == self.number:
        assert 'error' not in answer, (method, answer)
        return answer['result']

  def receive(self, limit=60):
    """Return the next message, after noting the errors in it."""
    while b'\0' not in self.rest:
      assert select.select([self.answers], [], [], limit)[0], 'Chromium is silent'
      self.rest += os.read(self.answers, 1 << 16)
    text, _, self.rest = self.rest.partition(b'\0')
    message = json.loads(text)
    about = message.get('params', {})
    match message.get('method'):
      case 'Runtime.exceptionThrown':
        self.errors.append(about['exceptionDetails'].get('exception', about).get('description'))
      case 'Runtime.consoleAPICalled' if about['type'] in ('error', 'warning', 'assert'):
        self.errors.append(str(about['args']))
      case 'Log.entryAdded' if about['entry']['level'] in ('error', 'warning'):
        self.errors.append(about['entry']['text'])
      case 'Page.loadEventFired':
        self.loaded = True
    return message

  def open(self, url):
    """Open an address and return the seconds until it has loaded."""
    self.navigate('about:blank')  # so that another fragment of the same page loads it anew
    begun = time.perf_counter()
    self.navigate(url)
    return time.perf_counter() - begun

  def navigate(self, url):
    """Go to an address and wait until it has loaded."""
    self.loaded = False
    self.call('Page.navigate', url=url)
    while not self.loaded:
      self.receive()

  def evaluate(self, expression):
    """Return the value of an expression; a promise is awaited."""
    answer = self.call(
      'Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True
    )
    assert 'exceptionDetails' not in answer, answer['exceptionDetails']
    return answer['result'].get('value')

  def show(self, width, height=900, dark=False):
    """Set the size of the window, and the preferred colours."""
    self.call(
      'Emulation.setDeviceMetricsOverride',
      **dict(width=width, height=height, deviceScaleFactor=1, mobile=False),
    )
    scheme = {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}
    self.call('Emulation.setEmulatedMedia', features=[scheme])

  def press(self, key, text=''):
    """Press and release a key."""
    for kind in ('keyDown', 'keyUp'):
      self.call('Input.dispatchKeyEvent', type=kind, key=key, code=key, text=text)

  def picture(self, path, whole=True):
    """Write a PNG of the page."""
    answer = self.call('Page.captureScreenshot', captureBeyondViewport=whole)
    path.write_bytes(base64.b64decode(answer['data']))


@contextlib.contextmanager
def page(folder):
  """Start Chromium with an empty profile in `folder`, and give a page."""
  theirs, commands = os.pipe()
  answers, mine = os.pipe()
  # Chromium reads commands from descriptor 3 and writes answers to 4.
  redirected = f'exec "$@" 3<&{theirs} 4>&{mine} 2>/dev/null'
  program = ['bash', '-c', redirected, 'bash', PROGRAM, *FLAGS, f'--user-data-dir={folder}']
  with subprocess.Popen(program, pass_fds=(theirs, mine)) as process:
    os.close(theirs)
    os.close(mine)
    try:
      yield Page(commands, answers)
    finally:
      process.terminate()
      process.wait()
      os.close(commands)
      os.close(answers)
