"""Checkpoints: saved while training continues, verified when read, kept by age and by metric.

A checkpoint is a folder that is named `<step>` once it is complete. It holds the bytes of all
arrays, which Orbax writes as one array (each array costs it a millisecond, and could fail alone on
a full disk), and a description with checksums. Orbax itself does not notice a flipped bit and does
not fall back to an older checkpoint; this module does both.
"""

import contextlib
import json
import logging
import math
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding

from jaxgan.core.state import named
from jaxgan.core.typing import Array, Json, Tree
from jaxgan.parallel import hosts
from jaxgan.storage import descriptions, files, packing
from jaxgan.storage.descriptions import Damaged, Description

Leaf = TypeVar('Leaf', Array, jax.ShapeDtypeStruct)
_UNFINISHED, _DELETED, _REFUSED = '.unfinished', '.deleted', '.refused'
_PACKED: Final = 'packed'
_NO_LONGER = 'params/features/'
"""Leaves of checkpoints of version 0.1.0 that states no longer have: a frozen network."""
_LINES = 6
_LONGEST = 300


class CheckpointError(OSError):
  """A checkpoint could not be written; the ones before it are unchanged."""


class Incompatible(ValueError):
  """The checkpoint is intact but belongs to another model."""


class Unrestorable(ValueError):
  """There are checkpoints, but all of them are damaged."""


def abstract(state: Tree, sharding: Sharding) -> Tree:
  """Return shapes, dtypes (also of typed keys) and the sharding, for `Checkpoints.restore`."""
  return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), state)


def as_stored(folder: pathlib.Path, sharding: Sharding) -> Callable[[int], Tree]:
  """Return what `Checkpoints.restore` needs to read arrays by name, whatever model they are of.

  Args:
    folder: the folder of the checkpoints.
    sharding: where the arrays shall be.
  """

  def of(step: int) -> Tree:
    try:
      leaves = descriptions.read(folder / str(step))['leaves']
    except Damaged:
      leaves = {'step': 'int32[]'}  # `restore` finds the damage itself, and reports it
    return {name: _like(spec, sharding) for name, spec in leaves.items()}

  return of


class _Saving(Protocol):
  """A write that Orbax has begun."""

  def result(self) -> object: ...


