"""The engine on Ray: what it makes, what it need not make again, and how it fails."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.documents.chunking import ChunkingMethod, ChunkingOptions
from rag.documents.rows import SourceDocument
from rag.errors import InputError, RagIndexError
from rag.index import AnalysisOptions, IndexOptions, build_index, open_index, prepare
from rag.index.engines import EncoderAtHand, LocalEngine
from rag.index.layout import STAGING
from rag.index.options import EncoderOptions
from rag.index.ray_engine import RayEngine, ray_engine
from rag.index.ray_stream import _AHEAD, Pool, _Worker, in_order
from rag.ray_session import Cluster
from retrievers.analysis import TermForm
from tests.rag.index.samples import SOURCES, HashEmbeddings

ROOT = Path(__file__).resolve().parents[3]
CORPUS = ROOT / "rag" / "demo" / "corpus"
# What no table could hold in one column: of other types from row to row, nested, larger than 64 bits, nothing.
ODD = (
    SourceDocument("a", "Ангара", "Ангара вытекает из Байкала.", {"x": 1, "list": [1, [2, {"a": None}]], "big": 2**70}),
    SourceDocument("b", "", "Иркут впадает в Ангару.\n\n## Исток\n\nНуху-Дабан 🏔.", {"x": "два", "list": None}),
    SourceDocument("c", "Строки", "Первая.\u2028Вторая.\n\nТретья.", {"x": [1.5, True], "ключ": {"б": "\n"}}),
    SourceDocument("d", "Пусто", "   ", {}),
)


def here(
    items: Iterable[tuple[Any, bytes | None]], make: Callable[..., Any], arguments: tuple[Any, ...], pool: Pool
) -> Iterator[tuple[Any, bytes | None]]:
    """The stream without Ray: the same payloads and results, in this process."""
    work = None
    for item, payload in items:
        if payload is not None and work is None:
            work = make(*arguments)
        yield item, None if payload is None else work(payload)


def engine() -> RayEngine:
    return RayEngine(Cluster(cores=2, gpus=0), here)


@pytest.fixture(autouse=True)
def small_parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few documents a parcel, so that there are several."""
    monkeypatch.setattr(prepare, "_BATCH", 60)


@pytest.mark.parametrize("sources", [ODD, SOURCES], ids=["odd", "plain"])
def test_documents_are_prepared_as_by_the_local_engine(sources: tuple[SourceDocument, ...]) -> None:
    made = list(engine().prepared(iter(sources), IndexOptions()))
    assert made == list(LocalEngine().prepared(iter(sources), IndexOptions()))
    assert [source for source, _ in made] == list(sources)


def test_half_a_character_is_refused_by_name(tmp_path: Path, encoder: HashEmbeddings) -> None:
    torn = SourceDocument("torn", "", "Знак " + chr(0xD83C) + " разорван.", {})
    for engine_of in (LocalEngine(), engine()):
        with pytest.raises(InputError, match="document 'torn' holds characters that are not valid Unicode"):
            build_index([torn], tmp_path / "index", embeddings=encoder, engine=engine_of)


def test_the_semantic_chunker_has_its_encoder_in_the_workers(encoder: HashEmbeddings) -> None:
    options = IndexOptions(chunking=ChunkingOptions(method=ChunkingMethod.SEMANTIC))
    own = EncoderAtHand(encoder, options.encoder, own=True)
    assert list(engine().prepared(SOURCES, options, own)) == list(LocalEngine().prepared(SOURCES, options, own))
    with pytest.raises(InputError, match="needs an encoder"):
        list(engine().prepared(SOURCES, options))


def test_a_second_try_prepares_what_the_first_did_not(tmp_path: Path) -> None:
    first = engine().prepared(SOURCES, IndexOptions(), staging=tmp_path)
    assert next(first)[0].doc_id == "baikal"
    first.close()  # type: ignore[attr-defined]
    second = engine()
    assert list(second.prepared(SOURCES, IndexOptions(), staging=tmp_path)) == list(
        LocalEngine().prepared(SOURCES, IndexOptions())
    )
    assert second.reused.documents == 1
    third = engine()
    assert len(list(third.prepared(SOURCES, IndexOptions(), staging=tmp_path))) == third.reused.documents == 3


