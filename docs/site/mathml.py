"""Formulas as MathML, which browsers draw themselves: no script, and no server of another site."""

import re

from docutils import nodes
from docutils.utils.math import latex2mathml, pick_math_environment
from sphinx.util import logging

log = logging.getLogger(__name__)


def converted(tex, block, node):
  """Convert TeX to MathML; what cannot be converted is a warning and stays as TeX."""
  try:
    return spaced(latex2mathml.tex2mathml(tex, as_block=block))
  except Exception as error:
    log.warning('this formula cannot be shown: %s (%s)', tex, error, location=node)
    return f'<code>{tex}</code>'


def spaced(markup):
  """Put thin spaces around names of functions, as in `a ln y`."""
  thin, name = '<mspace width="0.17em"/>', r'<mi[^>]*>\w\w+</mi>'
  markup = re.sub(rf'(</m[in]>)(\s*{name}\s*<mo>&Apply)', rf'\1{thin}\2', markup)
  return re.sub(r'(<mo>&ApplyFunction;</mo>)(\s*<m(?:[in]|su[bp])\b)', rf'\1{thin}\2', markup)


def inline(writer, node):
  """Write a formula within a sentence."""
  writer.body.append(converted(node.astext(), False, node))
  raise nodes.SkipNode


def display(writer, node):
  """Write a formula in lines of its own."""
  tex = node.astext()
  environment = pick_math_environment(tex)
  if '&' in tex or '\\\\' in tex:
    inner = 'aligned' if environment.startswith('align') else environment
    tex = tex if '\\begin' in tex else f'\\begin{{{inner}}}{tex}\\end{{{inner}}}'
  writer.body.append(f'<div class="formula">{converted(tex, True, node)}</div>')
  raise nodes.SkipNode


def setup(app):
  """Register the renderer under the name `mathml`."""
  app.add_html_math_renderer('mathml', (inline, None), (display, None))
