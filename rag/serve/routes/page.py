"""The page and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.serve.page_files import INDEX, PageFile, is_current, read_page
from rag.serve.problems import Code, Problem

if TYPE_CHECKING:
    from fastapi import APIRouter, Request, Response

_METHODS = ["GET", "HEAD"]


def page_router() -> APIRouter:
    """The routes; they are open to everybody, since the page asks for the token itself."""
    from fastapi import APIRouter

    router = APIRouter()
    files = read_page()

    async def page(request: Request) -> Response:
        return _sent(files[INDEX], request)

    async def static(request: Request) -> Response:
        file = files.get(request.path_params["name"])
        if file is None:
            raise Problem(Code.NOT_FOUND, "the page has no such file")
        return _sent(file, request)

    # Plain routes: the API's description is of the API, and has no files in it.
    router.add_route("/", page, methods=_METHODS)
    router.add_route("/static/{name}", static, methods=_METHODS)
    return router


def _sent(file: PageFile, request: Request) -> Response:
    from fastapi import Response

    # Kept, but asked about each time: after an update no module meets one of another version.
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
    if is_current(file.etag, request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
