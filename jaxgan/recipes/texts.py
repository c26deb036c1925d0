"""Texts: numbers that describe a caption, and images that are drawn by any text.

A text encoder is one function, strings -> float32 `[n, d]`. The built-in one needs no download and
no training; what is learned of texts is learned by the networks, which project its vectors.
"""

import itertools
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import functions
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Key, Spec
from jaxgan.recipes.codes import Code
from jaxgan.recipes.option_groups import Group, Needs, above_zero
from jaxgan.recipes.types import Recipe, Sampler

Encode = Callable[[Sequence[str]], np.ndarray]
"""A text encoder: strings -> float32 `[n, d]`."""

GRAMS = (3, 4)
"""Lengths of the parts of words that it counts."""


@dataclass(frozen=True)
class Texts(Group):
  """Texts."""

  text_encoder: str = 'ordered'
  """ordered: hashed words, their parts, and the place of each word. words: without the places. Or
  MODULE:FUNCTION, strings -> float32 [n, d]."""
  text_size: int = 512
  """Numbers of the vector that a built-in encoder makes of a text."""

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(('text_size',), lambda c: c.text_encoder in BUILT_IN, {'text_encoder': 'ordered'}),
  )

  def problems(self) -> list[str]:
    """Add a size that is none."""
    return super().problems() + above_zero(self, 'text_size')


def encoder(name: str, size: int) -> Encode:
  """Return a text encoder.

  Args:
    name: 'ordered' or 'words', which are the functions `ordered` and `hashed`; or MODULE:FUNCTION,
      a function of the user's.
    size: d of a built-in one.

  Raises:
    ValueError: there is no such function. Its encoder raises ValueError where the function fails,
      or returns something else than finite numbers `[n, d]`.

  Example:
    >>> encoder('ordered', 64)(['a red house', 'a blue house']).shape
    (2, 64)
  """
  if name in BUILT_IN:
    return lambda texts: BUILT_IN[name](texts, size)
  if ':' not in name:
    raise ValueError(f'--text-encoder={name} is none of {", ".join(BUILT_IN)}, MODULE:FUNCTION')
  given = functions.imported(name, '--text-encoder')

  def encode(texts: Sequence[str]) -> np.ndarray:
    try:
      found = np.asarray(given(list(texts)), np.float32)
    except Exception as error:  # the function is the user's, and may raise anything
      raise ValueError(f'--text-encoder={name} failed: {type(error).__name__}: {error}') from error
    if found.ndim != 2 or len(found) != len(texts) or not found.size:
      raise ValueError(f'{name} should give [{len(texts)}, d], it gave {list(found.shape)}')
    if not np.isfinite(found).all():
      raise ValueError(f'{name} gave numbers that are not finite')
    return found

  return encode


def hashed(texts: Sequence[str], size: int) -> np.ndarray:
  """Encode texts by their words, pairs of neighbouring words and parts of words.

  Each of them adds +1 or -1 to one of `size` numbers; a hash of it chooses the number and the sign.
  Pairs keep something of the order of words; parts of 3 and 4 characters make words alike that are
  spelt alike. A vector is scaled to the length sqrt(size), so that its numbers have variance one.

  Args:
    texts: any strings; case does not matter.
    size: d, 1 or more. Some hundreds keep different texts apart.

  Returns:
    float32 `[n, size]`, equal for equal texts on every machine; zeros for a text without a word.

  Example:
    >>> one, same, other = hashed(['a red house', 'A red  house', 'a blue house'], 256)
    >>> bool((one == same).all()), bool((one == other).all())
    (True, False)

  Reference: Weinberger et al., Feature Hashing for Large Scale Multitask Learning, 2009.
  """
  return _counted(_features, texts, size)


