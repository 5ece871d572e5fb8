"""``GET /metrics``, as Prometheus asks for it."""

# No `from __future__ import annotations` here: FastAPI reads the annotations of routes, and they name what is imported
# only once the routes are made.

from typing import TYPE_CHECKING

from rag.serve.observing.metrics import CONTENT_TYPE
from rag.serve.service import Service

if TYPE_CHECKING:
    from fastapi import APIRouter


def metrics_router(service: Service) -> "APIRouter":
    """The route."""
    from fastapi import APIRouter
    from fastapi.responses import PlainTextResponse

    router = APIRouter(tags=["service"])

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Counters and durations in Prometheus's text format."""
        return PlainTextResponse(service.metrics.exposition(), media_type=CONTENT_TYPE)

    return router
