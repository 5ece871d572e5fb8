"""The process that reads uploaded files: ``python -m rag.serve.uploads.process`` in a folder made for one upload.

Parsers of office formats are large and meet hostile files here. What they can do to this process, by running away with
memory, time or the disk or by crashing, they do not do to the service: its limits are the system's, and it has neither
the service's environment nor its files. Started for each upload, it costs 0.2 s (PDF: 0.4 s).

Standard input takes an :class:`Order` as JSON, standard output gives a JSON line for each file begun and one for the
end; the documents go to :data:`DOCUMENTS` in the folder, one a line.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict

from rag.documents.rows import SourceDocument
from rag.serve.uploads.posted import MOST_ID, MOST_TITLE, read_posted
from retrievers.errors import InputError, MissingExtraError

DOCUMENTS = "documents.jsonl"


class Order(BaseModel):
    """What to read.

    Args:
        files: names of files in the folder, with the clients' names for them.
        posted: name of a file in the folder that holds documents as JSON.
        memory: bytes of address space the process may take.
        cpu: seconds of processor time.
        written: bytes of documents it may write.
    """

    model_config = ConfigDict(frozen=True)

    files: tuple[tuple[str, str], ...] = ()
    posted: str | None = None
    memory: int
    cpu: int
    written: int


def main() -> int:
    """Read what the order says; the exit code is 0 whenever the end was told."""
    order = Order.model_validate_json(sys.stdin.buffer.read())
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a parser prints
    _limit(order)
    try:
        end = _read(order, told)
    except MemoryError:
        end = _failed("memory", "")
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        end = _failed("written", f"more than {order.written:,} bytes of text; send it in parts")
    except MissingExtraError as error:
        end = _failed("missing", str(error))
    except InputError as error:
        end = _failed(type(error).__name__, _named(str(error), order))
    except Exception:  # noqa: BLE001 - parsers raise anything; the service logs it
        end = _failed("crash", traceback.format_exc())
    _tell(told, end)
    return 0


def _read(order: Order, told: IO[str]) -> dict[str, Any]:
    count, seen = 0, set[str]()
    with Path(DOCUMENTS).open("w", encoding="utf-8") as out:
        for source in _sources(order, told):
            if source.doc_id in seen:
                raise InputError(f"the doc_id {source.doc_id!r} stands twice in this upload; ids must be unique")
            seen.add(source.doc_id)
            _check(source)
            out.write(json.dumps(asdict(source), ensure_ascii=False) + "\n")
            count += 1
    return {"end": "read", "documents": count}


def _sources(order: Order, told: IO[str]) -> Iterator[SourceDocument]:
    if order.posted is not None:
        yield from read_posted(Path(order.posted))
    for number, (stored, name) in enumerate(order.files):
        _tell(told, {"file": number})
        yield from _of_file(Path(stored), name)


def _of_file(stored: Path, name: str) -> Iterator[SourceDocument]:
    from rag.documents.readers import read_sources
    from rag.serve.uploads.contents import check_contents

    check_contents(stored)
    found = False
    for source in read_sources([stored]):
        found = True
        # Readers fall back on the file's own name, and here that is the server's.
        doc_id = name if source.doc_id == stored.name else source.doc_id
        title = Path(name).stem if source.title == stored.stem else source.title
        yield SourceDocument(doc_id, title, source.text, source.metadata)
    if not found:
        raise InputError(f"{stored}: there is no text in it; send a file that holds some")


def _check(source: SourceDocument) -> None:
    if len(source.doc_id) > MOST_ID or source.doc_id in {".", ".."}:
        raise InputError(f"the doc_id {source.doc_id[:40]!r}: expected 1 to {MOST_ID} characters, and no mere dots")
    if len(source.title) > MOST_TITLE:
        raise InputError(f"document {source.doc_id!r}: the title has more than {MOST_TITLE:,} characters; shorten it")


def _named(message: str, order: Order) -> str:
    for stored, name in order.files:
        message = message.replace(stored, name)
    return message


def _failed(kind: str, message: str) -> dict[str, Any]:
    return {"end": "failed", "kind": kind, "message": message}


def _tell(told: IO[str], event: dict[str, Any]) -> None:
    told.write(json.dumps(event) + "\n")
    told.flush()


def _limit(order: Order) -> None:
    """Have the system hold the limits; Windows has none of these."""
    if sys.platform == "win32":
        return
    import resource

    limits = (
        (resource.RLIMIT_AS, order.memory),
        (resource.RLIMIT_CPU, order.cpu),
        (resource.RLIMIT_FSIZE, order.written),
        (resource.RLIMIT_CORE, 0),
    )
    for which, limit in limits:
        _, hard = resource.getrlimit(which)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (limit, limit))


if __name__ == "__main__":
    sys.exit(main())
