"""The command `doctor`."""

import json

from jaxgan import main


def test_prints_the_diagnosis_as_text_and_as_json(plain, capsys):
  assert main.jaxgan(['doctor', f'--workdir={plain}']) == 0
  assert 'I cannot tell' in capsys.readouterr().out
  assert main.jaxgan(['doctor', f'--workdir={plain}', '--json']) == 0
  found = json.loads(capsys.readouterr().out)
  assert found['sick'] is False and found['verdicts'][0]['evidence'][0]['name'] == 'steps'


def test_refuses_a_folder_that_is_not_there(tmp_path, capsys):
  assert main.jaxgan(['doctor', f'--workdir={tmp_path}/none']) == 2
  assert 'holds no run' in capsys.readouterr().err
