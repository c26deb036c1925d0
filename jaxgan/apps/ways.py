"""Which translation of a run is meant, by the options --direction and --domain."""

from jaxgan.core.typing import Json
from jaxgan.training.requests import listed
from jaxgan.training.run import Run


def asked(run: Run, direction: str | None, domain: str | None) -> str:
  """Return the name of the translation that options ask for.

  Args:
    run: a run that translates.
    direction: 'AtoB' or 'BtoA', of a run on two domains; None: the one that it was trained for.
    domain: the name of the domain to translate to, of a run on many.

  Raises:
    ValueError: the run does not translate, or has no such translation; it has domains and none is
      named; or an option is not for this run.
  """
  ways, variant, many = run.translator().ways, run.config.variant, run.recipe.needs == 'classes'
  if domain is not None and not many:
    raise ValueError(f'--domain is for a run of many domains, not for {variant}: leave it out')
  if direction is not None and many:
    raise ValueError(f'--direction is for a run of two domains, not for {variant}: give --domain')
  if many and domain is None:
    raise ValueError(
      f'{variant} translates to several domains: give --domain, one of {listed(ways)}'
    )
  name = domain or direction or next(iter(ways))
  run.way(name)
  return name


def described(run: Run, name: str | None) -> Json:
  """Return what the JSON beside an exported function says of its translation; None: nothing."""
  if name is None:
    return {}
  return {'domain' if run.recipe.needs == 'classes' else 'direction': name}