class Checkpoints:
  """The checkpoints of one run in one folder; one run at a time may save (`workdir.lock`).

  The newest `keep_latest` checkpoints are kept, and the `keep_best` with the smallest `metric` (the
  largest if not `minimise`). A checkpoint that is not `lasting` is kept until there is a newer one.
  Each gets the mark of its `run`, and those of another run are refused (`descriptions.check_run`);
  with None, checkpoints get no mark, and all are accepted. Restoring changes nothing in the folder,
  so a run can be read while it trains. As a context manager, it waits for the last save at the end.
  """

  def __init__(
    self,
    folder: str | pathlib.Path,
    *,
    keep_latest: int = 2,
    keep_best: int = 1,
    metric: str | None = None,
    minimise: bool = True,
    run: str | None = None,
  ) -> None:
    if keep_latest < 1 or keep_best < 0:
      raise ValueError(
        f'expected keep_latest >= 1 and keep_best >= 0, got {keep_latest} and {keep_best}'
      )
    self.folder = pathlib.Path(folder).absolute()
    self._run = run
    self._keep_latest, self._keep_best = keep_latest, keep_best
    self._metric, self._sign = metric, 1 if minimise else -1
    self._sound: set[int] = set()  # saved or restored by this object
    self._refused: set[int] = set()  # and not yet set aside
    self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix='checkpoint')
    self._pending: tuple[int, Future[None]] | None = None

  def save(
    self,
    step: int,
    state: Tree,
    *,
    metrics: Mapping[str, float] | None = None,
    lasting: bool = True,
    wait: bool = False,
  ) -> None:
    """Start to write the state; after the return, the state may be donated.

    It first waits for an earlier save. A step that this object has saved or restored is not written
    again. Folders that `restore` refused, and a folder of this step that it never read, are renamed
    to `<step>.refused`.

    Args:
      step: the steps taken so far.
      state: a tree of arrays.
      metrics: values of this state by name.
      lasting: False: keep it only until there is a newer one, for continuing a run.
      wait: block until it is written.

    Raises:
      CheckpointError: this save, or an earlier one, could not be written.
    """
    self.wait()
    if step not in self._sound:
      with self._naming(step):
        hosts.together(lambda: self._make_room(step))
        self._start(step, _by_name(state), metrics or {}, lasting)
    if wait:
      self.wait()

  def restore(
    self, abstract: Tree | Callable[[int], Tree], *, log: Callable[[str], object] = print
  ) -> tuple[int, Tree] | None:
    """Return the newest intact checkpoint as (step, state); None if there is no checkpoint.

    Args:
      abstract: what the function `abstract` returns, or a function of the step that returns it, for
        states whose shapes depend on the step. The devices may differ from those at the save.
      log: called with a line for each newer step that was refused, with the reason.

    Raises:
      Foreign: a checkpoint belongs to another run.
      Incompatible: the newest intact checkpoint has other leaves, shapes or dtypes.
      Unrestorable: there are checkpoints and all of them were refused.
    """
    self.wait()
    if not callable(abstract):
      _by_name(abstract)  # raises for a tree that cannot be saved, even without a checkpoint
    hosts.together(self._check_run)
    steps = json.loads(hosts.share(json.dumps(self.steps()))[0])  # those that process 0 sees
    for step in reversed(steps):
      wanted = abstract(step) if callable(abstract) else abstract
      try:
        arrays = _load(self.folder / str(step), _by_name(wanted))
      except Incompatible:
        raise
      except Exception as error:  # Orbax may raise anything
        log(f'checkpoint {step} refused: {_reason(error)}')
        self._refused.add(step)
        self._sound.discard(step)
      else:
        self._sound.add(step)
        return step, jax.tree.unflatten(jax.tree.structure(wanted), arrays)
    if steps:
      raise Unrestorable(
        f'none of the {len(steps)} checkpoints in {self.folder} can be restored; '
        'move that folder away to start from the beginning'
      )
    return None

  def steps(self) -> list[int]:
    """Return the steps that have a folder, ascending; a folder may be damaged."""
    return descriptions.steps(self.folder)

  def retract(self) -> None:
    """Delete the checkpoints that are not lasting, so that the newest one is lasting."""
    self.wait()
    self._sound.clear()
    steps = self.steps() if hosts.first() else []
    for step in [step for step in steps if not self._lasting(step)]:
      self._delete(step)

  def wait(self) -> None:
    """Wait until the last save is on disk; then delete the checkpoints that need not be kept.

    Raises:
      CheckpointError: the save could not be written.
    """
    if self._pending is None:
      return
    step, written = self._pending
    try:
      with self._naming(step):
        hosts.together(written.result)
    finally:
      if written.done():  # False if Ctrl-C ended the wait
        self._pending = None
    self._sound.add(step)
    self._prune()

  def close(self) -> None:
    """Wait for the last save; no save is possible afterwards."""
    try:
      self.wait()
    finally:
      self._thread.shutdown()

  def __enter__(self) -> 'Checkpoints':
    return self

  def __exit__(self, *_: object) -> None:
    self.close()

  def _check_run(self) -> None:
    if self._run is not None and hosts.first():
      descriptions.check_run(self.folder, self._run)

  def _start(
    self, step: int, leaves: Mapping[str, Array], metrics: Mapping[str, float], lasting: bool
  ) -> None:
    final, arrays = self.folder / str(step), _nonempty(leaves)
    words, packed = packing.integrity(arrays), packing.pack(arrays)
    description: Description = {
      'step': step,
      'lasting': lasting,
      'metrics': {name: float(x) for name, x in metrics.items() if math.isfinite(x)},
      'leaves': _specs(leaves),
      _PACKED: packed.size,
    }
    if self._run:
      description['run'] = self._run
    unfinished = final.with_name(final.name + _UNFINISHED)
    begin: Callable[[], _Saving] = partial(_begin, unfinished, packed)
    if jax.process_count() > 1:  # all processes begin together, and not during a step
      begun = begin()
      begin = lambda: begun
    written = self._thread.submit(_finish, begin, unfinished, final, description, words)
    self._pending = step, written

  def _make_room(self, step: int) -> None:
    if hosts.first():
      self.folder.mkdir(parents=True, exist_ok=True)
      for left in (*self.folder.glob(f'*{_UNFINISHED}*'), *self.folder.glob(f'*{_DELETED}')):
        shutil.rmtree(left, ignore_errors=True)
      for old in {step, *self._refused} & set(self.steps()):
        files.rename(self.folder / str(old), _REFUSED)
    self._refused.clear()

  def _prune(self) -> None:
    if hosts.first():
      steps = self.steps()
      lasting = [step for step in steps if self._lasting(step)]
      kept = {*steps[-1:], *lasting[-self._keep_latest :], *self._best(lasting)}
      for step in set(steps) - kept:
        self._delete(step)

  def _lasting(self, step: int) -> bool:
    try:
      return descriptions.read(self.folder / str(step))['lasting']
    except Damaged:
      return True  # unreadable: do not delete it early

  def _delete(self, step: int) -> None:
    # Renaming is atomic; deleting is not, and a half deleted folder would still be listed.
    shutil.rmtree(files.rename(self.folder / str(step), _DELETED), ignore_errors=True)

  def _best(self, steps: list[int]) -> list[int]:
    measured: dict[int, float] = {}
    if self._metric is None:
      return []
    for step in steps:
      with contextlib.suppress(Exception):  # unreadable or without the metric: cannot be the best
        measured[step] = (
          self._sign * descriptions.read(self.folder / str(step))['metrics'][self._metric]
        )
    return sorted(measured, key=measured.__getitem__)[: self._keep_best]

  @contextlib.contextmanager
  def _naming(self, step: int) -> Iterator[None]:
    try:
      yield
    except Exception as error:
      there = next(p for p in (self.folder, *self.folder.parents) if p.is_dir())
      raise CheckpointError(
        f'checkpoint {step} was not saved in {self.folder} '
        f'({shutil.disk_usage(there).free:,} bytes free): {_reason(error)}'
      ) from error


