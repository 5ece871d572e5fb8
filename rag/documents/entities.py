"""Named entities found once, at indexing time, and kept with the chunks."""

from __future__ import annotations

import json
from collections.abc import Sequence

from langchain_core.documents import Document


def with_entities(chunks: Sequence[Document]) -> list[Document]:
    """Copies of ``chunks`` with the entities of each in ``metadata["entities"]``.

    The value is JSON text, which every store takes: a list of ``[normal form, type]`` pairs, each once, in order of
    appearance, for example ``'[["Иван Черский", "PER"], ["Байкал", "LOC"]]'``. Read it with :func:`entities_of`.
    """
    from retrievers.entities import extract_entities_batch

    found = extract_entities_batch([chunk.page_content for chunk in chunks])
    marked: list[Document] = []
    for chunk, entities in zip(chunks, found, strict=True):
        pairs = dict.fromkeys((entity.normal, str(entity.type)) for entity in entities)
        metadata = {**chunk.metadata, "entities": json.dumps([list(pair) for pair in pairs], ensure_ascii=False)}
        marked.append(Document(id=chunk.id, page_content=chunk.page_content, metadata=metadata))
    return marked


def entities_of(chunk: Document) -> list[tuple[str, str]]:
    """``(normal form, type)`` of the entities kept with a chunk; none where they were not looked for."""
    return [(str(normal), str(kind)) for normal, kind in json.loads(chunk.metadata.get("entities") or "[]")]
