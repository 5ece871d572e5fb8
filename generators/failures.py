"""What went wrong at a model's server, in words that say what to do, without anything secret.

Every client library has exceptions of its own; what they share is looked at: a status code, or a name that tells of a
connection or of time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from retrievers.errors import ModelUnavailableError, ToolkitError

_SECRET = re.compile(r"(?:sk-|Bearer\s+|Api-Key\s+)[\w.*-]+|\b[\w-]*[A-Za-z\d]{24,}[\w-]*\b")
_LONGEST = 300  # characters of a server's own words
_MALFORMED = (ValueError, TypeError, AttributeError, KeyError, IndexError)  # a body that is not what was agreed


@dataclass(frozen=True, slots=True)
class Served:
    """Which server answers, for messages.

    Args:
        model: its name there.
        where: URL of the server, or the provider's name.
        key: name of the environment variable that holds the key.
        timeout: seconds waited for.
    """

    model: str
    where: str
    key: str = "OPENAI_API_KEY"
    timeout: float | None = None

    def explain(self, error: Exception) -> ToolkitError | None:
        """The error to raise in place of ``error``; None for one that is no matter of the server."""
        if isinstance(error, ToolkitError):
            return None
        chain = list(_causes(error))
        status = next((code for each in chain if isinstance(code := getattr(each, "status_code", None), int)), None)
        names = " ".join(type(each).__name__ for each in chain)
        if status is not None:
            return ModelUnavailableError(self._by_status(status, error))
        if any(isinstance(each, TimeoutError) for each in chain) or "Timeout" in names:
            waited = f" within {self.timeout:g} s" if self.timeout else " in time"
            return ModelUnavailableError(
                f"{self.where} did not answer{waited}; raise the timeout (RAG_GENERATOR__TIMEOUT) or read "
                "fewer passages"
            )
        if any(isinstance(each, ConnectionError) for each in chain) or "Connect" in names or "RemoteProtocol" in names:
            return ModelUnavailableError(self._unreachable())
        if isinstance(error, _MALFORMED) or "Validation" in names or "OpenAI" in names or "APIError" in names:
            return ModelUnavailableError(
                f"{self.where} answered with something else than a chat completion "
                f"({type(error).__name__}: {_harmless(error)}); is it an OpenAI-compatible server?"
            )
        return None

    def _unreachable(self) -> str:
        if not self.where.startswith("http"):
            return f"{self.where} cannot be reached; check the network and the settings of its client"
        return (
            f"nothing answers at {self.where}; start the server of the model {self.model}, or name another one "
            "(RAG_GENERATOR__BASE_URL)"
        )

    def _by_status(self, status: int, error: Exception) -> str:
        if status in {401, 403}:  # the server's own words may hold a part of the key
            return f"{self.where} refused the key (HTTP {status}); set {self.key} to a valid one"
        if status == 404:
            return f"{self.where} knows no model {self.model!r} or no such address (HTTP 404); check model and base_url"
        if status == 429:
            return f"{self.where} takes no more requests for now (HTTP 429); wait, or ask for a higher limit"
        if status in {400, 413, 422}:
            return (
                f"{self.where} did not take the request (HTTP {status}: {_harmless(error)}); if it was too long, lower "
                "max_input_tokens"
            )
        return f"{self.where} failed (HTTP {status}: {_harmless(error)})"

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what a client library raises inside into the errors of this toolkit."""
        try:
            yield
        except Exception as error:
            explanation = self.explain(error)
            if explanation is None:
                raise
            # The cause is left out: it may quote headers, and with them the key.
            raise explanation from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _harmless(error: Exception) -> str:
    return _SECRET.sub("…", " ".join(str(error).split()))[:_LONGEST]
