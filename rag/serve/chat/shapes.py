"""OpenAI's chat completions: what is read of a request, and what is said in answer.

Only the fields that mean something here are declared; everything else that clients send is ignored.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.serve.problems import Code, Problem

MODEL = "russian-rag"
AGENT = "russian-rag-agent"
MODELS = (MODEL, AGENT)

_SPOKEN = frozenset({"user", "assistant"})
_PASSED_OVER = frozenset({"system", "developer"})


class ContentPart(BaseModel):
    """A part of a message; only those of the type ``text`` are read."""

    type: str
    text: str | None = None


class Message(BaseModel):
    """A message of a conversation."""

    role: str = Field(description="`user` or `assistant`; `system` and `developer` are passed over.")
    content: str | list[ContentPart] | None = Field(default=None, description="A text, or parts of the type `text`.")

    def text(self, place: str) -> str:
        """What it says.

        Raises:
            Problem: it holds something else than text.
        """
        if not isinstance(self.content, list):
            return self.content or ""
        if any(part.type != "text" for part in self.content):
            raise _refusal("only text is read; leave out images, files and sound", place)
        return "\n".join(part.text or "" for part in self.content)


class StreamOptions(BaseModel):
    """How a streamed completion ends."""

    include_usage: bool = Field(default=False, description="Whether its last chunk tells the usage.")


class ChatRequest(BaseModel):
    """A conversation to go on with: the last message is the question, those before it say what its words refer to.

    Sampling parameters (``temperature``, ``top_p``, ``max_tokens``, ``seed``, …) are accepted and ignored: the answer
    is read from the documents.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": MODEL,
                    "messages": [
                        {"role": "user", "content": "Кто написал роман «Солярис»?"},
                        {"role": "assistant", "content": "Станислав Лем [1]"},
                        {"role": "user", "content": "А когда он родился?"},
                    ],
                }
            ]
        }
    )

    model: str = Field(description=f"`{MODEL}`, or `{AGENT}` for answers in several steps.")
    messages: list[Message] = Field(min_length=1, max_length=1_000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, description="1: there is one answer.")
    tools: list[Any] | None = Field(default=None, description="None: nothing is called.")
    functions: list[Any] | None = Field(default=None, description="None: nothing is called.")
    response_format: dict[str, Any] | None = Field(default=None, description="Of the type `text`.")

    def check(self) -> None:
        """Refuse what would not be done.

        Raises:
            Problem: naming the field.
        """
        if self.model not in MODELS:
            message = f"the model {self.model[:100]!r} does not exist; there are {' and '.join(MODELS)}"
            raise Problem(Code.NOT_FOUND, message, param="model")
        if self.n not in {None, 1}:
            raise _refusal("there is one answer to a question; leave n out", "n")
        for field, given in (("tools", self.tools), ("functions", self.functions)):
            if given:
                raise _refusal(f"no {field} are called; leave {field} out", field)
        if (self.response_format or {}).get("type", "text") != "text":
            raise _refusal("the answer is plain text; leave response_format out", "response_format")

    def said(self) -> list[tuple[str, str]]:
        """Role and text of what users and assistants said, in order; the last is the user's.

        Raises:
            Problem: another role, or somebody else said the last word.
        """
        for place, message in enumerate(self.messages):
            if message.role not in _SPOKEN | _PASSED_OVER:
                raise _refusal(f"messages of the role {message.role[:40]!r} are not read", f"messages.{place}.role")
        spoken = [
            (message.role, message.text(f"messages.{place}.content"))
            for place, message in enumerate(self.messages)
            if message.role in _SPOKEN
        ]
        if not spoken or spoken[-1][0] != "user":
            raise _refusal("the last message must be the user's question", "messages")
        return spoken


class UrlCitation(BaseModel):
    """Where a mark stands in the content, and what it points to."""

    start_index: int
    end_index: int
    title: str
    url: str = Field(description="Of the page that shows the quote in its document, relative to this service.")


class Annotation(BaseModel):
    """A citation: OpenAI's fields, and where the quote comes from."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation
    doc_id: str
    chunk_id: str
    quote: str


class AnswerMessage(BaseModel):
    """The answer, its marks ``[n]`` explained by annotations."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class Usage(BaseModel):
    """Tokens that language models took for the answer; 0 where none was asked, or its server does not count."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class ChatCompletion(BaseModel):
    """A completion."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int = Field(description="Seconds since 1970.")
    model: str
    choices: list[Choice]
    usage: Usage
    system_fingerprint: str = Field(description="Generation of the index that was read.")


class Model(BaseModel):
    """A name to ask under."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="Seconds since 1970 at which the index was last changed.")
    owned_by: Literal["russian-rag"] = "russian-rag"


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]


def _refusal(message: str, param: str) -> Problem:
    return Problem(Code.INVALID_REQUEST, f"{param}: {message}", param=param)
