import pytest

from jaxgan.core import functions


def test_a_named_function_is_found():
  assert functions.imported('math:hypot', '--features')(3, 4) == 5


@pytest.mark.parametrize('name', ['math', 'math:', 'math:nothing', 'no_module_of_this_name:f'])
def test_what_is_not_there_is_refused_by_its_option(name):
  with pytest.raises(ValueError, match=f'--features={name} cannot be found'):
    functions.imported(name, '--features')
