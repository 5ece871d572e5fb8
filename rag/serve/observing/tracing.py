"""Traces for OpenTelemetry, where its packages are installed (extra ``otel``) and its variables ask for them.

A request is a span, under the caller's where it sends ``traceparent``, and each stage that works for it is one below.
What was asked and answered is not recorded.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from rag.serve.observing.stages import STAGES, RunFollower
from retrievers.errors import InputError, MissingExtraError

SERVICE = "russian-rag"
_ASKED_BY = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_TRACER: ContextVar[Any] = ContextVar("tracer", default=None)  # of the request in whose task this is asked


class Tracing:
    """Spans of requests.

    Args:
        provider: OpenTelemetry's, which knows where spans go.
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer(SERVICE)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Any]:
        """A span while the block runs; :func:`stage_callbacks` puts others below it."""
        from opentelemetry.trace import SpanKind

        context = self._propagator.extract(headers)
        # What was raised is in the log, under an id; a span's record of it would hold its message.
        options = {"record_exception": False, "set_status_on_exception": False}
        with self._tracer.start_as_current_span(method, context=context, kind=SpanKind.SERVER, **options) as span:
            token = _TRACER.set(self._tracer)
            try:
                yield span
            finally:
                _TRACER.reset(token)

    def close(self) -> None:
        """Send what is still here."""
        self._provider.shutdown()


def tracing_from_environment() -> Tracing | None:
    """Tracing as the variables of OpenTelemetry have it; None where none of them asks for any.

    Raises:
        MissingExtraError: they do, and the packages are not installed.
        InputError: they name an exporter that there is none of.
    """
    environment = os.environ
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower()
    unwanted = exporter == "none" or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if unwanted or not any(environment.get(name, "").strip() for name in _ASKED_BY):
        return None
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise MissingExtraError("Tracing with OpenTelemetry", "otel") from error
    named = {} if environment.get("OTEL_SERVICE_NAME") else {"service.name": SERVICE}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
    return Tracing(provider)


def _exporter(name: str) -> Any:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    if name != "otlp":
        raise InputError(f"OTEL_TRACES_EXPORTER={name}: expected otlp, console or none")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise MissingExtraError("Sending traces to a collector", "otel") from error
    return OTLPSpanExporter()


def stage_callbacks() -> tuple[BaseCallbackHandler, ...]:
    """What a job of the request at hand is to be followed by; nothing where it is not traced."""
    tracer = _TRACER.get()
    if tracer is None:
        return ()
    from opentelemetry.trace import get_current_span

    return (_StageSpans(tracer, get_current_span()),)


class _StageSpans(RunFollower):
    """Makes a span of every stage.

    Args:
        tracer: makes them.
        request: the span above them all.
    """

    def __init__(self, tracer: Any, request: Any) -> None:
        self._tracer, self._request = tracer, request
        self._open: dict[UUID, tuple[Any, bool]] = {}  # a run's span, and whether it is its own or one further up
        self._lock = threading.Lock()

    def begin(self, run_id: UUID, parent: UUID | None, name: str | None) -> None:
        """A stage gets a span below that of the run it is in."""
        from opentelemetry.trace import set_span_in_context

        with self._lock:
            above, _ = self._open.get(parent, (self._request, False)) if parent else (self._request, False)
            own = name in STAGES
            span = self._tracer.start_span(name, context=set_span_in_context(above)) if own else above
            self._open[run_id] = (span, own)

    def end(self, run_id: UUID, error: BaseException | None) -> None:
        """Its span ends with it."""
        from opentelemetry.trace import Status, StatusCode

        with self._lock:
            span, own = self._open.pop(run_id, (None, False))
        if own:
            if error is not None:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR))
            span.end()
