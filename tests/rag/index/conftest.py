from __future__ import annotations

from pathlib import Path

import pytest

from rag.index import IndexOptions, build_index
from tests.rag.index.samples import SOURCES, HashEmbeddings


@pytest.fixture
def encoder() -> HashEmbeddings:
    return HashEmbeddings()


@pytest.fixture
def index_directory(tmp_path: Path, encoder: HashEmbeddings) -> Path:
    """An index over three small documents."""
    directory = tmp_path / "index"
    build_index(SOURCES, directory, IndexOptions(tfidf=True), embeddings=encoder)
    encoder.asked.clear()
    return directory
