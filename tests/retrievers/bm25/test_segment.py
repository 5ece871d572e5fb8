from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrievers.bm25 import BM25Segment, counting
from retrievers.errors import InputError

LAKES = [["озеро", "байкал", "озеро"], [], ["река", "обь"], ["озеро", "ладога"]]
FILES = ("terms.npy", "term_ends.npy", "starts.npy", "rows.npy", "counts.npy", "lengths.npy", "segment.json")
words = st.text(st.sampled_from("аби\ud800😀"), max_size=2)


def postings(segment: BM25Segment, term: str) -> dict[int, int]:
    rows, counts = segment.postings(term)
    assert rows.tolist() == sorted(rows.tolist())
    return dict(zip(rows.tolist(), counts.tolist(), strict=True))


@given(lists=st.lists(st.lists(words, max_size=6), max_size=12), block=st.integers(1, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_are_those_of_the_lists_whatever_the_blocks(
    lists: list[list[str]], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "_BLOCK", block)
    segment = BM25Segment.build(iter(lists))
    assert segment.lengths.tolist() == [len(row) for row in lists]
    assert segment.total_length == sum(map(len, lists))
    expected = [Counter(row) for row in lists]
    for term in {"", "я", *itertools.chain(*lists)}:
        assert postings(segment, term) == {row: counts[term] for row, counts in enumerate(expected) if term in counts}
        assert segment.frequency(term) == sum(term in counts for counts in expected)


def test_counts_take_as_many_bytes_as_they_need() -> None:
    assert BM25Segment.build([["а"] * 255]).counts.dtype == np.uint8
    many = BM25Segment.build([["а"] * 256, ["а"]])
    assert many.counts.dtype == np.uint16
    assert postings(many, "а") == {0: 256, 1: 1}


def test_blocks_of_different_count_types_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_BLOCK", 100)
    segment = BM25Segment.build([["а"] * 300, ["а", "б"] * 60, ["б"]])
    assert postings(segment, "а") == {0: 300, 1: 60}
    assert postings(segment, "б") == {1: 60, 2: 1}


def test_terms_are_read_once_and_not_kept() -> None:
    def rows() -> Iterator[Iterator[str]]:
        yield from (iter(row) for row in LAKES)

    assert postings(BM25Segment.build(rows()), "озеро") == {0: 2, 3: 1}


# Saving


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("lists", [LAKES, [], [[]]], ids=["lakes", "nothing", "one without terms"])
def test_a_saved_segment_holds_the_same(lists: list[list[str]], mmap: bool, tmp_path: Path) -> None:
    built = BM25Segment.build(lists)
    built.save(tmp_path / "new" / "folder")
    opened = BM25Segment.load(tmp_path / "new" / "folder", mmap=mmap)
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(FILES)
    assert len(opened) == len(built)
    assert opened.total_length == built.total_length
    for term in ("озеро", "обь", "байкал", "море"):
        assert postings(opened, term) == postings(built, term)


def test_equal_lists_make_equal_files(tmp_path: Path) -> None:
    BM25Segment.build(LAKES).save(tmp_path / "one")
    BM25Segment.build(map(tuple, LAKES)).save(tmp_path / "two")
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_saving_an_opened_segment_copies_it(tmp_path: Path) -> None:
    BM25Segment.build(LAKES).save(tmp_path / "one")
    BM25Segment.load(tmp_path / "one").save(tmp_path / "two")
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "foreign", "archive", "a directory"])
@pytest.mark.parametrize("mmap", [True, False])
def test_a_damaged_file_is_named(name: str, damage: str, mmap: bool, tmp_path: Path) -> None:
    BM25Segment.build(LAKES).save(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    path.unlink()
    match damage:
        case "empty":
            path.touch()
        case "truncated":
            path.write_bytes(content[:-1])
        case "foreign" if name.endswith("json"):
            path.write_text('{"format": 1, "rows": "4"}')
        case "foreign":
            np.save(path, np.zeros(4, np.float32))
        case "archive":
            with path.open("wb") as file:
                np.savez(file, np.zeros(4))
        case "a directory":
            path.mkdir()
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        BM25Segment.load(tmp_path, mmap=mmap)


def test_files_of_different_segments_do_not_fit(tmp_path: Path) -> None:
    BM25Segment.build(LAKES).save(tmp_path / "one")
    BM25Segment.build([*LAKES, ["новый", "озеро"]]).save(tmp_path / "two")
    for name in FILES[1:]:
        mixed = tmp_path / f"mixed {name}"
        BM25Segment.load(tmp_path / "one").save(mixed)
        (mixed / name).write_bytes((tmp_path / "two" / name).read_bytes())
        with pytest.raises(InputError, match="damaged"):
            BM25Segment.load(mixed)


@given(name=st.sampled_from(FILES), position=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_flipped_bit_is_refused_or_leaves_an_index_that_answers(
    name: str, position: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    BM25Segment.build(LAKES).save(folder)
    content = bytearray((folder / name).read_bytes())
    content[position % len(content)] ^= 1 << bit
    (folder / name).write_bytes(content)
    try:
        segment = BM25Segment.load(folder)
        for term in ("озеро", "байкал", "обь", "ладога", "река", "море"):
            rows, counts = segment.postings(term)
            assert len(rows) == len(counts) == segment.frequency(term)
            assert all(0 <= row < len(segment) for row in rows)
    except InputError:
        pass  # named; what is no damage to the eye is found by the index's digests


def test_another_format_is_refused(tmp_path: Path) -> None:
    BM25Segment.build(LAKES).save(tmp_path)
    path = tmp_path / "segment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(InputError, match="format 1"):
        BM25Segment.load(tmp_path)
