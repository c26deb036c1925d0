"""The workloads in PyTorch: the same networks, losses and updates, eager.

Layers bear Linen's names (`Dense_0`, `BatchNorm_0` ...), so that weights can be carried over. Where
SAME pads one pixel more at the end, `padding=2` has it at the start: the same work, mirrored.
"""

import itertools
import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

LAYOUTS = {'torch nchw': torch.contiguous_format, 'torch nhwc': torch.channels_last}


def in_both_layouts(
  model: Callable[[], nn.Module], images: Any, result: Callable[[Any], Tensor]
) -> dict[str, Callable[[], Any]]:
  """Return calls of a network, made anew for each layout, on images `[n, H, W, C]`."""
  torch.set_num_threads(len(os.sched_getaffinity(0)))

  def call(layout: torch.memory_format) -> Callable[[], Any]:
    placed = model().eval().to(memory_format=layout)
    x = torch.tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=layout)

    def made() -> Any:
      with torch.inference_mode():
        return result(placed(x)).numpy()

    return made

  return {name: call(layout) for name, layout in LAYOUTS.items()}


class Peer(NamedTuple):
  """Networks and losses; `penalty(critic, real, fake, mix)` is added to the critic's."""

  generator: nn.Module
  critic: nn.Module
  critic_loss: Callable[[Tensor, Tensor], Tensor]
  generator_loss: Callable[[Tensor], Tensor]
  penalty: Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor] | None = None
  latent_size: int = 100
  n_critic: int = 1


_NAMES: dict[type[nn.Module], str] = {
  nn.Linear: 'Dense',
  nn.Conv2d: 'Conv',
  nn.ConvTranspose2d: 'ConvTranspose',
  nn.BatchNorm1d: 'BatchNorm',
  nn.BatchNorm2d: 'BatchNorm',
}


def chain(*layers: nn.Module) -> nn.Sequential:
  """Layers one after the other, named as Linen names them."""
  count: Counter[str] = Counter()
  named: OrderedDict[str, nn.Module] = OrderedDict()
  for layer in layers:
    kinds = (name for kind, name in _NAMES.items() if isinstance(layer, kind))
    name = next(kinds, type(layer).__name__)
    named[f'{name}_{count[name]}'] = layer
    count[name] += 1
  return nn.Sequential(named)


def leaky() -> nn.Module:
  return nn.LeakyReLU(0.2, inplace=True)


class Map(nn.Module):
  """A function without weights as a layer."""

  def __init__(self, function: Callable[[Tensor], Tensor]):
    super().__init__()
    self.function = function

  def forward(self, x: Tensor) -> Tensor:
    """The function of x."""
    return self.function(x)


def squeeze() -> nn.Module:
  """Logits `[B, 1]` -> `[B]`."""
  return Map(lambda x: x[:, 0])


def mlp() -> tuple[nn.Module, nn.Module]:
  """W1."""
  widths = (100, 256, 512, 1024)
  hidden = [
    layer
    for a, b in itertools.pairwise(widths)
    for layer in (nn.Linear(a, b, bias=False), nn.BatchNorm1d(b), leaky())
  ]
  generator = chain(*hidden, nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
  critic = [nn.Linear(784, 512), leaky(), nn.Linear(512, 256), leaky(), nn.Linear(256, 1)]
  return generator, chain(nn.Flatten(), *critic, squeeze())


def _stem(width: int, size: int, active: Callable[[], nn.Module]) -> list[nn.Module]:
  dense = nn.Linear(100, width * size * size, bias=False)
  return [dense, nn.Unflatten(1, (width, size, size)), nn.BatchNorm2d(width), active()]


def _logit(features: int) -> list[nn.Module]:
  return [nn.Flatten(), nn.Linear(features, 1), squeeze()]


def dcgan28() -> nn.Module:
  """The generator of W2 and W4."""
  return chain(
    *_stem(256, 7, leaky),
    nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False),
    nn.BatchNorm2d(128),
    leaky(),
    nn.ConvTranspose2d(128, 64, 5, 2, 2, 1, bias=False),
    nn.BatchNorm2d(64),
    leaky(),
    nn.ConvTranspose2d(64, 1, 5, 2, 2, 1),
    nn.Tanh(),
  )


def critic28(widths: tuple[int, ...], features: int) -> nn.Module:
  """The critics of W2 and W4, without norm."""
  channels = (1, *widths)
  layers = [
    layer
    for a, b in zip(channels, widths, strict=False)
    for layer in (nn.Conv2d(a, b, 5, 2, 2), leaky())
  ]
  return chain(*layers, *_logit(features))


