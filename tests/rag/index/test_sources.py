from __future__ import annotations

import itertools
import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.documents.rows import SourceDocument
from rag.errors import IndexFormatError, InputError
from rag.index.chunk_table import ChunkTable
from rag.index.segments import DOCUMENTS, SOURCES, open_segment, save_array
from rag.index.sources import ChunkRow, SourceTable, SourceWriter, chunk_ids_sha256


def row(number: int, start: int, end: int, terms: str = "", **metadata: object) -> ChunkRow:
    return ChunkRow(number, start, end, "", dict(metadata), terms)


def written(folder: Path, *documents: tuple[int, SourceDocument, list[ChunkRow]]) -> Path:
    """A segment of these documents, its sources alone."""
    folder.mkdir()
    writer = SourceWriter(folder / SOURCES)
    for position, source, chunks in documents:
        writer.put(position, source, chunks)
    save_array(folder / DOCUMENTS, writer.finish())
    writer.close()
    return folder


def stored(folder: Path, *pairs: tuple[SourceDocument, list[ChunkRow]]) -> ChunkTable:
    return ChunkTable([open_segment(written(folder, *((n, *pair) for n, pair in enumerate(pairs))))])


LAKE = SourceDocument("lake", "Озеро", "Ёжик 🦔 у воды.", {"topic": "сказка", "pages": 3, "new": True, "share": 0.5})
RIVER = SourceDocument("river_2", "Река", "Вода течёт.\0Дальше.", {})


@pytest.fixture
def table(tmp_path: Path) -> ChunkTable:
    return stored(
        tmp_path / "segment",
        (LAKE, [row(0, 0, 6, "ежик"), row(1, 7, 15, "у вода", entities="[]")]),
        (RIVER, [row(0, 12, 19, "далеко")]),
    )


def test_chunks_are_slices_of_their_documents(table: ChunkTable) -> None:
    assert [chunk.page_content for chunk in table] == ["Ёжик 🦔", "у воды.", "Дальше."]
    assert table[1].metadata == {
        "doc_id": "lake",
        "chunk_id": "lake_1",
        "chunk_index": 1,
        "title": "Озеро",
        "headings": "",
        "start": 7,
        "end": 15,
        "entities": "[]",
        **LAKE.metadata,
    }
    assert [chunk.id for chunk in table] == ["lake_0", "lake_1", "river_2_0"]


def test_it_is_a_sequence(table: ChunkTable) -> None:
    assert len(table) == 3
    assert table[-1].id == "river_2_0"
    assert [chunk.id for chunk in table[::-2]] == ["river_2_0", "lake_0"]
    assert [chunk.id for chunk in table.get_many([2, 0])] == ["river_2_0", "lake_0"]
    for wrong in (3, -4):
        with pytest.raises(IndexError):
            table[wrong]
    with pytest.raises(IndexError, match="7"):
        table.get_many([0, 7])


def test_chunks_and_documents_by_id(table: ChunkTable) -> None:
    assert [chunk.page_content for chunk in table.by_chunk_ids(["river_2_0", "lake_1"])] == ["Дальше.", "у воды."]
    with pytest.raises(KeyError, match="lake_9"):
        table.by_chunk_ids(["lake_0", "lake_9"])
    assert table.find("lake_1") == table[1]
    assert table.find("lake_9") is None
    assert table.text_of("river_2") == RIVER.text
    assert table.text_of("нет") is None
    assert table.document("lake") == LAKE
    assert list(table.documents()) == [LAKE, RIVER]
    assert table.digests() == {"lake": LAKE.digest, "river_2": RIVER.digest}
    assert [chunk.id for chunk in table.chunks_of("lake")] == ["lake_0", "lake_1"]
    assert table.chunks_of("нет") == []
    with pytest.raises(KeyError):
        table.document("нет")


def test_terms_in_row_order(table: ChunkTable) -> None:
    assert list(table.terms()) == [["ежик"], ["у", "вода"], ["далеко"]]


