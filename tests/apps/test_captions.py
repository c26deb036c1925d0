"""Tables of captions: words by words, of one latent; and samples of any text."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.apps import captions, sample
from jaxgan.training.run import load


def test_words_are_joined_by_the_template():
  assert captions.captions(['a', 'b'], ['c'], '{column}: {row}') == ['c: a', 'c: b']


@pytest.mark.parametrize('template', ['{row}', '{row} {column} {other}', '{row} {column} {', '{0}'])
def test_templates_that_name_others_are_refused(template):
  with pytest.raises(ValueError, match=r'\{row\}'):
    captions.captions(['a'], ['b'], template)


def test_images_differ_by_their_words_alone(worded):
  run = load(worded)
  z = np.repeat(run.latents(0, 1), 3, 0)
  one, same, other = captions.drawn(run, ['seven 3', 'Seven  3', 'seven 4'], z)
  np.testing.assert_allclose(one, same, atol=1e-6)
  assert np.abs(one - other).max() > 1e-4
  np.testing.assert_allclose(captions.drawn(run, ['3'], z[:1]), run.generate(z[:1], '3'), atol=1e-6)


def test_the_command_writes_the_words_beside_the_images(worded, tmp_path, said):
  out = tmp_path / 'table.png'
  ended = said(
    captions.main, f'--workdir={worded}', '--rows=one; two', '--columns=a;b;c', f'--out={out}'
  )
  assert ended.code == 0 and '6 images' in ended.out
  with Image.open(out) as picture:
    pixels = np.asarray(picture)
  above, left = pixels[:20, 40:], pixels[40:, :20]
  assert above.min() < 100 and left.min() < 100  # letters
  assert pixels[:8, :8].min() == 255


def test_samples_are_drawn_by_a_text(worded, tmp_path, said):
  words = ['--num=3', f'--npz={tmp_path / "s.npz"}', '--text=a thick seven: dark']
  assert said(sample.main, f'--workdir={worded}', *words).code == 0
  assert np.load(tmp_path / 's.npz')['images'].shape[0] == 3
  ended = said(sample.main, f'--workdir={worded}', *words[:2], '--text= ')
  assert ended.code == 2 and '--text: give words' in ended.err


def test_runs_without_texts_and_empty_words_are_refused(plain, worded, tmp_path, said):
  words = ['--rows=a', '--columns=b', f'--out={tmp_path / "t.png"}']
  ended = said(captions.main, f'--workdir={plain}', *words)
  assert ended.code == 2 and 'gan does not draw by text: give a run of gan_cls' in ended.err
  ended = said(captions.main, f'--workdir={worded}', '--rows= ; ', *words[1:])
  assert ended.code == 2 and '--rows has no words' in ended.err
