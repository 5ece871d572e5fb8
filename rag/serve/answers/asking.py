"""What is asked of the index, checked before anybody works on it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from rag.profile import RetrieverKind
from rag.question import check_question
from rag.serve.problems import Code, Problem
from retrievers.errors import InputError
from retrievers.filters import CheckedWhere


class Asked(BaseModel):
    """A question and how the index is to be searched for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str = Field(description="In Russian; white space around and between its words does not count.")
    retriever: RetrieverKind | None = Field(
        default=None, description="One of those that /api/info lists; by default the one it names."
    )
    rerank: bool | None = Field(
        default=None, strict=True, description="Whether candidates are ordered anew; by default as /api/info says."
    )
    filter: CheckedWhere | None = Field(
        default=None,
        description="Which documents count, in Chroma's `where` language over their metadata.",
        examples=[{"topic": "география"}],
    )


def usable(question: str, param: str = "question") -> str:
    """A question with single spaces between its words.

    Args:
        question: as it was asked.
        param: field that it came in.

    Raises:
        Problem: there is nothing to search for in it, or it is too long.
    """
    try:
        return " ".join(check_question(question).split())
    except InputError as error:
        raise Problem(Code.UNUSABLE_QUESTION, str(error), param=param) from error