def _begin(unfinished: pathlib.Path, packed: np.ndarray) -> _Saving:
  from orbax.checkpoint import v1 as ocp

  context = ocp.Context()
  context.array.saving.use_compression = False  # slow, and floats hardly become smaller
  # So that a folder that cannot be created raises here, not in a thread that other processes await.
  context.asynchronous.create_directories_asynchronously = False
  with _quiet(), context:
    return ocp.save_async(unfinished, {_PACKED: packed})


def _finish(
  begin: Callable[[], _Saving],
  unfinished: pathlib.Path,
  final: pathlib.Path,
  description: Description,
  words: Array,
) -> None:
  begun = begin()
  with _quiet():
    begun.result()
  if hosts.first():
    description['words'] = np.asarray(words).tolist()
    descriptions.write(unfinished, description)
    unfinished.rename(final)


def _load(path: pathlib.Path, leaves: Mapping[str, jax.ShapeDtypeStruct]) -> list[Array]:
  description = hosts.together(lambda: _checked(path, leaves))
  like = {**_no_longer(description['leaves'], leaves), **leaves}
  wanted = _nonempty({name: like[name] for name in description['leaves']})
  with _quiet():
    arrays = _read(path, description.get(_PACKED), wanted)
  words = zip(sorted(arrays), description['words'], packing.integrity(arrays).tolist(), strict=True)
  wrong = [name for name, before, now in words if before != now]
  if wrong:
    raise Damaged(f'{len(wrong)} of {len(arrays)} arrays are not as they were saved: {wrong[0]}')
  return [arrays[name] if name in arrays else _empty(leaf) for name, leaf in leaves.items()]


