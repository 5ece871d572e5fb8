from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from rag.documents.rows import SourceDocument
from rag.errors import IndexNotFoundError
from rag.index import build_index, export_index, open_index
from tests.rag.index.samples import SOURCES, HashEmbeddings


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_what_is_exported_builds_the_same_index(index_directory: Path, encoder: HashEmbeddings, name: str) -> None:
    out = index_directory.parent / name
    assert export_index(index_directory, out) == 3
    raw = gzip.decompress(out.read_bytes()) if name.endswith(".gz") else out.read_bytes()
    assert json.loads(raw.decode().splitlines()[0]) == SOURCES[0].to_row()
    build_index([out], index_directory.parent / "again", embeddings=encoder)
    with open_index(index_directory) as index, open_index(index_directory.parent / "again") as again:
        assert list(again.chunks.documents()) == list(index.chunks.documents()) == list(SOURCES)


def test_line_separators_inside_a_text_stay_inside_a_line(tmp_path: Path, encoder: HashEmbeddings) -> None:
    source = SourceDocument("строки", "", "Первая.\nВторая.\u2028Третья.\r\nЧетвёртая.", {})
    build_index([source], tmp_path / "index", embeddings=encoder)
    export_index(tmp_path / "index", tmp_path / "out.jsonl")
    build_index([tmp_path / "out.jsonl"], tmp_path / "again", embeddings=encoder)
    with open_index(tmp_path / "again") as again:
        assert again.chunks.document("строки") == source


def test_a_failed_export_leaves_the_old_file(index_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = index_directory.parent / "out.jsonl"
    out.write_text("прежнее")

    def full(*args: object, **kwargs: object) -> str:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(json, "dumps", full)
    with pytest.raises(OSError, match=os.strerror(28)):
        export_index(index_directory, out)
    assert out.read_text() == "прежнее"
    assert sorted(path.name for path in out.parent.iterdir()) == ["index", "out.jsonl"]


def test_exporting_needs_an_index(tmp_path: Path) -> None:
    with pytest.raises(IndexNotFoundError):
        export_index(tmp_path / "absent", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
