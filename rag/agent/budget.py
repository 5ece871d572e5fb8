"""What one question has cost, counted against its budget, and why it stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from langchain_core.callbacks import UsageMetadataCallbackHandler
from pydantic import BaseModel, ConfigDict

from rag.agent.options import Budget


class StopReason(StrEnum):
    """Why the agent stopped.

    ANSWERED: there is an answer, of the steps or of the whole question. NO_EVIDENCE: a step found nothing to read, or
    nothing that answers. NOT_ENOUGH: an answer was found, and withheld for want of confidence. LOOP: a step asked what
    it came from. The budgets: STEPS, TOKENS, SECONDS. CANCELLED: whoever asked went away. MODEL_FAILED: the language
    model's server did not answer.
    """

    ANSWERED = "answered"
    NO_EVIDENCE = "no evidence"
    NOT_ENOUGH = "not enough"
    LOOP = "loop"
    STEPS = "steps"
    TOKENS = "tokens"
    SECONDS = "seconds"
    CANCELLED = "cancelled"
    MODEL_FAILED = "model failed"


class Spent(BaseModel):
    """What one question has cost.

    Args:
        steps: searches done.
        cached: searches that were answered from the cache, beside those.
        tokens: of language models, in and out; 0 where their servers do not count.
        seconds: so far.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = 0
    cached: int = 0
    tokens: int = 0
    seconds: float = 0.0


class Stopped(Exception):  # noqa: N818 - no error: the way out of a loop of operations
    """A budget is spent or the question was cancelled; caught where the answer is put together."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass
class Meter:
    """Counts what a question costs against its budget.

    Args:
        budget: limits.
        cancelled: set by whoever asked, to stop before the next operation.
        usage: the handler that language models report their tokens to.
        clock: seconds; a stand-in in tests.
    """

    budget: Budget
    cancelled: threading.Event = field(default_factory=threading.Event)
    usage: UsageMetadataCallbackHandler = field(default_factory=UsageMetadataCallbackHandler)
    clock: Callable[[], float] = time.perf_counter
    steps: int = 0
    cached: int = 0

    def __post_init__(self) -> None:
        self._started = self.clock()

    def check(self) -> None:
        """Look before an operation whether it may begin.

        Raises:
            Stopped: it may not.
        """
        if self.cancelled.is_set():
            raise Stopped(StopReason.CANCELLED)
        if self.seconds >= self.budget.seconds:
            raise Stopped(StopReason.SECONDS)
        if self.tokens >= self.budget.tokens:
            raise Stopped(StopReason.TOKENS)

    def count_search(self) -> None:
        """Count a search that is about to begin.

        Raises:
            Stopped: there is none left, or nothing may begin any more.
        """
        self.check()
        if self.steps >= self.budget.steps:
            raise Stopped(StopReason.STEPS)
        self.steps += 1

    @property
    def tokens(self) -> int:
        """Tokens used so far."""
        return sum(count["input_tokens"] + count["output_tokens"] for count in self.usage.usage_metadata.values())

    @property
    def seconds(self) -> float:
        """Seconds since the question came."""
        return self.clock() - self._started

    def spent(self) -> Spent:
        """Everything so far."""
        return Spent(steps=self.steps, cached=self.cached, tokens=self.tokens, seconds=self.seconds)
