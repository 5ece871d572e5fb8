"""The files of the page, as they are sent to browsers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

INDEX = "index.html"

# Not from ``mimetypes``: what that says depends on the machine, and browsers run no module of another type.
_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file.

    Args:
        content: its bytes.
        media_type: of it.
        etag: of its content; the same on every machine and after every restart.
    """

    content: bytes
    media_type: str
    etag: str


def read_page() -> dict[str, PageFile]:
    """All files of the page by name: whoever asks for a name looks it up, and no name becomes a path."""
    folder = resources.files("rag.serve").joinpath("page")
    return {
        entry.name: _page_file(entry.read_bytes(), media_type)
        for entry in folder.iterdir()
        if (media_type := _TYPES.get(entry.name[entry.name.rfind(".") :])) is not None
    }


def _page_file(content: bytes, media_type: str) -> PageFile:
    return PageFile(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def is_current(etag: str, if_none_match: str | None) -> bool:
    """Whether a browser that sent ``If-None-Match`` holds the content of ``etag`` (RFC 9110, section 13.1.2)."""
    held = [] if if_none_match is None else [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in held or etag in held
