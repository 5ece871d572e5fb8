"""Finding a generation again whose name or manifest was lost or damaged."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import IndexFormatError, IndexNotFoundError
from rag.index.drafts import replace_text, switch
from rag.index.layout import (
    COPY,
    CURRENT,
    ENCODERS,
    GENERATIONS,
    MANIFEST,
    SEGMENTS,
    Generation,
    check_files,
    read_current,
    read_manifest,
    sha256_of,
    sync_tree,
)
from rag.index.manifest import FORMAT, NAME


def find_current(directory: Path) -> list[str]:
    """Make ``CURRENT.json`` name a generation whose manifest is as it was written; call it under the writer's lock.

    The generation that it names stays, its manifest restored from the copy if need be. Where it names none, or one of
    which neither can be read, the newest whole generation takes its place.

    Returns:
        What was done, a line each; nothing where all was well.

    Raises:
        IndexNotFoundError: there is no index.
        IndexFormatError: it is of another format, or no manifest can be read.
    """
    pointer = _pointer(directory)
    try:
        read_current(directory)
    except (IndexNotFoundError, IndexFormatError):
        if pointer.get("format", FORMAT) != FORMAT or not any(_manifests(directory)):
            raise
    else:
        return []
    found = [*_readable(directory)]
    if not found:
        raise IndexFormatError(
            f"{directory} cannot be repaired: only a manifest tells how the index was built, and neither one nor its "
            "copy can be read; build it anew"
        )

    def rank(choice: tuple[Generation, Path]) -> tuple[bool, bool, bool, str]:
        generation, manifest = choice
        return (
            generation.path.name == pointer.get("generation"),
            sha256_of(manifest) == pointer.get("manifest_sha256"),
            not check_files(generation, digests=True),
            generation.path.name,
        )

    return _use(directory, *max(found, key=rank), pointer)


def _use(directory: Path, generation: Generation, manifest: Path, pointer: dict[str, Any]) -> list[str]:
    name, path = generation.path.name, generation.path / MANIFEST
    done = []
    if manifest != path:
        replace_text(path, manifest.read_text(encoding="utf-8"))
        done.append(f"{path} was lost or damaged: restored from its copy")
    if (name, sha256_of(path)) != (pointer.get("generation"), pointer.get("manifest_sha256")):
        done.append(f"{directory / CURRENT} was lost or damaged: it names the generation {name}")
    for folder in (directory / SEGMENTS, directory / ENCODERS, generation.path):
        if folder.is_dir():  # a writer may have died just before it synced them
            sync_tree(folder)
    switch(directory, name)
    return done


def _manifests(directory: Path) -> Iterator[tuple[Path, Path]]:
    """Generations with their manifests and the copies of these, as far as there are any."""
    for folder in sorted((directory / GENERATIONS).glob("*")):
        for path in (folder / MANIFEST, folder / COPY / MANIFEST):
            if re.fullmatch(NAME, folder.name) and path.is_file():
                yield folder, path


def _readable(directory: Path) -> Iterator[tuple[Generation, Path]]:
    """Generations as a manifest that can be read tells of them, and that manifest."""
    for folder, path in _manifests(directory):
        with contextlib.suppress(IndexFormatError):
            yield Generation(folder, read_manifest(path, directory)), path


def _pointer(directory: Path) -> dict[str, Any]:
    """What ``CURRENT.json`` says; nothing where it cannot be read."""
    try:
        values = json.loads((directory / CURRENT).read_bytes())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


__all__ = ["find_current"]
