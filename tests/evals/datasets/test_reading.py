from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.datasets.reading import Row, natural_order, read_json, read_rows
from retrievers.errors import InputError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(rows=st.lists(st.dictionaries(TEXTS, TEXTS)), end=st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_rows_come_back_as_they_were_written(tmp_path_factory, rows, end) -> None:
    zstandard = pytest.importorskip("zstandard")
    content = end.join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(content))
    assert [row.fields for row in read_rows(path)] == rows


def test_archives_that_are_damaged(tmp_path) -> None:
    (tmp_path / "rows.jsonl.zst").write_bytes(b"no archive at all")
    with pytest.raises(InputError, match="the zstd archive is damaged"):
        list(read_rows(tmp_path / "rows.jsonl.zst"))
    (tmp_path / "rows.parquet").write_bytes(b"no table at all")
    pytest.importorskip("pyarrow")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        list(read_rows(tmp_path / "rows.parquet"))


def test_encodings_and_depths(tmp_path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b'\xef\xbb\xbf{"a": 1}\n' + '{"a": "Кто?"}'.encode("cp1251"))
    rows = read_rows(tmp_path / "rows.jsonl")
    assert next(rows).fields == {"a": 1}
    with pytest.raises(InputError, match=r"line 2: expected UTF-8.*windows-1251"):
        next(rows)
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="nested too deeply"):
        read_json(tmp_path / "deep.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_json(tmp_path / "missing.json")


def test_fields_say_what_they_expected() -> None:
    row = Row("f:1", {"a": "", "n": 7, "l": ["x", 1]})
    assert row.identifier("id", "n") == "7"
    assert row.optional_text("none") == ""
    assert row.texts("none") == []
    with pytest.raises(InputError, match=r"f:1: field b: expected text, found no such field .there are: a, n, l."):
        row.text("b")
    with pytest.raises(InputError, match="f:1: field n: expected text, found 7"):
        row.optional_text("n")
    with pytest.raises(InputError, match="f:1: field l: expected a list of texts, found a list"):
        row.texts("l")
    with pytest.raises(InputError, match=r"f:1\.l\[0\]: expected a JSON object, found a str"):
        row.rows("l")


def test_numbers_sort_by_size() -> None:
    names = ["docs-0", "docs-2", "docs-10", "docs", "а1б2", "а1б10"]
    ordered = [path.name for path in natural_order(map(Path, reversed(names)))]
    assert ordered == ["docs", "docs-0", "docs-2", "docs-10", "а1б2", "а1б10"]