def _read(
  path: pathlib.Path, size: int | None, wanted: Mapping[str, jax.ShapeDtypeStruct]
) -> dict[str, Array]:
  from orbax.checkpoint import v1 as ocp

  if size is not None:
    return packing.unpack(ocp.load(path, {_PACKED: np.empty(size, np.uint8)})[_PACKED], wanted)
  # The format until November 2026: each array by its name. Orbax restores keys with an equal
  # sharding of another name, for which the step would be compiled again.
  return jax.tree.map(
    lambda x, like: jax.device_put(x, like.sharding), ocp.load(path, wanted), wanted
  )


def _checked(path: pathlib.Path, leaves: Mapping[str, jax.ShapeDtypeStruct]) -> Description:
  """Return the description of a folder; raise where it is damaged or of another model."""
  description = descriptions.read(path)
  old = _no_longer(description['leaves'], leaves)
  known = {name: spec for name, spec in description['leaves'].items() if name not in old}
  _preflight(path, known, _specs(leaves))
  for name, checksum in description['files'].items() if hosts.first() else ():
    # Before Orbax reads it: its errors about a damaged file are long and late.
    if not (path / name).is_file() or descriptions.checksum(path / name) != checksum:
      raise Damaged(f'{name} is not as it was written')
  return description


def _preflight(path: pathlib.Path, stored: Mapping[str, str], wanted: Mapping[str, str]) -> None:
  lines = [
    f'  {name}: {stored.get(name, "absent")} -> {wanted.get(name, "absent")}'
    for name in sorted({*stored, *wanted})
    if stored.get(name) != wanted.get(name)
  ]
  if lines:
    more = [f'  and {len(lines) - _LINES} more'] if len(lines) > _LINES else []
    head = f'checkpoint {path.name} in {path.parent} is of another model (there -> here):'
    raise Incompatible('\n'.join([head, *lines[:_LINES], *more]))


def _no_longer(
  stored: Mapping[str, str], leaves: Mapping[str, jax.ShapeDtypeStruct]
) -> dict[str, jax.ShapeDtypeStruct]:
  """Return the stored leaves that states no longer have, which are read and dropped."""
  sharding = next(iter(leaves.values())).sharding
  found = {}
  for name, spec in stored.items():
    if name.startswith(_NO_LONGER) and name not in leaves:
      found[name] = _like(spec, sharding)
  return found


def _like(spec: str, sharding: Sharding) -> jax.ShapeDtypeStruct:
  """Return the array that a description names, such as 'float32[2, 3]', as shape and dtype."""
  dtype, shape = spec.split('[', 1)
  known = jax.random.key(0).dtype if dtype.startswith('key<') else dtype
  return jax.ShapeDtypeStruct(tuple(json.loads(f'[{shape}')), known, sharding=sharding)


def _by_name(tree: Tree) -> Json:
  """Return the leaves by path, in the order of the tree; empty containers are not stored."""
  found, count = named(tree), len(jax.tree.leaves(tree))
  if len(found) < count or not found:
    raise ValueError(f'expected leaves of distinct paths, got {count} of {len(found)} paths')
  return found


def _specs(leaves: Mapping[str, Array | jax.ShapeDtypeStruct]) -> dict[str, str]:
  return {name: f'{x.dtype}{list(x.shape)}' for name, x in leaves.items()}


def _nonempty(leaves: Mapping[str, Leaf]) -> dict[str, Leaf]:
  """Return the leaves that have elements; Orbax refuses the others."""
  return {name: leaf for name, leaf in leaves.items() if math.prod(leaf.shape)}


def _empty(like: jax.ShapeDtypeStruct) -> Array:
  return jax.device_put(jnp.zeros(like.shape, like.dtype), like.sharding)


def _reason(error: BaseException) -> str:
  cause = error.__cause__ or error
  lines = str(cause).strip().splitlines() or ['']
  kind = '' if isinstance(cause, Damaged) else f'{type(cause).__name__}: '
  line = lines[0] if len(lines[0]) <= _LONGEST else f'{lines[0][:100]} ... {lines[0][-200:]}'
  return kind + line


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Hide Orbax's log and the tracebacks of its threads; its errors arrive as exceptions."""
  logger, keep = logging.getLogger('absl'), lambda record: 'orbax' not in record.pathname
  logger.addFilter(keep)
  try:
    yield
  finally:
    logger.removeFilter(keep)
