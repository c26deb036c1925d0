"""A diagnosis as text and as JSON."""

import json
import math

from jaxgan.diagnosis.verdicts import ABOUT, FULL, HEALTHY, SICK, Diagnosis, Evidence, Verdict

SHOWN = Evidence('samples/diversity', 0.04, 600, '1 as real images')
COLLAPSED = Verdict(FULL, 0.9, (SHOWN,), ('--generator-lr=2e-05',))


def test_text_has_the_verdict_the_numbers_and_the_flags():
  text = Diagnosis((COLLAPSED,), 'runs/x', 'gan', 600, ('seen alone',)).text()
  assert text.splitlines() == [
    'runs/x: gan at step 600',
    'full mode collapse (90% sure): the samples are nearly all the same',
    '  samples/diversity = 0.04 at step 600 (1 as real images)',
    '  try --generator-lr=2e-05',
    'note: seen alone',
  ]


def test_json_is_read_back_and_has_no_nan():
  found = Diagnosis((Verdict(FULL, 0.9, (Evidence('x', math.nan, 3),)),), 'runs/x', 'gan', 3)
  read = json.loads(found.to_json(), parse_constant=lambda name: 1 / 0)
  assert read['sick'] is True and read['step'] == 3
  assert read['verdicts'][0]['evidence'] == [{'name': 'x', 'value': None, 'step': 3, 'says': ''}]


def test_only_failures_are_sick():
  assert Diagnosis((COLLAPSED,)).sick and not Diagnosis((Verdict(HEALTHY, 0.9),)).sick
  assert len(set(ABOUT) - SICK) == 3