def dcgan64(n: int = 32) -> tuple[nn.Module, nn.Module]:
  """W3."""
  relu = lambda: nn.ReLU(inplace=True)
  up: list[nn.Module] = []
  down: list[nn.Module] = []
  for a, b in ((8 * n, 4 * n), (4 * n, 2 * n), (2 * n, n)):
    up += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), relu()]
    down = [nn.Conv2d(b, a, 4, 2, 1, bias=False), nn.BatchNorm2d(a), leaky(), *down]
  generator = chain(*_stem(8 * n, 4, relu), *up, nn.ConvTranspose2d(n, 3, 4, 2, 1), nn.Tanh())
  return generator, chain(nn.Conv2d(3, n, 4, 2, 1), leaky(), *down, *_logit(16 * 8 * n))


class UpBlock(nn.Module):
  """A residual block that doubles the image."""

  def __init__(self, width: int):
    super().__init__()
    self.BatchNorm_0 = nn.BatchNorm2d(width, eps=2e-5)
    self.Conv_0 = nn.Conv2d(width, width, 3, padding=1, bias=False)
    self.BatchNorm_1 = nn.BatchNorm2d(width, eps=2e-5)
    self.Conv_1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
    self.Conv_2 = nn.Conv2d(width, width, 1, bias=False)

  def forward(self, x: Tensor) -> Tensor:
    """Features `[B, C, h, w]` -> `[B, C, 2h, 2w]`."""
    y = self.Conv_0(_twice(F.relu(self.BatchNorm_0(x), inplace=True)))
    y = self.Conv_1(F.relu(self.BatchNorm_1(y), inplace=True))
    return y + _twice(self.Conv_2(x))


class DownBlock(nn.Module):
  """A residual block of the critic; `entry` leaves out the first ReLU, `down` halves the image."""

  def __init__(self, channels: int, width: int, *, down: bool = True, entry: bool = False):
    super().__init__()
    self.down, self.entry = down, entry
    self.Conv_0 = spectral_norm(nn.Conv2d(channels, width, 3, padding=1))
    self.Conv_1 = spectral_norm(nn.Conv2d(width, width, 3, padding=1))
    if down:
      self.Conv_2 = spectral_norm(nn.Conv2d(channels, width, 1))

  def forward(self, x: Tensor) -> Tensor:
    """Features `[B, C, h, w]`, halved where `down`."""
    y = self.Conv_0(x if self.entry else F.relu(x))  # not in place: the shortcut needs x
    y = self.Conv_1(F.relu(y, inplace=True))
    if not self.down:
      return y + x
    return F.avg_pool2d(y, 2) + self.Conv_2(F.avg_pool2d(x, 2))


def _twice(x: Tensor) -> Tensor:
  return F.interpolate(x, scale_factor=2, mode='nearest')


def resnet(n: int = 64) -> tuple[nn.Module, nn.Module]:
  """W5."""
  generator = chain(
    nn.Linear(128, 16 * n),
    nn.Unflatten(1, (n, 4, 4)),
    *(UpBlock(n) for _ in range(3)),
    nn.BatchNorm2d(n, eps=2e-5),
    nn.ReLU(inplace=True),
    nn.Conv2d(n, 3, 3, padding=1),
    nn.Tanh(),
  )
  blocks = [DownBlock(3, n, entry=True), DownBlock(n, n)]
  blocks += [DownBlock(n, n, down=False) for _ in range(2)]
  return generator, chain(
    *blocks, Map(lambda x: F.relu(x).sum((2, 3))), spectral_norm(nn.Linear(n, 1)), squeeze()
  )


def cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
  return F.softplus(-real).mean() + F.softplus(fake).mean()


def hinge(real: Tensor, fake: Tensor) -> Tensor:
  return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
  """10 E (||grad D(x)|| - 1)^2 at x = mix real + (1 - mix) fake."""
  x = (mix * real + (1 - mix) * fake).requires_grad_()
  (slopes,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
  return 10 * ((slopes.square().sum((1, 2, 3)) + 1e-12).sqrt() - 1).square().mean()


def peer(workload: str) -> Peer:
  """The workload of that name, with weights of PyTorch's choice."""
  nonsaturating = (cross_entropy, lambda fake: F.softplus(-fake).mean())
  away = lambda fake: -fake.mean()
  wasserstein = (lambda real, fake: fake.mean() - real.mean(), away)
  if workload.startswith('W4'):
    critic, steps = critic28((64, 128, 256), 4096), 1 if workload == 'W4-1' else 5
    return Peer(dcgan28(), critic, *wasserstein, gradient_penalty, n_critic=steps)
  make: dict[str, Callable[[], Peer]] = {
    'W1': lambda: Peer(*mlp(), *nonsaturating),
    'W2': lambda: Peer(dcgan28(), critic28((64, 128), 6272), *nonsaturating),
    'W3': lambda: Peer(*dcgan64(), *nonsaturating),
    'W5': lambda: Peer(*resnet(), hinge, away, latent_size=128),
  }
  return make[workload]()


def iteration(
  peer: Peer, shape: tuple[int, ...], layout: torch.memory_format
) -> Callable[[], None]:
  """A call is one iteration on constant real images `[B, C, H, W]`; Adam 2e-4, (0.5, 0.999)."""
  generator, critic = (_laid_out(net, layout) for net in (peer.generator, peer.critic))
  adam = lambda net: torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999), foreach=True)
  critic_adam, generator_adam = adam(critic), adam(generator)
  draw = lambda: torch.rand(shape).mul(2).sub(1).contiguous(memory_format=layout)
  reals = [draw() for _ in range(peer.n_critic)]
  latents = lambda: torch.randn(shape[0], peer.latent_size)

  def call() -> None:
    for real in reals:
      _update(critic_adam, critic_loss(peer, real, latents()))
    critic.requires_grad_(False)  # or it would compute gradients of weights that no one needs
    _update(generator_adam, generator_loss(peer, latents()))
    critic.requires_grad_(True)

  return call


