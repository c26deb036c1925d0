"""Whatever is typed, a command ends with its result or with a reason, and nothing is lost."""

import shutil
import sys
import types

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from apps import tiny_styles
from apps.fuzzing import LINES, ODD, OPTIONS, called, check, contents, lines, put, whole
from apps.tiny import made
from jaxgan import variants
from jaxgan.evaluation import features
from photographs import photographs

KINDS = {**OPTIONS, 'train': variants.module('gan').Config}
FUZZ = settings(
  deadline=None,
  suppress_health_check=list(HealthCheck),
  database=None,
  derandomize=True,
  phases=(Phase.generate,),
)
QUICK, FULL = 'quick', pytest.param('full', marks=pytest.mark.slow)


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """A folder of files of all kinds, and their names."""
  root = tmp_path_factory.mktemp('fuzz')
  return root, put(root)


@pytest.fixture(scope='module')
def runs(place, plain, conditional, _styled, worded, home):
  """Runs in that folder, and their data."""
  root, _ = place
  for domain in 'AB':
    photographs(root / 'domains' / f'train{domain}')
  tiny = dict(folder=root / 'domains', image_size=16, width=4, blocks=1, pool=2)
  pairs = made(home, 'pairs', 'cyclegan', **tiny)
  small = made(home, 'small', 'srgan', width=4, blocks=1, scale=2)
  found = dict(plain=plain, classes=conditional, styled=_styled, worded=worded)
  coded = made(home, 'coded', 'bigan', perceptrons=True, hidden=8, latent_size=4)
  found |= dict(pairs=pairs, small=small, coded=coded)
  for name, run in found.items():
    shutil.copytree(run, root / name)
  shutil.copytree(home / 'data', root / 'data')
  (root / 'plain/samples').mkdir(exist_ok=True)
  for step in (0, 1):
    shutil.copy(root / 'large.png', root / f'plain/samples/{step:06d}.png')


def means(images):
  return images.reshape(len(images), 4, -1).mean(-1)


@pytest.fixture(autouse=True)
def there(place, monkeypatch):
  """The folder is the current one, networks learn for three steps, and no file is elsewhere."""
  root, _ = place
  monkeypatch.setitem(variants.VARIANTS, 'styled', tiny_styles)
  monkeypatch.chdir(root)
  for name in ('HOME', 'XDG_CACHE_HOME', 'TFDS_DATA_DIR'):
    monkeypatch.setenv(name, str(root / 'hidden'))
  monkeypatch.setattr('http.server.ThreadingHTTPServer.serve_forever', lambda *given, **named: None)
  monkeypatch.setattr('webbrowser.open', lambda url: True)
  fit = features.fit
  monkeypatch.setattr(features, 'fit', lambda net, source: fit(net, source, steps=3))
  module = types.ModuleType('fuzzed')
  module.means = means
  monkeypatch.setitem(sys.modules, 'fuzzed', module)


def fuzzed(name, count, place, change=lambda words: words):
  """Call a command often; return the number of calls by exit code."""
  root, names = place
  before, codes, outputs = contents(root), [], set()

  @settings(FUZZ, max_examples=count)
  @given(lines(name, KINDS[name], names + ODD))
  def fuzz(words):
    words = change(words)
    result = called(name, words)
    check(result, words)
    codes.append(result[0])
    outputs.update(word.rpartition('=')[2] for word in words if result[0] == 0)

  fuzz()
  after = contents(root)
  lost = {path for path in before if after.get(path) != before[path]}
  outputs |= {'plain/evaluation.json'}
  outputs |= {f'plain/anomaly/encoder.{kind}' for kind in ('json', 'safetensors')}
  assert not {path.removeprefix(f'{root}/') for path in lost} - outputs
  assert not [path for path in after if path.endswith('.incomplete')]
  return {code: codes.count(code) for code in set(codes)}


STOPPING = {'train': ['--workdir=text.png/x'], 'plane': ['--workdir=text.png/x']}
"""An option by which a command ends after its checks."""


@pytest.mark.parametrize('effort', [QUICK, FULL])
@pytest.mark.parametrize('name', LINES)
def test_options_are_read_and_checked(name, effort, place):
  """Of each of 23 commands, 5 lines, or 150, which makes 3450; the run is a damaged one."""
  stop = STOPPING.get(name, ['--workdir=no-run'] * ('--workdir' in LINES[name][0]))
  codes = fuzzed(name, {'quick': 5, 'full': 150}[effort], place, lambda words: [*words, *stop])
  print(name, codes)


@pytest.mark.slow
@pytest.mark.parametrize('name', LINES)
def test_the_lines_to_be_changed_succeed(name, runs, place):
  """Else the tests here would show only that mistakes are refused."""
  for words in whole(name, f'right-{name.replace(" ", "-")}'):
    code, _, err = called(name, words)
    assert code == 0, (words, err)


@pytest.mark.slow
@pytest.mark.parametrize('name', LINES)
def test_commands_end_with_a_result_or_a_reason(name, runs, place):
  """Of each of 23 commands, 25 whole calls, which makes 575."""
  print(name, fuzzed(name, 25, place))
