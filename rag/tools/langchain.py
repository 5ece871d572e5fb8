"""``search_documents`` and ``read_document`` as LangChain tools, for any model that calls tools.

>>> from langchain.agents import create_agent                                          # doctest: +SKIP
>>> agent = create_agent(model, build_tools(index))                                    # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException
from pydantic import BaseModel, Field, ValidationError

from prompts.tools import tool_text
from rag.tools.arguments import ReadArguments, SearchArguments, explain_invalid
from rag.tools.bounds import DEFAULT_LENGTH, DEFAULT_PASSAGES
from rag.tools.library import Library, RefusedCallError
from rag.tools.rendering import page_text, passages_text

if TYPE_CHECKING:
    from rag.chain import RagChain
    from rag.index import Index

SEARCH, READ = "search_documents", "read_document"
_NAMES = {"search": SEARCH, "read": READ}


class _LibraryTool(BaseTool):
    """What both tools share: a model's mistakes come back to it as a message, everything else is raised."""

    library: Library = Field(repr=False, exclude=True)
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self.handle_validation_error = self._explain

    def _explain(self, error: Any) -> str:
        arguments = self.args_schema
        assert isinstance(error, ValidationError)
        assert isinstance(arguments, type)
        assert issubclass(arguments, BaseModel)
        return explain_invalid(error, arguments)


class SearchDocuments(_LibraryTool):
    """Finds passages. The artifact is the list of them, as LangChain Documents with scores.

    Args:
        library: what is searched.
    """

    name: str = SEARCH
    description: str = tool_text("search").describe(**_NAMES)
    args_schema: Any = SearchArguments

    def _run(self, query: str, k: int = DEFAULT_PASSAGES, *, config: RunnableConfig) -> tuple[str, list[Document]]:
        try:
            found = self.library.search(query, k, config)
        except RefusedCallError as error:
            raise ToolException(str(error)) from error
        return passages_text(found, asked=k), found

    async def _arun(
        self, query: str, k: int = DEFAULT_PASSAGES, *, config: RunnableConfig
    ) -> tuple[str, list[Document]]:
        return await asyncio.to_thread(self._run, query, k, config=config)


class ReadDocument(_LibraryTool):
    """Reads a document page by page. The artifact is a list of one Document, the page, with its place in the metadata.

    Args:
        library: what is read.
    """

    name: str = READ
    description: str = tool_text("read").describe(**_NAMES)
    args_schema: Any = ReadArguments

    def _run(self, doc_id: str, offset: int = 0, length: int = DEFAULT_LENGTH) -> tuple[str, list[Document]]:
        try:
            page = self.library.read(doc_id, offset, length)
        except RefusedCallError as error:
            raise ToolException(str(error)) from error
        place = {"doc_id": page.doc_id, "title": page.title, "start": page.start, "end": page.end}
        return page_text(page), [Document(page.text, id=page.doc_id, metadata=place)]

    async def _arun(self, doc_id: str, offset: int = 0, length: int = DEFAULT_LENGTH) -> tuple[str, list[Document]]:
        return await asyncio.to_thread(self._run, doc_id, offset, length)


def build_tools(index: Index, chain: RagChain | None = None) -> list[BaseTool]:
    """Tools that search an index and read its documents.

    Args:
        index: open for as long as the tools are used.
        chain: finds the passages; by default the one of the profile that the index was built for.

    Raises:
        MissingExtraError, ModelUnavailableError: a part of the chain needs what is not at hand.
    """
    if chain is None:
        from rag.chain import build_chain
        from rag.profile import load_profile

        chain = build_chain(index, load_profile(index.manifest.profile))
    library = Library(chain, index.chunks)
    return [SearchDocuments(library=library), ReadDocument(library=library)]