def test_a_changed_document_keeps_its_place_and_rows_stay_without_gaps(tmp_path: Path) -> None:
    old = written(tmp_path / "old", (0, LAKE, [row(0, 0, 6), row(1, 7, 15)]), (1, RIVER, [row(0, 12, 19, "далеко")]))
    changed = SourceDocument("lake", "Озеро", "Новый текст.", {})
    added = SourceDocument("sea", "Море", "Море.", {})
    new = written(tmp_path / "new", (2, added, [row(0, 0, 5, "море")]), (0, changed, [row(0, 0, 12, "новый")]))
    with closing(ChunkTable([open_segment(old, frozenset({0})), open_segment(new)])) as after:
        assert after.chunk_ids() == ["lake_0", "river_2_0", "sea_0"]
        assert [chunk.page_content for chunk in after] == ["Новый текст.", "Дальше.", "Море."]
        assert list(after.terms()) == [["новый"], ["далеко"], ["море"]]
        assert list(after.documents()) == [changed, RIVER, added]
        assert after.doc_ids() == ["lake", "river_2", "sea"]
        assert after.find("lake_1") is None
        assert after.text_of("lake") == "Новый текст."
        assert after.digest_of("lake") == changed.digest
        assert after.sizes(["lake", "sea", "нет"]) == {"lake": (12, 1), "sea": (5, 1)}
        assert after.spans("lake") == [("lake_0", 0, 12)]


def test_a_removed_document_is_nowhere(tmp_path: Path) -> None:
    path = written(tmp_path / "s", (0, LAKE, [row(0, 0, 6)]), (1, RIVER, [row(0, 12, 19)]))
    with closing(ChunkTable([open_segment(path, frozenset({0}))])) as after:
        assert after.chunk_ids() == ["river_2_0"]
        assert after.place("lake") is None
        assert after.titles() == [("river_2", "Река")]
        assert after.chunks_of("lake") == []


def test_what_was_not_finished_is_not_kept(tmp_path: Path) -> None:
    writer = SourceWriter(tmp_path / SOURCES)
    writer.put(0, LAKE, [row(0, 0, 6)])
    writer.close()
    with closing(SourceTable(tmp_path / SOURCES)) as table:
        assert table.facts() == []


def test_more_chunks_than_one_statement_takes(tmp_path: Path) -> None:
    source = SourceDocument("long", "", "слово " * 1300, {})
    table = stored(tmp_path / "long", (source, [row(n, 6 * n, 6 * n + 5, f"т{n}") for n in range(1300)]))
    assert [chunk.metadata["chunk_index"] for chunk in table] == list(range(1300))
    assert len(table.by_chunk_ids([f"long_{n}" for n in range(1299, -1, -1)])) == 1300
    assert next(iter(table.get_many([1201]))).metadata["start"] == 7206
    assert len(list(table.terms())) == 1300


def test_threads_share_a_table(table: ChunkTable) -> None:
    wrong: list[object] = []

    def read() -> None:
        for _ in range(50):
            if [chunk.id for chunk in table.get_many([0, 1, 2])] != ["lake_0", "lake_1", "river_2_0"]:
                wrong.append("order")

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_table_cannot_be_written_through(table: ChunkTable) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        table.segments[0].sources._database.execute("DELETE FROM chunks")


def test_files_that_are_none_of_ours_are_reported(tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError, match="missing"):
        SourceTable(tmp_path / "absent.sqlite")
    (tmp_path / "text.sqlite").write_text("не база данных " * 100)
    with pytest.raises(IndexFormatError, match="damaged"):
        SourceTable(tmp_path / "text.sqlite")
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    with pytest.raises(IndexFormatError, match="damaged"):
        SourceTable(tmp_path / "empty.sqlite")


def test_half_a_surrogate_pair_is_refused(tmp_path: Path) -> None:
    store = SourceWriter(tmp_path / "sources.sqlite")
    with pytest.raises(InputError, match="битый"):
        store.put(0, SourceDocument("битый", "", "текст \ud800", {}), [])
    store.close()


def test_the_digest_of_chunk_ids_knows_their_order() -> None:
    assert chunk_ids_sha256(["a_0", "a_1"]) != chunk_ids_sha256(["a_1", "a_0"])


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    data=st.data(),
)
def test_any_slice_of_any_text_comes_back(text: str, data: st.DataObject) -> None:
    marks = sorted(data.draw(st.sets(st.integers(0, len(text)), min_size=2, max_size=6)) | {0, len(text)})
    spans = [(start, end) for start, end in itertools.pairwise(marks) if end > start]
    with tempfile.TemporaryDirectory() as folder:
        chunks = [row(number, *span) for number, span in enumerate(spans)]
        table = stored(Path(folder, "s"), (SourceDocument("d", "", text, {}), chunks))
        assert [chunk.page_content for chunk in table] == [text[start:end] for start, end in spans]
        table.close()
