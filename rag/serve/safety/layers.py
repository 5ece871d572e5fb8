"""The order in which a request passes what stands before the routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.serve.handlers import FailureMiddleware
from rag.serve.observing.requests import RequestMiddleware
from rag.serve.observing.tracing import tracing_from_environment
from rag.serve.safety.bodies import BodyMiddleware
from rag.serve.safety.headers import HeaderMiddleware
from rag.serve.safety.hosts import HostMiddleware
from rag.serve.safety.origins import OriginMiddleware
from rag.serve.safety.tokens import TokenMiddleware

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.serve.service import Service


def add_layers(app: FastAPI, service: Service) -> None:
    """Put them before the routes of ``app``.

    What is added last is passed first: seen and counted, given headers, its failures answered, then asked for whom it
    is, from where, by whom, and what it brings.
    """
    options = service.options
    app.add_middleware(BodyMiddleware, options=options)
    if options.token is None:
        app.add_middleware(HostMiddleware)
    else:
        app.add_middleware(TokenMiddleware, token=options.token)
    app.add_middleware(OriginMiddleware)
    app.add_middleware(FailureMiddleware)
    app.add_middleware(HeaderMiddleware)
    app.add_middleware(RequestMiddleware, service=service, tracing=tracing_from_environment())
