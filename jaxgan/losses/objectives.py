"""What critic and generator minimise: losses of the logits of a real and a fake batch.

Below `r` are the real logits, `f` the fake ones, `sp` is softplus and E the mean over all logits.
Values at the optimum are those of a perfect generator and the best critic against it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import relu, softplus

from jaxgan.core.typing import Array

_Loss = Callable[[Array, Array], Array]


class Objective(NamedTuple):
  """The two losses of a game: `(real_logits, fake_logits) -> scalar`, float32 at least.

  Logits may have any rank (`[B]`, or `[B, h, w]` from a critic of patches) but must have one shape:
  a batch `[B]` against `[B, 1]` would broadcast to all pairs. Unless `uses_real`, the generator's
  loss ignores the values of the real logits, and any array of the right shape will do for them.

  Raises:
    ValueError: logits of unequal shapes.
  """

  critic: _Loss
  generator: _Loss
  uses_real: bool = False


def _objective(critic: _Loss, generator: _Loss, uses_real: bool = False) -> Objective:
  return Objective(_checked(critic), _checked(generator), uses_real)


def _checked(loss: _Loss) -> _Loss:
  def checked(real_logits: Array, fake_logits: Array) -> Array:
    if real_logits.shape != fake_logits.shape:
      raise ValueError(
        f'logits need one shape, got real {real_logits.shape} and fake {fake_logits.shape}: '
        'score batches of equal size with one critic'
      )
    return loss(_wide(real_logits), _wide(fake_logits))

  return checked


def _wide(logits: Array) -> Array:
  """In bfloat16 a mean would keep two digits."""
  return logits.astype(jnp.promote_types(logits.dtype, jnp.float32))


def minimax(smoothing: float = 0.0) -> Objective:
  """The game of value E ln D + E ln(1 - D) with D = sigmoid(logit).

  critic: E (1 - a) sp(-r) + a sp(r) + E sp(f);  generator: -E sp(f)

  The best critic has the logit ln p_data - ln p_generator. At the optimum 2 ln 2 and -ln 2. The
  generator's gradient vanishes where the critic is sure that a fake is one.

  Args:
    smoothing: a, in [0, 1): the real target is 1 - a, that of fakes stays 0 (one-sided), and the
      best critic is D = (1 - a) p_data / (p_data + p_generator).

  Raises:
    ValueError: `smoothing` out of range.

  Goodfellow et al. 2014; smoothing from Salimans et al. 2016.
  """
  return _objective(_cross_entropy(smoothing), lambda r, f: -softplus(f).mean())


def nonsaturating(smoothing: float = 0.0) -> Objective:
  """The critic of `minimax`, and a generator whose gradient is largest where it is worst.

  critic: E (1 - a) sp(-r) + a sp(r) + E sp(f);  generator: E sp(-f)

  At the optimum 2 ln 2 and ln 2. `smoothing` and errors as in `minimax`. Goodfellow et al. 2014.
  """
  return _objective(_cross_entropy(smoothing), lambda r, f: softplus(-f).mean())


def _cross_entropy(smoothing: float) -> _Loss:
  if not 0 <= smoothing < 1:
    raise ValueError(f'smoothing must be in [0, 1), got {smoothing}: 0.1 makes the real target 0.9')
  # (1 - a) sp(-r) + a sp(r) = sp(-r) + a r
  return lambda r, f: (softplus(-r) + smoothing * r).mean() + softplus(f).mean()


def least_squares() -> Objective:
  """Least squares with targets 1 for real and 0 for fake.

  critic: E (r - 1)^2 / 2 + E f^2 / 2;  generator: E (f - 1)^2 / 2

  The best critic has the logit p_data / (p_data + p_generator). At the optimum 1/4 and 1/8.
  Mao et al. 2017.
  """
  return _objective(
    lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2,
    lambda r, f: ((f - 1) ** 2).mean() / 2,
  )


def least_squares_pearson() -> Objective:
  """Least squares with targets 1 for real, -1 for fake and 0 for the generator.

  critic: E (r - 1)^2 / 2 + E (f + 1)^2 / 2;  generator: E f^2 / 2

  The best critic has the logit d = (p_data - p_generator) / (p_data + p_generator), against which
  E d^2 / 2 over data and fakes is half the Pearson chi-squared divergence between
  p_data + p_generator and 2 p_generator. At the optimum 1 and 0. Mao et al. 2017.
  """
  return _objective(
    lambda r, f: ((r - 1) ** 2).mean() / 2 + ((f + 1) ** 2).mean() / 2,
    lambda r, f: (f**2).mean() / 2,
  )


def wasserstein() -> Objective:
  """The dual of the Wasserstein-1 distance, for a critic kept 1-Lipschitz by other means.

  critic: E f - E r;  generator: -E f

  The critic's loss is minus the distance: at the optimum 0. Arjovsky et al. 2017.
  """
  return _objective(lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean())


def hinge() -> Objective:
  """The critic stops at a margin of one.

  critic: E relu(1 - r) + E relu(1 + f);  generator: -E f

  At the optimum 2 and, with the critic at 0, 0. Lim and Ye 2017; Miyato et al. 2018.
  """
  return _objective(
    lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(),
    lambda r, f: -f.mean(),
  )


def relativistic() -> Objective:
  """Is this real image more real than this fake one? Pairs are formed by index (RpGAN).

  critic: E sp(-(r - f));  generator: E sp(-(f - r))

  At the optimum ln 2 and ln 2. Jolicoeur-Martineau 2018; Huang et al. 2024 (R3GAN).
  """
  return _objective(
    lambda r, f: softplus(f - r).mean(),
    lambda r, f: softplus(r - f).mean(),
    uses_real=True,
  )


def relativistic_average() -> Objective:
  """Is this image more real than the mean of the other side? (RaGAN)

  critic: E sp(-(r - E f)) / 2 + E sp(f - E r) / 2
  generator: E sp(-(f - E r)) / 2 + E sp(r - E f) / 2

  At the optimum ln 2 and ln 2. Gradients flow through the means as well. Jolicoeur-Martineau 2018,
  with the halves of ESRGAN (Wang et al. 2018).
  """
  # Later releases of ESRGAN's code hold the means in the critic's loss constant, to get around an
  # in-place error of distributed training. What they follow is the gradient of no loss.
  ahead = lambda a, b: softplus(b.mean() - a).mean() / 2 + softplus(b - a.mean()).mean() / 2
  return _objective(ahead, lambda r, f: ahead(f, r), uses_real=True)


# Objectives made of others.


def zero_sum(objective: Objective) -> Objective:
  """The generator maximises what the critic minimises, with the part of real images in it.

  That part has no gradient until a critic looked ahead at depends on the generator.
  """
  return Objective(objective.critic, lambda r, f: -objective.critic(r, f), uses_real=True)


def top(objective: Objective, share: Array | float) -> Objective:
  """The generator's loss is the mean over the fakes of highest logits, a `share` of them.

  k = max(1, floor(share B)); the share, in (0, 1], may depend on the step.

  Raises:
    ValueError: an objective whose generator weighs fakes against reals, where no mean of one fake
      is its own.

  References: Sinha et al., Top-k Training of GANs, 2020.
  """
  if objective.uses_real:
    raise ValueError('the top fakes cannot be told where a loss weighs fakes against reals')

  def generator(r: Array, f: Array) -> Array:
    each = jax.vmap(objective.generator)(r[:, None], f[:, None])
    count = jnp.maximum(jnp.floor(share * len(f)), 1.0)
    place = jnp.argsort(jnp.argsort(-f.reshape(len(f), -1).mean(1)))
    return jnp.where(place < count, each, 0).sum() / count

  return objective._replace(generator=generator)


def lecam(
  objective: Objective, real_mean: Array, fake_mean: Array, weight: Array | float
) -> Objective:
  """The critic's logits keep near the means that those of the other side have had.

  critic: objective + weight (E relu(r - fake_mean)^2 + E relu(real_mean - f)^2)

  The means are constants. Tseng et al., Regularizing GANs under Limited Data, 2021.
  """

  def critic(r: Array, f: Array) -> Array:
    far = (relu(_wide(r) - fake_mean) ** 2).mean() + (relu(real_mean - _wide(f)) ** 2).mean()
    return objective.critic(r, f) + weight * far

  return objective._replace(critic=critic)


def matching(distance: Callable[[Array], Array]) -> Objective:
  """Of features in place of logits, `[B, ...]`: the distance of their means over the batch.

  generator: E distance(m(r) - m(f)), over features;  critic: minus that

  Salimans et al. 2016, whose critic has a loss of logits: take the generator's side alone.
  """
  apart = lambda r, f: distance(r.mean(0) - f.mean(0)).mean()
  return _objective(lambda r, f: -apart(r, f), apart, uses_real=True)


OBJECTIVES: dict[str, Callable[..., Objective]] = {
  'minimax': minimax,
  'nonsaturating': nonsaturating,
  'least_squares': least_squares,
  'least_squares_pearson': least_squares_pearson,
  'wasserstein': wasserstein,
  'hinge': hinge,
  'relativistic': relativistic,
  'relativistic_average': relativistic_average,
}
"""The objectives by name, for the command line."""
