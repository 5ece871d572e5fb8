"""Clients of Chroma: a directory, or a server.

Importing this module imports chromadb (about .7 s).
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import chromadb
from chromadb.config import Settings
from chromadb.errors import ChromaError

from retrievers.errors import StoreUnavailableError
from retrievers.stores.urls import StoreURL, store_token

# chromadb counts who shares a directory in a table of the process, and counts wrong where threads open and close
# directories at once.
_COUNTING = threading.Lock()

FAILURES = (ChromaError, ValueError, OSError)  # what a client raises where a store does not do as asked


def open_client(location: StoreURL | Path) -> Any:
    """A client of a Chroma directory or server; :func:`close_client` ends it.

    Raises:
        StoreUnavailableError: it does not open or answer.
    """
    settings = Settings(anonymized_telemetry=False)
    path = location if isinstance(location, Path) else location.path
    try:
        if path is not None:
            with _COUNTING:
                return chromadb.PersistentClient(path=str(path), settings=settings)
        assert isinstance(location, StoreURL)
        token = store_token()
        return chromadb.HttpClient(
            host=str(location.host),
            port=int(location.port or 0),
            ssl=location.secure,
            headers={"Authorization": f"Bearer {token}"} if token else None,
            settings=settings,
        )
    except FAILURES as error:
        raise StoreUnavailableError(f"the vector store {location} does not open: {error}") from error


def close_client(client: Any) -> None:
    """Close a client and the connections that it leaves open itself."""
    # chromadb leaves those of its HTTP client, and of the one it keeps for tenants and databases.
    sessions = [
        getattr(getattr(part, "_server", None), "_session", None)
        for part in (client, getattr(client, "_admin_client", None))
    ]
    with _COUNTING:
        client.close()
    for session in sessions:
        if session is not None:
            session.close()
