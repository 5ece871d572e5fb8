"""The application: a chain behind routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import BaseModel

from rag.chain import RagChain
from rag.serve.retrieve import retrieve_router
from retrievers.errors import MissingExtraError

if TYPE_CHECKING:
    from fastapi import FastAPI


class Health(BaseModel):
    """That the process answers."""

    status: str = "ok"


def create_app(chain: RagChain, *, topk: int, workers: int) -> FastAPI:
    """An application over ``chain``; one application is started and shut down once.

    Args:
        chain: searched; its generator is not asked.
        topk: passages for each query of ``/retrieve`` that names no number.
        workers: threads that search, for all requests together; further queries wait.

    Raises:
        MissingExtraError: FastAPI is not installed.
    """
    try:
        from fastapi import FastAPI
    except ImportError as error:
        raise MissingExtraError("Serving over HTTP", "serve") from error
    # Searching is CPU work: off the event loop, and no more of it at once than there are cores.
    executor = ThreadPoolExecutor(workers, thread_name_prefix="search")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with executor:
            yield

    app = FastAPI(title="russian-rag", lifespan=lifespan)
    app.include_router(retrieve_router(chain, executor, topk=topk))
    app.add_api_route("/api/health", health, methods=["GET"], tags=["service"])
    return app


async def health() -> Health:
    """Whether the process answers."""
    return Health()
