"""Where vectors are kept, as one line of text.

========================  =====================================================================
``chroma``                Chroma embedded, a directory in each segment of the index (default)
``chroma:PATH``           a Chroma directory of its own
``chroma+http://H:P``     a Chroma server; ``https`` too, and plain ``http://H:P``
``milvus:FILE.db``        Milvus Lite, in this process
``milvus+http://H:P``     a Milvus server or cluster; ``https`` too
========================  =====================================================================
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, urlsplit

from retrievers.errors import InputError

TOKEN_VARIABLE = "RAG_STORE_TOKEN"
FORMS = "chroma, chroma:PATH, chroma+http://host:port, milvus:FILE.db or milvus+http://host:port"

_LITE_SUFFIX = ".db"  # by which pymilvus tells a file from a server


class Engine(StrEnum):
    """What keeps the vectors."""

    CHROMA = "chroma"
    MILVUS = "milvus"


_PORTS = {Engine.CHROMA: 8000, Engine.MILVUS: 19530}


@dataclass(frozen=True, slots=True)
class StoreURL:
    """A parsed store; ``str`` of it gives a form that :meth:`parse` reads back.

    Args:
        engine: what keeps the vectors.
        path: of a directory or file on this machine, None for a server and for the default.
        host: of a server.
        port: of the server.
        secure: whether it is spoken to over TLS.
    """

    engine: Engine = Engine.CHROMA
    path: str | None = None
    host: str | None = None
    port: int | None = None
    secure: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a store's URL.

        >>> StoreURL.parse("http://localhost")
        StoreURL(engine=<Engine.CHROMA: 'chroma'>, path=None, host='localhost', port=8000, secure=False)

        Raises:
            InputError: no such form, or one with a user name, password, path or query behind the server.
        """
        if not text.isprintable() or text != text.strip():
            raise InputError(f"expected {FORMS} as the store, got {_redacted(text)!r}")
        scheme, colon, rest = text.partition(":")
        if scheme.lower() in {"http", "https"}:  # Chroma's, from before there was another
            scheme = f"{Engine.CHROMA}+{scheme}"
        name, plus, transport = scheme.lower().partition("+")
        if name not in list(Engine) or (plus and transport not in {"http", "https"}):
            raise InputError(f"expected {FORMS} as the store, got {_redacted(text)!r}")
        engine = Engine(name)
        if plus:
            return cls._server(engine, transport, rest, text)
        if not colon and engine is Engine.CHROMA:
            return cls()
        if not rest:
            raise InputError(f"expected a path behind {engine}: as the store, got {text!r}")
        if rest.startswith("//"):
            raise InputError(f"expected {engine}+http:{_redacted(rest)} for a server, or {engine}:PATH, as the store")
        if engine is Engine.MILVUS and not rest.endswith(_LITE_SUFFIX):
            raise InputError(f"expected a file ending in {_LITE_SUFFIX} behind milvus:, got {_redacted(rest)!r}")
        return cls(engine, path=rest)

    @classmethod
    def _server(cls, engine: Engine, transport: str, rest: str, text: str) -> Self:
        form = f"{engine}+{transport}://host:port"
        try:
            parts = urlsplit(f"{transport}:{rest}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise InputError(f"expected a store like {form}: {_redacted(str(error))}") from None
        if "@" in parts.netloc:
            raise InputError(
                f"expected a store like {form} without a user name or password, which the index would keep; put the "
                f"token into the environment variable {TOKEN_VARIABLE}"
            )
        if not host or port == 0 or _beyond(parts) or any(sign.isspace() for sign in host):
            raise InputError(f"expected a store like {form}, got {_redacted(text)!r}")
        secure = transport == "https"
        return cls(engine, host=host, port=port or (443 if secure else _PORTS[engine]), secure=secure)

    @property
    def embedded(self) -> bool:
        """Whether the vectors lie inside the index, a directory in each segment."""
        return self.path is None and self.host is None

    @property
    def address(self) -> str:
        """``http(s)://host:port`` of a server."""
        host = f"[{self.host}]" if self.host and ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"

    def absolute(self) -> Self:
        """The same store from whatever directory it is opened."""
        return self if self.path is None else replace(self, path=str(Path(self.path).expanduser().absolute()))

    def __str__(self) -> str:
        if self.host is not None:
            return f"{self.engine}+{self.address}"
        return str(self.engine) if self.path is None else f"{self.engine}:{self.path}"


def store_token() -> str | None:
    """The secret that servers are told, None where there is none; it is never part of a URL, manifest or message."""
    return os.environ.get(TOKEN_VARIABLE) or None


def _beyond(parts: SplitResult) -> bool:
    return bool(parts.path.strip("/") or parts.query or parts.fragment)


def _redacted(text: str) -> str:
    """Text to show in a message, less what may be a password before an @."""
    before, at, after = text.rpartition("@")
    if not at:
        return text
    scheme, slashes, _ = before.partition("//")
    return f"{scheme}//…@{after}" if slashes and "@" not in scheme else f"…@{after}"
