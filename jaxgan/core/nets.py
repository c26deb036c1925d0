"""The networks as a loss sees them: bound to their parameters, and never changed in place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import flax

from jaxgan.core.network import Network, with_features
from jaxgan.core.typing import Array, Key, Tree, Variables


@flax.struct.dataclass
class Nets:
  """What a loss sees: the networks bound to their variables, and the memory. Nothing is mutated.

  `opt` holds the optimizers' states, by player, for losses that look ahead; `step` is how many
  steps were played before, for weights that change.
  """

  networks: Mapping[str, Network] = flax.struct.field(pytree_node=False)
  params: Mapping[str, Tree]
  variables: Mapping[str, Tree]
  memory: Mapping[str, Any] = flax.struct.field(default_factory=dict)
  opt: Mapping[str, Tree] = flax.struct.field(default_factory=dict)
  step: Array | int = 0
  train: bool = flax.struct.field(pytree_node=False, default=True)

  def __call__(self, name: str, *inputs: Array, key: Key | None = None) -> tuple[Any, 'Nets']:
    """Return the output of a network, and the networks with its statistics moved on."""
    known('there is no network', [name], self.networks)
    return self._call(name, self.networks[name].apply, inputs, key)

  def features(self, name: str, *inputs: Array, key: Key | None = None) -> tuple[Array, 'Nets']:
    """Return what a network's last layer sees, `[B, ...]`, and the networks as a call does."""
    known('there is no network', [name], self.networks)
    (_, seen), nets = self._call(name, with_features(self.networks[name]), inputs, key)
    return seen, nets

  def _call(self, name: str, apply: Any, inputs: Sequence[Array], key: Key | None):
    variables = {**self.variables[name], 'params': self.params[name]}
    output, moved = apply(variables, *inputs, train=self.train, key=key)
    rest = {kind: value for kind, value in moved.items() if kind != 'params'}
    return output, replace(self, variables={**self.variables, name: rest})


def parted(networks: Mapping[str, Variables]) -> tuple[dict[str, Tree], dict[str, Tree]]:
  """Return the parameters of networks, and all else that they hold."""
  rest = lambda held: {kind: value for kind, value in held.items() if kind != 'params'}
  return {n: held['params'] for n, held in networks.items()}, {
    n: rest(v) for n, v in networks.items()
  }


def known(what: str, names: Iterable[str], valid: Iterable[str]) -> None:
  """Raise ValueError for a name that is not valid, with those that are."""
  for name in names:
    if name not in valid:
      raise ValueError(f'{what} {name!r}, which is none of {sorted(valid)}')
