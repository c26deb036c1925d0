"""The loss of a generator against a critic that is trained some steps ahead."""

from dataclasses import replace

import jax
import optax

from jaxgan.core.game import Loss, Player
from jaxgan.core.nets import Nets
from jaxgan.core.parts import couples
from jaxgan.core.typing import Array, Batch, Key, Logs, Tree


def unrolled(critic_loss: Loss, generator_loss: Loss, player: Player, steps: int) -> Loss:
  """Return the generator's loss against the critic after `steps` more steps of the critic.

  The critic's steps begin with its current parameters, statistics and optimizer state, and all use
  the same batch and the same latents. The gradient flows through them. The critic of the game does
  not change.

  The optimizer's update must be differentiable: Adam needs `eps_root` > 0, because a gradient of 0
  would give NaN. With a gradient penalty the networks need derivatives of third order, in reverse
  mode.

  Args:
    critic_loss: the loss of the critic's steps.
    generator_loss: the loss of the generator against that critic.
    player: the game's player `critic`.
    steps: the number of steps, >= 0; with 0 the result is `generator_loss`.

  Reference: Metz et al., Unrolled Generative Adversarial Networks, 2017.
  """

  def ahead(nets: Nets, state: Tree, batch: Batch, key: Key) -> tuple[Nets, Tree]:
    def loss(own: Tree) -> tuple[Array, Nets]:
      seen = replace(nets, params={**nets.params, **own})
      value, after, _ = critic_loss(seen, batch, jax.random.clone(key))  # the same latents
      return value, after

    own = {name: nets.params[name] for name in player.networks}
    grads, after = jax.grad(loss, has_aux=True)(own)
    updates, state = player.optimizer.update(grads, state, own)
    params = {**nets.params, **player.constraint(optax.apply_updates(own, updates))}
    variables = {**nets.variables, **{name: after.variables[name] for name in own}}
    return replace(nets, params=params, variables=variables), state

  def loss(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    couples('a critic that is unrolled')
    later, state = nets, nets.opt['critic']
    # Not lax.scan: its reverse pass needs as much memory, and XLA:CPU compiles the bodies of loops
    # less well, plain convolutions much worse. The trace grows with the steps, but they are few.
    for _ in range(steps):
      later, state = ahead(later, state, batch, key)
    value, after, logs = generator_loss(later, batch, key)
    variables = {**after.variables, **{name: nets.variables[name] for name in player.networks}}
    return value, replace(after, params=nets.params, variables=variables), logs

  return loss if steps else generator_loss
