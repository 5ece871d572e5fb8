"""A small real index, a service over a copy of it, and clients of that service."""

from __future__ import annotations

import functools
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from rag.serve.service import Service

# Articles of the shipped demo corpus: few enough to be indexed in a second, on several topics.
ARTICLES = ("angara", "baikal", "larisa-latynina", "lem", "mendeleev", "pushkin", "solaris-novel", "yenisei")


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of some articles of the demo corpus; not to be changed."""
    from rag.demo import demo_corpus
    from rag.index import build_index
    from rag.profile import load_profile

    found = sorted(path for path in demo_corpus().rglob("*.md") if path.stem in ARTICLES)
    assert len(found) == len(ARTICLES)
    directory = tmp_path_factory.mktemp("serve") / "demo"
    build_index(found, directory, load_profile("offline").index, profile="offline")
    return directory


@pytest.fixture
def demo_copy(small_demo: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(small_demo, tmp_path / "index"))


def service_over(
    directory: Path, *, wrap: Callable[[Any], Any] = lambda snapshot: snapshot, overrides: Any = None, **options: Any
) -> Service:
    """A service over an index; ``wrap`` makes another snapshot of its first one, ``overrides`` change the profile."""
    pytest.importorskip("prometheus_client", reason="prometheus_client of the extra serve is not installed")
    from rag.index import open_index
    from rag.profile import load_profile
    from rag.serve.options import ServeOptions
    from rag.serve.service import Service
    from rag.serve.snapshots import Snapshot, Snapshots

    first = wrap(Snapshot(open_index(directory), load_profile("offline", overrides)))
    options = {"workers": 2, "feedback": directory.parent / "feedback.jsonl", **options}
    return Service(Snapshots(first, lambda: open_index(directory)), ServeOptions(**options))


@pytest.fixture
def make_service(demo_copy: Path) -> Callable[..., Service]:
    """Makes a service over ``demo_copy``; its arguments are options of the service, and those of ``service_over``."""
    return functools.partial(service_over, demo_copy)


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """A service with the default options and two workers; whoever takes it starts it."""
    return make_service()


@contextmanager
def opened_client(service: Service) -> Iterator[TestClient]:
    """A client of the started service, in the test's own process."""
    pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
    pytest.importorskip("httpx", reason="httpx of the extra test is not installed")
    from fastapi.testclient import TestClient

    from rag.serve.app import create_app

    with TestClient(create_app(service), base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture
def client_of() -> Callable[[Service], AbstractContextManager[TestClient]]:
    """Opens a client of a service of the test's own."""
    return opened_client


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    """A client of ``service``."""
    with opened_client(service) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_client(small_demo: Path) -> Iterator[TestClient]:
    """A client that tests share which change nothing and do not care what was asked before; nothing is cached."""
    with opened_client(service_over(small_demo, read_only=True, cached=0)) as opened:
        yield opened


@contextmanager
def running_server(service: Service) -> Iterator[str]:
    """The service behind a real server on a free port; yields its address without a slash at the end."""
    pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
    pytest.importorskip("uvicorn", reason="uvicorn of the extra serve is not installed")
    from rag.serve.listening import listen
    from rag.serve.running import server_of

    with listen("127.0.0.1", 0, refusal=None) as listening:
        server = server_of(service)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while thread.is_alive() and not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def server_of() -> Callable[[Service], AbstractContextManager[str]]:
    """Runs a real server over a service of the test's own; yields its address."""
    return running_server


@pytest.fixture
def server(service: Service) -> Iterator[str]:
    """``service`` behind a real server: its address."""
    with running_server(service) as address:
        yield address
