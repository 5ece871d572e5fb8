"""A writer that is stopped anywhere leaves the index as it was."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.documents.rows import SourceDocument
from rag.index import IndexOptions, add_documents, build_index, open_index, remove_documents, verify_index
from tests.rag.index.samples import SOURCES, HashEmbeddings, files_below, generations

NEW = SourceDocument("ob", "Обь", "Обь — река в Сибири. Длина 3650 км.", {})

# Where a writer is stopped: every place that writes, from the first file to the last one.
POINTS = [
    "rag.index.drafts.Path.mkdir",
    "rag.index.sources.SourceWriter.put",
    "rag.index.sources.SourceWriter.finish",
    "rag.index.vectors.keep_store",
    "rag.index.writing.describe_encoder",
    "retrievers.stores.chroma.store.ChromaStore.write",
    "retrievers.bm25.BM25Segment.save",
    "rag.index.fresh.seal",
    "rag.index.writing.save_array",
    "retrievers.tfidf.TfidfIndex.save",
    "rag.index.drafts.write_text",
    "rag.index.drafts.sync",
    "os.replace",
]


def full(*args: object, **kwargs: object) -> object:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupted(*args: object, **kwargs: object) -> object:
    raise KeyboardInterrupt


def build(directory: Path, encoder: HashEmbeddings) -> None:
    build_index([*SOURCES, NEW], directory, IndexOptions(tfidf=True), embeddings=encoder)


def add(directory: Path, encoder: HashEmbeddings) -> None:
    add_documents([NEW], directory, embeddings=encoder)


def remove(directory: Path, encoder: HashEmbeddings) -> None:
    remove_documents(["volga_1"], directory, embeddings=encoder)


# Points that a write does not come through.
_ONLY_BUILDS = "rag.index.writing.describe_encoder"
_ONLY_NEW_TEXT = (
    "rag.index.sources.SourceWriter.put",
    "rag.index.sources.SourceWriter.finish",
    "rag.index.vectors.keep_store",
    "retrievers.stores.chroma.store.ChromaStore.write",
    "retrievers.bm25.BM25Segment.save",
    "rag.index.fresh.seal",
)
_ONLY_DELETIONS = "rag.index.writing.save_array"
# The two failures take the same way out, so Ctrl-C is tried at a few points only: first, in the middle, last.
_INTERRUPTED = ("rag.index.drafts.Path.mkdir", "retrievers.bm25.BM25Segment.save", "os.replace")

CASES = [
    (write, point, failure)
    for write in (build, add, remove)
    for point in POINTS
    if not (point == _ONLY_BUILDS and write is not build)
    and not (point in _ONLY_NEW_TEXT and write is remove)
    and not (point == _ONLY_DELETIONS and write is not remove)
    for failure in (full, interrupted)
    if failure is full or point in _INTERRUPTED
]


@pytest.mark.parametrize(("write", "point", "failure"), CASES)
def test_the_old_index_stays(
    index_directory: Path,
    encoder: HashEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path, HashEmbeddings], None],
    point: str,
    failure: Callable[..., object],
) -> None:
    before = files_below(index_directory)
    with monkeypatch.context() as patch:
        patch.setattr(point, failure)
        with pytest.raises((OSError, KeyboardInterrupt)):
            write(index_directory, encoder)
    assert files_below(index_directory) == before
    assert verify_index(index_directory, embeddings=encoder) == []
    write(index_directory, encoder)  # and nothing is in the way of the next attempt
    assert verify_index(index_directory, embeddings=encoder) == []


@pytest.mark.parametrize("point", [point for point in POINTS if point != _ONLY_DELETIONS])
def test_a_first_build_that_fails_leaves_nothing(
    tmp_path: Path, encoder: HashEmbeddings, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(point, full)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            build(tmp_path / "index", encoder)
    assert not (tmp_path / "index").exists()


def test_after_the_switch_an_interrupt_changes_nothing_any_more(
    index_directory: Path, encoder: HashEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def replace_then_stop(*args: object) -> None:
        replace(*args)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace_then_stop)
        with pytest.raises(KeyboardInterrupt):
            add(index_directory, encoder)
    with open_index(index_directory, embeddings=encoder) as index:
        assert index.manifest.documents == 4
    assert verify_index(index_directory, embeddings=encoder) == []


KILLED = """
    import os, sys, time
    from pathlib import Path
    from rag.index import add_documents
    import rag.index.writing as writing
    from tests.rag.index.samples import HashEmbeddings

    def wait(*args, **kwargs):
        Path(sys.argv[2]).touch()
        time.sleep(60)

    writing.write_manifest = wait
    from rag.documents.rows import SourceDocument
    new = SourceDocument("ob", "Обь", "Обь — река.", {})
    add_documents([new], sys.argv[1], embeddings=HashEmbeddings())
"""


@pytest.mark.skipif(os.name == "nt", reason="processes are killed by a POSIX signal")
def test_what_a_killed_writer_left_is_removed_by_the_next(
    index_directory: Path, encoder: HashEmbeddings, tmp_path: Path
) -> None:
    reached = tmp_path / "reached"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(index_directory), str(reached)],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    try:
        for _ in range(600):
            if reached.exists():
                break
            assert process.poll() is None
            time.sleep(0.05)
        assert len(generations(index_directory)) == 2
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert verify_index(index_directory, embeddings=encoder) == []
    add(index_directory, encoder)  # the lock went with the process
    assert len(generations(index_directory)) == 1
    assert verify_index(index_directory, embeddings=encoder) == []
