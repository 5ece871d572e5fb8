"""An index as tools of a language model: searching it and reading its documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.tools.langchain import ReadDocument, SearchDocuments, build_tools
    from rag.tools.library import Library

# Loaded on first use, as in rag.index.
_HOMES = {
    "Library": "library",
    "ReadDocument": "langchain",
    "SearchDocuments": "langchain",
    "build_tools": "langchain",
}

__all__ = ["Library", "ReadDocument", "SearchDocuments", "build_tools"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
