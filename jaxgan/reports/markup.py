"""HTML elements as strings, in which every plain text is escaped."""

import html
import json
from collections.abc import Iterable


class Markup(str):
  """HTML that is already escaped."""

  __slots__ = ()


Part = str | int | None
"""A child of an element: HTML, a plain text to escape, a number, or nothing."""
_VOID = ('img', 'input', 'br')


def element(name: str, *children: Part, **attributes: str | int | bool | None) -> Markup:
  """Return an HTML element.

  Args:
    name: its name, such as 'p'.
    children: what stands in it; a plain str is escaped, `Markup` is kept.
    attributes: an underscore in a name becomes a dash, one at its end is removed (`class_`). True
      gives an attribute without a value; False and None give none.

  Example:
    >>> element('p', 'a < b', class_='note')
    '<p class="note">a &lt; b</p>'
  """
  words = [
    name,
    *(_attribute(k, v) for k, v in attributes.items() if v is not None and v is not False),
  ]
  start = f'<{" ".join(words)}>'
  return Markup(start if name in _VOID else f'{start}{join(children)}</{name}>')


def join(children: Iterable[Part]) -> Markup:
  """Return children, one after the other; plain texts are escaped."""
  return Markup(''.join(text(child) for child in children if child is not None))


def text(child: object) -> Markup:
  """Escape a plain text; return `Markup` unchanged."""
  return child if isinstance(child, Markup) else Markup(html.escape(str(child)))


def data(name: str, value: object) -> Markup:
  """Return an element that holds JSON for the page's script.

  Args:
    name: its id.
    value: what JSON can hold. No text in it can end the element.
  """
  plain = json.dumps(value, separators=(',', ':'), allow_nan=False)
  safe = plain.replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026')
  return Markup(f'<script type="application/json" id="{html.escape(name)}">{safe}</script>')


def _attribute(name: str, value: object) -> str:
  name = name.rstrip('_').replace('_', '-')
  return name if value is True else f'{name}="{html.escape(str(value))}"'
