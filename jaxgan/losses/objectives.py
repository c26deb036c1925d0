"""Objectives: pairs of losses of critic and generator, of the logits of a real and a fake batch.

Below `r` are the real logits, `f` the fake ones, `sp` is softplus and E the mean over all logits.
"At the optimum" means with a perfect generator and the best critic against it; the value of the
critic's loss comes first, then that of the generator's.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import relu, softplus

from jaxgan.core.parts import couples
from jaxgan.core.typing import Array

_Loss = Callable[[Array, Array], Array]


class Objective(NamedTuple):
  """The losses of critic and generator: `(real_logits, fake_logits) -> scalar`, float32 at least.

  Logits may have any rank (`[B]`, or `[B, h, w]` from a critic of patches), but both must have the
  same shape: `[B]` and `[B, 1]` would broadcast to all pairs. If `uses_real` is False, the
  generator's loss ignores the values of the real logits; any array of the right shape is enough. If
  `opposed` is False, the critic's loss does not drive real and fake logits to the two sides of a
  middle, so that no share of them is right.

  Raises:
    ValueError: a loss is called with logits of different shapes.
  """

  critic: _Loss
  generator: _Loss
  uses_real: bool = False
  opposed: bool = True


def of_losses(critic: _Loss, generator: _Loss, uses_real: bool = False) -> Objective:
  """Return the objective of two losses, which are then given logits of one shape in float32."""
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
  """Return the logits in float32 or wider; a mean in bfloat16 has only two digits."""
  return logits.astype(jnp.promote_types(logits.dtype, jnp.float32))


def minimax(smoothing: float = 0.0) -> Objective:
  """Return the minimax objective, of the game E ln D + E ln(1 - D) with D = sigmoid(logit).

  critic: E (1 - a) sp(-r) + a sp(r) + E sp(f);  generator: -E sp(f)

  The best critic has the logit ln p_data - ln p_generator. At the optimum: 2 ln 2 and -ln 2. The
  generator's gradient vanishes where the critic is sure that an image is fake.

  Args:
    smoothing: a, in [0, 1). The target of real images is 1 - a; that of fakes stays 0 (one-sided).
      The best critic is then D = (1 - a) p_data / (p_data + p_generator).

  Raises:
    ValueError: `smoothing` is outside of [0, 1).

  References: Goodfellow et al., Generative Adversarial Networks, 2014; smoothing: Salimans et al.,
  Improved Techniques for Training GANs, 2016.
  """
  return of_losses(_cross_entropy(smoothing), lambda r, f: -softplus(f).mean())


def nonsaturating(smoothing: float = 0.0) -> Objective:
  """Return the non-saturating objective: the critic's loss of `minimax`, another generator's loss.

  critic: E (1 - a) sp(-r) + a sp(r) + E sp(f);  generator: E sp(-f)

  The generator's gradient is largest for the worst fakes. At the optimum: 2 ln 2 and ln 2.

  Args:
    smoothing: a, in [0, 1), as in `minimax`.

  Raises:
    ValueError: `smoothing` is outside of [0, 1).

  Reference: Goodfellow et al., Generative Adversarial Networks, 2014.
  """
  return of_losses(_cross_entropy(smoothing), lambda r, f: softplus(-f).mean())


def _cross_entropy(smoothing: float) -> _Loss:
  if not 0 <= smoothing < 1:
    raise ValueError(f'smoothing must be in [0, 1), got {smoothing}: 0.1 makes the real target 0.9')
  # (1 - a) sp(-r) + a sp(r) = sp(-r) + a r
  return lambda r, f: (softplus(-r) + smoothing * r).mean() + softplus(f).mean()


def least_squares() -> Objective:
  """Return the least-squares objective with targets 1 for real and 0 for fake.

  critic: E (r - 1)^2 / 2 + E f^2 / 2;  generator: E (f - 1)^2 / 2

  The best critic has the logit p_data / (p_data + p_generator). At the optimum: 1/4 and 1/8.

  Reference: Mao et al., Least Squares Generative Adversarial Networks, 2017.
  """
  return of_losses(
    lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2,
    lambda r, f: ((f - 1) ** 2).mean() / 2,
  )


def least_squares_pearson() -> Objective:
  """Return the least-squares objective with targets 1 for real, -1 for fake, 0 for the generator.

  critic: E (r - 1)^2 / 2 + E (f + 1)^2 / 2;  generator: E f^2 / 2

  The best critic has the logit d = (p_data - p_generator) / (p_data + p_generator). With it,
  E d^2 / 2 over data and fakes is half the Pearson chi-squared divergence between
  p_data + p_generator and 2 p_generator. At the optimum: 1 and 0.

  Reference: Mao et al., Least Squares Generative Adversarial Networks, 2017.
  """
  return of_losses(
    lambda r, f: ((r - 1) ** 2).mean() / 2 + ((f + 1) ** 2).mean() / 2,
    lambda r, f: (f**2).mean() / 2,
  )


def wasserstein() -> Objective:
  """Return the Wasserstein objective, for a critic that other means keep 1-Lipschitz.

  critic: E f - E r;  generator: -E f

  The critic's loss estimates minus the Wasserstein-1 distance; at the optimum it is 0.

  Reference: Arjovsky et al., Wasserstein Generative Adversarial Networks, 2017.
  """
  return of_losses(lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean())


def hinge() -> Objective:
  """Return the hinge objective: the critic's loss is 0 beyond a margin of 1.

  critic: E relu(1 - r) + E relu(1 + f);  generator: -E f

  At the optimum: 2 and, if all logits are 0, 0.

  References: Lim and Ye, Geometric GAN, 2017; Miyato et al., Spectral Normalization for Generative
  Adversarial Networks, 2018.
  """
  return of_losses(
    lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(),
    lambda r, f: -f.mean(),
  )


def relativistic() -> Objective:
  """Return the relativistic objective, which compares each real image with one fake (RpGAN).

  critic: E sp(-(r - f));  generator: E sp(-(f - r))

  A pair is the real and the fake logit of the same index. At the optimum: ln 2 and ln 2.

  References: Jolicoeur-Martineau, The Relativistic Discriminator, 2018; Huang et al., The GAN is
  Dead; Long Live the GAN!, 2024 (R3GAN).
  """
  return of_losses(
    lambda r, f: softplus(f - r).mean(),
    lambda r, f: softplus(r - f).mean(),
    uses_real=True,
  )


def relativistic_average() -> Objective:
  """Return the relativistic average objective (RaGAN): each logit against the other side's mean.

  critic: E sp(-(r - E f)) / 2 + E sp(f - E r) / 2
  generator: E sp(-(f - E r)) / 2 + E sp(r - E f) / 2

  Gradients flow through the means too. At the optimum: ln 2 and ln 2.

  References: Jolicoeur-Martineau, The Relativistic Discriminator, 2018; the factors 1/2: Wang et
  al., ESRGAN, 2018.
  """

  # Later releases of ESRGAN's code treat the means in the critic's loss as constants, to avoid an
  # in-place error of distributed training. Their update is then not the gradient of any loss.
  def ahead(a: Array, b: Array) -> Array:
    couples('the relativistic average')
    return softplus(b.mean() - a).mean() / 2 + softplus(b - a.mean()).mean() / 2

  return of_losses(ahead, lambda r, f: ahead(f, r), uses_real=True)


# Objectives made of other objectives.


def zero_sum(objective: Objective) -> Objective:
  """Return the objective whose generator maximizes the critic's whole loss.

  The part of real images has a gradient for the generator only where the critic depends on the
  generator, as in `unrolled`.
  """
  return Objective(objective.critic, lambda r, f: -objective.critic(r, f), uses_real=True)


def roles_exchanged(objective: Objective) -> Objective:
  """Return the objective whose generator minimizes the critic's loss of exchanged logits.

  generator: c(f, r), where c(r, f) is the critic's loss

  The generator's player then has a loss of real images too, which moves whatever the critic sees
  beside them, such as the latents of an encoder. Where all logits are 0, both losses are equal.

  Reference: Donahue et al., Adversarial Feature Learning, 2017 (the inverse objective).
  """
  return Objective(objective.critic, lambda r, f: objective.critic(f, r), uses_real=True)


def in_parts(objective: Objective, counts: Sequence[int]) -> Objective:
  """Return the objective of logits `[B, n]` that come from several critics, as a mean over these.

  Args:
    objective: the pair of losses for the logits of one critic.
    counts: how many of the n logits each critic gives; their sum is n.

  Reference: Wang et al., High-Resolution Image Synthesis and Semantic Manipulation with Conditional
  GANs, 2018 (critics of several scales).
  """
  ends = [sum(counts[:i]) for i in range(1, len(counts))]

  def mean(loss: _Loss) -> _Loss:
    parts = lambda logits: jnp.split(logits, ends, axis=1)
    each = lambda r, f: [loss(*pair) for pair in zip(parts(r), parts(f), strict=True)]
    return lambda r, f: jnp.stack(each(r, f)).mean()

  return objective._replace(critic=mean(objective.critic), generator=mean(objective.generator))


def top(objective: Objective, share: Array | float) -> Objective:
  """Return the objective whose generator learns only from the k fakes with the highest logits.

  The generator's loss is the mean over these k = max(1, floor(share B)) fakes.

  Args:
    objective: the objective; its generator's loss must not use real logits.
    share: in (0, 1]; it may depend on the step.

  Raises:
    ValueError: the generator's loss uses real logits, so it is not a mean over single fakes.

  Reference: Sinha et al., Top-k Training of GANs, 2020.
  """
  if objective.uses_real:
    raise ValueError(
      'top-k needs an objective whose generator loss uses fake logits only, such as hinge or '
      'nonsaturating'
    )

  def generator(r: Array, f: Array) -> Array:
    couples('--top-k')
    each = jax.vmap(objective.generator)(r[:, None], f[:, None])
    count = jnp.maximum(jnp.floor(share * len(f)), 1.0)
    place = jnp.argsort(jnp.argsort(-f.reshape(len(f), -1).mean(1)))
    return jnp.where(place < count, each, 0).sum() / count

  return objective._replace(generator=generator)


def lecam(
  objective: Objective, real_mean: Array, fake_mean: Array, weight: Array | float
) -> Objective:
  """Return the objective with LeCam regularization of the critic.

  critic: objective + weight (E relu(r - fake_mean)^2 + E relu(real_mean - f)^2)

  It limits how far the logits of real and fake images move apart.

  Args:
    objective: the objective.
    real_mean: a moving average of the real logits, a constant (`regularizers.remembering`).
    fake_mean: a moving average of the fake logits, a constant.
    weight: the weight, >= 0.

  Reference: Tseng et al., Regularizing Generative Adversarial Networks under Limited Data, 2021.
  """

  def critic(r: Array, f: Array) -> Array:
    far = (relu(_wide(r) - fake_mean) ** 2).mean() + (relu(real_mean - _wide(f)) ** 2).mean()
    return objective.critic(r, f) + weight * far

  return objective._replace(critic=critic)


def matching(distance: Callable[[Array], Array]) -> Objective:
  """Return the objective of feature matching, of features `[B, ...]` in place of logits.

  generator: E distance(m(r) - m(f));  critic: -E distance(m(r) - m(f))

  m is the mean over the batch and E that over features. In the paper the critic has a loss of
  logits: use only the generator's loss of this objective.

  Args:
    distance: applied to each difference, such as `jnp.abs` or `jnp.square`.

  Reference: Salimans et al., Improved Techniques for Training GANs, 2016.
  """

  def apart(r: Array, f: Array) -> Array:
    couples('feature matching')
    return distance(r.mean(0) - f.mean(0)).mean()

  return of_losses(lambda r, f: -apart(r, f), apart, uses_real=True)


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
