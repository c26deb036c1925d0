"""A wish is read, or refused in one sentence, whatever was sent."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.apps import wishes
from jaxgan.apps.wishes import Limits, Wish
from jaxgan.recipes.codes import categorical

ALL = Limits(classes=3, styles=True, directions=2, codes={'code': categorical(4)})


def read(limits=ALL, **fields):
  return wishes.read(json.dumps(fields).encode(), limits)


def test_all_is_read():
  assert wishes.read(b'{}', Limits()) == Wish()
  given = dict(seed=5, found='x', label=2, psi=0.5, path=[[7, 0.25], [8, 1]], moves=[1, -2.5])
  assert read(**given, mix=[9, 2], codes={'code': '3'}) == Wish(
    5, 'x', 2, 0.5, ((7, 0.25), (8, 1.0)), (1.0, -2.5), (9, 2), {'code': '3'}
  )


@pytest.mark.parametrize(
  ('words', 'fields'),
  [
    ("no 'sed', only", dict(sed=1)),
    ('seed must lie from 0', dict(seed=-1)),
    ('seed must be a whole number', dict(seed=True)),
    ('seed must be a whole number', dict(seed=0.5)),
    ('label must be 0 to 2, it is 3', dict(label=3)),
    ('psi must be a number from 0 to 2', dict(psi='1')),
    ('psi must be a number from 0 to 2', dict(psi=float('nan'))),
    ('at most 64', dict(path=[[0, 0]] * 65)),
    ('a step of path must be a seed', dict(path=[[1]])),
    ('share of the way must be a number from 0 to 1', dict(path=[[1, 1.5]])),
    ('moves must be a list of at most 2', dict(moves=[1, 2, 3])),
    ('a move must be a number from -20 to 20', dict(moves=[1e9])),
    ('mix must be a seed and a part', dict(mix=[1, 3])),
    ('a choice is a number from 0 to 3', dict(codes={'code': '4'})),
    ("no code 'other'", dict(codes={'other': '1'})),
    ('code code must be a text', dict(codes={'code': 1})),
  ],
)
def test_what_is_wrong_is_named(words, fields):
  with pytest.raises(ValueError, match=words):
    read(**fields)


def test_what_a_run_lacks_cannot_be_wished():
  for words, fields in (('no classes', dict(label=1)), ('styles', dict(psi=0.5, mix=[1, 1]))):
    with pytest.raises(ValueError, match=words):
      read(Limits(), **fields)


JSON = st.recursive(
  st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
  lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
  max_leaves=6,
)
FIELDS = ('seed', 'found', 'label', 'psi', 'path', 'moves', 'mix', 'codes')


@settings(deadline=None, max_examples=50, derandomize=True, database=None)
@given(st.binary() | st.dictionaries(st.sampled_from(FIELDS), JSON).map(json.dumps))
def test_anything_gives_a_wish_or_a_sentence(sent):
  try:
    found = wishes.read(sent if isinstance(sent, bytes) else sent.encode(), ALL)
  except ValueError as error:
    assert str(error) and len(str(error).splitlines()) == 1
  else:
    assert isinstance(found, Wish)


def test_numbers_of_addresses():
  assert wishes.number_of('to', '12') == 12
  for text in ('', '-1', '1.5', '٣', '9' * 20):
    with pytest.raises(ValueError, match='to must be a whole number from 0 on'):
      wishes.number_of('to', text)