def test_a_changed_document_or_other_options_are_prepared_anew(tmp_path: Path) -> None:
    list(engine().prepared(SOURCES, IndexOptions(), staging=tmp_path))
    changed = SourceDocument("baikal", "Байкал", "Байкал глубок.", {})
    again = engine()
    prepared = again.prepared([changed, *SOURCES[1:]], IndexOptions(), staging=tmp_path)
    made = {source.doc_id: rows for source, rows in prepared}
    assert [row.terms for row in made["baikal"]] == ["байкал байкал глубокий"]
    assert again.reused.documents == 2
    words = engine()
    options = IndexOptions(analysis=AnalysisOptions(form=TermForm.WORD))
    assert list(words.prepared(SOURCES, options, staging=tmp_path)) == list(LocalEngine().prepared(SOURCES, options))
    assert words.reused.documents == 0


def test_vectors_are_reused_by_the_texts_of_their_batch(tmp_path: Path, encoder: HashEmbeddings) -> None:
    batches = [["Байкал глубок.", "Волга длинна."], ["Пушкин родился в Москве."]]
    own = EncoderAtHand(encoder, EncoderOptions(), own=True)
    expected = [vectors.tobytes() for vectors in LocalEngine().encoded(batches, own)]
    first = engine().encoded(batches, own, staging=tmp_path)
    next(first)
    first.close()  # type: ignore[attr-defined]
    encoder.asked.clear()
    second = engine()
    made = list(second.encoded(batches, own, staging=tmp_path))
    assert [vectors.tobytes() for vectors in made] == expected
    assert [vectors.shape for vectors in made] == [(2, 64), (1, 64)]
    assert second.reused.batches == 1
    assert encoder.asked == batches[1]
    other = EncoderAtHand(HashEmbeddings(fingerprint="another"), EncoderOptions(), own=True)
    third = engine()
    list(third.encoded(batches, other, staging=tmp_path))
    assert third.reused.batches == 0


def test_vectors_of_an_encoder_that_cannot_be_recognised_are_not_kept(tmp_path: Path) -> None:
    nameless = HashEmbeddings()
    del nameless.fingerprint
    for _ in range(2):
        tried = engine()
        list(tried.encoded([["Байкал"]], EncoderAtHand(nameless, EncoderOptions(), own=True), staging=tmp_path))
        assert tried.reused.batches == 0
    assert not list(tmp_path.iterdir())


def test_foreseeable_failures_come_back_as_text_others_do_not() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow of the extra scale is not installed")

    def make(error: Exception) -> Callable[[bytes], bytes]:
        def work(payload: bytes) -> bytes:
            raise error

        return work

    from rag.index.ray_stream import _table

    (row,) = _Worker(make, (InputError("нет слов"),))(_table(b"1")).to_pylist()
    assert json.loads(row["failure"]) == ["InputError", "нет слов"]
    with pytest.raises(ZeroDivisionError):
        _Worker(make, (ZeroDivisionError(),))(_table(b"1"))


def write_rivers(path: Path, documents: int, *, sentences: int) -> None:
    rows = [{"doc_id": f"d{n}", "text": f"Река {n} течёт на север. " * sentences} for n in range(documents)]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from rag.index import build_index, prepare
    from tests.rag.index.test_ray_engine import engine, here

    prepare._BATCH = 60

    class Killed(type(engine())):
        def prepared(self, *arguments, **options):
            for number, made in enumerate(super().prepared(*arguments, **options)):
                if number == 12:
                    os.kill(os.getpid(), signal.SIGKILL)
                yield made

    killed = Killed(engine()._cluster, here)
    build_index([sys.argv[1]], sys.argv[2], engine=killed)