def critic_loss(peer: Peer, real: Tensor, z: Tensor, mix: Tensor | None = None) -> Tensor:
  """The critic's loss; `mix` `[B, 1, 1, 1]` is drawn where not given."""
  with torch.no_grad():
    fake = peer.generator(z)
  loss = peer.critic_loss(peer.critic(real), peer.critic(fake))
  if peer.penalty is None:
    return loss
  mix = torch.rand(len(real), 1, 1, 1) if mix is None else mix
  return loss + peer.penalty(peer.critic, real, fake, mix)


def generator_loss(peer: Peer, z: Tensor) -> Tensor:
  """The generator's loss."""
  return peer.generator_loss(peer.critic(peer.generator(z)))


def _laid_out(net: nn.Module, layout: torch.memory_format) -> nn.Module:
  convert: Any = net.to
  return convert(memory_format=layout).train()


def _update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
  optimizer.zero_grad(set_to_none=True)
  loss.backward()
  optimizer.step()


def contenders(
  workload: str, batch: int, shape: tuple[int, int, int], threads: int
) -> dict[str, Callable[[], None]]:
  """The workload in both layouts; `shape` is that of one image, (H, W, C)."""
  torch.set_num_threads(threads)
  height, width, channels = shape
  full = (batch, channels, height, width)
  return {name: iteration(peer(workload), full, layout) for name, layout in LAYOUTS.items()}


def modulated(x: Tensor, w: Tensor, style: Tensor, *, grouped: bool) -> Tensor:
  """A convolution whose kernel `[O, C, 3, 3]` is scaled by each image's style and normalized.

  `grouped`: by a kernel for each image; else by scaling what goes in and what comes out.
  """
  kernels = w * style[:, None, :, None, None]
  scale = (kernels.square().sum((2, 3, 4)) + 1e-8).rsqrt()
  if not grouped:
    return F.conv2d(x * style[:, :, None, None], w, padding=1) * scale[:, :, None, None]
  whole = (kernels * scale[:, :, None, None, None]).flatten(0, 1)
  made = F.conv2d(x.reshape(1, -1, *x.shape[2:]), whole, padding=1, groups=len(x))
  return made.reshape(len(x), -1, *x.shape[2:])


def modulated_block(
  x: Any, kernels: Sequence[Any], styles: Sequence[Any], noises: Sequence[Any]
) -> dict[str, Callable[[], tuple[Tensor, ...]]]:
  """W6 in both layouts and both forms, on the arrays of `modulation.block`.

  A call returns the gradients of the sum of squares: by the image, the kernels and the styles.
  """
  torch.set_num_threads(len(os.sched_getaffinity(0)))

  def call(layout: torch.memory_format, grouped: bool) -> Callable[[], tuple[Tensor, ...]]:
    images = lambda a: torch.tensor(a).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    ws = [torch.tensor(w).permute(3, 2, 0, 1).contiguous(memory_format=layout) for w in kernels]
    image, scales, noise = images(x), [torch.tensor(s) for s in styles], [*map(images, noises)]
    given = [a.requires_grad_() for a in (image, *ws, *scales)]

    def gradients() -> tuple[Tensor, ...]:
      y = F.interpolate(image, scale_factor=2)
      for w, style, added in zip(ws, scales, noise, strict=True):
        y = F.leaky_relu(modulated(y, w, style, grouped=grouped) + 0.1 * added, 0.2) * 2**0.5
      return torch.autograd.grad(y.square().sum(), given)

    return gradients

  forms = {'': False, ', grouped': True}
  return {
    name + form: call(layout, grouped)
    for name, layout in LAYOUTS.items()
    for form, grouped in forms.items()
  }
