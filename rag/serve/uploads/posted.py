"""Documents sent as JSON: ``{"documents": [{"doc_id": …, "text": …}]}``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.documents.rows import SourceDocument, make_document
from rag.errors import first_mistake
from rag.serve.safety.json_bodies import strict_json
from retrievers.errors import InputError

MOST_DOCUMENTS = 10_000
MOST_ID, MOST_TITLE = 512, 2_000  # characters; an id travels in addresses, a title in every prompt


class PostedDocument(BaseModel):
    """A document.

    Args:
        doc_id: its identity; one that is in the index is replaced.
        text: the whole text; Markdown headings divide it into sections.
        title: shown beside answers.
        metadata: fields for filters: text, numbers, true or false.
    """

    model_config = ConfigDict(extra="forbid")

    doc_id: str = Field(min_length=1, max_length=MOST_ID)
    text: str = Field(min_length=1)
    title: str = Field(default="", max_length=MOST_TITLE)
    metadata: dict[str, str | int | float | bool] = Field(default_factory=dict, max_length=100)


class PostedDocuments(BaseModel):
    """Documents to add."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"documents": [{"doc_id": "ладога", "title": "Ладога", "text": "Площадь озера — 17 870 км²."}]}
            ]
        },
    )

    documents: list[PostedDocument] = Field(min_length=1, max_length=MOST_DOCUMENTS)


def read_posted(path: Path) -> Iterator[SourceDocument]:
    """The documents of a body that was kept in a file.

    Raises:
        InputError: it is no JSON, or no such documents.
    """
    try:
        posted = PostedDocuments.model_validate(strict_json(path.read_bytes()))
    except ValidationError as error:
        raise InputError(first_mistake(error, "body")) from error
    for number, document in enumerate(posted.documents):
        metadata: dict[str, Any] = dict(document.metadata)
        source = make_document(document.doc_id, document.title, document.text, metadata, f"documents.{number}")
        if not source.text.strip():
            raise InputError(f"documents.{number}: there is no text in it; send one that holds some")
        yield source
