"""Files of weights as their authors write them, made by hand: PyTorch is not needed."""

import contextlib
import io
import pickle
import struct
import sys
import types
from collections import OrderedDict

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def dcgan(seed=0, latent=4, width=4):
  """Generator and critic of DCGAN for 8 pixels, under the names of the PyTorch examples."""
  draw = lambda *shape: np.random.default_rng(seed + len(shape)).normal(size=shape) * 0.2
  norm = lambda n: {'weight': draw(n) + 1, 'bias': draw(n), 'running_mean': draw(n)}
  generator = {'main.0.weight': draw(latent, width, 4, 4), 'main.3.weight': draw(width, 3, 4, 4)}
  generator |= {f'main.1.{k}': x for k, x in norm(width).items()}
  generator['main.1.running_var'] = draw(width) ** 2 + 0.5
  generator['main.1.num_batches_tracked'] = np.array(7)
  critic = {'main.0.weight': draw(width, 3, 4, 4), 'main.2.weight': draw(1, width, 4, 4)}
  narrow = lambda arrays: {k: x.astype(np.float32) for k, x in arrays.items()}
  return narrow(generator), narrow(critic)


def _module(name):
  return types.ModuleType(name)


@contextlib.contextmanager
def standing_in(**functions):
  """Modules under the given dotted names (_ for .), each with the functions that pickles name."""
  before = dict(sys.modules)
  try:
    for path, members in functions.items():
      name = path.replace('__', '.')
      for i in range(name.count('.') + 1):
        part = '.'.join(name.split('.')[: i + 1])
        sys.modules.setdefault(part, _module(part))
      for member in members:
        member.__module__, member.__qualname__ = name, member.__name__
        setattr(sys.modules[name], member.__name__, member)
    yield
  finally:
    for name in set(sys.modules) - set(before):
      del sys.modules[name]


class FloatStorage:
  """PyTorch's class of this name."""


def _load_from_bytes(data): ...


def _rebuild_tensor_v2(*_): ...


def _rebuild_parameter(*_): ...


def _reconstruct_persistent_obj(meta): ...


class Reduced:
  """An object that pickles as the call of a function."""

  def __init__(self, function, *given):
    self.call = function, given

  def __reduce__(self):
    return self.call


class _Pickler(pickle.Pickler):
  def persistent_id(self, value):
    return value.pid if isinstance(value, _Storage) else None


class _Storage:
  def __init__(self, array):
    self.pid = ('storage', FloatStorage, '0', 'cpu', array.size, None)


def storage_file(array):
  """A storage in the format of PyTorch before 1.6, as pickles of modules have it inside."""
  out = io.BytesIO()
  for value in (MAGIC, PROTOCOL, {'little_endian': True}):
    pickle.dump(value, out, 2)
  _Pickler(out, 2).dump(_Storage(array))
  pickle.dump(['0'], out, 2)
  return out.getvalue() + struct.pack('<q', array.size) + array.astype('<f4').tobytes()


def tensor(array):
  """A parameter as pickles of modules have it."""
  strides = tuple(s // array.itemsize for s in np.array(array, order='C').strides)
  storage = Reduced(_load_from_bytes, storage_file(array))
  inner = Reduced(_rebuild_tensor_v2, storage, 0, array.shape, strides, False, OrderedDict())
  return Reduced(_rebuild_parameter, inner, True, OrderedDict())


def persistent(arrays, source=''):
  """A module of NVIDIA's, with the arrays under dotted names, and with the source of its class."""
  parameters, inner = OrderedDict(), OrderedDict()
  numbers = {}
  for name, array in arrays.items():
    first, _, rest = name.partition('.')
    if isinstance(array, float) and not rest:
      numbers[first] = array
    elif rest:
      inner.setdefault(first, {})[rest] = array
    else:
      parameters[first] = tensor(array)
  modules = OrderedDict((k, persistent(x, source)) for k, x in inner.items())
  state = {'_parameters': parameters, '_buffers': OrderedDict(), '_modules': modules, **numbers}
  meta = dict(type='class', version=6, module_src=source, class_name='Network', state=state)
  return Reduced(_reconstruct_persistent_obj, meta)


def nvidia(path, source='', **networks):
  """Write a .pkl with networks by name, as stylegan2-ada-pytorch and stylegan3 do."""
  members = dict(
    torch=[FloatStorage],
    torch___utils=[_rebuild_tensor_v2, _rebuild_parameter],
    torch__storage=[_load_from_bytes],
    torch_utils__persistence=[_reconstruct_persistent_obj],
  )
  with standing_in(**members):
    content = {name: persistent(arrays, source) for name, arrays in networks.items()}
    path.write_bytes(pickle.dumps(content | {'training_set_kwargs': {'size': 3}}))
  return path
