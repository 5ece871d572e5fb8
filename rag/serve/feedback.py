"""Votes on answers, kept as questions of an evaluation file, so that using the service makes evaluation data.

What a vote says decides what is written, and nothing is written that nobody said:

- up: the answer is a right one, and the documents it cites hold it;
- up on an abstention: the documents hold no answer (``answerable`` is false);
- down with a right answer: that one is the answer; a document is gold only where a passage that was read holds it;
- down on an abstention: there is an answer, unknown;
- down on an answer: it is wrong, and that is all. An evaluation would take such a question for one that has an answer
  and count any answer to it as rightly not withheld, so it goes to a file of its own (:func:`unjudged_beside`), for
  somebody to add what is right.

Beside the fields that ``evals.dataset`` reads stand ``vote``, ``given``, ``chunk_ids`` (those read), ``generation``,
``profile`` and ``time``.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import json
import logging
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from rag.question import MAX_QUESTION
from retrievers.analysis import lemmas

if TYPE_CHECKING:
    from rag.serve.snapshots import Snapshot

try:
    import fcntl
except ImportError:  # Windows, where one process serves an index and the lock of its threads is enough
    fcntl = None  # type: ignore[assignment]

_LOGGER = logging.getLogger(__name__)
_MOST_IDS = 100
_Id = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"\S")]


class Feedback(BaseModel):
    """A vote on an answer.

    Args:
        question: as it was asked.
        vote: up or down.
        answer: as it was given.
        abstained: whether it said that there is no answer.
        correct_answer: the right one, with a vote down.
        chunk_ids: passages that the answer was read from.
        doc_ids: documents that it cites.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "question": "Какова наибольшая глубина Байкала?", "vote": "up", "answer": "1642 м",
                    "chunk_ids": ["baikal_0"], "doc_ids": ["baikal"],
                }
            ]
        },
    )  # fmt: skip

    question: str = Field(min_length=1, max_length=MAX_QUESTION, pattern=r"\S")
    vote: Literal["up", "down"]
    answer: str = Field(max_length=20_000)
    abstained: bool = False
    correct_answer: str | None = Field(default=None, max_length=2_000, pattern=r"\S")
    chunk_ids: list[_Id] = Field(default=[], max_length=_MOST_IDS)
    doc_ids: list[_Id] = Field(default=[], max_length=_MOST_IDS)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.vote == "up" and self.correct_answer is not None:
            raise ValueError("a right answer belongs beside a vote down; leave out correct_answer")
        if self.vote == "up" and not self.abstained and not self.answer.strip():
            raise ValueError("a vote up needs the answer it is for; send answer")
        return self

    @property
    def judged(self) -> bool:
        """Whether it says what would be right, or at least whether there is an answer."""
        return self.vote == "up" or self.correct_answer is not None or self.abstained


def record_of(feedback: Feedback, snapshot: Snapshot) -> dict[str, Any]:
    """The line of the evaluation file."""
    right = feedback.answer if feedback.vote == "up" else feedback.correct_answer
    answerable = not (feedback.vote == "up" and feedback.abstained)
    answers = [right.strip()] if right is not None and answerable else []
    gold: list[str] = []
    if feedback.vote == "up" and answerable:
        gold = list(dict.fromkeys(feedback.doc_ids))
    elif answers:
        gold = _documents_with(answers[0], feedback.chunk_ids, snapshot)
    return {
        "qid": f"feedback-{secrets.token_hex(8)}",
        "question": feedback.question.strip(),
        "answers": answers,
        "gold_doc_ids": gold,
        "answerable": answerable,
        "vote": feedback.vote,
        "given": "" if feedback.abstained else feedback.answer,
        "chunk_ids": feedback.chunk_ids,
        "generation": snapshot.generation,
        "profile": snapshot.profile.name,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _documents_with(answer: str, chunk_ids: Sequence[str], snapshot: Snapshot) -> list[str]:
    """Documents of the passages in which the answer stands, in any grammatical form."""
    wanted = f" {' '.join(lemmas(answer))} "
    found = (snapshot.index.chunks.find(chunk_id) for chunk_id in dict.fromkeys(chunk_ids))
    holding = [chunk for chunk in found if chunk is not None and wanted in f" {' '.join(lemmas(chunk.page_content))} "]
    return list(dict.fromkeys(str(chunk.metadata["doc_id"]) for chunk in holding)) if wanted.strip() else []


def unjudged_beside(path: Path) -> Path:
    """The file for votes that do not say what is right: ``feedback.unjudged.jsonl`` beside ``feedback.jsonl``."""
    return path.with_name(f"{path.stem}.unjudged{path.suffix}")


class FeedbackFile:
    """A file of JSON lines that is only ever added to, line by line.

    Args:
        path: of the file; it is made when there is something to write, for its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def append(self, record: dict[str, Any]) -> None:
        """Add a line; it is on the disk when this returns.

        Raises:
            OSError: it cannot be written, and the file is as it was.
        """
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        with self._lock, self._opened() as file:
            before = _end_of_whole_lines(file)
            try:
                _write_whole(file, line)
            except OSError:
                os.ftruncate(file, before)
                raise

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)  # another service may write the same file
            yield file
        finally:
            os.close(file)


def _write_whole(file: int, line: bytes) -> None:
    if os.write(file, line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file)


def _end_of_whole_lines(file: int) -> int:
    """Mend what a crash or an editor left at the end, and return the size of the file then.

    A last line without its end is kept where it is a whole record; what broke off in the middle was never told to
    anybody as kept, and would make the file unreadable.
    """
    size = os.lseek(file, 0, os.SEEK_END)
    at, tail = size, b""
    while at and b"\n" not in tail:
        at = max(0, at - 2**16)
        os.lseek(file, at, os.SEEK_SET)
        tail = os.read(file, size - at)
    rest = tail.rpartition(b"\n")[2]
    if not rest:
        return size
    try:
        json.loads(rest)
    except ValueError:
        _LOGGER.warning("the last %d bytes of the feedback are half a line and are removed", len(rest))
        os.ftruncate(file, size - len(rest))
        return size - len(rest)
    os.write(file, b"\n")
    return size + 1
