"""Plain texts are escaped; nothing ends an element early."""

import json
import re

import pytest

from jaxgan.reports.markup import Markup, data, element, join

EVIL = '<script>alert(1)</script>"\'&'


def test_texts_are_escaped_and_elements_kept():
  made = element('p', EVIL, element('b', 'x'))
  assert made == ('<p>&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;<b>x</b></p>')


def test_attributes_are_escaped():
  assert element('img', alt=EVIL).count('"') == 2
  assert element('input', type='range', checked=True, min=0, data_run=1, value=None) == (
    '<input type="range" checked min="0" data-run="1">'
  )
  assert element('label', for_='time', hidden=False) == '<label for="time"></label>'


def test_nothing_is_joined_of_nothing():
  assert join([None, 'a', 3, Markup('<i>')]) == 'a3<i>'


@pytest.mark.parametrize('text', [EVIL, '</script><img>', '<!--', '\u2028'])
def test_json_cannot_end_its_element(text):
  made = data('x', {'name': text})
  inner = re.fullmatch(r'<script type="application/json" id="x">(.*)</script>', made, re.S)[1]
  assert '<' not in inner and json.loads(inner) == {'name': text}


def test_json_has_no_nan():
  with pytest.raises(ValueError):
    data('x', float('nan'))
