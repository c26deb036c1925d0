"""The loss of a generator that looks ahead at the critic."""

from dataclasses import replace

import jax
import optax

from jaxgan.core.game import Loss, Nets, Player
from jaxgan.core.typing import Array, Batch, Key, Tree


def unrolled(critic_loss: Loss, generator_loss: Loss, player: Player, steps: int) -> Loss:
  """Return the generator's loss against the critic as it will be after some more of its own steps.

  `player` is the game's player `critic`. It starts from its parameters, statistics and optimizer
  state as they stand, and all its steps are on the same batch and the same latents. The gradient
  flows through them; nothing of what was looked ahead at lasts. Without steps the loss is
  `generator_loss`.

  The optimizer's update must have a derivative: Adam needs `eps_root` above 0, or a gradient of 0
  gives NaN. A penalty of slopes asks networks for derivatives of the third order, in reverse mode.

  References: Metz et al., Unrolled Generative Adversarial Networks, 2017.
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

  def loss(nets: Nets, batch: Batch, key: Key):
    later, state = nets, nets.opt['critic']
    # Not lax.scan: its reverse keeps as much, and XLA:CPU compiles the bodies of loops less well,
    # plain convolutions in them far worse. The trace grows with the steps, which are few.
    for _ in range(steps):
      later, state = ahead(later, state, batch, key)
    value, after, logs = generator_loss(later, batch, key)
    variables = {**after.variables, **{name: nets.variables[name] for name in player.networks}}
    return value, replace(after, params=nets.params, variables=variables), logs

  return loss if steps else generator_loss
