"""The networks as a loss sees them: bound to their parameters, never changed in place."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import flax

from jaxgan.core.network import Network, with_features
from jaxgan.core.typing import Array, Key, Memory, Tree, Value, Variables


class Shown(NamedTuple):
  """What a critic compares in a loss: images, its judgement, and what the judgement is used for.

  Args:
    real: real images `[B, ...]`.
    fake: generated images `[B, ...]`.
    judge: returns the critic's logits of images, as the loss computes them.
    critic: the critic's loss of real and fake logits; None: it does not set them apart.
    domain: the name of the domain, in a game of several.
  """

  real: Array
  fake: Array
  judge: Callable[[Array], Array]
  critic: Callable[[Array, Array], Array] | None
  domain: str = ''


@flax.struct.dataclass
class Nets:
  """What a loss sees: the networks with their variables, and the memory. Nothing is mutated.

  `opt` holds the optimizer states by player, for losses that look ahead. `step` is the number of
  steps before this one, for weights that change during training. `witness` takes what losses show;
  there is none in training.
  """

  networks: Mapping[str, Network] = flax.struct.field(pytree_node=False)
  params: Mapping[str, Tree]
  variables: Mapping[str, Tree]
  memory: Memory = flax.struct.field(default_factory=dict)
  opt: Mapping[str, Tree] = flax.struct.field(default_factory=dict)
  step: Array | int = 0
  train: bool = flax.struct.field(pytree_node=False, default=True)
  witness: Callable[[Shown], None] | None = flax.struct.field(pytree_node=False, default=None)

  def __call__(self, name: str, *inputs: Array, key: Key | None = None) -> tuple[Any, 'Nets']:
    """Apply a network.

    Args:
      name: the name of the network.
      inputs: its inputs, `[B, ...]`.
      key: the random key for its dropout and noise, if it has any.

    Returns:
      Its output, and the networks with its statistics updated.

    Raises:
      ValueError: no network has this name.
    """
    known('there is no network', [name], self.networks)
    return self._call(name, self.networks[name].apply, inputs, key)

  def features(self, name: str, *inputs: Array, key: Key | None = None) -> tuple[Any, 'Nets']:
    """Return what a network shows as its features, and the networks as a call does.

    Of a critic, they are the input of its last layer, `[B, ...]`.

    Raises:
      ValueError: no network has this name, or the network shows no features.
    """
    (_, seen), nets = self.whole(name, *inputs, key=key)
    return seen, nets

  def whole(
    self, name: str, *inputs: Array, key: Key | None = None
  ) -> tuple[tuple[Any, Any], 'Nets']:
    """Return a network's output with its features, of one pass, and the networks as a call does.

    Raises:
      ValueError: as `features`.
    """
    known('there is no network', [name], self.networks)
    return self._call(name, with_features(self.networks[name]), inputs, key)

  def show(self, shown: Shown) -> None:
    """Give to the witness, if there is one, what a loss lets its critic compare."""
    if self.witness is not None:
      self.witness(shown)

  def _call(
    self,
    name: str,
    apply: Callable[..., tuple[Value, Variables]],
    inputs: Sequence[Array],
    key: Key | None,
  ) -> tuple[Value, 'Nets']:
    variables = {**self.variables[name], 'params': self.params[name]}
    output, moved = apply(variables, *inputs, train=self.train, key=key)
    rest = {kind: value for kind, value in moved.items() if kind != 'params'}
    return output, replace(self, variables={**self.variables, name: rest})


def parted(networks: Mapping[str, Variables]) -> tuple[dict[str, Tree], dict[str, Tree]]:
  """Split variables of networks into their parameters and all other variables, by network."""
  rest = lambda held: {kind: value for kind, value in held.items() if kind != 'params'}
  return {n: held['params'] for n, held in networks.items()}, {
    n: rest(v) for n, v in networks.items()
  }


def known(what: str, names: Iterable[str], valid: Iterable[str]) -> None:
  """Raise ValueError for a name that is not valid; the message lists the valid ones."""
  for name in names:
    if name not in valid:
      raise ValueError(f'{what} {name!r}, which is none of {sorted(valid)}')
