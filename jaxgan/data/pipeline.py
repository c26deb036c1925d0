"""Batches as a pure function of (seed, step, host): the position in the data is the step itself."""

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

PART = 16  # images a thread decodes at a time, at least
OTHER = 2**64  # added to the seed for the order of a second domain: no seed is that large
WORKERS = min(32, os.cpu_count() or 1)


@functools.lru_cache(maxsize=4)
def permutation(n: int, seed: int, epoch: int) -> np.ndarray:
  """The order of `n` examples in one epoch, int64 [n], read-only.

  Sorts raw Philox words, which NumPy keeps the same between its versions (NEP 19), as it does not
  promise for `Generator.permutation`: a run resumed after an upgrade sees the same data.
  """
  words = np.random.Philox(np.random.SeedSequence([seed, epoch])).random_raw(n)
  order = np.argsort(words, kind='stable')
  order.setflags(write=False)
  return order


def indices(n: int, seed: int, step: int, count: int) -> np.ndarray:
  """The examples, int64 [count], at positions step * count ... of the endless stream of epochs.

  Every epoch is its own permutation of all `n`; the stream runs on across their ends, so a draw
  may straddle two epochs, or many where n < count.
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
) -> Generator[dict[str, np.ndarray], None, None]:
  """This host's share of every step's data, from `start_step` on, without end.

  'image' is uint8 [microbatches, batch_size // hosts, size, size, channels]; a labelled source adds
  'label', int32 [microbatches, batch_size // hosts], one of two domains 'target', of the shape of
  'image': the partners of these, or of an order of their own, each once in an epoch of theirs. The
  shares of all hosts, concatenated along axis 1, are the batch of a single host. Close the
  generator when done with it.

  Args:
    source: what `jaxgan.data.load` returns.
    batch_size: examples of a microbatch over all hosts.
    microbatches: of one step.
    seed: of the order, a non-negative integer.
    start_step: the first step drawn; a resumed run passes the step it stands at.
    host: which of the `hosts` this is.
    hosts: how many share a batch.
    prefetch: steps decoded ahead by threads where the source streams.

  Raises:
    ValueError: at once, if batch_size is not divisible by hosts or there is no such host; an error
      in a decoding thread is raised from the step it belongs to.
  """
  if batch_size < 1 or microbatches < 1:
    raise ValueError(
      f'batch_size and microbatches should be positive, got {batch_size} and {microbatches}'
    )
  if batch_size % hosts:
    raise ValueError(f'batch_size {batch_size} should be a multiple of the {hosts} hosts')
  if not 0 <= host < hosts:
    raise ValueError(f'host should lie from 0 to {hosts - 1}, got {host}')
  share = batch_size // hosts

  def rows(count: int, seed: int) -> Iterator[np.ndarray]:
    for step in itertools.count(start_step):
      drawn = indices(count, seed, step, batch_size * microbatches)
      yield drawn.reshape(microbatches, batch_size)[:, host * share : (host + 1) * share]

  def pictures(domain: Source, seed: int) -> Stream:
    drawn = rows(len(domain), seed)
    return _streamed(domain, drawn, prefetch) if domain.streams else _gathered(domain, drawn)

  streams = {'image': pictures(source, seed)}
  if source.target:
    streams['target'] = pictures(source.target, seed if source.paired else seed + OTHER)
  return _together(source, rows(len(source), seed), streams)


def _together(
  source: Source, rows: Iterator[np.ndarray], streams: Mapping[str, Stream]
) -> Generator[dict[str, np.ndarray], None, None]:
  with contextlib.ExitStack() as stack:
    for stream in streams.values():
      stack.enter_context(contextlib.closing(stream))
    for row, *pictures in zip(rows, *streams.values(), strict=True):
      shaped = [images.reshape(*row.shape, *images.shape[1:]) for images in pictures]
      batch = dict(zip(streams, shaped, strict=True))
      yield batch if source.labels is None else batch | {'label': source.labels[row]}


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
  """`map(function, items)` by threads: same order, at most `ahead` results computed in advance.

  Unlike `Executor.map` it takes endless `items`. An exception of `function` is raised in its turn;
  closing the generator drops what has not begun and waits for what has.
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
