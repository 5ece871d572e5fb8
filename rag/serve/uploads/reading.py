"""Reading an upload: the process that does it is started, watched and ended here."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rag.documents.rows import SourceDocument
from rag.serve.observing.logs import with_fields
from rag.serve.problems import Code, Problem
from rag.serve.uploads.process import DOCUMENTS, Order
from rag.serve.work import Job

MEMORY = 2 * 2**30  # bytes of address space; a .docx of 50 million characters was read in 0.8 GB
CPU = 600  # seconds; that one took 40
WRITTEN = 128 * 2**20  # bytes of documents: ten long novels at once
_LOOKED_EVERY = 0.1  # seconds between two looks whether the job goes on
_LOGGER = logging.getLogger(__name__)
# All that the process gets of the environment: where programs and libraries are. A token is not among it.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TZ")


def read_upload(folder: Path, order: Order, job: Job, begun: Callable[[int], None]) -> None:
    """Read an upload; :func:`documents_of` has what it holds.

    Args:
        folder: where the files of the order lie.
        order: what to read.
        job: stops the process with itself.
        begun: told the number of each file when its reading begins.

    Raises:
        Problem: a file cannot be read; it is named as the client does.
        StoppedError: the job was.
    """
    number, end = 0, None
    with _process(folder, job) as process:
        for event in _events(process, order):
            if "file" in event:
                number = event["file"]
                begun(number)
            else:
                end = event
    job.check()  # the process may have been ended with it
    name = order.files[number][1] if order.files else "the body"
    if end is None:
        _LOGGER.warning("the process that reads uploads ended with %d", process.returncode)
        end = {"end": "failed", "kind": "ended", "message": ""}
    if end["end"] == "failed":
        raise _problem(end["kind"], end["message"], name, order)


def documents_of(folder: Path) -> Iterator[SourceDocument]:
    """The documents of an upload that was read."""
    with (folder / DOCUMENTS).open(encoding="utf-8") as lines:
        for line in lines:
            yield SourceDocument(**json.loads(line))


def _problem(kind: str, message: str, name: str, order: Order) -> Problem:
    param = "files" if order.files else "documents"
    match kind:
        case "missing":
            _LOGGER.error("an upload cannot be read: %s", message)
            return Problem(Code.UNAVAILABLE, f"{name}: the service lacks the packages that read such files", param)
        case "crash":
            problem = Problem(Code.UNREADABLE_DOCUMENT, f"{name}: cannot be read; open and save it anew", param)
            fields = with_fields(error_id=problem.id, traceback=message)
            _LOGGER.error("the process that reads uploads failed", extra=fields)
            return problem
        case "ended" | "memory":
            return Problem(
                Code.UNREADABLE_DOCUMENT,
                f"{name}: cannot be read within the limits of time and memory; print or save it anew, or split it",
                param,
            )
        case "written":
            return Problem(Code.TOO_LARGE, message, param)
        case "ContentsError":
            return Problem(Code.UNSUPPORTED_TYPE, message, param)
        case "JsonError":
            return Problem(Code.BAD_REQUEST, message)
        case _ if order.posted is not None:
            return Problem(Code.INVALID_REQUEST, message, param)
        case _:
            return Problem(Code.UNREADABLE_DOCUMENT, message, param)


@contextmanager
def _process(folder: Path, job: Job) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # Found as this process finds it, from a checkout too; numerical libraries need no threads to read a file.
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    environment |= {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-m", "rag.serve.uploads.process"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, env=environment,
    ) as process:  # fmt: skip
        ended = threading.Event()
        watching = threading.Thread(target=_watch, args=(process, job, ended), name="upload-watch")
        watching.start()
        try:
            yield process
            process.wait()
        finally:
            process.kill()
            ended.set()
            watching.join()


def _watch(process: subprocess.Popen[bytes], job: Job, ended: threading.Event) -> None:
    while not ended.wait(_LOOKED_EVERY):
        if job.cancel.is_set():
            process.kill()
            return


def _events(process: subprocess.Popen[bytes], order: Order) -> Iterator[dict[str, Any]]:
    told: IO[bytes] = _open(process.stdout)
    with _open(process.stdin) as ordered:
        ordered.write(order.model_dump_json().encode())
    for line in told:
        yield json.loads(line)


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
