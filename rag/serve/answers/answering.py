"""Questions answered from the snapshot in use, or from memory where they were answered before."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from rag.serve.answers.citing import citation_replies, context_replies
from rag.serve.answers.reading import Found, Query, read
from rag.serve.answers.replies import AnswerReply
from rag.serve.events import Event, Tell, say_nothing
from rag.serve.service import Service
from rag.serve.snapshots import Snapshot
from rag.serve.work import Job


def known_answer(service: Service, query: Query) -> AnswerReply | None:
    """The answer where it was given before, without any work.

    Raises:
        InputError: the index cannot be asked so.
    """
    with service.snapshots.lease() as snapshot:
        return _known(service, snapshot, query)


def answer(service: Service, query: Query, job: Job, tell: Tell = say_nothing) -> AnswerReply:
    """Answer in the thread of a job.

    Args:
        service: asked.
        query: the question.
        job: the work this is a part of; checked between stages.
        tell: is told everything but the end.

    Raises:
        Problem: a chosen passage is gone.
        InputError: the index cannot be asked so.
        StoppedError: nobody waits any more.
    """
    with service.snapshots.lease() as snapshot:
        # Somebody may have been given the same answer while this question waited for a thread.
        if (known := _known(service, snapshot, query)) is not None:
            for event in replayed(known):
                tell(event)
            return known
        found = read(service, snapshot, query, job, tell)
        job.check()
        reply = _reply(found, snapshot)
        if found.may_be_kept:
            service.answers.put(snapshot.generation, query.key(snapshot), reply)
    service.metrics.stages(found.answer.timings)
    service.metrics.answered(abstained=reply.abstained, cached=False)
    tell(Event("citations", {"citations": reply.citations}))
    return reply


def replayed(reply: AnswerReply) -> Iterator[Event]:
    """What is told of an answer that was given before."""
    yield Event("contexts", {"contexts": reply.contexts})
    yield Event("token", {"text": reply.answer})
    yield Event("citations", {"citations": reply.citations})


def _known(service: Service, snapshot: Snapshot, query: Query) -> AnswerReply | None:
    reply = service.answers.get(snapshot.generation, query.key(snapshot))
    if reply is None:
        return None
    service.metrics.answered(abstained=reply.abstained, cached=True)
    return reply.model_copy(update={"id": _fresh_id(), "cached": True})


def _reply(found: Found, snapshot: Snapshot) -> AnswerReply:
    one = found.answer
    return AnswerReply(
        id=_fresh_id(),
        question=one.question,
        answer=one.answer,
        abstained=one.abstained,
        confidence=one.confidence,
        citations=citation_replies(one.citations, snapshot.index.chunks),
        contexts=context_replies(one.contexts, snapshot.index.chunks),
        timings=one.timings,
        generation=snapshot.generation,
        cached=False,
        trace=found.trace,
    )


def _fresh_id() -> str:
    return secrets.token_hex(8)
