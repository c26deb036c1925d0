"""Claim: a classifier that learns from `ctgan`'s rows judges real rows as well as one of real rows.

On two tables that are inside of scikit-learn: breast cancer (569 rows, 30 numbers, 2 classes) and
wine (178 rows, 13 numbers, 3 classes). A seed splits the rows, 70 % to train on and 30 % held
out, and is the seed of the training, too. As many rows are drawn as there are to train on. Both
classifiers are judged by the area under the ROC curve on the held-out rows. Generated rows must
also lie no nearer to the training rows than held-out rows do: they are no copies.

    pip install scikit-learn
    python -m experiments.tables --table=wine --seed=0 --workdir=RUNS
"""

import csv
import json
import pathlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import tyro
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jaxgan
from jaxgan.data.tables import decoded

TABLES = {'cancer': datasets.load_breast_cancer, 'wine': datasets.load_wine}
TARGET = 'target'
Rows = tuple[np.ndarray, np.ndarray]
"""Numbers `[n, d]`, and the class of each row `[n]`."""


@dataclass(frozen=True)
class Arguments:
  """Train on a table, and judge the rows that the run draws."""

  workdir: pathlib.Path
  """Where the tables and the runs are kept."""
  table: Literal['cancer', 'wine'] = 'wine'
  seed: int = 0
  steps: int = 2000
  repeats: int = 5
  """How many samples are drawn and judged."""
  option: tuple[str, ...] = ()
  """Other options of ctgan, as NAME=VALUE in JSON, such as batch_size=100."""


def classifiers(seed: int) -> dict[str, Any]:
  """Return the classifiers, untrained."""
  return {
    'logistic regression': make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)),
    'random forest': RandomForestClassifier(300, random_state=seed),
  }


def area(judge: Any, known: Rows, asked: Rows) -> float:
  """Return the area under the ROC curve; of several classes, the mean of one against the rest."""
  chances = judge.fit(*known).predict_proba(asked[0])
  several = chances.shape[1] > 2
  return float(roc_auc_score(asked[1], chances if several else chances[:, 1], multi_class='ovr'))


def distances(rows: np.ndarray, train: np.ndarray) -> np.ndarray:
  """Return the distance of each row to the nearest training row, in deviations of each number."""
  scaler = StandardScaler().fit(train)
  one, other = scaler.transform(rows), scaler.transform(train)
  return np.sqrt(((one[:, None] - other) ** 2).sum(-1).min(1))


def write(path: pathlib.Path, names: list[str], rows: Rows) -> None:
  """Write rows as a CSV file."""
  path.parent.mkdir(parents=True, exist_ok=True)
  with open(path, 'w', newline='', encoding='utf-8') as file:
    writer = csv.writer(file)
    writer.writerow([*names, TARGET])
    writer.writerows([*map(float, row), int(label)] for row, label in zip(*rows, strict=True))


def drawn(run: jaxgan.Run, seed: int, count: int) -> Rows:
  """Return rows of a run."""
  cells = decoded(run.spec.columns, run.sample(seed, count))
  return np.array([row[:-1] for row in cells], float), np.array([row[-1] for row in cells], int)


def judged(run: jaxgan.Run, train: Rows, held: Rows, arguments: Arguments) -> dict[str, float]:
  """Return the areas and distances, of means over the samples."""
  found: dict[str, float] = {}
  samples = [drawn(run, 1000 + i, len(train[0])) for i in range(arguments.repeats)]
  for name, judge in classifiers(arguments.seed).items():
    found[f'{name}, real'] = area(judge, train, held)
    found[f'{name}, generated'] = float(np.mean([area(judge, rows, held) for rows in samples]))
  near = {'generated': np.concatenate([distances(x, train[0]) for x, _ in samples])}
  near['held out'] = distances(held[0], train[0])
  for name, far in near.items():
    found[f'distance, {name}'] = float(np.median(far))
    found[f'distance, nearest 5 %, {name}'] = float(np.quantile(far, 0.05))
  return found


def main(arguments: Arguments) -> None:
  """Train, judge, and print one line of JSON."""
  table, seed = TABLES[arguments.table](), arguments.seed
  x, held_x, y, held_y = train_test_split(
    table.data, table.target, test_size=0.3, random_state=seed, stratify=table.target
  )
  home = arguments.workdir / f'{arguments.table}-{seed}'
  write(home / 'train.csv', list(table.feature_names), (x, y))
  options = {name: json.loads(value) for name, value in (o.split('=') for o in arguments.option)}
  config = jaxgan.configure(
    'ctgan',
    folder=home / 'train.csv',
    seed=seed,
    steps=arguments.steps,
    sample_every=arguments.steps,
    report=False,
    **options,
  )
  run = jaxgan.train(config, home / 'run', quiet=True)
  found = judged(run, (x, y), (held_x, held_y), arguments)
  rounded = {name: round(value, 4) for name, value in found.items()}
  print(json.dumps({'table': arguments.table, 'seed': seed, 'steps': run.step} | rounded))


if __name__ == '__main__':
  main(tyro.cli(Arguments))
