"""Readers of files with many documents: JSONL, CSV, Parquet."""

from __future__ import annotations

import datetime
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.readers import jsonl, read_sources
from rag.documents.rows import SourceDocument
from retrievers.errors import InputError


def read(path: Path) -> list[SourceDocument]:
    return list(read_sources([path]))


# JSONL


def test_jsonl(write):
    path = write(
        "а.jsonl",
        '\ufeff{"doc_id": "baikal", "title": "Байкал", "text": "Озеро.", "year": 1996, "tags": ["вода"]}\r\n'
        '\n{"id": 2, "text": "Б"}',
    )
    assert read(path) == [
        SourceDocument("baikal", "Байкал", "Озеро.", {"year": 1996, "tags": '["вода"]'}),
        SourceDocument("2", "", "Б"),
    ]


def test_jsonl_gz(write):
    path = write("а.jsonl.gz", gzip.compress('{"id": "а", "text": "Озеро."}\n'.encode()))
    assert read(path) == [SourceDocument("а", "", "Озеро.")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "b", "text": "т"', "line 2: broken JSON at character 24"),
        ('{"id": "b", "text": "т"} {}', "line 2: broken JSON"),
        ('["b", "т"]', "line 2: expected a JSON object, found a value of type list"),
        ('{"id": "b"}', 'line 2: expected the document\'s text under "text"'),
        ('{"text": "т"}', 'line 2: expected .* "doc_id" or "id"'),
        ('{"id": "b", "text": "т", "x": NaN}', "line 2: .*NaN"),
        ('{"id": "b", "text": "т", "x": 1e999}', "line 2: .*inf"),
        ('{"id": "b", "text": "\\ud800"}', "line 2: .*surrogate"),
        ("[" * 100_000, "line 2: "),
        ('{"id": ' + "1" * 5000 + "}", "line 2: "),
    ],
)
def test_broken_jsonl_lines_are_named_by_number(write, line: str, message: str):
    path = write("а.jsonl", f'{{"id": "a", "text": "т"}}\n{line}\n')
    with pytest.raises(InputError, match=message):
        read(path)


def test_jsonl_in_another_encoding_is_named_by_line_and_byte(write):
    first = '{"id": "a", "text": "лёд"}\n'.encode()
    path = write("а.jsonl", first + '{"id": "b", "text": "Озеро Байкал лежит в центре Азии"}\n'.encode("windows-1251"))
    with pytest.raises(InputError, match=rf"line 2: .*offset {len(first) + 21} of the file; it reads as windows-1251"):
        read(path)


def test_jsonl_in_utf16(write):
    with pytest.raises(InputError, match="line 1: expected UTF-8, found UTF-16"):
        read(write("а.jsonl", '{"id": "a", "text": "т"}'.encode("utf-16")))


def test_a_damaged_archive(write):
    packed = gzip.compress(b'{"id": "a", "text": "' + bytes(str(list(range(5000))), "ascii") + b'"}')
    for content in (b"no archive", packed[:-200], packed[:100] + b"\xff\xff\xff" + packed[103:]):
        with pytest.raises(InputError, match=r"а\.jsonl\.gz: the gzip archive is damaged or cut short"):
            read(write("а.jsonl.gz", content))


def test_a_line_too_long_for_a_document(write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 100)
    with pytest.raises(InputError, match="line 1: the line is longer than 100 bytes"):
        read(write("а.jsonl", '{"id": "a", "text": "' + "т" * 100 + '"}'))


def test_a_decompression_bomb_of_blank_lines(write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jsonl, "GZIP_RATIO_FROM_BYTES", 10_000)
    path = write("а.jsonl.gz", gzip.compress((b" " * 1000 + b"\n") * 50_000))
    with pytest.raises(InputError, match="more than 300 times"):
        read(path)


def test_a_missing_jsonl_handle(tmp_path: Path):
    (tmp_path / "а.jsonl").symlink_to(tmp_path / "а.jsonl")
    with pytest.raises(InputError, match=r"no such file|cannot be read"):
        read(tmp_path / "а.jsonl")


