"""The server: three tools and the documents as resources, over a library and whatever answers questions.

The protocol's low-level server is used, not its decorators: arguments are checked here, so that a model reads in
Russian what to put right, and an unforeseen error is logged and not sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError

from prompts.tools import refusal, server_instructions, tool_text
from rag.answer import Answer
from rag.mcp.results import AskResult, ReadResult, SearchResult
from rag.tools.arguments import AskArguments, ReadArguments, SearchArguments, explain_invalid
from rag.tools.library import Library, RefusedCallError, checked_query
from rag.tools.rendering import answer_text, page_text, passages_text
from retrievers.checkpoints import require_packages
from retrievers.errors import ToolkitError

if TYPE_CHECKING:
    import mcp_types as types
    from mcp.server.context import ServerRequestContext
    from mcp.server.lowlevel import Server

Answering = Callable[[str], Answer]

_LOGGER = logging.getLogger(__name__)
_NAMES = {"search": "search", "read": "read"}
DOCUMENT = "document://"


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool of the server.

    Args:
        name: under which it is called.
        arguments, result: models of what it takes and returns.
        run: from its arguments to its text and its result; CPU work, called in a thread.
    """

    name: str
    arguments: type[BaseModel]
    result: type[BaseModel]
    run: Callable[[Any], tuple[str, BaseModel]]


def create_server(library: Library, answer: Answering, *, workers: int) -> Server[Any]:
    """A server over an index that is open already.

    Args:
        library: searched and read.
        answer: answers a question; called from several threads at once.
        workers: calls that are worked on at the same time; further ones wait.

    Raises:
        MissingExtraError: the protocol's SDK is not installed.
    """
    require_packages("The MCP server", "mcp", extra="mcp")
    import anyio
    import anyio.to_thread
    import mcp_types as types
    from mcp.server.lowlevel import Server
    from mcp.shared.exceptions import MCPError

    tools = {tool.name: tool for tool in _tools(library, answer)}
    limiter = anyio.CapacityLimiter(workers)

    async def list_tools(
        _context: ServerRequestContext[Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in tools.values()])

    async def call_tool(
        _context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = tools.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, refusal("tool", name=params.name, known=", ".join(tools)))
        try:
            arguments = tool.arguments.model_validate(params.arguments or {})
            # A call that is cancelled while it waits never starts; one that runs is let finish, for a thread cannot be
            # stopped, and its result is dropped.
            text, result = await anyio.to_thread.run_sync(tool.run, arguments, limiter=limiter)
        except ValidationError as error:
            return _failed(explain_invalid(error, tool.arguments))
        except ToolkitError as error:
            return _failed(str(error))
        except Exception:
            _LOGGER.exception("the tool %s failed", params.name)
            return _failed(refusal("broken"))
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text)], structured_content=result.model_dump(mode="json")
        )

    async def list_resources(
        _context: ServerRequestContext[Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        return types.ListResourcesResult(resources=[])  # an index may hold a million: they are found by searching

    async def list_templates(
        _context: ServerRequestContext[Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        document = types.ResourceTemplate(
            uri_template=f"{DOCUMENT}{{doc_id}}",
            name="document",
            title="Документ целиком",
            description="Полный текст документа по его идентификатору.",
            mime_type="text/plain",
        )
        return types.ListResourceTemplatesResult(resource_templates=[document])

    async def read_resource(
        _context: ServerRequestContext[Any], params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(params.uri)
        try:
            if not uri.startswith(DOCUMENT):
                raise RefusedCallError(refusal("document", doc_id=uri))
            doc_id = unquote(uri.removeprefix(DOCUMENT))
            source = await anyio.to_thread.run_sync(library.document, doc_id, limiter=limiter)
        except ToolkitError as error:
            raise MCPError(types.INVALID_PARAMS, str(error), {"uri": uri}) from None
        contents = types.TextResourceContents(uri=params.uri, mime_type="text/plain", text=source.text)
        return types.ReadResourceResult(contents=[contents])

    return Server(
        "russian-rag",
        version=_version(),
        instructions=server_instructions(),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


def _tools(library: Library, answer: Answering) -> list[_Tool]:
    def search(arguments: SearchArguments) -> tuple[str, BaseModel]:
        found = library.search(arguments.query, arguments.k)
        return passages_text(found, asked=arguments.k), SearchResult.of(found)

    def read(arguments: ReadArguments) -> tuple[str, BaseModel]:
        page = library.read(arguments.doc_id, arguments.offset, arguments.length)
        return page_text(page), ReadResult.of(page)

    def ask(arguments: AskArguments) -> tuple[str, BaseModel]:
        found = answer(checked_query(arguments.question))
        return answer_text(found), AskResult.of(found)

    return [
        _Tool("search", SearchArguments, SearchResult, search),
        _Tool("read", ReadArguments, ReadResult, read),
        _Tool("ask", AskArguments, AskResult, ask),
    ]


def _described(tool: _Tool) -> types.Tool:
    import mcp_types as types

    text = tool_text(tool.name)
    return types.Tool(
        name=tool.name,
        title=text.title,
        description=text.describe(**_NAMES),
        input_schema=tool.arguments.model_json_schema(),
        output_schema=tool.result.model_json_schema(),
        annotations=types.ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
    )


def _version() -> str:
    try:
        return metadata.version("russian-rag")
    except metadata.PackageNotFoundError:
        return ""  # run from a checkout that is not installed


def _failed(message: str) -> types.CallToolResult:
    import mcp_types as types

    return types.CallToolResult(content=[types.TextContent(type="text", text=message)], is_error=True)
