"""What all readers share: paths, order, duplicates, encodings."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag.documents.readers import files, read_sources
from rag.documents.readers.files import Place, decode
from retrievers.errors import InputError, MissingExtraError


def test_a_folder_is_read_with_its_sub_folders_in_the_order_of_paths(write, tmp_path: Path):
    for name in ("б.txt", "а/в.md", "а/а.TXT", "а.txt", ".git/config.txt", ".скрытый.txt", "~$книга.docx"):
        write(name, f"Текст {name}.")
    found = list(read_sources([tmp_path]))
    assert [source.doc_id for source in found] == ["а.txt", "а/а.TXT", "а/в.md", "б.txt"]
    assert [source.title for source in found] == ["а", "а", "в", "б"]
    assert found == list(read_sources([str(tmp_path)]))


def test_paths_are_read_in_the_order_given(write):
    paths = [write("б.txt", "Б."), write("а.txt", "А."), write("в.jsonl", '{"id": "в", "text": "В."}')]
    assert [source.doc_id for source in read_sources(paths)] == ["б.txt", "а.txt", "в"]


def test_reading_is_lazy(write):
    good = write("а.txt", "А.")
    found = read_sources([good, good.parent / "нет.txt"])
    assert next(found).text == "А."
    with pytest.raises(InputError, match="no such file"):
        next(found)


def test_rows_in_a_folder_are_left_out_with_a_warning(write, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write("а.txt", "А.")
    write("вопросы.jsonl", "не документы")
    write("картинка.png", b"\x89PNG")
    with caplog.at_level(logging.WARNING):
        assert [source.doc_id for source in read_sources([tmp_path])] == ["а.txt"]
    assert "2 files of other kinds" in caplog.text
    assert "name a file of rows itself to have it read: вопросы.jsonl" in caplog.text


def test_duplicate_ids_name_both_places(write):
    first = write("а.jsonl", '{"id": "x", "text": "т"}\n{"id": "y", "text": "т"}\n')
    second = write("б.md", "---\ndoc_id: y\n---\nТекст.")
    with pytest.raises(InputError, match=r"'y' stands twice: at .*а\.jsonl, line 2 and at .*б\.md"):
        list(read_sources([first, second]))


def test_duplicate_ids_in_one_file(write):
    path = write("а.jsonl", '{"id": "x", "text": "т"}\n\n{"id": "x", "text": "т"}\n')
    with pytest.raises(InputError, match=r"line 1 and at .*line 3"):
        list(read_sources([path]))


def test_a_file_given_twice_is_said_so(write):
    path = write("а.txt", "А.")
    with pytest.raises(InputError, match="given twice"):
        list(read_sources([path, path]))


def test_empty_documents_are_left_out_with_a_warning(write, caplog: pytest.LogCaptureFixture):
    path = write("а.jsonl", '{"id": "x", "text": " \\n"}\n{"id": "y", "text": "т"}')
    with caplog.at_level(logging.WARNING):
        assert [source.doc_id for source in read_sources([path, write("пусто.txt", "")])] == ["y"]
    assert "line 1: the document 'x' has no text" in caplog.text
    assert "пусто.txt" in caplog.text


def test_an_id_left_free_by_an_empty_document_is_still_taken(write):
    path = write("а.jsonl", '{"id": "x", "text": ""}\n{"id": "x", "text": "т"}')
    with pytest.raises(InputError, match="twice"):
        list(read_sources([path]))


def test_an_empty_folder(tmp_path: Path):
    with pytest.raises(InputError, match=r"no documents in this folder; expected files like \.txt"):
        list(read_sources([tmp_path]))


def test_a_missing_path(tmp_path: Path):
    with pytest.raises(InputError, match="no such file or folder"):
        list(read_sources([tmp_path / "нет"]))


@pytest.mark.parametrize("name", ["а.doc", "а.json", "а", "jsonl", "а.txt.gz"])
def test_an_unsupported_file_lists_the_supported(write, name: str):
    with pytest.raises(InputError, match=r"files of this kind are not read; expected one of \.jsonl, .*\.docx"):
        list(read_sources([write(name, "текст")]))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_one_may_not_read(write):
    path = write("а.txt", "А.")
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        list(read_sources([path]))


def test_a_folder_that_is_named_like_a_file(tmp_path: Path):
    (tmp_path / "а.txt").mkdir()
    with pytest.raises(InputError, match="no documents in this folder"):
        list(read_sources([tmp_path / "а.txt"]))


def test_utf8_with_a_byte_order_mark_and_windows_line_ends(write):
    (source,) = read_sources([write("а.txt", b"\xef\xbb\xbf" + "Первая.\r\nВторая.\rТретья.".encode())])
    assert source.text == "Первая.\nВторая.\nТретья."


def test_utf16_with_a_byte_order_mark(write):
    (source,) = read_sources([write("а.txt", "Озеро Байкал.".encode("utf-16"))])
    assert source.text == "Озеро Байкал."


def test_broken_utf16(write):
    with pytest.raises(InputError, match="UTF-16"):
        list(read_sources([write("а.txt", "Озеро".encode("utf-16") + b"\x00")]))


@pytest.mark.parametrize("encoding", ["windows-1251", "koi8-r", "cp866"])
def test_another_encoding_is_placed_and_named(write, encoding: str):
    text = "Title\nОзеро Байкал лежит почти в центре Азии.\nНа карте оно похоже на полумесяц.\n"
    path = write("а.txt", text.encode(encoding))
    with pytest.raises(InputError, match=rf"а\.txt, line 2: expected UTF-8, .* iconv -f {encoding} -t utf-8") as caught:
        list(read_sources([path]))
    assert "at offset 6 of the file" in str(caught.value)


def test_bytes_that_are_no_russian_in_any_encoding_are_not_guessed():
    with pytest.raises(InputError, match="save the file as UTF-8") as caught:
        decode(bytes(range(128, 256)), Place("а.txt"))
    assert "iconv" not in str(caught.value)


def test_a_binary_file_named_txt(write):
    with pytest.raises(InputError, match="NUL"):
        list(read_sources([write("а.txt", b"ELF\x00\x01\x02")]))


def test_a_file_larger_than_one_document_may_be(write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 10)
    with pytest.raises(InputError, match="11 bytes is more than one document may have"):
        list(read_sources([write("а.txt", "01234567890")]))


@pytest.mark.parametrize(
    ("name", "module"), [("а.pdf", "pypdf"), ("а.docx", "docx"), ("а.html", "bs4"), ("а.parquet", "pyarrow.parquet")]
)
def test_a_missing_package_names_the_extra(write, monkeypatch: pytest.MonkeyPatch, name: str, module: str):
    for loaded in [loaded for loaded in sys.modules if loaded == module or loaded.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"Reading \.\w+ files .*\[docs\]"):
        list(read_sources([write(name, "x")]))


def test_importing_the_readers_loads_none_of_their_packages():
    code = (
        "import sys, rag.documents.readers, rag.documents.chunking, rag.documents.neighbours, rag.documents.entities\n"
        "heavy = {'pypdf', 'docx', 'bs4', 'lxml', 'pyarrow', 'yaml', 'razdel', 'pymorphy3', 'slovnet', 'chromadb'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