"""


def test_a_killed_build_goes_on_where_it_stopped(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    write_rivers(rows, 20, sentences=2)
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED), encoding="utf-8")
    command = [sys.executable, str(script), str(rows), str(tmp_path / "index")]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "index" / STAGING).is_dir()
    assert not (tmp_path / "index" / "CURRENT.json").exists()
    second = engine()
    build_index([rows], tmp_path / "index", engine=second)
    build_index([rows], tmp_path / "local")
    assert second.reused.documents >= 12
    assert not (tmp_path / "index" / STAGING).exists()
    assert contents(tmp_path / "index") == contents(tmp_path / "local")


def test_a_local_build_removes_what_another_left(tmp_path: Path, encoder: HashEmbeddings) -> None:
    directory = tmp_path / "index"
    list(engine().prepared(SOURCES, IndexOptions(), staging=directory / STAGING))
    build_index(SOURCES, directory, embeddings=encoder)
    assert not (directory / STAGING).exists()


def contents(directory: Path) -> dict[str, Any]:
    """All that an index holds, names of its parts aside."""
    found: dict[str, Any] = {}
    (segment,) = (directory / "segments").iterdir()
    with closing(sqlite3.connect(segment / "sources.sqlite")) as database:
        found["sources"] = list(database.iterdump())
    arrays = [segment / "documents.npy", *sorted((segment / "bm25").iterdir())]
    found |= {path.name: path.read_bytes() for path in arrays}
    found |= {path.name: path.read_bytes() for path in (directory / "encoders").glob("*/*")}
    with open_index(directory) as index:
        found["ids"] = index.chunks.chunk_ids()
        with closing(index.vectors()) as vectors:
            stored = vectors.vectors(found["ids"])
    found["vectors"] = [np.asarray(stored[chunk_id], np.float32).tobytes() for chunk_id in found["ids"]]
    return found


def test_an_index_built_on_ray_is_the_local_one_to_the_byte(tmp_path: Path, ray_cluster: str) -> None:
    articles = sorted(CORPUS.rglob("*.md"))[:8]
    build_index(articles, tmp_path / "local")
    with ray_engine() as opened:
        build_index(articles, tmp_path / "ray", engine=opened)
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")


def _echo_or_die(last: bytes) -> Callable[[bytes], bytes]:
    def work(payload: bytes) -> bytes:
        if payload == last:
            os._exit(9)  # as the kernel ends a process that has taken too much memory
        return payload[::-1]

    return work


def test_results_come_in_order_few_are_under_way_and_a_dead_worker_is_told(ray_cluster: str) -> None:
    taken: list[int] = []

    def items() -> Iterator[tuple[int, bytes | None]]:
        for number in range(41):
            taken.append(number)
            yield number, None if number % 4 == 3 else b"item %d" % number

    made = in_order(items(), _echo_or_die, (b"item 40",), Pool(2, 0.5))
    came: list[int] = []

    def take_all() -> None:
        for item, result in made:
            came.append(item)
            assert result == (None if item % 4 == 3 else (b"item %d" % item)[::-1])
            assert len(taken) <= len(came) + _AHEAD * 2

    with pytest.raises(RagIndexError, match="a worker of Ray died"):
        take_all()
    assert came == list(range(len(came)))
    assert 40 >= len(came) >= 40 - _AHEAD * 2  # what was under way beside it is lost


@pytest.mark.slow
def test_an_encoder_that_cannot_travel_is_told(ray_cluster: str) -> None:
    items = [(0, b"payload")]
    with pytest.raises(InputError, match="cannot travel to them, most likely an encoder of the caller's own"):
        next(in_order(items, _echo_or_die, (threading.Lock(),), Pool(2, 0.5)))


@pytest.mark.slow
def test_a_killed_build_on_ray_leaves_nothing_running_and_goes_on(
    tmp_path: Path, ray_cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from rag.index.__main__ import main

    rows = tmp_path / "rows.jsonl"
    write_rivers(rows, 24, sentences=4000)
    flags = ["build", str(rows), "--engine", "ray", "--address", ray_cluster, "--index"]
    killed = subprocess.Popen([sys.executable, "-m", "rag.index", *flags, str(tmp_path / "index")], cwd=ROOT)
    staged = tmp_path / "index" / STAGING / "parts.sqlite"
    while killed.poll() is None and not _count(staged):
        time.sleep(0.05)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    assert main([*flags, str(tmp_path / "index")]) == 0
    told = capsys.readouterr().out
    assert "24 added" in told
    assert "an earlier try had prepared: " in told
    build_index([rows], tmp_path / "local")
    assert contents(tmp_path / "index") == contents(tmp_path / "local")


def _count(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM parts").fetchone()[0])
    except sqlite3.Error:
        return 0
