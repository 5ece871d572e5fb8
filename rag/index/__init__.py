"""Indexes on disk: built, changed and read without ever standing half-made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.index.export import export_index
    from rag.index.layout import Manifest
    from rag.index.opened import Index, open_index
    from rag.index.options import AnalysisOptions, EncoderKind, EncoderOptions, IndexOptions
    from rag.index.sources import ChunkTable
    from rag.index.verify import Problem, verify_index
    from rag.index.writing import IndexChange, add_documents, build_index, remove_documents

# Loaded on first use: whoever reads an index needs nothing of what writes one, and options need nothing of either.
_HOMES = {
    "AnalysisOptions": "options",
    "ChunkTable": "sources",
    "EncoderKind": "options",
    "EncoderOptions": "options",
    "Index": "opened",
    "IndexChange": "writing",
    "IndexOptions": "options",
    "Manifest": "layout",
    "Problem": "verify",
    "add_documents": "writing",
    "build_index": "writing",
    "export_index": "export",
    "open_index": "opened",
    "remove_documents": "writing",
    "verify_index": "verify",
}

__all__ = [
    "AnalysisOptions",
    "ChunkTable",
    "EncoderKind",
    "EncoderOptions",
    "Index",
    "IndexChange",
    "IndexOptions",
    "Manifest",
    "Problem",
    "add_documents",
    "build_index",
    "export_index",
    "open_index",
    "remove_documents",
    "verify_index",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
