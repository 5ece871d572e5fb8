"""``GET /api/info``: what is served, and what may be asked of it."""

from __future__ import annotations

import functools
from importlib import metadata
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from rag.profile import RetrieverKind
from rag.question import MAX_QUESTION
from rag.serve.service import Service

if TYPE_CHECKING:
    from fastapi import APIRouter

_NAME = "russian-rag"


class Limits(BaseModel):
    """How much of what a request may hold."""

    question_characters: int
    upload_bytes: int
    upload_suffixes: list[str]
    chosen: int = Field(description="Passages that one answer is read from when they are chosen by hand.")
    k: int = Field(description="Candidates of one search.")


class Info(BaseModel):
    """The service, its index and its limits."""

    name: str
    version: str
    profile: str
    generation: str = Field(description="Of the index; another one after every change.")
    documents: int
    chunks: int
    retrievers: list[RetrieverKind] = Field(description="Those the index can be searched with.")
    retriever: RetrieverKind = Field(description="The one taken where none is asked for.")
    rerank: bool = Field(description="Whether candidates are ordered anew where nothing is asked for.")
    agent: bool = Field(description="Whether questions may be answered in several steps.")
    writable: bool = Field(description="Whether documents and feedback are taken.")
    token_required: bool
    limits: Limits


def info_router(service: Service) -> APIRouter:
    """The route."""
    from fastapi import APIRouter

    router = APIRouter(prefix="/api", tags=["service"])

    @router.get("/info")
    async def info() -> Info:
        """What is served, and what may be asked of it."""
        with service.snapshots.lease() as snapshot:
            manifest, profile = snapshot.index.manifest, snapshot.profile
            return Info(
                name=_NAME,
                version=_version(),
                profile=profile.name,
                generation=snapshot.generation,
                documents=manifest.documents,
                chunks=manifest.chunks,
                retrievers=snapshot.retrievers,
                retriever=profile.retrieval.retriever,
                rerank=snapshot.reranks,
                agent=True,
                writable=not service.options.read_only,
                token_required=service.options.token is not None,
                limits=_limits(service),
            )

    return router


def _limits(service: Service) -> Limits:
    from rag.serve.uploads.names import SUFFIXES

    options = service.options
    return Limits(
        question_characters=MAX_QUESTION,
        upload_bytes=options.upload_bytes,
        upload_suffixes=list(SUFFIXES),
        chosen=options.chosen,
        k=options.most_candidates,
    )


@functools.cache
def _version() -> str:
    try:
        return metadata.version(_NAME)
    except metadata.PackageNotFoundError:
        return "unknown"  # run from a checkout that is not installed
