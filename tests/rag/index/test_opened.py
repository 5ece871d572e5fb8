from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import IndexFormatError, IndexMismatchError, IndexNotFoundError, InputError
from rag.index import (
    EncoderKind,
    EncoderOptions,
    IndexOptions,
    add_documents,
    build_index,
    layout,
    open_index,
    remove_documents,
)
from retrievers.bm25 import BM25Options
from tests.rag.index.samples import SOURCES, VOLGA, HashEmbeddings, found_ids, generations


def current(directory: Path) -> Path:
    """The generation in use."""
    return directory / "generations" / json.loads((directory / "CURRENT.json").read_text())["generation"]


def segment(directory: Path) -> Path:
    """The only segment."""
    (path,) = (directory / "segments").iterdir()
    return path


def edit(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_missing_and_empty_directories(tmp_path: Path) -> None:
    with pytest.raises(IndexNotFoundError, match=r"does not exist; build it with: python -m rag.index build"):
        open_index(tmp_path / "absent")
    with pytest.raises(IndexNotFoundError, match="is empty"):
        open_index(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(IndexNotFoundError, match="is a file"):
        open_index(tmp_path / "file")


def test_a_build_that_was_killed_at_first(tmp_path: Path) -> None:
    (tmp_path / "generations" / "000001-0000abcd").mkdir(parents=True)
    with pytest.raises(IndexNotFoundError, match="never finished"):
        open_index(tmp_path)


def test_a_foreign_directory(tmp_path: Path) -> None:
    (tmp_path / "faiss.index").touch()
    with pytest.raises(IndexFormatError, match=r"is not an index \(it holds no CURRENT.json\)"):
        open_index(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda directory: (directory / "CURRENT.json").write_text(""),
        lambda directory: (directory / "CURRENT.json").write_text("[1]"),
        lambda directory: edit(directory / "CURRENT.json", generation="../../etc"),
        lambda directory: edit(directory / "CURRENT.json", generation="000009-0000abcd"),
        lambda directory: (current(directory) / "manifest.json").unlink(),
        lambda directory: (current(directory) / "manifest.json").write_text('{"format": 2, "index_'),
        lambda directory: edit(current(directory) / "manifest.json", chunks="много"),
        lambda directory: edit(current(directory) / "manifest.json", chunks=77),
        lambda directory: (segment(directory) / "sources.sqlite").unlink(),
        lambda directory: (segment(directory) / "chroma" / "chroma.sqlite3").unlink(),
        lambda directory: (segment(directory) / "bm25" / "terms.npy").unlink(),
        lambda directory: (current(directory) / "tfidf" / "tfidf.npz").write_bytes(b"PK"),
    ],
)
def test_a_damaged_index_says_so_when_it_is_opened(index_directory: Path, damage: Callable[[Path], object]) -> None:
    damage(index_directory)
    with pytest.raises(IndexFormatError, match="damaged"):
        open_index(index_directory)


@pytest.mark.parametrize("name", ["sources.sqlite", "documents.npy", "bm25/counts.npy"])
def test_a_file_cut_short(index_directory: Path, name: str) -> None:
    path = segment(index_directory) / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(IndexFormatError, match=r"has \d+ bytes, expected \d+"):
        open_index(index_directory)


@pytest.mark.parametrize("where", ["CURRENT.json", "manifest.json"])
def test_a_newer_format(index_directory: Path, where: str) -> None:
    path = index_directory / where if where == "CURRENT.json" else current(index_directory) / where
    edit(path, format=3, novelty={"unheard": "of"})
    with pytest.raises(IndexFormatError, match="has format 3, this version reads 2; update"):
        open_index(index_directory)


def test_an_older_format(index_directory: Path) -> None:
    edit(index_directory / "CURRENT.json", format=1)
    with pytest.raises(IndexFormatError, match="has format 1, which an earlier version wrote; build it with"):
        open_index(index_directory)


def test_another_encoder(index_directory: Path, encoder: HashEmbeddings) -> None:
    with open_index(index_directory, embeddings=HashEmbeddings(fingerprint="иной")) as index:
        assert index.bm25().invoke("Волга")  # the lexical legs have no encoder
        with pytest.raises(IndexMismatchError, match="иной"):
            index.dense()
    with open_index(index_directory) as index, pytest.raises(IndexMismatchError, match="caller's own"):
        index.dense()
    moved = HashEmbeddings()
    moved.encode = lambda texts: -HashEmbeddings().encode(texts)  # type: ignore[method-assign]
    with (
        open_index(index_directory, embeddings=moved) as index,
        pytest.raises(IndexMismatchError, match="fixed sentence"),
    ):
        index.dense()


def test_a_profile_with_another_encoder(tmp_path: Path, index_directory: Path, encoder: HashEmbeddings) -> None:
    neural = EncoderOptions(kind=EncoderKind.HUGGINGFACE, model="intfloat/multilingual-e5-small")
    build_index(SOURCES, tmp_path / "lexical", IndexOptions(encoder=EncoderOptions(kind=EncoderKind.NONE)))
    with open_index(tmp_path / "lexical") as index:
        index.require_encoder(EncoderOptions(kind=EncoderKind.NONE, batch_size=7))
        with pytest.raises(IndexMismatchError, match="encoder none, the profile asks for intfloat"):
            index.require_encoder(neural)
    with open_index(index_directory, embeddings=encoder) as index:
        index.require_encoder(neural)  # the caller brought the encoder, whatever the profile says


def test_legs_share_chunks_and_load_once(index_directory: Path, encoder: HashEmbeddings) -> None:
    with open_index(index_directory, embeddings=encoder) as index:
        assert index.vectors() is index.vectors()
        assert index.bm25().index is index.bm25().index
        assert index.bm25().chunks is index.chunks
        assert index.analyzer()("Озёра") == ["озеро"]
        assert index.static_embeddings() is None


def test_filters_hold_in_every_leg(index_directory: Path, encoder: HashEmbeddings) -> None:
    with open_index(index_directory, embeddings=encoder) as index:
        for leg in (index.bm25(), index.tfidf(), index.dense()):
            hits = leg.invoke("озеро море Москва", filter={"topic": "литература"})
            assert found_ids(hits) == ["пушкин_0"]
            assert found_ids(leg.invoke("озеро", filter={"year": {"$gte": 1990}}))[0] == "baikal_0"


def test_other_bm25_options_than_the_stored_ones(index_directory: Path, encoder: HashEmbeddings) -> None:
    with open_index(index_directory, embeddings=encoder) as index:
        stored = index.bm25().invoke("озеро")[0].metadata["scores"]["bm25"]
        other = index.bm25(BM25Options(k1=0.0)).invoke("озеро")[0].metadata["scores"]["bm25"]
        assert stored != other
        assert index.bm25(BM25Options()).invoke("озеро")[0].metadata["scores"]["bm25"] == stored


def test_idf_is_zero_for_a_term_that_is_nowhere(index_directory: Path, encoder: HashEmbeddings) -> None:
    with open_index(index_directory, embeddings=encoder) as index:
        assert index.idf("пушкин") > index.idf("байкал") > 0
        assert index.idf("кашалот") == 0.0


def test_tfidf_that_is_not_stored_is_computed(tmp_path: Path, encoder: HashEmbeddings) -> None:
    build_index(SOURCES, tmp_path / "stored", IndexOptions(tfidf=True), embeddings=encoder)
    build_index(SOURCES, tmp_path / "not", embeddings=encoder)
    with open_index(tmp_path / "stored") as stored, open_index(tmp_path / "not") as computed:
        expected = [(hit.id, hit.metadata["scores"]) for hit in stored.tfidf().invoke("глубина озера")]
        assert [(hit.id, hit.metadata["scores"]) for hit in computed.tfidf().invoke("глубина озера")] == expected
        assert expected


def test_an_open_index_outlives_its_generation(index_directory: Path, encoder: HashEmbeddings) -> None:
    """Legs that were not loaded yet are still there after two changes, and the files go when the reader does."""
    with open_index(index_directory, embeddings=encoder) as index:
        old = index.generation.path.name
        remove_documents(["baikal"], index_directory, embeddings=encoder)
        remove_documents(["пушкин"], index_directory, embeddings=encoder)
        assert len(generations(index_directory)) == 2
        for leg in (index.bm25(), index.tfidf(), index.dense()):
            assert leg.invoke("глубина озера", k=1)[0].id == "baikal_0"
    assert old in generations(index_directory)
    add_documents([SOURCES[0]], index_directory, embeddings=encoder)
    assert old not in generations(index_directory)


def test_a_closed_index_says_so(index_directory: Path, encoder: HashEmbeddings) -> None:
    index = open_index(index_directory, embeddings=encoder)
    index.close()
    index.close()
    with pytest.raises(InputError, match="closed"):
        index.bm25()


def test_threads_open_legs_once(index_directory: Path, encoder: HashEmbeddings) -> None:
    with open_index(index_directory, embeddings=encoder) as index:
        found: list[object] = []
        threads = [
            threading.Thread(target=lambda: found.append(found_ids(index.dense().invoke("Волга", k=1))))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [["volga_1_0"]] * 4


def test_readers_during_changes_see_whole_indexes(index_directory: Path, encoder: HashEmbeddings) -> None:
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            try:
                with open_index(index_directory) as index:
                    if len(list(index.chunks)) != len(index.bm25().index):
                        wrong.append(index.manifest.generation)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test fails by it
                wrong.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(3):
        remove_documents(["volga_1"], index_directory, embeddings=encoder)
        add_documents([VOLGA], index_directory, embeddings=encoder)
    stop.set()
    reader.join()
    assert wrong == []


def test_a_generation_replaced_while_it_is_looked_up_is_no_damage(
    index_directory: Path, encoder: HashEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = layout.read_generation
    asked: list[object] = []

    def overtaken(directory: Path, name: object) -> layout.Generation:
        asked.append(name)
        if len(asked) == 1:  # between the pointer and the manifest a writer finishes, and removes what was pointed to
            monkeypatch.undo()
            remove_documents(["volga_1"], directory, embeddings=encoder)
            monkeypatch.setattr(layout, "read_generation", overtaken)
        return read(directory, name)

    monkeypatch.setattr(layout, "read_generation", overtaken)
    with open_index(index_directory, embeddings=encoder) as index:
        assert index.manifest.generation == asked[-1] != asked[0]


def test_bm25_alone_imports_no_chroma(index_directory: Path) -> None:
    script = (
        "import sys; from rag.index import open_index; index = open_index(sys.argv[1]);"
        "assert index.bm25().invoke('глубина Байкала')[0].id == 'baikal_0'; index.close();"
        "heavy = {'chromadb', 'langchain_chroma', 'sklearn', 'bm25s', 'navec', 'torch'} & sys.modules.keys();"
        "assert not heavy, heavy"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(index_directory)], check=True, cwd=Path(__file__).parents[3], timeout=60
    )
