"""Numbers and times as one reads them; the command of a run gives its config again."""

import pytest

from jaxgan import main, variants
from jaxgan.recipes.config_json import to_json
from jaxgan.reports import records, wording


@pytest.mark.parametrize(
  ('value', 'text'),
  [(0.0, '0'), (-3.0, '-3'), (1.23456, '1.235'), (1e-9, '1e-09'), (None, '-'), (float('nan'), '-')],
)
def test_numbers(value, text):
  assert wording.number(value) == text


def test_large_numbers_are_grouped():
  assert wording.number(1_234_567.8) == '1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}568'


@pytest.mark.parametrize(
  ('seconds', 'text'),
  [(0, '0.0 s'), (59.6, '1 min 0 s'), (3599.7, '1 h 0 min'), (90_000, '25 h 0 min')],
)
def test_durations(seconds, text):
  assert wording.duration(seconds) == text


OPTIONS = {
  'gan': dict(widths=(8, 16), latent='uniform', images=640, without_classes=(1, 2)),
  'wgan_gp': dict(preset='paper', penalty_weight=5.0, compilation_cache=False),
  'cyclegan': dict(dataset='domains', folder='a b/$c', direction='BtoA', seed=3),
  'stylegan2': dict(augment='none', log='tensorboard', report=False),
}


@pytest.mark.parametrize('variant', OPTIONS)
def test_the_command_gives_the_config_again(variant, tmp_path):
  import json
  import shlex

  config = variants.configure(variant, **OPTIONS[variant])
  (tmp_path / 'config.json').write_text(json.dumps(to_json(config)))
  (tmp_path / 'data.json').write_text(json.dumps({'spec': [64, 1, 10, list('0123456789')]}))
  changed = records.read(tmp_path).changed
  program, name, *words = shlex.split(wording.command(variant, changed))
  again, workdir, _ = main.parse(words)
  assert (program, name, str(workdir)) == ('jaxgan', 'train', 'runs/again')
  assert to_json(again) == to_json(config)
