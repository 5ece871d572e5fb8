"""``POST /api/feedback``: what people think of answers."""

# No `from __future__ import annotations` here: FastAPI reads the annotations of routes, and they name what is imported
# only once the routes are made.

import asyncio
from typing import TYPE_CHECKING

from pydantic import BaseModel

from rag.serve.describing import problems
from rag.serve.feedback import Feedback, FeedbackFile, record_of, unjudged_beside
from rag.serve.problems import Code, Problem
from rag.serve.service import Service

if TYPE_CHECKING:
    from fastapi import APIRouter


class Kept(BaseModel):
    """That a vote was kept, and under which id."""

    qid: str


def feedback_router(service: Service) -> "APIRouter":
    """The route."""
    from fastapi import APIRouter

    router = APIRouter(prefix="/api", tags=["feedback"])
    path = service.options.feedback
    judged, unjudged = (None, None) if path is None else (FeedbackFile(path), FeedbackFile(unjudged_beside(path)))

    @router.post("/feedback", status_code=201, responses=problems(Code.READ_ONLY, works=False))
    async def feedback(body: Feedback) -> Kept:
        """Keep a vote on an answer as a question of an evaluation file."""
        if service.options.read_only or judged is None or unjudged is None:
            raise Problem(Code.READ_ONLY, "this service keeps no feedback; ask whoever runs it")
        return await asyncio.to_thread(_kept, service, body, judged if body.judged else unjudged)

    return router


def _kept(service: Service, feedback: Feedback, file: FeedbackFile) -> Kept:
    with service.snapshots.lease() as snapshot:
        record = record_of(feedback, snapshot)
    file.append(record)
    return Kept(qid=record["qid"])
