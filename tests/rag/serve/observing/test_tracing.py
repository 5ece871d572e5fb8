"""Spans of requests and of their stages, taken with OpenTelemetry's own exporter into memory."""

from __future__ import annotations

import pytest

from rag.serve.observing import tracing
from rag.serve.observing.tracing import Tracing, stage_callbacks, tracing_from_environment
from retrievers.errors import InputError

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk of the extra otel is not installed")

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

QUESTION = "Какова наибольшая глубина Байкала?"


@pytest.fixture
def spans(monkeypatch):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("rag.serve.safety.layers.tracing_from_environment", lambda: Tracing(provider))
    return exporter.get_finished_spans


def test_a_request_is_a_span_and_its_stages_are_below(spans, client_of, service):
    with client_of(service) as opened:
        answer = opened.post("/api/answer", json={"question": QUESTION})
    *stages, request = spans()
    assert (request.name, request.kind, request.parent) == ("POST /api/answer", SpanKind.SERVER, None)
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["rag.request_id"] == answer.headers["x-request-id"]
    assert sorted(stage.name for stage in stages) == ["generate", "rerank", "retrieve"]  # each once
    for stage in stages:
        assert stage.context.trace_id == request.context.trace_id
        assert stage.parent.span_id == request.context.span_id
        assert request.start_time <= stage.start_time <= stage.end_time <= request.end_time
    assert QUESTION not in "".join(span.to_json() for span in spans())
    assert answer.json()["answer"] not in "".join(span.to_json() for span in spans())


def test_a_stream_is_a_span_until_its_end(spans, client_of, service):
    with client_of(service) as opened:
        opened.post("/api/answer", json={"question": QUESTION, "stream": True})
    *stages, request = spans()
    assert request.name == "POST /api/answer"
    assert max(stage.end_time for stage in stages) <= request.end_time


def test_the_agents_steps_are_spans(spans, client_of, service):
    with client_of(service) as opened:
        opened.post("/api/answer", json={"question": QUESTION, "agent": True})
    names = [span.name for span in spans()]
    assert "retrieve" in names
    assert set(names) <= tracing.STAGES | {"POST /api/answer"}


def test_the_callers_trace_goes_on(spans, client_of, service):
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with client_of(service) as opened:
        opened.get("/api/health", headers={"traceparent": parent})
        opened.get("/api/health", headers={"traceparent": "00-zz-1"})
    joined, alone = spans()
    assert f"{joined.context.trace_id:032x}" == parent.split("-")[1]
    assert f"{joined.parent.span_id:016x}" == parent.split("-")[2]
    assert alone.parent is None


def test_a_failure_marks_its_span_and_tells_nothing_more(spans, client_of, service, monkeypatch):
    def fail() -> bytes:
        raise RuntimeError("тайное")

    monkeypatch.setattr(service.metrics, "exposition", fail)
    with client_of(service) as opened:
        opened.get("/metrics")
        opened.get("/nothing")
    failed, missing = spans()
    assert (failed.status.status_code, failed.attributes["error.type"]) == (StatusCode.ERROR, "internal")
    assert (missing.status.status_code, missing.attributes["error.type"]) == (StatusCode.UNSET, "not_found")
    assert missing.name == "GET unknown"
    assert not failed.events
    assert "тайное" not in failed.to_json()


def test_a_stage_that_fails_is_marked(spans, client_of, service, monkeypatch):
    from rag.chain import RagChain

    def fail(*_arguments, **_options):
        raise RuntimeError("тайное")

    monkeypatch.setattr(RagChain, "_told", fail)
    monkeypatch.setattr(RagChain, "_generate", fail)
    with client_of(service) as opened:
        assert opened.post("/api/answer", json={"question": QUESTION}).status_code == 500
    assert spans()[-1].status.status_code is StatusCode.ERROR
    assert "тайное" not in "".join(span.to_json() for span in spans())


def test_jobs_outside_a_traced_request_are_followed_by_nothing():
    assert stage_callbacks() == ()


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "console"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        {"OTEL_SERVICE_NAME": "x"},
    ],
)
def test_nothing_is_traced_unless_it_is_asked_for(variables, monkeypatch):
    set_variables(monkeypatch, variables)
    assert tracing_from_environment() is None


def test_the_environment_says_where_traces_go(monkeypatch):
    set_variables(monkeypatch, {"OTEL_TRACES_EXPORTER": "console"})
    found = tracing_from_environment()
    assert isinstance(found, Tracing)
    found.close()


def test_an_exporter_there_is_none_of_is_named(monkeypatch):
    set_variables(monkeypatch, {"OTEL_TRACES_EXPORTER": "jaeger"})
    with pytest.raises(InputError, match="OTEL_TRACES_EXPORTER=jaeger: expected otlp, console or none"):
        tracing_from_environment()


def set_variables(monkeypatch, variables: dict[str, str]) -> None:
    for name in (*tracing._ASKED_BY, "OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
