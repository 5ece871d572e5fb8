"""Asking a chat model many things at once, again where it failed, each reply kept as it comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generators.chat import load_chat_model, served_by
from generators.options import GeneratorKind, GeneratorOptions
from retrievers.errors import ModelUnavailableError
from training.pairs.written.replies import Reply
from training.pairs.written.requests import Request

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_LONGEST_REPLY = 160  # tokens: a question and a short answer
_FIRST_PAUSE = 1.0  # seconds before the second attempt; each further one waits twice as long
_AHEAD = 4  # requests waiting for each one being answered


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """Which model writes.

    Args:
        base_url: an OpenAI-compatible server; its key comes from ``OPENAI_API_KEY``, a local server needs none.
        model: name of the model there.
        temperature: of the sampling.
        concurrency: requests at once.
        timeout: seconds for one request.
        retries: further attempts at a request that failed.
    """

    base_url: str
    model: str
    temperature: float = 0.3
    concurrency: int = 1
    timeout: float = 300.0
    retries: int = 3


def ask_all(
    requests: Iterator[Request],
    options: WriterOptions,
    *,
    keep: Callable[[Reply], None],
    pause: Callable[[float], None] = time.sleep,
) -> Generator[Reply]:
    """Replies in the order they come. Closing it waits for the requests under way; their replies are kept, too.

    Args:
        requests: taken a few ahead of what is being answered.
        options: of the model.
        keep: gets every reply as soon as it is there, one at a time.
        pause: waits between attempts.

    Raises:
        MissingExtraError: the extra ``chat`` is not installed.
        ModelUnavailableError: the server failed at a request as often as allowed.
    """
    served = GeneratorOptions(
        kind=GeneratorKind.CHAT,
        model=options.model,
        base_url=options.base_url,
        temperature=options.temperature,
        max_new_tokens=_LONGEST_REPLY,
        timeout=options.timeout,
    )
    llm = load_chat_model(served)
    explained = served_by(served).explained
    keeping = threading.Lock()

    def ask(request: Request) -> Reply:
        for attempt in range(options.retries + 1):
            try:
                with explained():
                    reply = Reply(key=request.key, text=_said(llm, request.prompt))
            except ModelUnavailableError:
                if attempt == options.retries:
                    raise
                pause(_FIRST_PAUSE * 2**attempt)
                continue
            with keeping:
                keep(reply)
            return reply
        raise AssertionError("the last attempt either returns or raises")

    with ThreadPoolExecutor(options.concurrency) as pool:
        waiting: set[Future[Reply]] = set()
        try:
            for request in requests:
                waiting.add(pool.submit(ask, request))
                if len(waiting) >= options.concurrency * _AHEAD:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from _results(done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from _results(done)
        finally:
            for future in waiting:
                future.cancel()


def _results(done: Iterable[Future[Reply]]) -> Iterator[Reply]:
    for future in done:
        yield future.result()


def _said(llm: BaseChatModel, prompt: str) -> str:
    content = llm.invoke([{"role": "user", "content": prompt}]).content
    return content if isinstance(content, str) else "".join(str(part) for part in content)
