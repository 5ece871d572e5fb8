from __future__ import annotations

from pathlib import Path

import pytest

from tests.rag.tools.samples import build_small_index


@pytest.fixture(scope="package")
def index_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small_index(tmp_path_factory.mktemp("mcp") / "index")
