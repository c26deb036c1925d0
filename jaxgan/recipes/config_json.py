"""Configs as JSON, also those that jaxgan 0.1.0 wrote."""

import dataclasses
import json
import pathlib
from typing import Any

from jaxgan.core.typing import Json
from jaxgan.recipes import checking
from jaxgan.recipes.option_groups import G, Group, Preset, defaults, flag, inert

RENAMED_METRICS = {'fid': 'frechet', 'kid': 'kernel'}
"""Former names of `eval_metric`, in the config of older runs."""

VERSIONS, RUN, MACHINE, START, KERNELS = 'versions', 'run', 'machine', 'start', 'kernels'
ABOUT = ('plugin', VERSIONS, RUN, MACHINE, START, KERNELS)
"""Entries of config.json that are not options: the file of a user's own variant, the versions of
jaxgan and JAX, the mark of the run, which its checkpoints have too, what the run is computed by,
the run that it started from, and the classes of its convolutions that native kernels compute."""

BEFORE: Preset = dict(
  **dict(optimizer='adam', schedule='constant', latent_size=100, latent='normal', n_critic=1),
  **dict(instance_noise=0.0, r1=0.0, r2=0.0, share_generator=False, augment='none'),
  **dict(policy='color,translation,cutout', pack=1, top_k=1.0, top_k_images=3_500_000.0),
  **dict(lecam=0.0, lecam_start=1000, cr=0.0, cr_fake=0.0, zcr=0.0, zcr_generator=0.0),
  **dict(zcr_deviation=0.05, feature_matching='off', history=0.0, minibatch=0, virtual_batch=0),
  **dict(eval_every=0, eval_metric='fid', eval_num=1000),
)
"""Options that every variant accepted in jaxgan 0.1.0, used or not, and their defaults there."""


def to_json(config: Group) -> Json:
  """Return the config in JSON's types; `from_json` of it is equal to the config."""
  return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def from_json(kind: type[G], values: Preset) -> G:
  """Return the config of that class with these values.

  What jaxgan 0.1.0 wrote is read as well: options that had no effect there are at their defaults.

  Raises:
    ValueError: an option that the class does not have; a run of jaxgan 0.1.0 with one that had no
      effect there, or has none here any more.
  """
  fields = {f.name: f for f in dataclasses.fields(kind)}
  known = _of_today(kind, dict(values))
  if known.get('eval_metric') in RENAMED_METRICS:  # of an older run, which needs no word of it
    known['eval_metric'] = RENAMED_METRICS[known['eval_metric']]
  if unknown := sorted(set(known) - set(fields)):
    raise ValueError(f'{kind.__module__} has no options {unknown}')
  restored = {name: _restored(fields[name].type, value) for name, value in known.items()}
  restored = {**kind.BEFORE, **restored}
  usual = defaults(kind, str(restored.get('preset', '')))
  idle = {name: usual[name] for name, _ in inert(kind, restored)}
  return kind(**checking.check(kind, {**restored, **idle}))


def _of_today(kind: type[Group], values: Json) -> Json:
  """The options among the values of a config.json, without those that were given up."""
  fields = {f.name for f in dataclasses.fields(kind)}
  gone = {name for name in set(values) - fields if name in BEFORE}
  old = VERSIONS not in values
  for name in sorted(gone | ({*kind.IDLE_BEFORE} & set(values) if old else set())):
    if values[name] != BEFORE[name]:
      raise ValueError(
        f'this run of {values.get("variant", kind.__module__)} was made by jaxgan 0.1.0, which did '
        f'not use its {flag(name)}={values[name]}: go on with that version, or begin another run'
      )
  return {name: value for name, value in values.items() if name not in {*gone, VERSIONS}}


def _restored(annotation: Any, value: Any) -> Any:
  if isinstance(value, str) and annotation == pathlib.Path | None:
    return pathlib.Path(value)
  return tuple(value) if isinstance(value, list) else value
