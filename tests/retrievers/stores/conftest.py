from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest

from retrievers.stores import ChunkStore
from tests.chroma_server import chroma_server
from tests.retrievers.stores.samples import KINDS, opened

Opening = Callable[..., AbstractContextManager[ChunkStore]]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "milvus-lite":
        pytest.importorskip("pymilvus", reason="pymilvus of the extra scale is not installed")
        pytest.importorskip("milvus_lite", reason="milvus-lite of the extra scale is not installed")
    return str(request.param)


@pytest.fixture(scope="module")
def place(kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Opening:
    """Opens stores of one kind in one place, each for an index of its own unless told which."""
    url = request.getfixturevalue("server") if kind == "chroma-server" else None
    folder = tmp_path_factory.mktemp(kind)

    def opening(index_id: str | None = None) -> AbstractContextManager[ChunkStore]:
        own = index_id or uuid.uuid4().hex
        return opened(kind, folder if kind != "chroma" else folder / own, url, own)

    return opening


@pytest.fixture
def again(place: Opening) -> Callable[[], AbstractContextManager[ChunkStore]]:
    """Opens the store of one index, as often as asked."""
    return partial(place, uuid.uuid4().hex)


@pytest.fixture
def store(place: Opening) -> Iterator[ChunkStore]:
    with place() as found:
        yield found
