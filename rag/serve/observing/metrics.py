"""Counters and durations in Prometheus's format, in a registry of their own.

Labels take few values: routes as they are declared, methods and stages by name, codes of problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rag.serve.observing.stages import STAGES
from rag.serve.snapshots import Snapshots
from rag.serve.work import StoppedError, Workers

if TYPE_CHECKING:
    from rag.index.writing import IndexChange

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_STAGE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """What a service counts.

    Args:
        pools: threads that work for requests, by name.
        snapshots: the index.
    """

    def __init__(self, pools: Mapping[str, Workers], snapshots: Snapshots) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Present(pools, snapshots))
        self._requests = Counter(
            "rag_http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "rag_http_request_seconds", "From a request's first byte to its answer's last.", ["route"],
            buckets=_REQUEST_SECONDS, registry=registry,
        )  # fmt: skip
        self._in_flight = Gauge("rag_http_requests_in_flight", "Requests being answered.", registry=registry)
        self._problems = Counter("rag_problems", "Requests refused or failed.", ["code"], registry=registry)
        self._stage_seconds = Histogram(
            "rag_stage_seconds", "Stages of searching and answering.", ["stage"],
            buckets=_STAGE_SECONDS, registry=registry,
        )  # fmt: skip
        self._answers = Counter("rag_answers", "Answers given.", ["abstained", "cached"], registry=registry)
        self._uploads = Counter("rag_uploads", "Uploads by how they ended.", ["outcome"], registry=registry)
        self._documents = Counter("rag_uploaded_documents", "Documents of uploads.", ["change"], registry=registry)

    def begin(self) -> None:
        """Count a request in."""
        self._in_flight.inc()

    def end(self, method: str, route: str, status: int | None, seconds: float, code: str | None) -> None:
        """Count a request out; ``status`` is None where its client left before the answer."""
        self._in_flight.dec()
        self._requests.labels(method if method in _METHODS else "other", route, status or "none").inc()
        self._seconds.labels(route).observe(seconds)
        if code is not None:
            self._problems.labels(code).inc()

    def stages(self, timings: Mapping[str, float]) -> None:
        """Observe the seconds of each stage of a chain."""
        for stage, seconds in timings.items():
            self._stage_seconds.labels(stage if stage in STAGES or stage == "total" else "other").observe(seconds)

    def answered(self, *, abstained: bool, cached: bool) -> None:
        """Count an answer."""
        self._answers.labels(str(abstained).lower(), str(cached).lower()).inc()

    @contextmanager
    def upload(self) -> Iterator[Callable[[IndexChange], None]]:
        """Count an upload, as failed unless the function that this yields is told what it changed."""
        outcome = "failed"

        def changed(change: IndexChange) -> None:
            nonlocal outcome
            outcome = "done"
            for what in ("added", "changed", "unchanged"):
                self._documents.labels(what).inc(getattr(change, what))

        try:
            yield changed
        finally:
            self._uploads.labels(outcome).inc()

    def exposition(self) -> bytes:
        """All of it in Prometheus's text format."""
        from prometheus_client import generate_latest

        text: bytes = generate_latest(self._registry)
        return text


class _Present:
    """What is so at the moment of asking."""

    def __init__(self, pools: Mapping[str, Workers], snapshots: Snapshots) -> None:
        self._pools, self._snapshots = pools, snapshots

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

        running = GaugeMetricFamily("rag_jobs_running", "Jobs at work.", labels=["pool"])
        waiting = GaugeMetricFamily("rag_jobs_waiting", "Jobs that wait for a thread.", labels=["pool"])
        for name, pool in self._pools.items():
            running.add_metric([name], pool.running)
            waiting.add_metric([name], pool.waiting)
        yield from (running, waiting)
        try:
            with self._snapshots.lease() as snapshot:
                manifest = snapshot.index.manifest
        except StoppedError:
            return  # the service has stopped
        yield GaugeMetricFamily("rag_index_documents", "Documents of the index.", value=manifest.documents)
        yield GaugeMetricFamily("rag_index_chunks", "Chunks of the index.", value=manifest.chunks)
        yield InfoMetricFamily("rag_index", "The generation in use.", {"generation": manifest.generation})
