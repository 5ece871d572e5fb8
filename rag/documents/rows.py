"""A source document as a row: what every reader yields, every index stores and every citation points into."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from retrievers.errors import InputError

Scalar = str | int | float | bool

# Keys a chunk's metadata gives a meaning of its own: a source that has one must rename it.
RESERVED_METADATA = frozenset(
    {"doc_id", "title", "text", "chunk_id", "chunk_index", "headings", "start", "end", "scores", "ranks", "entities"}
)
# Integers beyond this are kept as text: stores hold 64 bits.
_LARGEST_INTEGER = 2**63 - 1
_MOST_BITS = 4096  # about 1,200 digits; Python's own limit for turning them into text is 4,300


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """One document before it is cut into chunks.

    Args:
        doc_id: identity, unique in an index.
        title: shown beside answers and searched with every chunk; may be empty.
        text: the whole text; chunks and citations hold offsets into it, in characters.
        metadata: the source's other fields, for filters; every chunk carries them.
    """

    doc_id: str
    title: str
    text: str
    metadata: dict[str, Scalar] = field(default_factory=dict, hash=False)

    @property
    def digest(self) -> str:
        """SHA-256 of all fields, as hexadecimal text: equal digests mean an unchanged document."""
        canonical = json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_row(self) -> dict[str, Scalar]:
        """The flat object of a JSONL file; :func:`document_from_row` is its inverse."""
        return {"doc_id": self.doc_id, "title": self.title, "text": self.text, **self.metadata}


def document_from_row(row: Mapping[str, Any], place: object) -> SourceDocument:
    """A document from a row with ``doc_id`` (or ``id``), ``text`` and, if any, ``title``; the rest is metadata.

    Metadata values are scalars: null ones are left out, dates become ISO text, lists and objects become JSON text.

    Args:
        row: a JSON object, a CSV record or a Parquet record.
        place: where the row stands ("pages.jsonl, line 3"), for messages.

    Raises:
        InputError: a field is missing, has the wrong type or a reserved name.
    """
    key = "doc_id" if row.get("doc_id") is not None else "id"
    text = row.get("text")
    if not isinstance(text, str):
        came = "no such field" if text is None else f"a value of type {type(text).__name__}"
        raise InputError(f'{place}: expected the document\'s text under "text", found {came}')
    rest = {name: value for name, value in row.items() if name not in {"doc_id", "title", "text", key}}
    return make_document(row.get(key), row.get("title"), text, rest, place)


def make_document(
    doc_id: object, title: object, text: str, metadata: Mapping[Any, Any], place: object
) -> SourceDocument:
    """A checked document: see :func:`document_from_row` for the metadata.

    Raises:
        InputError: no usable identity, a reserved metadata name, a value that cannot be stored, or no Unicode text.
    """
    doc_id = _checked_doc_id(doc_id, place)
    if title is not None and (isinstance(title, bool) or not isinstance(title, (str, int, float))):
        raise InputError(f'{place}: expected text under "title", found a value of type {type(title).__name__}')
    if isinstance(title, int):
        title = _digits(title, "title", place)
    kept: dict[str, Scalar] = {}
    for name, value in metadata.items():
        if value is None:
            continue
        if name in RESERVED_METADATA:
            raise InputError(
                f"{place}: the field {name!r} is a name that chunks use themselves; rename it "
                f"(reserved: {', '.join(sorted(RESERVED_METADATA))})"
            )
        kept[str(name)] = _scalar(value, str(name), place)
    document = SourceDocument(doc_id, "" if title is None else str(title).strip(), text, kept)
    for name, content in (("title", document.title), ("text", text), *kept.items()):
        if isinstance(content, str):
            _check_text(content, str(name), place)
    for name in kept:
        _check_text(name, "a field's name", place)
    return document


def _checked_doc_id(value: object, place: object) -> str:
    """A document id is printable text; integers become text."""
    if value is None:
        raise InputError(f'{place}: expected the document\'s identity under "doc_id" or "id", found no such field')
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise InputError(f'{place}: expected text or an integer as "doc_id", found {value!r}; write it in quotes')
    doc_id = _digits(value, "doc_id", place) if isinstance(value, int) else value.strip()
    if not doc_id:
        raise InputError(f'{place}: the "doc_id" is empty; give every document an identity of its own')
    if not doc_id.isprintable():
        raise InputError(f'{place}: the "doc_id" {doc_id!r} holds control characters; remove them')
    return doc_id


def _check_text(content: str, name: str, place: object) -> None:
    if "\0" in content:
        raise InputError(f"{place}: {name!r} holds a NUL character (at {content.index(chr(0))}); it is no text")
    try:
        content.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{place}: {name!r} holds half of a surrogate pair (at {error.start}), no character; mend the source"
        ) from error


def _scalar(value: Any, name: str, place: object) -> Scalar:
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_INTEGER else _digits(value, name, place)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{place}: the field {name!r} is {value}, which filters cannot compare; leave it out")
        return value
    if isinstance(value, Decimal):
        return _scalar(float(value), name, place)
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, (list, dict)):
        try:
            return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_iso)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"{place}: the field {name!r} cannot be kept as JSON text: {error}") from error
    raise InputError(f"{place}: the field {name!r} has a value of type {type(value).__name__}, which cannot be kept")


def _digits(value: int, name: str, place: object) -> str:
    """An integer as text; YAML and TOML write some that Python will not turn into digits."""
    if value.bit_length() > _MOST_BITS:
        raise InputError(f"{place}: the field {name!r} is a number of {value.bit_length():,} bits; write it in quotes")
    return str(value)


def _iso(value: object) -> str:
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    raise TypeError(f"a value of type {type(value).__name__}")