def ordered(texts: Sequence[str], size: int) -> np.ndarray:
  """Encode texts as `hashed` does, and by the place of each word, with equal weight.

  A place is counted from the start of a text and from its end. So "a three left of a zero" and "a
  zero left of a three" differ in half of their vectors, and a pair of words in an order that was
  never seen is the sum of two places that were.

  Args:
    texts: any strings; case does not matter.
    size: d, 1 or more. Some hundreds keep different texts apart.

  Returns:
    float32 `[n, size]` of length sqrt(size), equal for equal texts on every machine; zeros for a
    text without a word.

  Example:
    >>> one, other = ordered(['a red house', 'house a red'], 256)
    >>> bool(one @ other < 0.75 * one @ one)
    True
  """
  return _scaled(hashed(texts, size) + _counted(_places, texts, size))


def _counted(
  features: Callable[[str], Iterator[str]], texts: Sequence[str], size: int
) -> np.ndarray:
  """Return the sums of the hashed features of texts, scaled."""
  found = np.zeros((len(texts), size), np.float32)
  for row, text in zip(found, texts, strict=True):
    for feature in features(text):
      number = zlib.crc32(feature.encode())
      row[(number >> 1) % size] += 1 - 2 * (number & 1)
  return _scaled(found)


def _scaled(found: np.ndarray) -> np.ndarray:
  """Return vectors `[n, d]` with the length sqrt(d); zeros stay zeros."""
  length = np.linalg.norm(found, axis=1, keepdims=True)
  return found * np.float32(np.sqrt(found.shape[1])) / np.maximum(length, 1e-6)


def _words(text: str) -> list[str]:
  return re.findall(r'\w+', unicodedata.normalize('NFKC', text).casefold())


def _features(text: str) -> Iterator[str]:
  """Yield the words of a text, the pairs of words, and the parts of words, with their kinds."""
  words = _words(text)
  for word in words:
    yield f'word {word}'
    marked = f'<{word}>'
    for n in GRAMS:
      yield from (f'part {marked[i : i + n]}' for i in range(len(marked) - n + 1))
  yield from (f'pair {a} {b}' for a, b in itertools.pairwise(words))


def _places(text: str) -> Iterator[str]:
  """Yield each word of a text with its number from the start and from the end."""
  words = _words(text)
  for i, word in enumerate(words):
    yield f'start {i} {word}'
    yield f'end {len(words) - 1 - i} {word}'


BUILT_IN: dict[str, Callable[[Sequence[str], int], np.ndarray]] = {
  'ordered': ordered,
  'words': hashed,
}
"""The encoders that need no download, by the names of `--text-encoder`."""


def of_classes(spec: Spec) -> tuple[str, ...]:
  """Return the texts of a data set: the names of its classes, which are captions or plain names.

  Example:
    >>> of_classes(Spec(8, 1, 2, ('cat', 'dog'))), of_classes(Spec(8, 1, 2))
    (('cat', 'dog'), ('0', '1'))
  """
  return spec.names or tuple(map(str, range(spec.classes)))


def drawn_by_text(recipe: Recipe, encode: Encode, table: np.ndarray) -> Recipe:
  """Let the images of a recipe that draws by class be drawn by any text, as the code `text`.

  Args:
    recipe: its networks take the number of a text or the vector of a text.
    encode: the encoder.
    table: the vectors of the known texts, `[texts, d]`.
  """
  of = recipe.interface
  if not isinstance(of, Sampler):
    raise ValueError('only a recipe that makes images from latents can draw by text')

  def sample(
    nets: Nets, key: Key, labels: Array, given: Mapping[str, Array] | None = None
  ) -> Array:
    if given and 'text' in given:
      labels = jnp.broadcast_to(given['text'], (len(labels), table.shape[1]))
    return of.sample(nets, key, labels)

  def draw(key: Key, n: int) -> Array:
    return jnp.asarray(table)[jax.random.randint(key, (n,), 0, len(table))]

  def read(text: str) -> np.ndarray:
    if not text.strip():
      raise ValueError('give words, such as "a red house"')
    found: np.ndarray = encode([text])[0]
    return found

  code = Code(table.shape[1], draw, read, of_label=True)
  return recipe._replace(interface=of._replace(sample=sample, codes={'text': code}))
