"""Markdown files, with or without YAML front matter."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rag.documents.readers.files import read_text
from rag.documents.rows import SourceDocument, make_document
from rag.documents.structure import sections
from retrievers.errors import InputError

_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*$\n?", re.MULTILINE)
# Front matter is a handful of fields: a closing line further down than this belongs to the text.
MAX_FRONT_MATTER = 64 * 1024  # characters
# PyYAML takes quadratic time on deep nesting, which no field needs.
MAX_NESTING = 20


def read_markdown(path: Path, doc_id: str) -> SourceDocument:
    """A .md file: Markdown is kept as it is, front matter is taken off.

    Front matter gives ``doc_id`` (or ``id``), ``title`` and metadata. Without it the document is known by ``doc_id``
    and its title is the first ``# `` heading, else the file's name.

    Raises:
        InputError: the file is no UTF-8 text, or its front matter is broken.
    """
    fields, text = split_front_matter(read_text(path), path)
    key = "doc_id" if fields.get("doc_id") is not None else "id"
    title = fields.get("title")
    if title is None:
        title = next((section.headings[-1] for section in sections(text) if section.level == 1), path.stem)
    rest = {name: value for name, value in fields.items() if name not in {"doc_id", "title", key}}
    return make_document(doc_id if fields.get(key) is None else fields[key], title, text, rest, path)


def split_front_matter(text: str, place: object) -> tuple[dict[Any, Any], str]:
    r"""Fields of the YAML front matter and the text below it.

    >>> split_front_matter("---\ntitle: Байкал\n---\nОзеро.", "baikal.md")
    ({'title': 'Байкал'}, 'Озеро.')

    Raises:
        InputError: the front matter is no YAML, or uses aliases or deep nesting (a few lines of which
            can take any time and memory).
    """
    first, newline, body = text.partition("\n")
    if first.rstrip() != "---" or not newline:
        return {}, text
    closing = _CLOSING.search(body, 0, MAX_FRONT_MATTER)
    if closing is None:
        return {}, text
    fields = _load(body[: closing.start()], place)
    if fields is None:
        return {}, body[closing.end() :].lstrip("\n")
    if not isinstance(fields, dict):  # two horizontal rules with a paragraph between them
        return {}, text
    return fields, body[closing.end() :].lstrip("\n")


def _load(header: str, place: object) -> object:
    import yaml

    try:
        depth = 0
        for event in yaml.parse(header, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise InputError(f"{place}: the front matter uses YAML aliases (*name); write the values out")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_NESTING:
                raise InputError(f"{place}: the front matter is nested more than {MAX_NESTING} deep; make it flat")
        return yaml.safe_load(header)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise InputError(
            f"{place}, line {line}: the front matter is no YAML: {error.problem or 'syntax error'}; "
            "a value with a colon or a quote in it must stand in quotes"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{place}: the front matter cannot be read: {error}") from error
