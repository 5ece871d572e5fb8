"""The application: a service behind routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from rag.serve.service import Service
from retrievers.errors import MissingExtraError

if TYPE_CHECKING:
    from fastapi import FastAPI


def create_app(service: Service) -> FastAPI:
    """An application over ``service``; it is started and shut down once.

    Raises:
        MissingExtraError: FastAPI is not installed.
    """
    try:
        from fastapi import FastAPI
    except ImportError as error:
        raise MissingExtraError("Serving over HTTP", "serve") from error
    from rag.serve.handlers import install_handlers
    from rag.serve.routes.answer import answer_router
    from rag.serve.routes.chat import chat_router
    from rag.serve.routes.documents import documents_router
    from rag.serve.routes.feedback import feedback_router
    from rag.serve.routes.info import info_router
    from rag.serve.routes.metrics import metrics_router
    from rag.serve.routes.page import page_router
    from rag.serve.routes.retrieve import retrieve_router
    from rag.serve.routes.search import search_router
    from rag.serve.routes.status import status_router
    from rag.serve.safety.layers import add_layers

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    # The pages that show the API's description load from other hosts: openapi.json alone is served.
    app = FastAPI(title="russian-rag", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    install_handlers(app)
    add_layers(app, service)
    for operating in (status_router, metrics_router, documents_router, feedback_router, retrieve_router):
        app.include_router(operating(service))
    for answering in (info_router, search_router, answer_router, chat_router):
        app.include_router(answering(service))
    app.include_router(page_router())
    return app
