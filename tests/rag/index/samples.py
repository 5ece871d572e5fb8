"""Small documents and a quick encoder that the tests of the index share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from rag.documents.rows import SourceDocument
from rag.index.drafts import switch
from rag.index.layout import CURRENT
from retrievers.analysis import lemmas


class HashEmbeddings(Embeddings):
    """Counts of hashed lemmas, of length 1: quick, repeatable, and near for texts that share words."""

    def __init__(self, dimension: int = 64, fingerprint: str = "hash-64") -> None:
        self.dimension = dimension
        self.fingerprint = fingerprint
        self.asked: list[str] = []

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        self.asked.extend(texts)
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in lemmas(text):
                row[int(hashlib.md5(word.encode()).hexdigest(), 16) % self.dimension] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.encode(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


BAIKAL = SourceDocument(
    "baikal",
    "Байкал",
    "Байкал — озеро тектонического происхождения. Глубина озера 1642 м.\n\n## Лёд\n\nЛёд стоит до мая — 🧊 до метра.",
    {"topic": "география", "year": 1996},
)
VOLGA = SourceDocument(
    "volga_1", "Волга", "Волга впадает в Каспийское море. Длина реки 3530 км.", {"topic": "география"}
)
PUSHKIN = SourceDocument("пушкин", "Пушкин", "Пушкин родился в Москве в 1799 году.", {"topic": "литература"})
SOURCES = (BAIKAL, VOLGA, PUSHKIN)


def generations(directory: Path) -> list[str]:
    """Names of all generations that lie in an index."""
    return sorted(path.name for path in (directory / "generations").iterdir())


def files_below(directory: Path) -> list[str]:
    """Everything that lies in a directory, the lock aside."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.name != ".lock")


def rewrite_manifest(directory: Path, **changes: object) -> None:
    """Change what the manifest in use says, as if it had been written so."""
    name = json.loads((directory / CURRENT).read_text())["generation"]
    generation = directory / "generations" / name
    text = json.dumps({**json.loads((generation / "manifest.json").read_text()), **changes})
    for path in (generation / "manifest.json", generation / "copy" / "manifest.json"):
        path.write_text(text)
    switch(directory, name)


def found_ids(documents: Iterable[object]) -> list[str]:
    """Ids of hits, best first."""
    return [str(document.id) for document in documents]  # type: ignore[attr-defined]
