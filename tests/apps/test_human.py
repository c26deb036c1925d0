"""The page keeps its secret, works in a browser, and its answers are counted rightly."""

import json
import re
import time

import numpy as np
import pytest

import browsing
from jaxgan import train, variants
from jaxgan.apps import human

REAL, FAKE = np.full((44, 8, 8, 1), 200, np.uint8), np.full((40, 8, 8, 1), 50, np.uint8)


@pytest.fixture(scope='module')
def made():
  return human.page(human.trials(REAL, FAKE, 4, 0), 0)


def answers_of(key, fooled, seed=0, rater='a', attention=1.0):
  """A rater who takes the generated image for real with that probability."""
  random, chosen = np.random.default_rng(seed), {}
  other = {'left': 'right', 'right': 'left'}
  for trial, known in key['trials'].items():
    wrong = random.random() < (1 - attention if known['catch'] else fooled)
    chosen[trial] = other[known['real']] if wrong else known['real']
  return {'page': key['page'], 'rater': rater, 'answers': chosen}


def test_every_trial_has_the_real_image_where_the_key_says():
  for left, right, side, catch in human.trials(REAL, FAKE, 4, 0):
    real, other = (left, right) if side == 'left' else (right, left)
    assert (real == 200).all()
    assert (other == 50).all() != catch


def test_sides_and_order_are_random():
  chosen = human.trials(
    np.zeros((2000, 2, 2, 1), np.uint8), np.ones((2000, 2, 2, 1), np.uint8), 0, 0
  )
  lefts = sum(side == 'left' for _, _, side, _ in chosen)
  assert 900 < lefts < 1100
  again = human.page(human.trials(REAL, FAKE, 4, 1), 1)[1]
  assert (
    set(again['trials']) & set(human.page(human.trials(REAL, FAKE, 4, 0), 0)[1]['trials']) == set()
  )


def test_the_page_needs_no_network_and_tells_nothing(made):
  text, key = made
  assert not re.findall(r'(https?:)?//[a-z]', text)
  assert 'catch' not in text and '"real"' not in text
  assert sum(known['catch'] for known in key['trials'].values()) == 4
  assert text.count('data:image/png') == 2 * 44
  shown = json.loads(re.search(r'trials = (\[.*?\]), answers', text, re.S)[1])
  assert {trial['trial'] for trial in shown} == set(key['trials'])
  assert {tuple(trial) for trial in shown} == {('trial', 'left', 'right')}


@pytest.mark.parametrize('fooled', [0.0, 0.3, 0.5])
def test_simulated_raters_lie_in_their_interval(made, fooled):
  """Nineteen times in twenty."""
  key, inside = made[1], 0
  for seed in range(200):
    share, _ = human.score(key, [answers_of(key, fooled, seed)])
    inside += share.low <= fooled <= share.high
  assert inside >= 180


def test_raters_are_counted_together_and_the_inattentive_left_out(made):
  key = made[1]
  three = [answers_of(key, p, rater=name) for name, p in (('a', 0.0), ('b', 1.0))]
  three.append(answers_of(key, 1.0, rater='c', attention=0.0))
  share, raters = human.score(key, three)
  assert share.value == 0.5
  assert raters == {
    'a': '0 of 40 fooled',
    'b': '40 of 40 fooled',
    'c': '40 of 40 fooled; not counted, 0 of 4 catch trials right',
  }


def test_wrong_answers_are_refused(made):
  key = made[1]
  good = answers_of(key, 0.5)
  for bad, words in (
    ({**good, 'page': 'other'}, 'not to the page of this key'),
    ({**good, 'answers': {'x': 'left'}}, 'does not have'),
    ({**good, 'answers': dict.fromkeys(good['answers'], 'up')}, 'does not have'),
  ):
    with pytest.raises(ValueError, match=words):
      human.score(key, [bad])
  with pytest.raises(ValueError, match="'a' answered twice"):
    human.score(key, [good, good])
  with pytest.raises(ValueError, match='no choices'):
    human.score(key, [answers_of(key, 0.5, attention=0.0)])


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  folder = tmp_path_factory.mktemp('run')
  config = variants.configure('gan', steps=1, widths=(16,), data_dir=folder / 'data')
  train(config, folder / 'run', quiet=True)
  return folder / 'run'


