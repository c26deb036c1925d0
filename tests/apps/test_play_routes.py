"""Answers are pictures, and what people upload is read with care."""

import io
import json
import threading

import numpy as np
import pytest
from PIL import Image

from apps.tiny import sharpened
from jaxgan.apps import explore, play_routes
from jaxgan.apps.loopback import Request
from jaxgan.apps.wishes import Wish
from jaxgan.training.run import load


def encoded(image, kind='PNG'):
  data = io.BytesIO()
  image.save(data, kind)
  return data.getvalue()


def picture(reply):
  assert reply.kind == 'image/png'
  return Image.open(io.BytesIO(reply.data))


@pytest.fixture
def routes(plain):
  return play_routes.of(sharpened(load(plain)))


@pytest.fixture
def translating(without_latents):
  return play_routes.of(load(without_latents))


def test_the_page_is_three_files_that_load_nothing_else(routes):
  text = {}
  for path, kind in (('/', 'html'), ('/play.css', 'css'), ('/play.js', 'javascript')):
    reply = routes['GET', path](Request({}, b''))
    assert reply.kind == f'text/{kind}; charset=utf-8'
    text[kind] = reply.data.decode()
  assert 'src="play.js"' in text['html'] and 'href="play.css"' in text['html']
  assert not [kind for kind, code in text.items() if 'http:' in code or 'https:' in code]
  assert 'innerHTML' not in text['javascript']  # names of classes stay text


def test_a_wish_becomes_its_picture(routes, plain):
  one = explore.explorer(sharpened(load(plain)))
  made = picture(routes['POST', '/image'](Request({}, b'{"seed": 3}')))
  np.testing.assert_array_equal(np.asarray(made), explore.picture(one, Wish(seed=3))[..., 0])
  about = json.loads(routes['GET', '/about'](Request({}, b'')).data)
  assert about['title'] == 'gan on digits, step 0' and about['labels'] == []
  assert json.loads(routes['GET', '/directions'](Request({}, b'')).data) == {'count': 6}
  film = routes['POST', '/film'](Request({'to': '4'}, b'{}'))
  assert film.kind == 'image/gif' and Image.open(io.BytesIO(film.data)).n_frames == 46


def test_a_search_tells_how_far_it_is(routes, monkeypatch):
  monkeypatch.setattr(explore, 'SEARCH', explore.SEARCH._replace(steps=5))
  monkeypatch.setattr(play_routes, 'EVERY', 0)
  photo = encoded(Image.new('RGB', (40, 20), 'red'), 'JPEG')
  said = []
  routes['POST', '/find'](Request({}, photo)).data(lambda part: said.append(json.loads(part)))
  assert said[0] == {'done': 0, 'total': 6} and said[-2] == {'done': 5, 'total': 6}
  assert said[-1]['found'] == 'picture-1' and said[-1]['target'].startswith('data:image/png')
  wish = json.dumps({'found': 'picture-1'}).encode()
  assert picture(routes['POST', '/image'](Request({}, wish))).size == (16, 16)


def test_a_second_search_waits_and_one_that_fails_says_so(routes, monkeypatch):
  photo, said = encoded(Image.new('L', (16, 16))), []
  begun, go = threading.Event(), threading.Event()

  def slow(*given):
    begun.set()
    go.wait(10)
    raise RuntimeError('no\nluck')

  monkeypatch.setattr(explore, 'find', slow)
  write = routes['POST', '/find'](Request({}, photo)).data
  first = threading.Thread(target=write, args=(said.append,))
  first.start()
  begun.wait(10)
  write(said.append)
  assert b'another search is not done' in said[0]
  go.set()
  first.join()
  assert json.loads(said[1]) == {'error': 'the search failed: no'}


BOMB = encoded(Image.new('1', (20000, 20000)))


@pytest.mark.parametrize(
  ('body', 'words'),
  [
    (b'', 'cannot be used: give an intact PNG'),
    (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 'cannot be used: give an intact PNG'),
    (encoded(Image.new('L', (99, 99), 7))[:-30], 'cannot be used'),
    (encoded(Image.new('F', (9, 9)), 'TIFF'), 'cannot be used (floating-point'),
    (BOMB, 'cannot be used (DecompressionBomb'),
  ],
  ids=['empty', 'svg', 'cut', 'floats', 'bomb'],
)
def test_what_is_no_picture_is_refused(body, words, routes, translating):
  for path, answers in (('/find', routes), ('/convert', translating)):
    with pytest.raises(ValueError) as error:
      answers['POST', path](Request({}, body))
    assert words in str(error.value) and len(str(error.value).splitlines()) == 1


def test_a_picture_is_translated_with_its_transparency(translating):
  about = json.loads(translating['GET', '/about'](Request({}, b'')).data)
  assert about['ways'] == {'AtoB': 1} and ('POST', '/image') not in translating
  given = np.random.default_rng(0).integers(0, 256, (9, 11), np.uint8)
  alpha = Image.fromarray(np.tile(np.uint8([0, 128, 255]), 33).reshape(9, 11))
  image = Image.merge('LA', (Image.fromarray(given), alpha))
  made = picture(translating['POST', '/convert'](Request({'way': 'AtoB'}, encoded(image))))
  assert made.size == (11, 9) and made.mode == 'LA'
  opaque = np.asarray(alpha) == 255
  np.testing.assert_allclose(np.asarray(made)[..., 0][opaque], given[opaque], atol=1)
  with pytest.raises(ValueError, match="no translation 'x'"):
    translating['POST', '/convert'](Request({'way': 'x'}, encoded(image)))


def test_a_picture_too_large_for_the_page_goes_to_the_command(translating):
  large = encoded(Image.new('L', (2049, 2048)))
  with pytest.raises(ValueError, match='2049 x 2048 pixels is too large .* use jaxgan translate'):
    translating['POST', '/convert'](Request({}, large))
