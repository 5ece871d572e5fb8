"""Fixtures shared by all tests."""

from __future__ import annotations

import gzip
import importlib.util
import itertools
import json
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings
from langchain_core.documents import Document

# The same examples every time where a red run must mean a change; new ones on every other run.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# Tests on all cores share them out by processes: threads of each beside that would only wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real Russian data that stands beside the checkout and is no part of it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the measuring data (shared/data beside the checkout) is absent")
    return SHARED_DATA


@pytest.fixture(scope="session")
def tiny_models() -> ModuleType:
    """Builders of tiny random models (``tests/fixtures/tiny_models.py``), or a skip without the extra ``hf``."""
    for package in ("torch", "transformers", "sentence_transformers"):
        pytest.importorskip(package, reason=f"{package} of the extra hf is not installed")
    return _load_fixture("tiny_models")


@pytest.fixture(scope="session")
def fake_openai() -> ModuleType:
    """A loopback OpenAI-compatible server (``tests/fixtures/fake_openai.py``)."""
    return _load_fixture("fake_openai")


@pytest.fixture(scope="session")
def scripted_reader() -> ModuleType:
    """A span reader that follows a script (``tests/fixtures/scripted_reader.py``)."""
    return _load_fixture("scripted_reader")


@pytest.fixture(scope="session")
def span_reader_folder(tiny_models: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random span reader, as safetensors and as ONNX; not to be changed."""
    folder: Path = tiny_models.save_span_reader(tmp_path_factory.mktemp("span-reader") / "tiny")
    return tiny_models.export_span_reader(folder)


def _load_fixture(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "fixtures" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """Two workers of Ray on this machine, to which this process is connected; their address."""
    from rag.ray_session import import_ray
    from retrievers.errors import MissingExtraError

    try:
        ray = import_ray()
    except MissingExtraError:
        pytest.skip("ray of the extra scale is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    started = [one.process for kind in ray._private.worker._global_node.all_processes.values() for one in kind]
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
    for process in started:  # it waits a second for each that it ends; a busy machine needs more
        process.wait(60)


@pytest.fixture(scope="session")
def demo_chunks() -> list[Document]:
    """Chunks of the shipped demo corpus."""
    from rag.documents.chunking import chunk_document
    from rag.documents.readers import read_sources

    corpus = Path(__file__).resolve().parents[1] / "rag" / "demo" / "corpus"
    return [chunk for source in read_sources([corpus]) for chunk in chunk_document(source)]


@pytest.fixture(scope="session")
def demo_questions() -> list[dict[str, Any]]:
    """The questions over the demo corpus."""
    rows = (Path(__file__).resolve().parents[1] / "rubq_eval.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(row) for row in rows]


@pytest.fixture(scope="session")
def wiki_questions(shared_data: Path) -> list[dict[str, Any]]:
    """The first 120 of the RuBQ development questions."""
    with (shared_data / "ruwiki" / "rubq_dev.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in itertools.islice(lines, 120)]


@pytest.fixture(scope="session")
def wiki_chunks(shared_data: Path, wiki_questions: list[dict[str, Any]]) -> list[Document]:
    """Chunks of the whole Wikipedia pages that answer ``wiki_questions``."""
    from rag.documents.chunking import chunk_document
    from rag.documents.rows import SourceDocument

    gold = {doc_id for question in wiki_questions for doc_id in question["gold_doc_ids"]}
    with gzip.open(shared_data / "ruwiki" / "pages.jsonl.gz", "rt", encoding="utf-8") as lines:
        pages = [page for page in map(json.loads, lines) if page["doc_id"] in gold]
    return [chunk for page in pages for chunk in chunk_document(SourceDocument(**page))]


@pytest.fixture(scope="session")
def wiki_terms(wiki_chunks: list[Document]) -> list[list[str]]:
    """Index terms of ``wiki_chunks``."""
    from retrievers.analysis import Analyzer
    from retrievers.documents import search_text

    analyzer = Analyzer()
    return [analyzer(search_text(chunk)) for chunk in wiki_chunks]
