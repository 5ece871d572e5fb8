"""Whether the service lives, whether it is ready, and what it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from rag.serve.problems import Code, Problem
from rag.serve.service import Service

if TYPE_CHECKING:
    from fastapi import APIRouter


class Health(BaseModel):
    """That the process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """That questions are answered, and from what."""

    status: Literal["ready"] = "ready"
    generation: str


def status_router(service: Service) -> APIRouter:
    """The routes; the first two are open to everybody."""
    from fastapi import APIRouter

    router = APIRouter(prefix="/api", tags=["service"])

    @router.get("/health")
    async def health() -> Health:
        """Whether the process answers."""
        return Health()

    @router.get("/ready")
    async def ready() -> Ready:
        """Whether questions are answered; not before the index is open, nor while the service stops."""
        if not service.ready:
            raise Problem(Code.UNAVAILABLE, "the service is starting or stopping; try again later", retry_after=5)
        with service.snapshots.lease() as snapshot:
            return Ready(generation=snapshot.generation)

    return router
