import sys
import types

import numpy as np
import pytest

from jaxgan.recipes import texts


def cosine(a, b):
  a, b = texts.hashed([a, b], 1024)
  return float(a @ b / 1024)


def test_texts_are_near_that_share_words():
  same, tone = 'waving hand: dark skin tone', 'waving hand: light skin tone'
  assert cosine(same, 'Waving  HAND dark skin tone') == pytest.approx(1)
  assert 0.5 < cosine(same, tone) < 0.95
  assert cosine(same, 'a locomotive') < 0.2
  assert cosine('houses', 'house') > 0.4  # by their parts


def test_the_order_of_words_matters():
  assert cosine('a three left of a seven', 'a seven left of a three') < 0.99


def test_a_new_pair_of_words_is_the_sum_of_known_places():
  """Two words in a new order are as near to known pairs as they share places with them."""
  pairs = ('red', 'blue'), ('red', 'gray'), ('gray', 'blue'), ('gray', 'gray'), ('blue', 'red')
  found = texts.ordered([f'a {a} left of a {b}' for a, b in pairs], 4096) / 64
  assert np.linalg.norm(found[1] + found[2] - found[3] - found[0]) < 0.3
  plain = texts.hashed([f'a {a} left of a {b}' for a, b in pairs], 4096) / 64
  swapped = lambda x: 1 - x[0] @ x[4]
  assert swapped(found) > 2 * swapped(plain)


def test_a_text_without_a_word_is_zeros_and_others_have_one_length():
  found = texts.ordered(['  !?', 'red', 'a red house'], 64)
  assert not found[0].any()
  assert np.linalg.norm(found[1:], axis=1) == pytest.approx(8)


def test_hashes_are_the_same_for_ever():
  found = texts.hashed(['red house'], 8)[0]
  assert found.round(3).tolist() == texts.hashed(['red house'], 8)[0].round(3).tolist()
  assert np.linalg.norm(found) == pytest.approx(np.sqrt(8))
  assert not texts.hashed(['  !?'], 8).any()


def given(monkeypatch, function):
  module = types.ModuleType('my_encoder')
  module.encode = function
  monkeypatch.setitem(sys.modules, 'my_encoder', module)
  return texts.encoder('my_encoder:encode', 8)


def test_a_function_of_the_user_encodes(monkeypatch):
  encode = given(monkeypatch, lambda strings: [[len(text), 1] for text in strings])
  found = encode(['ab', 'abc'])
  assert found.dtype == np.float32 and found.tolist() == [[2, 1], [3, 1]]


@pytest.mark.parametrize(
  'function, message',
  [
    (lambda strings: np.zeros(3), r'should give \[2, d\], it gave \[3\]'),
    (lambda strings: np.full((2, 2), np.nan), 'gave numbers that are not finite'),
    (lambda strings: 1 / 0, 'failed: ZeroDivisionError'),
  ],
)
def test_a_function_that_gives_something_else_is_refused(monkeypatch, function, message):
  with pytest.raises(ValueError, match=message):
    given(monkeypatch, function)(['a', 'b'])


def test_an_unknown_encoder_is_refused():
  with pytest.raises(ValueError, match='--text-encoder=bert is none of ordered, words, MODULE'):
    texts.encoder('bert', 8)
