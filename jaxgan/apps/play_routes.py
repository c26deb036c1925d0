"""What the page of `jaxgan play` asks for, by path: the functions that answer."""

import base64
import io
import json
import pathlib
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from jaxgan.apps import command, explore, loopback, translate, transparency, upscale, wishes
from jaxgan.apps.explore import Explorer
from jaxgan.apps.loopback import Reply, Request, Routes, json_of
from jaxgan.core import progress
from jaxgan.core.typing import Json
from jaxgan.data import images
from jaxgan.evaluation.metrics import fidelity
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.recipes.types import Translator
from jaxgan.storage import figures
from jaxgan.training.run import Run

FRAMES = 24
"""Images of a film from one picture to the other."""
PIXELS = 2048 * 2048
"""Pixels of a picture at most, before and after it is translated or enlarged."""
EVERY = 0.2
"""Seconds from one line about a search to the next."""
PAGE = pathlib.Path(__file__).parent
KINDS = {'html': 'text/html', 'css': 'text/css', 'js': 'text/javascript'}


def of(run: Run) -> Routes:
  """Return what a server answers for a run: the page, and the pictures that it asks for."""
  files = {('GET', f'/play.{kind}'): _file(f'play.{kind}') for kind in KINDS}
  files['GET', '/'] = files.pop(('GET', '/play.html'))
  made = _of_images(run) if isinstance(run.recipe.interface, Translator) else _of_latents(run)
  return {**files, **made}


def _file(name: str) -> Callable[[Request], Reply]:
  kind = f'{KINDS[name.rpartition(".")[2]]}; charset=utf-8'
  return lambda request: Reply(kind, (PAGE / name).read_bytes())


def _about(run: Run, more: Json) -> Json:
  on = pathlib.Path(run.config.folder).name if run.config.folder else run.config.dataset
  title = f'{run.config.variant} on {on}, step {run.step:,}'
  return {'title': title, 'size': run.spec.size, 'largest': loopback.LARGEST, **more}


# Runs that make images from latents.


def _of_latents(run: Run) -> Routes:
  one = explore.explorer(run)
  searching = threading.Lock()
  return {
    ('GET', '/about'): lambda request: json_of(_about(run, explore.offered(one))),
    ('GET', '/directions'): lambda request: json_of({'count': len(one.directions)}),
    ('POST', '/image'): partial(_image, one),
    ('POST', '/film'): partial(_film, one),
    ('POST', '/find'): partial(_find, one, searching),
  }


def _image(one: Explorer, request: Request) -> Reply:
  """Return the picture of a wish as PNG."""
  return _png(explore.picture(one, wishes.read(request.body, one.limits)))


def _film(one: Explorer, request: Request) -> Reply:
  """Return the film from a wish to the picture of the seed in `?to=` and back, as GIF."""
  seed = wishes.number_of('to', request.query.get('to', '0'))
  frames = explore.film(one, wishes.read(request.body, one.limits), seed, FRAMES)
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / 'film.gif'
    figures.save_gif(path, frames, 0.08)
    return Reply('image/gif', path.read_bytes())


def _find(one: Explorer, searching: threading.Lock, request: Request) -> Reply:
  """Search for an uploaded picture of the class in `?label=`.

  The answer is lines of JSON: how far the search is, then its result, or an error.
  """
  label = wishes.number_of('label', request.query.get('label', '0'))
  wishes.read(json.dumps({'label': label}).encode(), one.limits)
  target = _target(request.body, one.run)

  def write(send: Callable[[bytes], None]) -> None:
    if not searching.acquire(blocking=False):
      return send(loopback.line({'error': 'another search is not done yet: wait for it'}))
    try:
      with progress.watched(_telling(send)):
        name, made = explore.find(one, target, label)
      send(loopback.line(_found(name, made, target)))
    except (ValueError, MemoryError, RuntimeError) as error:
      first = (str(error).splitlines() or [type(error).__name__])[0]
      send(loopback.line({'error': f'the search failed: {first[:300]}'}))
    finally:
      searching.release()

  return Reply('application/x-ndjson', write)


