"""Files of text: UTF-8, or a sentence that names the encoding they are in."""

import pathlib

OTHERS = {b'\xff\xfe': 'UTF-16', b'\xfe\xff': 'UTF-16'}


def text_of(path: pathlib.Path) -> str:
  """Return the text of a file in UTF-8, with or without a byte order mark.

  Raises:
    ValueError: it is in another encoding, or cannot be read.
  """
  try:
    data = path.read_bytes()
  except OSError as error:
    raise ValueError(f'{path} cannot be read: {error.strerror}') from error
  try:
    return data.decode('utf-8-sig')
  except UnicodeDecodeError as error:
    line = data[: error.start].count(b'\n') + 1
    kind = OTHERS.get(data[:2], 'another encoding')
    raise ValueError(f'{path} is in {kind}, not in UTF-8 (line {line}): save it as UTF-8') from None
