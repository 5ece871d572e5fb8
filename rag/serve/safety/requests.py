"""What is asked of a request before any route sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

UPLOADS = "/api/documents"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def header(scope: Scope, name: bytes) -> str | None:
    """The value of a header; None where there is none, and where there are several, which no honest client sends."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def has_header(scope: Scope, name: bytes) -> bool:
    """Whether there is such a header at all."""
    return any(key == name for key, _ in scope["headers"])


def is_upload(scope: Scope) -> bool:
    """Whether this request may bring documents."""
    return bool(scope["method"] == "POST" and scope["path"] == UPLOADS)
