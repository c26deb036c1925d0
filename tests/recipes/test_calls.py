"""The option --steps-per-call. What it does is tested in training."""

import pytest

from jaxgan import variants
from jaxgan.main import main
from jaxgan.recipes.calls import MOST
from jaxgan.training import divergence


def test_a_call_ends_before_it_is_known_that_the_run_diverges():
  assert MOST <= divergence.BEHIND


@pytest.mark.parametrize('count', [0, MOST + 1])
def test_numbers_that_no_call_plays_are_refused(count, tmp_path, capsys):
  said = f'--steps-per-call must be from 1 to 8, it is {count}'
  with pytest.raises(ValueError, match=said):
    variants.configure('gan', steps_per_call=count)
  assert main(['--variant=gan', f'--steps-per-call={count}', f'--workdir={tmp_path}/run']) == 2
  assert capsys.readouterr().err.strip().endswith(said)
