"""The server answers its own page, and refuses others in one line."""

import http.client
import json
import threading
import time

import pytest

from jaxgan.apps import loopback
from jaxgan.apps.loopback import Reply, json_of


def failing(request):
  raise {'ValueError': ValueError, 'KeyError': KeyError}[request.query['kind']]('first\nsecond')


@pytest.fixture(scope='module')
def working():
  return []


@pytest.fixture(scope='module')
def port(working):
  routes = {
    ('GET', '/'): lambda request: Reply('text/plain', b'page'),
    ('GET', '/parts'): lambda request: Reply('text/plain', lambda send: (send(b'a'), send(b'b'))),
    ('GET', '/fails'): failing,
    ('GET', '/working'): lambda request: json_of(list(working[0].answering)),
    ('POST', '/sum'): lambda request: json_of(sum(json.loads(request.body))),
  }
  with loopback.serving(routes, '127.0.0.1', 0) as (server, address):
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    working.append(server)
    assert address == f'http://127.0.0.1:{server.server_address[1]}/'
    yield server.server_address[1]
    server.shutdown()


def asked(port, method, path, body=None, **headers):
  """The status and the answer; of an error its sentence."""
  connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
  names = {name.replace('_', '-'): value for name, value in headers.items()}
  connection.request(method, path, body, names)
  answer = connection.getresponse()
  data = answer.read()
  connection.close()
  assert "default-src 'none'" in answer.getheader('Content-Security-Policy')
  if answer.status == 200:
    return 200, data
  return answer.status, json.loads(data)['error']


def test_what_is_there_is_answered(port):
  assert asked(port, 'GET', '/') == (200, b'page')
  assert asked(port, 'GET', '/parts') == (200, b'ab')
  assert asked(port, 'POST', '/sum', '[1, 2]', Content_Type='application/json') == (200, b'3\n')
  for host in (f'localhost:{port}', 'LOCALHOST', '[::1]:9', '127.0.0.1:22'):  # as through a tunnel
    assert asked(port, 'GET', '/', Host=host)[0] == 200


def test_requests_at_work_are_known(port, working):
  assert json.loads(asked(port, 'GET', '/working')[1]) == ['/working']
  assert asked(port, 'GET', '/fails?kind=KeyError')[0] == 500
  end = time.monotonic() + 10  # the answer is read before its thread is done
  while working[0].answering and time.monotonic() < end:
    time.sleep(0.01)
  assert working[0].answering == []


SENT = dict(body='[1]', Content_Type='application/json')


@pytest.mark.parametrize(
  ('status', 'words', 'method', 'path', 'more'),
  [
    (403, 'is not evil.test', 'GET', '/', dict(Host='evil.test')),
    (403, 'is not localhost.evil.test:80', 'GET', '/', dict(Host='localhost.evil.test:80')),
    (403, 'is not 10.0.0.1', 'GET', '/', dict(Host='10.0.0.1')),
    (403, 'is not [', 'GET', '/', dict(Host='[')),
    (403, 'http://evil.test may not', 'POST', '/sum', {**SENT, 'Origin': 'http://evil.test'}),
    (403, 'null may not', 'POST', '/sum', {**SENT, 'Origin': 'null'}),
    (404, 'nothing at /../play.py', 'GET', '/../play.py', {}),
    (404, 'nothing at /sum', 'GET', '/sum', {}),
    (411, 'its length', 'POST', '/sum', {**SENT, 'Content-Length': '-1'}),
    (411, 'its length', 'POST', '/sum', dict(Transfer_Encoding='chunked')),
    (413, 'may have 32 MB', 'POST', '/sum', {'Content-Length': '99999999'}),
    (413, 'may have 32 MB', 'POST', '/sum', {'Content-Length': '9' * 5000}),
    (415, 'must be application/json', 'POST', '/sum', dict(body='[1]')),
    (415, 'must be application/json', 'POST', '/sum', dict(body='[1]', Content_Type='text/plain')),
    (400, 'first', 'GET', '/fails?kind=ValueError', {}),
  ],
)
def test_what_is_refused(port, status, words, method, path, more):
  found, said = asked(port, method, path, **more)
  assert found == status and words in said and 'second' not in said


def test_a_failure_is_a_line_here_and_there(port, capsys):
  status, said = asked(port, 'GET', '/fails?kind=KeyError')
  assert status == 500 and said.startswith('KeyError: ') and len(said.splitlines()) == 1
  assert asked(port, 'GET', '/')[0] == 200
  assert len(capsys.readouterr().err.splitlines()) == 1


def test_elsewhere_addresses_and_the_own_name_are_known():
  own = loopback.names('my.host')
  known = lambda host: loopback.is_own(host, own, True)
  assert known('my.host:8017') and known('10.0.0.1') and known('localhost')
  assert not known('evil.test') and not known(None) and not known('')


def test_a_port_in_use_is_named(port):
  with pytest.raises(ValueError, match=rf'--port={port} cannot be used: .*; give another --port'):
    with loopback.serving({}, '127.0.0.1', port):
      pass
  with pytest.raises(ValueError, match='--host is empty'):
    with loopback.serving({}, ' ', 0):
      pass
  with pytest.raises(ValueError, match='--host=203.0.113.7'):
    with loopback.serving({}, '203.0.113.7', 0):
      pass
