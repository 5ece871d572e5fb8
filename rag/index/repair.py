"""Making an index whole again from what is left of it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from langchain_core.embeddings import Embeddings

from rag.index.drafts import drafting
from rag.index.layout import ENCODERS, GENERATIONS, LOCK, SEGMENTS, read_current
from rag.index.locks import writer_lock
from rag.index.progress import Progress, silent
from rag.index.rebuilding import Rebuilding
from rag.index.recovery import find_current


@dataclass(frozen=True, slots=True)
class IndexRepair:
    """What a repair found and did.

    Args:
        directory: of the index.
        done: what was wrong and what became of it, a line each; nothing for a sound index.
        lost: ids of the documents that cannot be read any more (see :class:`rag.index.salvage.Salvage`).
        finished: whether the index is whole now; it is as it was where documents are lost and were not to be dropped.
    """

    directory: Path
    done: list[str]
    lost: list[str] = field(default_factory=list)
    finished: bool = True


def repair_index(
    directory: str | os.PathLike[str],
    *,
    embeddings: Embeddings | None = None,
    drop_damaged: bool = False,
    progress: Progress = silent,
) -> IndexRepair:
    """Make an index whole again; what was not damaged answers as before.

    A lost pointer or manifest is found again. Segments with any damage are written anew as a new generation, as by any
    other change: documents from their stored texts; chunks and terms as they are stored, or cut and analysed again;
    BM25 from the terms; vectors as they are stored, or encoded again. Without its state the static encoder is fitted
    anew to all chunks, and all are encoded again. What dead writers left behind is removed.

    Args:
        directory: of the index.
        embeddings: the caller's own encoder, where the index was built with one and texts must be encoded again.
        drop_damaged: go on without the documents whose texts are damaged; otherwise nothing but the pointer and the
            manifest is repaired where there are any.
        progress: is told each stage.

    Raises:
        IndexNotFoundError: there is no index.
        IndexFormatError: it is of another format, or nothing tells any more how it was built or what was removed.
        IndexMismatchError: texts must be encoded again and the encoder at hand is another one.
        IndexLockedError: another process is writing the index.
        MissingExtraError, ModelUnavailableError, StoreUnavailableError, OSError: as for building.
    """
    directory = Path(directory)
    if not (directory / GENERATIONS).is_dir():
        read_current(directory)  # says what is there instead
    with writer_lock(directory / LOCK):
        done = find_current(directory)
        before = _parts(directory)
    with drafting(directory, make=False) as draft, ExitStack() as opened:
        swept = len(before - _parts(directory))
        if swept:
            done.append(f"{swept} directories that nothing needed any more were removed")
        rebuilding = Rebuilding(draft, embeddings, progress, opened)
        done += rebuilding.reasons
        if rebuilding.lost and not drop_damaged:
            return IndexRepair(directory, done, rebuilding.lost, finished=False)
        if rebuilding.reasons:
            manifest = rebuilding.write()
            opened.close()
            draft.publish(manifest)
            done += rebuilding.done
    return IndexRepair(directory, done, rebuilding.lost)


def _parts(directory: Path) -> set[Path]:
    """Directories of generations, segments and encoders."""
    folders = [directory / name for name in (GENERATIONS, SEGMENTS, ENCODERS)]
    return {path for folder in folders if folder.is_dir() for path in folder.iterdir()}
