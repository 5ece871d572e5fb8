"""What Prometheus is told."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="prometheus-client of the extra serve is not installed")

from prometheus_client.parser import text_string_to_metric_families

QUESTION = {"question": "Какова наибольшая глубина Байкала?"}


def samples(client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def labels(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


def test_requests_are_counted_by_route_method_and_status(client):
    client.get("/api/documents/baikal.md")
    client.get("/api/documents/nothing")
    client.get("/nothing")
    client.request("BREW", "/api/documents")
    found = samples(client)
    name, route = "rag_http_requests_total", "/api/documents/{doc_id:path}"
    assert found[name, labels(method="GET", route=route, status="404")] >= 1
    assert found[name, labels(method="GET", route="unknown", status="404")] == 1
    assert found[name, labels(method="other", route="/api/documents", status="405")] == 1
    assert found["rag_problems_total", labels(code="not_found")] == 1
    assert found["rag_http_request_seconds_count", labels(route="unknown")] == 1
    assert found["rag_http_requests_in_flight", ()] == 1  # this one


def test_labels_are_of_a_few_values_whatever_is_asked(client):
    for number in range(30):
        client.get(f"/secret-{number}")
        client.get(f"/api/documents/secret-{number}")
        client.get(f"/static/secret-{number}.js")
    assert "secret" not in client.get("/metrics").text


def test_stages_and_answers(client):
    for _ in range(2):
        assert client.post("/api/answer", json=QUESTION).status_code == 200
    found = samples(client)
    assert found["rag_stage_seconds_count", labels(stage="retrieve")] >= 1
    assert found["rag_stage_seconds_count", labels(stage="generate")] >= 1
    answers = {key[1]: value for key, value in found.items() if key[0] == "rag_answers_total"}
    assert sum(answers.values()) == 2
    assert {dict(key)["cached"] for key in answers} == {"true", "false"}


def test_a_stage_that_nobody_knows_makes_no_label(service):
    service.metrics.stages({"retrieve": 0.1, "secret": 0.2})
    text = service.metrics.exposition().decode()
    assert "secret" not in text
    assert 'rag_stage_seconds_count{stage="other"} 1.0' in text


def test_the_index_and_uploads(client):
    before = samples(client)
    assert before["rag_index_documents", ()] == 8
    client.post("/api/documents", files=[("files", ("а.txt", "Онежское озеро.".encode()))])
    client.post("/api/documents", files=[("files", ("б.pdf", b"%PDF-1.4"))])
    found = samples(client)
    assert found["rag_index_documents", ()] == 9
    assert found["rag_index_chunks", ()] == before["rag_index_chunks", ()] + 1
    generation = client.get("/api/ready").json()["generation"]
    assert found["rag_index_info", labels(generation=generation)] == 1
    assert found["rag_uploads_total", labels(outcome="done")] == 1
    assert found["rag_uploads_total", labels(outcome="failed")] == 1
    assert found["rag_uploaded_documents_total", labels(change="added")] == 1


async def test_jobs_that_run_and_wait(make_service):
    import asyncio

    service, release = make_service(workers=1), threading.Event()
    jobs = [asyncio.ensure_future(service.workers.run(lambda _: release.wait())) for _ in range(3)]
    await asyncio.sleep(0)
    text = service.metrics.exposition().decode()
    release.set()
    await asyncio.gather(*jobs)
    service.workers.close()
    assert 'rag_jobs_running{pool="work"} 1.0' in text
    assert 'rag_jobs_waiting{pool="work"} 2.0' in text
    assert 'rag_jobs_running{pool="write"} 0.0' in text


def test_a_stopped_service_still_says_what_it_counted(service, client_of):
    with client_of(service):
        pass
    assert b"rag_index_documents" not in service.metrics.exposition()


def test_two_services_count_apart(make_service):
    first, second = make_service(), make_service()
    first.metrics.answered(abstained=False, cached=False)
    assert b'rag_answers_total{abstained="false"' in first.metrics.exposition()
    assert b'rag_answers_total{abstained="false"' not in second.metrics.exposition()
