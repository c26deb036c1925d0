"""Build the site: `python -m docs`. Warnings are errors, and internal links are checked.

python -m docs                    # builds docs/_build/html
python -m docs execute basics     # executes lessons anew and keeps what they print and draw
python -m docs reword basics      # puts a changed text around the output that is kept
"""

import html.parser
import pathlib
import subprocess
import sys
import urllib.parse

DOCS = pathlib.Path(__file__).parent
OUT = DOCS / '_build' / 'html'


class Page(html.parser.HTMLParser):
  """The anchors and the links of a page."""

  def __init__(self):
    super().__init__()
    self.anchors, self.links = set(), []

  def handle_starttag(self, tag, attrs):
    """Keep what a link can lead to, and what leads somewhere."""
    given = dict(attrs)
    self.anchors.add(given.get('id'))
    self.links += [given[name] for name in ('href', 'src') if given.get(name)]


def read(path):
  """Return the anchors and links of an HTML file."""
  page = Page()
  page.feed(path.read_text())
  return page


def broken(out):
  """List the internal links of a built site that lead nowhere, as `page: link`."""
  pages = {path.resolve(): read(path) for path in out.rglob('*.html')}
  found = []
  for path, page in pages.items():
    for link in page.links:
      url = urllib.parse.urlsplit(link)
      if url.scheme or url.netloc:
        continue
      target = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
      target = target / 'index.html' if target.is_dir() else target
      anchors = pages[target].anchors if target in pages else {''}
      if not target.exists() or (url.fragment and target in pages and not there(url, anchors)):
        found.append(f'{path.relative_to(out.resolve())}: {link}')
  return found


def there(url, anchors):
  """Tell whether a page has the anchor of a URL."""
  return urllib.parse.unquote(url.fragment) in anchors


def missing(out):
  """List the public names that no page of a built site documents."""
  from sphinx.util.inventory import InventoryFile

  sys.path.insert(0, str(DOCS / 'site'))
  import generated

  inventory = InventoryFile.loads((out / 'objects.inv').read_bytes(), uri='')
  known = {name for kind, names in inventory.data.items() if kind[:3] == 'py:' for name in names}
  asked = {f'{m}.{n}' for m, names in generated.documented().items() for n in names}
  return sorted(asked - known), len(asked)


def build():
  """Build and check; return the exit code."""
  command = [sys.executable, '-m', 'sphinx', '-W', '--keep-going', '-q', '-b', 'html']
  if code := subprocess.call([*command, str(DOCS), str(OUT)]):
    return code
  links, (names, count) = broken(OUT), missing(OUT)
  for link in links:
    print(f'broken link: {link}', file=sys.stderr)
  for name in names:
    print(f'not documented: {name}', file=sys.stderr)
  print(f'{OUT}/index.html: {len(links)} broken links, {count - len(names)} of {count} names')
  return 1 if links or names else 0


def main(argv):
  """Build, or execute or reword lessons."""
  if argv[:1] in (['execute'], ['reword']):
    sys.path.insert(0, str(DOCS / 'site'))
    import executed

    return getattr(executed, argv[0])(DOCS / 'lessons', argv[1:])
  return build()


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
