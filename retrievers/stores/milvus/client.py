"""Clients of Milvus: a server, or Milvus Lite, which is a server in this process for as long as a client is open."""

from __future__ import annotations

import fcntl
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from retrievers.errors import MissingExtraError, StoreUnavailableError
from retrievers.stores.urls import StoreURL, store_token

if TYPE_CHECKING:
    from pymilvus import MilvusClient

TIMEOUT = 60.0  # seconds until a call is given up
_CONNECTING = 10.0

_LOCK = threading.Lock()
_LITE_USERS: dict[str, int] = {}  # open clients by the file they are of


def open_client(url: StoreURL) -> MilvusClient:
    """A client; :func:`close_client` ends it.

    Raises:
        MissingExtraError: pymilvus, or for a file milvus-lite, is not installed.
        StoreUnavailableError: it does not open or answer.
    """
    try:
        from pymilvus import MilvusClient
        from pymilvus.exceptions import MilvusException

        if url.path is not None:
            import milvus_lite  # noqa: F401 - pymilvus brings its client, not the engine
    except ImportError as error:
        raise MissingExtraError("a Milvus store", "scale") from error
    _quieten()
    with _LOCK:
        try:
            if url.path is None:
                return MilvusClient(uri=url.address, token=store_token() or "", timeout=_CONNECTING)
            file = Path(url.path).absolute()
            file.parent.mkdir(parents=True, exist_ok=True)
            client = MilvusClient(uri=str(file))
        except (MilvusException, ValueError, OSError) as error:
            raise StoreUnavailableError(f"the vector store {url} does not open: {_reason(url, error)}") from error
        _LITE_USERS[str(file)] = _LITE_USERS.get(str(file), 0) + 1
        return client


def close_client(url: StoreURL, client: MilvusClient) -> None:
    """Close a client; the last one of a file lets other processes have it."""
    with _LOCK:
        client.close()
        if url.path is None:
            return
        file = str(Path(url.path).absolute())
        _LITE_USERS[file] -= 1
        if not _LITE_USERS[file]:
            del _LITE_USERS[file]
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(file)


@contextmanager
def answering(url: StoreURL) -> Iterator[None]:
    """Report what a store refuses as this toolkit's error.

    Raises:
        StoreUnavailableError: instead of the client's exceptions.
    """
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except MilvusException as error:
        raise StoreUnavailableError(f"the vector store {url} refuses: {error.message}") from error


def _quieten() -> None:
    """What the client raises it logs besides, with a traceback; so does the server of Milvus Lite in this process."""
    for name in ("pymilvus", "pymilvus.milvus_client", "milvus_lite"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("grpc._server").addFilter(_implemented)


def _implemented(record: logging.LogRecord) -> bool:
    """Leave out that Milvus Lite does not know a call which the client can do without."""
    return not (record.exc_info and isinstance(record.exc_info[1], NotImplementedError))


def _reason(url: StoreURL, error: Exception) -> str:
    """Why a store does not open; Milvus Lite does not say that another process has the file."""
    if url.path is not None and _held(Path(url.path) / "LOCK"):
        return "another process has it open, and Milvus Lite takes one at a time; several need a Milvus server"
    return str(getattr(error, "message", error))


def _held(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
