"""A small web server for one page: it answers this machine, and programs that know its name."""

import contextlib
import ipaddress
import json
import socket
import socketserver
import sys
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple

LARGEST = 32 * 2**20
"""Bytes of a request at most."""
SENT = ('application/json', 'application/octet-stream')
"""Types of what is sent. A page of another site cannot send these without asking, which fails."""
HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; "
  "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
  "frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
}

Write = Callable[[bytes], None]


class Request(NamedTuple):
  """What a page asks: the options behind `?`, and what it sends."""

  query: Mapping[str, str]
  body: bytes


class Reply(NamedTuple):
  """An answer and its type; or a function that writes the answer part by part."""

  kind: str
  data: bytes | Callable[[Write], None]


Route = Callable[[Request], Reply]
Routes = Mapping[tuple[str, str], Route]
"""Functions by method and path, such as `('GET', '/')`. They raise ValueError for wrong input."""


def json_of(value: object) -> Reply:
  """Return a value as JSON."""
  return Reply('application/json', line(value))


def line(value: object) -> bytes:
  """Return a value as a line of JSON."""
  return json.dumps(value, allow_nan=False).encode() + b'\n'


@contextlib.contextmanager
def serving(routes: Routes, host: str, port: int) -> Iterator[tuple['Server', str]]:
  """Open a server; it answers once `serve_forever` is called.

  Args:
    routes: what it answers.
    host: the address to listen at, such as 127.0.0.1.
    port: the port; 0 for a free one.

  Returns:
    The server and the address of its page.

  Raises:
    ValueError: the address is not of this machine, or the port is in use.
  """
  if not host.strip():
    raise ValueError('--host is empty, which would be every address: give one, such as 127.0.0.1')
  try:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    made = type('Server', (Server,), {'address_family': family})((host, port), _Handler)
  except (OSError, UnicodeError) as error:
    reason = getattr(error, 'strerror', None) or error
    raise ValueError(
      f'--host={host} --port={port} cannot be used: {reason}; give another --port (0: a free one) '
      'or --host'
    ) from None
  with made:
    made.routes, made.own, made.everywhere = routes, names(host), not is_loopback(host)
    made.answering = []
    yield made, f'http://{_shown(host)}:{made.server_address[1]}/'


def _shown(host: str) -> str:
  """Return how an address is written in a URL; for all addresses, the name of the machine."""
  if host in ('0.0.0.0', '::'):
    return socket.gethostname()
  return f'[{host}]' if ':' in host else host


class Server(ThreadingHTTPServer):
  """A server that answers by functions; `answering` has an entry for each request at work."""

  daemon_threads = True
  answering: list[str]
  routes: Routes = MappingProxyType({})
  own: frozenset[str] = frozenset()
  everywhere = False

  def server_bind(self) -> None:
    """Take the address, without a question to a name server, as HTTPServer asks it."""
    socketserver.TCPServer.server_bind(self)

  def handle_error(self, request: object, client_address: object) -> None:
    """Say what failed in one line; a browser that has gone is no failure."""
    error = sys.exception()
    if error and not isinstance(error, OSError):
      print(f'jaxgan: {_sentence(error)}', file=sys.stderr)


def is_loopback(host: str) -> bool:
  """Return whether only this machine can reach an address.

  Example:
    >>> is_loopback('127.0.0.1'), is_loopback('0.0.0.0')
    (True, False)
  """
  with contextlib.suppress(ValueError):
    return ipaddress.ip_address(host).is_loopback
  return host == 'localhost'


def names(host: str) -> frozenset[str]:
  """Return the names by which a server at this address may be called."""
  more = () if is_loopback(host) else (host.lower(), socket.gethostname().lower())
  return frozenset(('localhost', *more))


