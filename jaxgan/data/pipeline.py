"""Batches as a pure function of (seed, step, host); the step gives the position in the data."""

import collections
import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from jaxgan.data.source import Source

Item = TypeVar('Item')
Result = TypeVar('Result')
Stream = Generator[np.ndarray, None, None]

PART = 16  # the fewest images that a thread decodes at a time
MIRROR = 1  # makes the coins of mirrored images others than the order of the images
OTHER = 2**64  # added to the seed for the order of a second domain; all seeds are smaller
WORKERS = min(32, os.cpu_count() or 1)


@functools.lru_cache(maxsize=4)
def permutation(n: int, seed: int, epoch: int) -> np.ndarray:
  """Return the order of `n` examples in one epoch, int64 `[n]`, read-only.

  The order comes from sorting raw Philox numbers. NumPy promises that these do not change between
  its versions (NEP 19), but not `Generator.permutation`. So a run that is resumed after an upgrade
  uses the same data.
  """
  words = np.random.Philox(np.random.SeedSequence([seed, epoch])).random_raw(n)
  order = np.argsort(words, kind='stable')
  order.setflags(write=False)
  return order


def indices(n: int, seed: int, step: int, count: int) -> np.ndarray:
  """Return the examples of one step, as indices int64 `[count]`.

  The epochs form an endless stream; each is a new permutation of all `n` examples. A step uses the
  positions step count, ..., (step + 1) count - 1 of the stream. It may cross the end of an epoch.

  Args:
    n: number of examples in the data set.
    seed: seed of the order.
    step: the step, from 0.
    count: examples of a step.

  Example:
    >>> sorted(indices(4, seed=0, step=0, count=4).tolist())
    [0, 1, 2, 3]
  """
  first, past = step * count, (step + 1) * count
  epochs = range(first // n, (past - 1) // n + 1)
  orders = [
    permutation(n, seed, epoch)[max(first - epoch * n, 0) : past - epoch * n] for epoch in epochs
  ]
  return np.concatenate(orders)


def batches(
  source: Source,
  *,
  batch_size: int,
  microbatches: int,
  seed: int,
  start_step: int = 0,
  host: int = 0,
  hosts: int = 1,
  prefetch: int = 2,
  mirror: bool = False,
) -> Generator[dict[str, np.ndarray], None, None]:
  """Yield this host's part of the data of every step, from `start_step` on; close it after use.

  The parts of all hosts, concatenated along axis 1, are the batch of a single host.

  Args:
    source: what `jaxgan.data.load` returns.
    batch_size: examples of a microbatch over all hosts.
    microbatches: microbatches of a step.
    seed: seed of the order, an integer from 0 to 2^64 - 1.
    start_step: the first step; a resumed run gives the number of steps it has taken.
    host: number of this host, from 0 to hosts - 1.
    hosts: number of hosts that share a batch.
    prefetch: steps that threads decode in advance if the source streams.
    mirror: half of the images, others in each step, are mirrored; those of a pair together.

  Returns:
    A generator of dicts with
      'image', uint8 (rows of a table: float32) `[microbatches, batch_size / hosts, *spec.shape]`;
      'label', int32 `[microbatches, batch_size / hosts]`, if the source has labels (`labels_at`);
      'target', shaped like 'image', if the source has two domains: the partners of the images if
      paired, else images in an independent order.

  Raises:
    ValueError: at the call, if hosts does not divide batch_size or `host` does not exist. An error
      in a decoding thread is raised at its step.
  """
  _check(batch_size, microbatches, host, hosts)
  share = batch_size // hosts

  def shares(drawn: Callable[[int], np.ndarray]) -> Iterator[np.ndarray]:
    for step in itertools.count(start_step):
      whole = drawn(step).reshape(microbatches, batch_size)
      yield whole[:, host * share : (host + 1) * share]

  total = batch_size * microbatches
  rows = lambda domain, seed: shares(lambda step: _examples(domain, seed, step, total))

  def pictures(domain: Source, seed: int) -> Stream:
    drawn = rows(domain, seed)
    found = _streamed(domain, drawn, prefetch) if domain.streams else _gathered(domain, drawn)
    turns = shares(lambda step: _coins(total, seed, step))
    return _mirrored(found, turns) if mirror else found

  streams = {'image': pictures(source, seed)}
  if source.target:
    streams['target'] = pictures(source.target, seed if source.paired else seed + OTHER)
  return _together(source, enumerate(rows(source, seed), start_step), streams, seed)


def _examples(source: Source, seed: int, step: int, count: int) -> np.ndarray:
  draw = source.drawing.draw if source.drawing else functools.partial(indices, len(source))
  return draw(seed, step, count)


def _check(batch_size: int, microbatches: int, host: int, hosts: int) -> None:
  if batch_size < 1 or microbatches < 1:
    raise ValueError(
      f'batch_size and microbatches should be positive, got {batch_size} and {microbatches}'
    )
  if batch_size % hosts:
    raise ValueError(f'batch_size {batch_size} should be a multiple of the {hosts} hosts')
  if not 0 <= host < hosts:
    raise ValueError(f'host should lie from 0 to {hosts - 1}, got {host}')


def blank(source: Source, *, batch_size: int, microbatches: int) -> dict[str, np.ndarray]:
  """Return a batch of zeros, shaped like those of `batches` on a single host, without reading."""
  rows = microbatches, batch_size
  zero = np.float32(0) if source.spec.columns else np.uint8(0)
  images = np.broadcast_to(zero, (*rows, *source.spec.shape))
  found = {'image': images, **({'target': images} if source.target else {})}
  labelled = source.labels is not None
  return found | ({'label': np.broadcast_to(np.int32(0), rows)} if labelled else {})


def _together(
  source: Source,
  rows: Iterator[tuple[int, np.ndarray]],
  streams: Mapping[str, Stream],
  seed: int,
) -> Generator[dict[str, np.ndarray], None, None]:
  with contextlib.ExitStack() as stack:
    for stream in streams.values():
      stack.enter_context(contextlib.closing(stream))
    for (step, row), *pictures in zip(rows, *streams.values(), strict=True):
      shaped = [images.reshape(*row.shape, *images.shape[1:]) for images in pictures]
      batch = dict(zip(streams, shaped, strict=True))
      labelled = source.labels is not None
      yield batch | {'label': source.labels_at(row, seed, step)} if labelled else batch


def _coins(count: int, seed: int, step: int) -> np.ndarray:
  """Return whether each image of a step is turned, bool `[count]`."""
  words = np.random.Philox(np.random.SeedSequence([seed, step, MIRROR])).random_raw(count)
  heads: np.ndarray = words % 2 == 1
  return heads


def _mirrored(stream: Stream, turns: Iterator[np.ndarray]) -> Stream:
  with contextlib.closing(stream):
    for images, turned in zip(stream, turns, strict=False):
      yield np.where(turned.reshape(-1, 1, 1, 1), images[:, :, ::-1], images)


def _gathered(source: Source, rows: Iterator[np.ndarray]) -> Stream:
  for row in rows:
    yield source.images(row.ravel())


def _streamed(source: Source, rows: Iterator[np.ndarray], prefetch: int) -> Stream:
  first = next(rows)
  parts = max(1, min(WORKERS, first.size // PART))
  chunks = (
    part for row in itertools.chain([first], rows) for part in np.array_split(row.ravel(), parts)
  )
  with contextlib.closing(ordered(source.images, chunks, ahead=prefetch * parts)) as images:
    while step := list(itertools.islice(images, parts)):
      yield np.concatenate(step)


def ordered(
  function: Callable[[Item], Result],
  items: Iterable[Item],
  *,
  ahead: int,
  workers: int = WORKERS,
) -> Generator[Result, None, None]:
  """Yield `function(item)` for all items in order, computed by threads in advance.

  Unlike `Executor.map`, it accepts endless `items`. An exception of `function` is raised in the
  place of its result. Closing the generator cancels calls that have not begun and waits for the
  others.

  Args:
    function: called in a thread for each item.
    items: may be endless.
    ahead: the most results that are computed in advance.
    workers: number of threads.
  """
  pending: collections.deque[Future[Result]] = collections.deque()
  with ThreadPoolExecutor(workers, thread_name_prefix='jaxgan-data') as pool:
    try:
      for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) > ahead:
          yield pending.popleft().result()
      while pending:
        yield pending.popleft().result()
    finally:
      for future in pending:
        future.cancel()
