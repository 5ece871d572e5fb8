"""Indexes on disk: built, changed and read without ever standing half-made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.index.chunk_table import ChunkTable
    from rag.index.copying import IndexCopy, copy_index
    from rag.index.export import export_index
    from rag.index.manifest import Manifest
    from rag.index.opened import Index, open_index
    from rag.index.options import AnalysisOptions, EncoderKind, EncoderOptions, IndexOptions
    from rag.index.repair import IndexRepair, repair_index
    from rag.index.verify import Problem, verify_index
    from rag.index.writing import IndexChange, add_documents, build_index, compact_index, remove_documents

# Loaded on first use: whoever reads an index needs nothing of what writes one, and options need nothing of either.
_HOMES = {
    "AnalysisOptions": "options",
    "ChunkTable": "chunk_table",
    "EncoderKind": "options",
    "EncoderOptions": "options",
    "Index": "opened",
    "IndexChange": "writing",
    "IndexCopy": "copying",
    "IndexOptions": "options",
    "Manifest": "manifest",
    "IndexRepair": "repair",
    "Problem": "verify",
    "add_documents": "writing",
    "build_index": "writing",
    "compact_index": "writing",
    "copy_index": "copying",
    "export_index": "export",
    "open_index": "opened",
    "remove_documents": "writing",
    "repair_index": "repair",
    "verify_index": "verify",
}

__all__ = [
    "AnalysisOptions",
    "ChunkTable",
    "EncoderKind",
    "EncoderOptions",
    "Index",
    "IndexChange",
    "IndexCopy",
    "IndexOptions",
    "IndexRepair",
    "Manifest",
    "Problem",
    "add_documents",
    "build_index",
    "compact_index",
    "copy_index",
    "export_index",
    "open_index",
    "remove_documents",
    "repair_index",
    "verify_index",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