def is_own(header: str | None, own: frozenset[str], everywhere: bool) -> bool:
  """Return whether a request's Host is this server.

  A page of another site can reach this machine under a name of its own (DNS rebinding), but not
  under an address. So a name must be known; an address must be of loopback, unless the server
  listens elsewhere too.

  Args:
    header: the Host header.
    own: the known names.
    everywhere: whether the server listens at other addresses than those of loopback.

  Example:
    >>> [is_own(x, names('::1'), False) for x in ('localhost:80', '[::1]', 'a.test', '1.2.3.4')]
    [True, True, False, False]
  """
  try:
    name = urllib.parse.urlsplit(f'//{header}').hostname or ''
  except ValueError:
    return False
  try:
    return ipaddress.ip_address(name).is_loopback or everywhere
  except ValueError:
    return name.rstrip('.') in own


class _Handler(BaseHTTPRequestHandler):
  """Answers requests."""

  protocol_version = 'HTTP/1.1'
  timeout = 60  # seconds for which a silent browser keeps a thread
  server: Server

  def do_GET(self) -> None:
    self.server.answering.append(self.path)
    try:
      self._answer()
    finally:
      self.server.answering.remove(self.path)

  do_POST = do_GET

  def log_message(self, format: str, *args: object) -> None:
    pass  # the terminal shows what the command says

  def _answer(self) -> None:
    path, _, words = self.path.partition('?')
    route = self.server.routes.get((self.command, path))
    if refused := self._refused(route is not None):
      self.close_connection = True  # what was sent is not read
      return self._send(refused[0], json_of({'error': refused[1]}))
    body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
    query = dict(urllib.parse.parse_qsl(words))
    assert route
    try:
      status, reply = 200, route(Request(query, body))
    except ValueError as error:
      status, reply = 400, json_of({'error': _sentence(error)})
    except Exception as error:  # a page must say it, and the next request must be answered
      status, reply = 500, json_of({'error': _sentence(error)})
      print(f'jaxgan: {_sentence(error)}', file=sys.stderr)
    self._send(status, reply)

  def _refused(self, known: bool) -> tuple[int, str] | None:
    """Return why a request is not answered, with its status; None if it is."""
    headers, host = self.headers, self.headers.get('Host')
    if not is_own(host, self.server.own, self.server.everywhere):
      return 403, f'this server is not {host}: open the address that jaxgan play printed'
    if (origin := headers.get('Origin')) and origin != f'http://{host}':
      return 403, f'pages of {origin} may not use this server'
    if not known:
      return 404, f'there is nothing at {self.path[:80]}'
    length = headers.get('Content-Length', '0')
    if headers.get('Transfer-Encoding') or not (length.isascii() and length.isdecimal()):
      return 411, 'a request must say its length'
    if len(length) > 12 or int(length) > LARGEST:
      return 413, f'a request may have {LARGEST >> 20} MB, this has {length[:12]} bytes'
    if self.command == 'POST' and headers.get_content_type() not in SENT:
      return 415, f'what is sent must be {" or ".join(SENT)}'
    return None

  def _send(self, status: int, reply: Reply) -> None:
    parts = callable(reply.data)
    self.close_connection = self.close_connection or parts  # its end is the end of the answer
    self.send_response(status)
    for name, value in {'Content-Type': reply.kind, **HEADERS}.items():
      self.send_header(name, value)
    if self.close_connection:
      self.send_header('Connection', 'close')
    if not callable(reply.data):
      self.send_header('Content-Length', str(len(reply.data)))
    self.end_headers()
    if callable(reply.data):
      return reply.data(self._write)
    self.wfile.write(reply.data)

  def _write(self, part: bytes) -> None:
    self.wfile.write(part)
    self.wfile.flush()


def _sentence(error: BaseException) -> str:
  """Return an error as one line."""
  first = (str(error).strip().splitlines() or [''])[0][:400]
  if isinstance(error, MemoryError) or 'RESOURCE_EXHAUSTED' in first:
    return f'not enough memory: {first}'
  return first if isinstance(error, ValueError) and first else f'{type(error).__name__}: {first}'
