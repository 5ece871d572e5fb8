"""What starting costs, held by lists of modules that must not be loaded: a list fails the same on every machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rag.documents.rows import SourceDocument
from rag.index import IndexOptions, build_index

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("rag", "retrievers", "generators", "evals", "prompts", "training")

# Of other tasks than answering, or loaded by a task only when it comes to need them.
NOT_FOR_ANSWERING = {
    "torch", "transformers", "sentence_transformers", "tokenizers", "huggingface_hub", "sklearn", "scipy", "pandas",
    "pyarrow", "datasets", "matplotlib", "bm25s", "rank_bm25", "numba", "faiss", "pymilvus", "milvus_lite", "ray",
    "langchain", "langchain_classic", "langchain_community", "langchain_openai", "langchain_text_splitters",
    "langchain_chroma", "langgraph", "fastapi", "uvicorn", "mcp", "natasha", "pymorphy2", "snowballstemmer",
    "pypdf", "docx", "bs4", "lxml", "evals", "training",
    "rag.serve", "rag.mcp", "rag.tools", "rag.agent.graph", "rag.index.writing", "rag.index.prepare",
    "rag.index.verify", "rag.index.export", "rag.documents.readers", "retrievers.tfidf", "retrievers.stores.milvus",
}  # fmt: skip
# Loaded by an answer, and by nothing that comes before it.
ONLY_FOR_ANSWERING = {
    "chromadb", "grpc", "onnxruntime", "pymorphy3", "slovnet", "navec", "razdel", "yaml", "rich",
    "rag.chain", "rag.components", "rag.index.opened", "rag.index.sources", "retrievers.encoders.static",
    "retrievers.navec_files", "retrievers.word_vectors",
}  # fmt: skip

LIST = 'import json, sys; print("\\n" + json.dumps(sorted(sys.modules)))'
RUN = """
import runpy, sys
sys.argv = {arguments}
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
"""


def modules_of(code: str) -> set[str]:
    """Names of all modules that a new process has at the end."""
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", f"{code}\n{LIST}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def command(*arguments: str) -> set[str]:
    """Names of all modules that a command has at its end."""
    return modules_of(RUN.format(arguments=list(arguments)))


def test_importing_the_packages_imports_nothing_else() -> None:
    loaded = modules_of(f"import {', '.join(PACKAGES)}") - modules_of("")
    others = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - set(PACKAGES)
    assert others == set()


def test_help_loads_nothing_that_answers() -> None:
    loaded = command("rag.ask", "--help")
    assert "rag.ask.arguments" in loaded
    assert (NOT_FOR_ANSWERING | ONLY_FOR_ANSWERING) & loaded == set()


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index with the offline profile's own encoder."""
    text = "# Байкал\n\nБайкал — озеро в Сибири. Наибольшая глубина Байкала — 1642 метра.\n"
    build_index([SourceDocument(doc_id="baikal", title="Байкал", text=text)], tmp_path / "index", IndexOptions())
    return tmp_path / "index"


def test_an_offline_answer_loads_only_what_answers(index: Path) -> None:
    loaded = command("rag.ask", "--index", str(index), "--profile", "offline", "Какова наибольшая глубина Байкала?")
    assert NOT_FOR_ANSWERING & loaded == set()
    # The other list would be worth nothing, had it names that nothing loads.
    assert loaded >= ONLY_FOR_ANSWERING
