"""Writers in each other's way, and readers while an index changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from langchain_core.documents import Document

from rag.documents.rows import SourceDocument
from rag.errors import IndexLockedError
from rag.index import add_documents, compact_index, open_index, remove_documents, repair_index, verify_index
from tests.rag.index.samples import SOURCES, HashEmbeddings

ROOT = Path(__file__).parents[3]
UPDATES = 10


def marked(version: int) -> SourceDocument:
    """A document of which every part says its version."""
    text = f"Первая часть издания {version}.\n\n## Часть вторая\n\nВторая часть издания {version}."
    return SourceDocument("marked", f"Издание {version}", text, {"version": version})


def read(directory: Path, encoder: HashEmbeddings) -> tuple[int, list[str]]:
    """The version that an index holds, and what in it is of another one."""
    with open_index(directory, embeddings=encoder) as index:
        source = index.chunks.document("marked")
        version = source.metadata["version"]
        chunks = [
            *index.chunks,
            *index.bm25().invoke("часть издания", k=10),
            *index.dense().invoke("часть издания", k=10),
            *index.dense().invoke("часть издания", k=10, filter={"version": version}),
        ]
        torn = [f"{chunk.id}: {chunk.page_content}" for chunk in chunks if _is_torn(chunk, source)]
        found = {chunk.id for chunk in index.dense().invoke("часть издания", k=10, filter={"version": version})}
        if found != {"marked_0", "marked_1"}:
            torn.append(f"by vectors of version {version}: {sorted(map(str, found))}")
        return int(version), torn


def _is_torn(chunk: Document, source: SourceDocument) -> bool:
    """Whether a chunk of the marked document says another version than the document."""
    said = (chunk.metadata["title"], chunk.metadata.get("version"), chunk.page_content.partition("издания ")[2])
    version = source.metadata["version"]
    return chunk.metadata["doc_id"] == "marked" and said != (source.title, version, f"{version}.")


READER = """
    import json, sys, time
    from pathlib import Path
    from tests.rag.index.samples import HashEmbeddings
    from tests.rag.index.test_concurrency import read

    directory, stop, seen, torn = Path(sys.argv[1]), Path(sys.argv[2]), [], []
    while not (done := stop.exists()) or not seen:
        version, wrong = read(directory, HashEmbeddings())
        if not seen:
            print("reading", flush=True)
        seen.append(version)
        torn += wrong
        time.sleep(0.05)
    print(json.dumps([seen, torn]))
"""

WRITER = """
    import sys, time
    from rag.index import add_documents, writing
    from tests.rag.index.samples import HashEmbeddings
    from tests.rag.index.test_concurrency import marked

    def wait(*_):
        print("writing", flush=True)
        time.sleep(60)

    writing.write_manifest = wait
    add_documents([marked(1)], sys.argv[1], embeddings=HashEmbeddings())
"""


@contextmanager
def python(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process of the script that has printed its first line."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() in {"reading", "writing"}
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_reader_in_a_thread_and_one_in_a_process_see_whole_versions_only(
    index_directory: Path, encoder: HashEmbeddings, tmp_path: Path
) -> None:
    add_documents([marked(0)], index_directory, embeddings=encoder)
    stop = tmp_path / "stop"
    seen: list[int] = []
    torn: list[str] = []

    def read_on() -> None:
        while not stop.exists():
            version, wrong = read(index_directory, HashEmbeddings())
            seen.append(version)
            torn.extend(wrong)
            time.sleep(0.05)  # the writer's turn

    with (
        open_index(index_directory, embeddings=encoder) as held,
        python(READER, index_directory, stop) as process,
    ):
        thread = threading.Thread(target=read_on)
        thread.start()
        try:
            for version in range(1, UPDATES + 1):
                add_documents([marked(version)], index_directory, embeddings=encoder)
        finally:
            stop.touch()
            thread.join()
        output, _ = process.communicate()
        assert held.chunks.document("marked") == marked(0)  # opened before them all
        assert {hit.metadata.get("version", 0) for hit in held.dense().invoke("часть издания")} <= {0, 1996}
    others, wrong = json.loads(output)
    assert torn + wrong == []
    for versions in (seen, others):
        assert versions == sorted(versions)
        assert set(versions) <= set(range(UPDATES + 1))
        assert len(versions) > 1
    assert read(index_directory, encoder) == (UPDATES, [])
    assert verify_index(index_directory, embeddings=encoder) == []


@pytest.mark.skipif(os.name == "nt", reason="processes are killed by a POSIX signal")
def test_every_writer_is_refused_while_another_process_writes_and_none_once_it_is_dead(
    index_directory: Path, encoder: HashEmbeddings
) -> None:
    refused: list[str] = []

    def write_everything() -> None:
        for write in (
            lambda: add_documents([marked(2)], index_directory, embeddings=encoder),
            lambda: remove_documents([SOURCES[0].doc_id], index_directory, embeddings=encoder),
            lambda: compact_index(index_directory),
            lambda: repair_index(index_directory, embeddings=encoder),
        ):
            with pytest.raises(IndexLockedError) as caught:
                write()
            refused.append(str(caught.value))

    with python(WRITER, index_directory) as process:
        write_everything()
        thread = threading.Thread(target=write_everything)
        thread.start()
        thread.join()
        assert len(refused) == 8
        assert all(f"written by process {process.pid};" in message for message in refused)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "marked" not in dict(_titles(index_directory, encoder))
    add_documents([marked(2)], index_directory, embeddings=encoder)
    assert dict(_titles(index_directory, encoder))["marked"] == "Издание 2"
    assert verify_index(index_directory, embeddings=encoder) == []


def _titles(directory: Path, encoder: HashEmbeddings) -> list[tuple[str, str]]:
    with open_index(directory, embeddings=encoder) as index:
        return index.chunks.titles()


def test_of_many_threads_one_writes(index_directory: Path, encoder: HashEmbeddings) -> None:
    start = threading.Barrier(4)
    done: list[int] = []
    refused: list[int] = []

    def add(version: int) -> None:
        start.wait()
        while True:
            try:
                add_documents(
                    [SourceDocument(f"new_{version}", "Новое", f"Новость № {version}.", {})],
                    index_directory,
                    embeddings=HashEmbeddings(),
                )
            except IndexLockedError:
                refused.append(version)
                time.sleep(0.02)
            else:
                done.append(version)
                return

    threads = [threading.Thread(target=add, args=(version,)) for version in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 1, 2, 3]
    assert refused
    with open_index(index_directory, embeddings=encoder) as index:
        assert {f"new_{version}" for version in range(4)} <= set(index.chunks.doc_ids())
    assert verify_index(index_directory, embeddings=encoder) == []