def test_from_a_run_to_its_score(workdir, tmp_path, capsys):
  out = tmp_path / 'page.html'
  assert human.main(['make', f'--workdir={workdir}', f'--out={out}', '--num=20']) == 0
  key = json.loads((tmp_path / 'page.key.json').read_text())
  assert len(key['trials']) == 22
  (tmp_path / 'a.json').write_text(json.dumps(answers_of(key, 0.0)))
  argv = ['score', f'--key={tmp_path / "page.key.json"}', '--answers', str(tmp_path / 'a.json')]
  assert human.main([*argv, f'--out={tmp_path / "score.json"}']) == 0
  assert 'for real: 0.0% (0.0% to 16.1%)' in capsys.readouterr().out
  assert json.loads((tmp_path / 'score.json').read_text())['fooled']['value'] == 0


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    (['make', '--workdir=RUN', '--out=p.html', '--num=1000'], '360 real images, 1100 are needed'),
    (['make', '--workdir=RUN', '--out=p.html', '--num=0'], '--num must be above 0'),
    (['make', '--workdir=NONE', '--out=p.html'], 'holds no run'),
    (['score', '--key=NONE', '--answers', 'NONE'], 'cannot be read'),
  ],
)
def test_wrong_input_is_named(argv, words, workdir, tmp_path, capsys):
  places = {'RUN': workdir, 'NONE': tmp_path / 'none'}
  filled = [a if a not in places else str(places[a]) for a in argv]
  for name, path in places.items():
    filled = [a.replace(f'={name}', f'={path}') for a in filled]
  assert human.main(filled) == 2
  assert words in capsys.readouterr().err


@pytest.fixture
def browser(tmp_path):
  with browsing.opened(tmp_path) as found:
    yield found


def element(browser, name):
  return browser.find(f'#{name}')


def test_a_person_answers_in_a_browser(made, browser, tmp_path):
  """Half by clicks, half by keys; the file that is saved is counted."""
  text, key = made
  (tmp_path / 'page.html').write_text(text)
  browser.ask('/url', url=f'file://{tmp_path / "page.html"}')
  order = [t['trial'] for t in json.loads(re.search(r'trials = (\[.*?\]), answers', text, re.S)[1])]
  for i, trial in enumerate(order):
    side = key['trials'][trial]['real']
    if i % 2:
      browser.ask(element(browser, side) + '/click')
    else:
      arrow = {'left': '\ue012', 'right': '\ue014'}[side]
      keys = [{'type': 'keyDown', 'value': arrow}, {'type': 'keyUp', 'value': arrow}]
      browser.ask('/actions', actions=[{'type': 'key', 'id': 'k', 'actions': keys}])
  browser.ask(element(browser, 'rater') + '/value', text='Ada L.')
  browser.ask(element(browser, 'save') + '/click')
  saved = tmp_path / 'answers-Ada_L_.json'
  for _ in range(100):
    if saved.exists():
      break
    time.sleep(0.1)
  share, raters = human.score(key, [json.loads(saved.read_text())])
  assert share.value == 0 and raters == {'Ada L.': '0 of 40 fooled'}


@pytest.mark.parametrize(
  'text', ['{}', '{"page": "p", "trials": [1]}', '{"page": 1, "trials": {}}']
)
def test_a_file_that_is_no_key_is_refused(text, tmp_path, capsys):
  (tmp_path / 'k.json').write_text(text)
  argv = ['score', f'--key={tmp_path / "k.json"}', f'--answers={tmp_path / "k.json"}']
  assert human.main(argv) == 2
  assert 'is no key of a page: give the .key.json that make wrote' in capsys.readouterr().err


def test_the_key_is_checked_before_the_work(tmp_path, capsys):
  (tmp_path / 'p.key.json').mkdir()
  assert human.main(['make', '--workdir=nowhere', f'--out={tmp_path / "p.html"}']) == 2
  assert 'p.key.json is a folder: give the name of a file' in capsys.readouterr().err
  assert not (tmp_path / 'p.html').exists()
