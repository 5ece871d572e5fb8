"""What a service allows and how much of it at once."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

MEBIBYTE = 2**20


class ServeOptions(BaseModel):
    """Limits and choices of a service.

    Args:
        token: what clients must show (``Authorization: Bearer …``); None lets everybody in who reaches the port.
        read_only: refuse uploads, deletions and feedback.
        feedback: file that feedback is appended to; None keeps none.
        log_questions: whether the log holds what was asked; otherwise only how long it was.
        workers: threads that search and read, for all requests together.
        waiting: requests that may wait for one of them; further ones are told to come back.
        timeout: seconds a request may take, waiting included.
        grace: seconds that running requests are given when the service is told to stop.
        keep_alive: seconds of silence after which a stream sends a comment.
        body_bytes: largest body of a request, uploads apart.
        upload_bytes: largest body of an upload.
        upload_timeout: seconds an upload may take, its indexing included.
        slow_body: bytes a second that a body must bring on average, after the first ten seconds.
        chosen: most passages an answer is read from when they are chosen by hand.
        most_candidates: most candidates a search returns.
        cached: answers kept.
        topk: passages for each query of ``/retrieve`` that names no number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str | None = Field(default=None, min_length=1, repr=False)
    read_only: bool = False
    feedback: Path | None = None
    log_questions: bool = False
    workers: int = Field(default=1, ge=1)
    waiting: int = Field(default=128, ge=0)
    timeout: float = Field(default=120.0, gt=0)
    grace: float = Field(default=10.0, ge=0)
    keep_alive: float = Field(default=10.0, gt=0)
    body_bytes: int = Field(default=MEBIBYTE, ge=1024)
    upload_bytes: int = Field(default=64 * MEBIBYTE, ge=1024)
    upload_timeout: float = Field(default=1800.0, gt=0)
    slow_body: int = Field(default=1024, ge=0)
    chosen: int = Field(default=50, ge=1)
    most_candidates: int = Field(default=100, ge=1)
    cached: int = Field(default=1000, ge=0)
    topk: int = Field(default=3, ge=1)