def _telling(send: Callable[[bytes], None]) -> progress.Watch:
  """Return a watcher that sends how far a search is, a few times a second."""
  last = time.monotonic()

  def watch(name: str, done: int, total: int | None) -> None:
    nonlocal last
    if total and total > 1 and time.monotonic() - last > EVERY:
      last = time.monotonic()
      send(loopback.line({'done': done, 'total': total}))

  return watch


def _found(name: str, made: np.ndarray, target: np.ndarray) -> Json:
  decibels = float(fidelity.psnr(made[None], target[None], peak=2.0)[0])
  shown = base64.b64encode(_encoded(to_uint8(target))).decode()
  finite = round(min(decibels, 99.0), 1)
  return {'found': name, 'decibels': finite, 'target': f'data:image/png;base64,{shown}'}


def _target(body: bytes, run: Run) -> np.ndarray:
  """Return an uploaded picture, cropped and resized for a run: float32 `[H, W, C]` in [-1, 1]."""
  form = command.form_of(run)
  return to_unit(form.array(opened(body, size=form.size, alpha=form.alpha)))


# Runs that make images from images.


def _of_images(run: Run) -> Routes:
  ways = run.translator().ways
  listed = {name: way.scale for name, way in ways.items()}
  working = threading.Lock()
  return {
    ('GET', '/about'): lambda request: json_of(_about(run, {'ways': listed})),
    ('POST', '/convert'): partial(_convert, run, working),
  }


def _convert(run: Run, working: threading.Lock, request: Request) -> Reply:
  """Return an uploaded picture, translated or enlarged by the way in `?way=`, as PNG."""
  name = request.query.get('way', next(iter(run.translator().ways)))
  way, image = run.way(name), opened(request.body, alpha=True)
  if image.width * image.height * way.scale**2 > PIXELS:
    command = 'upscale' if way.scale > 1 else 'translate'
    raise ValueError(
      f'the result of {image.width} x {image.height} pixels is too large for this page: '
      f'use jaxgan {command}, which takes files of any size'
    )
  with working:
    return _png(np.asarray(_made(run, name, way.scale, image)))


def _made(run: Run, name: str, scale: int, image: Image.Image) -> Image.Image:
  """Return a picture translated or enlarged, with its transparency."""

  def enlarge(image: Image.Image) -> Image.Image:
    array = images.to_array(image, 1 if image.mode == 'L' else 3)
    return images.from_array(upscale.enlarge(run, array[None])[0])

  make: transparency.Make = enlarge
  through: transparency.Way = transparency.enlarged
  if scale == 1:
    make = translate.translator(run, name, tile=512, overlap=64, seed=0)
    through = transparency.translated
  return through(make, image) if image.mode.endswith('A') else make(image)


# Pictures.


def opened(body: bytes, *, size: int = 0, alpha: bool = False) -> Image.Image:
  """Return the picture in bytes that somebody uploaded; see `images.decode`.

  Raises:
    ValueError: it is not an intact picture of a known kind, or too large.
  """
  try:
    with images.guarded():
      return images.decode(io.BytesIO(body), size=size, alpha=alpha)
  except ValueError as error:
    kinds = ', '.join(images.FORMATS)
    reason = '' if 'UnidentifiedImageError' in str(error) else f' ({error})'
    raise ValueError(f'this file cannot be used{reason}: give an intact {kinds}') from None


def _png(array: np.ndarray) -> Reply:
  return Reply('image/png', _encoded(array))


def _encoded(array: np.ndarray) -> bytes:
  """Return uint8 `[H, W]` or `[H, W, C]` as PNG."""
  data = io.BytesIO()
  Image.fromarray(array[..., 0] if array.shape[2:] == (1,) else array).save(data, 'PNG')
  return data.getvalue()
