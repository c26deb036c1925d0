"""Losses of critics and generators, and penalties and terms to add to them.

An objective is the pair of losses of critic and generator; a penalty is added to the critic's loss.
Functions of their weights make both; pass them to `jaxgan.two_player` or `adversarial.adversarial`.
More functions are in the modules: `adversarial` (losses of your own games),
`bidirectional`, `classes`, `consistency`, `contrastive`, `energies`, `unrolled`, `path_length`,
`style_mixing`, `image_to_image`, `semantic`, `super_resolution`, `variational`.

Example:
  >>> import jax.numpy as jnp
  >>> from jaxgan import losses
  >>> real, fake = jnp.array([2.0, 0.0]), jnp.array([-2.0, 0.0])
  >>> float(losses.hinge().critic(real, fake)), float(losses.hinge().generator(real, fake))
  (1.0, 1.0)
  >>> penalty = losses.r1(1.0)  # the gradient of 3 x is 3
  >>> float(penalty(lambda images: 3 * images, real, fake, None))
  4.5
"""

from jaxgan.losses import (
  adversarial,
  bidirectional,
  classes,
  consistency,
  contrastive,
  energies,
  gradient_penalties,
  image_to_image,
  objectives,
  path_length,
  regularizers,
  semantic,
  style_mixing,
  super_resolution,
)
from jaxgan.losses import unrolled as unrolled
from jaxgan.losses import variational as variational
from jaxgan.losses.adversarial import Fakes, Term, between, generated, judged, lazily, together
from jaxgan.losses.gradient_penalties import (
  Penalty,
  dragan,
  drift,
  gradient_penalty,
  one_sided,
  r1,
  r2,
)
from jaxgan.losses.objectives import (
  OBJECTIVES,
  Objective,
  hinge,
  least_squares,
  least_squares_pearson,
  minimax,
  nonsaturating,
  relativistic,
  relativistic_average,
  roles_exchanged,
  wasserstein,
  zero_sum,
)
from jaxgan.losses.regularizers import historical, of_parameters, orthogonal

__all__ = [
  'OBJECTIVES',
  'Fakes',
  'Objective',
  'Penalty',
  'Term',
  'adversarial',
  'between',
  'bidirectional',
  'classes',
  'consistency',
  'contrastive',
  'dragan',
  'energies',
  'drift',
  'generated',
  'gradient_penalties',
  'gradient_penalty',
  'hinge',
  'historical',
  'image_to_image',
  'judged',
  'lazily',
  'least_squares',
  'least_squares_pearson',
  'minimax',
  'nonsaturating',
  'objectives',
  'of_parameters',
  'one_sided',
  'orthogonal',
  'path_length',
  'r1',
  'r2',
  'regularizers',
  'relativistic',
  'relativistic_average',
  'roles_exchanged',
  'semantic',
  'style_mixing',
  'super_resolution',
  'together',
  'variational',
  'wasserstein',
  'zero_sum',
]
