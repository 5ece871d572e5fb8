from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.documents.rows import SourceDocument
from rag.index import (
    IndexOptions,
    add_documents,
    build_index,
    compact_index,
    open_index,
    remove_documents,
    verify_index,
)
from rag.index.compaction import FANOUT, Size, all_in_one, merges
from tests.rag.index.samples import SOURCES, HashEmbeddings

WORDS = ("озеро", "река", "море", "глубина", "длина", "Байкал", "Волга", "Обь", "лёд", "остров")


def test_segments_of_one_size_are_merged() -> None:
    big, small = Size(40_000, 40_000), Size(3, 3)
    assert merges([big, small, small, small], 200_000) == []
    assert merges([big, small, Size(200, 200), small, small], 200_000) == [[1, 2, 3, 4]]
    assert merges([big] * FANOUT, 100_000) == []  # they would make one that is too large


def test_a_segment_that_is_mostly_deleted_is_written_anew() -> None:
    assert merges([Size(3_000, 2_000), Size(9_000, 6_000)], 200_000) == []
    assert merges([Size(3_000, 1_999), Size(9_000, 9_000)], 200_000) == [[0]]


def test_compaction_leaves_nothing_to_do() -> None:
    assert all_in_one([Size(10, 10)], 100) == []
    assert all_in_one([Size(10, 9)], 100) == [[0]]
    assert all_in_one([Size(90, 90), Size(90, 90)], 100) == []
    assert all_in_one([Size(40, 40), Size(50, 50)], 100) == [[0, 1]]


@given(st.lists(st.integers(1, 50_000), max_size=60))
def test_there_are_never_many_segments_and_no_chunk_is_lost(additions: list[int]) -> None:
    sizes: list[Size] = []
    written = 0
    for added in additions:
        sizes.append(Size(added, added))
        groups = merges(sizes, 10**9)
        merged = [sum(sizes[number].living for number in group) for group in groups]
        written += sum(merged)
        gone = {number for group in groups for number in group}
        sizes = [size for number, size in enumerate(sizes) if number not in gone] + [Size(n, n) for n in merged]
    total = sum(additions)
    assert sum(size.living for size in sizes) == total
    assert len(sizes) <= (FANOUT - 1) * 9 + 1  # 60 additions of 50,000: nine tiers
    assert written <= 10 * total


def page(number: int, *words: int) -> SourceDocument:
    text = " ".join(WORDS[word] for word in words)
    return SourceDocument(f"d{number}", WORDS[number % len(WORDS)], f"{text}.".capitalize(), {"number": number})


def found(directory: Path, encoder: HashEmbeddings) -> tuple[object, ...]:
    """Everything that an index says."""
    with open_index(directory, embeddings=encoder) as index:
        hits = [
            [(hit.id, hit.page_content, hit.metadata["scores"]) for hit in leg.invoke(question, k=5)]
            for leg in (index.bm25(k=5), index.tfidf(k=5))
            for question in WORDS
        ]
        dense = [
            [(hit.id, round(hit.metadata["scores"]["dense"], 5)) for hit in index.dense().invoke(question, k=50)]
            for question in WORDS[:3]
        ]
        return (
            index.chunks.chunk_ids(),
            list(index.chunks.documents()),
            list(index.chunks.terms()),
            hits,
            [sorted(row) for row in dense],
        )


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_a_changed_index_is_the_one_built_anew(data: st.DataObject) -> None:
    """After any changes documents, rows, terms and scores are those of an index built of the same documents."""
    encoder, options = HashEmbeddings(), IndexOptions(tfidf=True, segment_chunks=data.draw(st.sampled_from([3, 100])))
    words = st.lists(st.integers(0, len(WORDS) - 1), min_size=1, max_size=4)
    with tempfile.TemporaryDirectory() as folder:
        changed, anew = Path(folder, "changed"), Path(folder, "anew")
        living = {n: page(n, *data.draw(words)) for n in range(6)}
        build_index(list(living.values()), changed, options, embeddings=encoder)
        for _ in range(data.draw(st.integers(1, 4))):
            if data.draw(st.booleans()) and len(living) > 2:
                gone = data.draw(st.sets(st.sampled_from(sorted(living)), min_size=1, max_size=len(living) - 1))
                remove_documents([f"d{n}" for n in gone], changed, embeddings=encoder)
                living = {n: source for n, source in living.items() if n not in gone}
            else:
                numbers = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True))
                new = {n: page(n, *data.draw(words)) for n in numbers}
                add_documents(list(new.values()), changed, embeddings=encoder)
                living = {**living, **new}
        build_index(list(living.values()), anew, options, embeddings=encoder)
        assert found(changed, encoder) == found(anew, encoder)
        assert verify_index(changed, embeddings=encoder) == []
        compact_index(changed)
        assert found(changed, encoder) == found(anew, encoder)
        assert verify_index(changed, embeddings=encoder) == []
        with open_index(changed, embeddings=encoder) as index:
            assert all(not segment.deleted for segment in index.chunks.segments)


def test_compaction_encodes_nothing(index_directory: Path, encoder: HashEmbeddings) -> None:
    for length in range(3):
        add_documents(
            [dataclasses.replace(SOURCES[1], text="Волга " * (length + 1))], index_directory, embeddings=encoder
        )
    encoder.asked.clear()
    with open_index(index_directory, embeddings=encoder) as index:
        before = index.vectors().vectors(index.chunks.chunk_ids())
        encoder.asked.clear()
    assert compact_index(index_directory).merged
    assert encoder.asked == []
    assert compact_index(index_directory).merged == 0
    with open_index(index_directory, embeddings=encoder) as index:
        after = index.vectors().vectors(index.chunks.chunk_ids())
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[chunk_id], after[chunk_id]) for chunk_id in before)


def test_a_big_build_makes_several_segments(tmp_path: Path, encoder: HashEmbeddings) -> None:
    pages: Sequence[SourceDocument] = [page(number, number % 10, 3) for number in range(25)]
    build_index(pages, tmp_path / "many", IndexOptions(segment_chunks=10, tfidf=True), embeddings=encoder)
    build_index(pages, tmp_path / "one", IndexOptions(tfidf=True), embeddings=encoder)
    with open_index(tmp_path / "many", embeddings=encoder) as index:
        assert [segment.chunks for segment in index.chunks.segments] == [10, 10, 5]
    assert found(tmp_path / "many", encoder) == found(tmp_path / "one", encoder)
