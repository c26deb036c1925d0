"""Text in UTF-8, and what is said of other files."""

import pytest

from jaxgan.data.text_files import text_of


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
  (tmp_path / 'a').write_bytes('Ä,b\r\n'.encode('utf-8-sig'))
  assert text_of(tmp_path / 'a') == 'Ä,b\r\n'


def test_other_encodings_are_named_with_the_line(tmp_path):
  (tmp_path / 'a').write_bytes(b'a\nb\nf\xfcr')
  with pytest.raises(ValueError, match=r'another encoding, not in UTF-8 \(line 3\)'):
    text_of(tmp_path / 'a')
  (tmp_path / 'b').write_bytes('a'.encode('utf-16'))
  with pytest.raises(ValueError, match='UTF-16'):
    text_of(tmp_path / 'b')


def test_a_folder_is_no_text(tmp_path):
  with pytest.raises(ValueError, match='cannot be read'):
    text_of(tmp_path)
