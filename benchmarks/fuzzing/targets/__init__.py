"""The targets by name, each in a module that is imported only when its target is opened."""

from __future__ import annotations

import contextlib
import importlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fuzzing.target import Scratch, Target


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a target is made, and how much of it a campaign runs.

    Args:
        module: of this package, with a function ``open_target(name, scratch)``.
        runs: inputs of the engine chosen; slow targets get fewer.
        large: inputs made by repetition, on top.
    """

    module: str
    runs: int
    large: int


CATALOGUE: Mapping[str, Entry] = {
    "reader-txt": Entry("readers", 15_000, 120),
    "reader-md": Entry("readers", 20_000, 200),
    "reader-html": Entry("readers", 8_000, 200),
    "reader-csv": Entry("readers", 30_000, 150),
    "reader-jsonl": Entry("readers", 40_000, 150),
    "reader-jsonl-gz": Entry("readers", 20_000, 0),
    "reader-parquet": Entry("readers", 5_000, 0),
    "reader-docx": Entry("word", 3_000, 0),
    "reader-docx-body": Entry("word", 3_000, 120),
    "reader-pdf": Entry("pdf", 5_000, 0),
    "reader-pdf-page": Entry("pdf", 5_000, 100),
    "pdf-lines": Entry("pdf", 20_000, 150),
    "chunker": Entry("chunking", 15_000, 200),
    "chunker-semantic": Entry("chunking", 10_000, 120),
    "semantic-groups": Entry("chunking", 40_000, 0),
    "analysis": Entry("analysis", 20_000, 150),
    "answers": Entry("answers", 20_000, 200),
    "retrieval-metrics": Entry("metrics", 30_000, 50),
    "completions": Entry("replies", 20_000, 150),
    "model-replies": Entry("replies", 20_000, 150),
    "model-plans": Entry("replies", 30_000, 150),
    "citations": Entry("citations", 10_000, 120),
    "questions-file": Entry("files", 20_000, 120),
    "records-file": Entry("files", 20_000, 120),
    "plan-file": Entry("files", 20_000, 120),
    "trace-file": Entry("files", 30_000, 120),
    "settings-files": Entry("settings", 8_000, 150),
    "filters": Entry("filters", 100_000, 150),
    "store-urls": Entry("stores", 60_000, 100),
    "array-files": Entry("stores", 20_000, 0),
    "uploads": Entry("uploads", 10_000, 150),
    "upload-names": Entry("uploads", 60_000, 100),
    "posted-documents": Entry("uploads", 30_000, 150),
    "requests": Entry("requests", 2_000, 40),
}


@contextlib.contextmanager
def opened(name: str) -> Iterator[Target]:
    """A target, and what it needs while it is used.

    Raises:
        MissingExtraError: it needs packages that are not installed.
    """
    module = importlib.import_module(f"{__name__}.{CATALOGUE[name].module}")
    with tempfile.TemporaryDirectory(prefix="rag-fuzzing-") as folder, contextlib.ExitStack() as stack:
        yield module.open_target(name, Scratch(Path(folder), stack))