@given(st.binary(max_size=80) | st.text(max_size=60).map(str.encode) | st.text('{}[]":,idtex01 \n').map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    folder = tmp_path_factory.mktemp("any")
    for name in ("а.jsonl", "а.csv", "а.txt", "а.md", "а.jsonl.gz"):
        (folder / name).write_bytes(content)
        message, found = "", []
        try:
            found = read(folder / name)
        except InputError as error:
            message = str(error)
        assert name in message or all(source.doc_id and source.text.strip() for source in found)


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(write, delimiter: str):
    rows = [
        ["doc_id", "title", "text", "year", "area", "code", "note"],
        ["a", "Байкал", '"Озеро, в Азии; ""славное"" море.\nВторая строка."', "1996", "31.5", "007", ""],
        ["b", "", "Река.", "", "2", "12", "да"],
    ]
    path = write("а.csv", "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows) + "\r\n\r\n")
    assert read(path) == [
        SourceDocument(
            "a", "Байкал", 'Озеро, в Азии; "славное" море.\nВторая строка.', {"year": 1996, "area": 31.5, "code": "007"}
        ),
        SourceDocument("b", "", "Река.", {"area": 2.0, "code": "12", "note": "да"}),
    ]


def test_csv_ids_stay_text(write):
    assert [source.doc_id for source in read(write("а.csv", "id,text\n007,т\n8,т\n"))] == ["007", "8"]


def test_csv_cells_longer_than_the_modules_own_limit(write):
    text = "слово " * 50_000
    assert read(write("а.csv", f"id,text\na,{text}\n"))[0].text == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: expected a header .* found none; missing: text, doc_id"),
        ("имя,текст\na,т\n", "found имя, текст; missing: text, doc_id"),
        ("id,id,text\na,b,т\n", "name of its own; mend: id"),
        ("id,text,\na,т,\n", "empty name"),
        ('id,text\na,"т\nт"\nb,т,лишнее\n', "line 4: expected 2 cells as in the header, found 3"),
        ("id,text\na\n", "line 2: expected 2 cells as in the header, found 1"),
        ('id,text\na,"не закрыто\n', "broken CSV"),
        ("id,text\n,т\n", 'line 2: expected .*"doc_id" or "id"'),
        ("id,text,start\na,т,5\n", "line 2: .*'start'"),
    ],
)
def test_broken_csv(write, content: str, message: str):
    with pytest.raises(InputError, match=message):
        read(write("а.csv", content))


def test_an_empty_text_cell_is_an_empty_document(write):
    assert [source.doc_id for source in read(write("а.csv", "id,text\na,\nb,т\n"))] == ["b"]


def test_csv_in_another_encoding(write):
    path = write("а.csv", "id,text\na,Озеро Байкал лежит в центре Азии\n".encode("windows-1251"))
    with pytest.raises(InputError, match=r"а\.csv, line 2: expected UTF-8, .* offset 10 of the file; .*windows-1251"):
        read(path)


# Parquet


def test_parquet(tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {
            "id": [1, 2],
            "title": ["Байкал", None],
            "text": ["Озеро.", "Река."],
            "year": pyarrow.array([1996, None], pyarrow.int64()),
            "day": [datetime.date(1961, 4, 12), None],
            "tags": [["вода"], None],
        }
    )
    parquet.write_table(table, tmp_path / "а.parquet")
    assert read(tmp_path / "а.parquet") == [
        SourceDocument("1", "Байкал", "Озеро.", {"year": 1996, "day": "1961-04-12", "tags": '["вода"]'}),
        SourceDocument("2", "", "Река."),
    ]


def test_broken_parquet(write, tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    with pytest.raises(InputError, match=r"а\.parquet: cannot be read as Parquet"):
        read(write("а.parquet", b"PAR1 nothing PAR1"))
    parquet.write_table(pyarrow.table({"id": [1], "body": ["т"]}), tmp_path / "б.parquet")
    with pytest.raises(InputError, match=r"expected the columns .* found id, body"):
        read(tmp_path / "б.parquet")
    parquet.write_table(pyarrow.table({"id": [1, 2], "text": ["т", None]}), tmp_path / "в.parquet")
    with pytest.raises(InputError, match="row 2: expected the document's text"):
        read(tmp_path / "в.parquet")
