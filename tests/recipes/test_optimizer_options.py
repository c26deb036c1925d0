"""Options of the optimizer: what is refused. What they do is tested in `test_optimizers`."""

import pytest

from jaxgan import variants
from jaxgan.main import main


@pytest.mark.parametrize('optimizer', ['rmsprop', 'sgd'])
def test_a_bound_is_of_adams_updates(optimizer):
  with pytest.raises(
    ValueError, match='--update-clip=1.0 has no effect with --optimizer='
  ) as found:
    variants.configure('gan', optimizer=optimizer, r1=0.0, schedule='constant', update_clip=1.0)
  assert 'give --optimizer=adam' in str(found.value)


def test_a_bound_below_zero_is_refused(tmp_path, capsys):
  assert main(['--variant=gan', '--update-clip=-1', f'--workdir={tmp_path}/run']) == 2
  said = capsys.readouterr().err.strip()
  assert said.endswith('--update-clip must be 0 or above, it is -1.0')


def test_a_schedule_beside_sgd_is_refused():
  with pytest.raises(ValueError, match='--optimizer=sgd has a decay of its own'):
    variants.configure('gan', optimizer='sgd', schedule='linear')
