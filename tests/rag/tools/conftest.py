from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.chain import build_chain
from rag.index import Index, open_index
from rag.profile import load_profile
from rag.tools.library import Library
from tests.rag.tools.samples import build_small_index


@pytest.fixture(scope="package")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    directory: Path = build_small_index(tmp_path_factory.mktemp("tools") / "index")
    with open_index(directory) as opened:
        yield opened


@pytest.fixture(scope="package")
def library(index: Index) -> Library:
    return Library(build_chain(index, load_profile("offline")), index.chunks)
