"""GANs of one's own, as in docs/examples: short, trained, and found again by the commands."""

import ast
import json
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

EXAMPLES = pathlib.Path(__file__).parents[1] / 'docs' / 'examples'
SMALL = ('--steps=2', '--batch-size=8', '--log-every=1', '--sample-every=2', '--checkpoint-every=2')


def lines_of_code(text):
  """Lines that are neither blank, nor comments, nor in a docstring."""
  docs = {
    line
    for node in ast.walk(ast.parse(text))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    for line in range(node.lineno, node.end_lineno + 1)
  }
  rows = enumerate(text.splitlines(), 1)
  return sum(bool(row.strip()) and row.strip()[0] != '#' and i not in docs for i, row in rows)


@pytest.mark.parametrize('name', ['infogan', 'sphere_gan'])
def test_they_are_short_and_use_public_names_alone(name):
  text = (EXAMPLES / f'{name}.py').read_text()
  assert lines_of_code(text) <= 40
  for node in ast.walk(ast.parse(text)):
    if isinstance(node, ast.Attribute):
      assert not node.attr.startswith('_') or node.attr == '__name__'
    if isinstance(node, ast.ImportFrom) and node.module.startswith('jaxgan'):
      assert node.module in ('jaxgan', 'jaxgan.main')


@pytest.fixture(scope='module')
def infogan(tmp_path_factory):
  folder = tmp_path_factory.mktemp('infogan') / 'run'
  command = (sys.executable, str(EXAMPLES / 'infogan.py'), '--variant=my_infogan')
  subprocess.run([*command, f'--workdir={folder}', *SMALL], check=True)
  return folder


def test_the_code_is_learnt_by_both_players(infogan):
  lines = [json.loads(line) for line in (infogan / 'metrics.jsonl').read_text().splitlines()]
  assert len(lines) == 2
  for side in ('critic', 'generator'):
    found = np.array([line[f'{side}/information'] for line in lines])
    assert np.all(np.abs(found - np.log(10)) < 1)  # near chance at the start


def test_a_sample_with_a_chosen_code(infogan, tmp_path):
  """Drawn from the command line, by the module's path that the run keeps."""
  images = {}
  for code in ('', '3', '8'):
    out = tmp_path / f'code{code}.npz'
    given = [f'--code={code}'] if code else []
    command = (sys.executable, '-m', 'jaxgan', 'sample', f'--workdir={infogan}', '--num=4')
    subprocess.run([*command, f'--npz={out}', *given], check=True)
    images[code] = np.load(out)['images']
  assert (images['3'] != images['8']).any()
  wrong = subprocess.run([*command, f'--npz={out}', '--code=12'], capture_output=True, text=True)
  assert wrong.returncode == 2 and 'from 0 to 9' in wrong.stderr


def test_a_term_sees_the_fakes_of_its_turn_and_heads_move_with_the_critic():
  from jaxgan import Config, Extra, categorical, losses, networks, two_player
  from jaxgan.core import game
  from jaxgan.core.typing import Spec

  seen = {}

  def term(nets, fakes, batch, key):
    again, _ = nets('generator', fakes.latents)
    features, _ = nets.features('critic', fakes.images)
    value, nets = nets('head', features)
    seen['width'] = features.shape[-1]
    apart = jnp.abs(again - fakes.images).max()
    return (value**2).mean(), nets, {'apart': apart, 'code': fakes.codes['code'].sum(1).mean()}

  recipe = two_player(
    Config(latent_size=4, batch_size=8),
    Spec(8, 1),
    generator=networks.mlp.Generator((8, 8, 1), (16,), norm=False),
    critic=networks.mlp.Critic((12,)),
    objective=losses.nonsaturating(),
    extra=Extra(
      codes={'code': categorical(3)},
      heads={'head': networks.mlp.Perceptron((5,), 2)},
      critic_terms=[term],
      generator_terms=[term],
    ),
  )
  stage = recipe.stages[0]
  before = game.init(stage.game, jax.random.key(0), stage.example)
  batch = {'image': jnp.zeros((1, 8, 8, 8, 1))}
  after, logs = jax.jit(lambda s: game.train_step(stage.game, s, batch))(before)
  assert seen['width'] == 12
  for side in ('critic', 'generator'):
    assert logs[f'{side}/apart'] == 0
    assert logs[f'{side}/code'] == 1
  assert stage.game.players['critic'].networks == ('critic', 'head')
  moved = jax.tree.map(lambda a, b: bool((a != b).any()), after.params, before.params)
  assert all(jax.tree.leaves(moved['head']['Dense_1']['weight']))
