"""Headers of every answer, whatever became of the request."""

from __future__ import annotations

import pytest

from rag.serve.safety.headers import HEADERS


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200), ("GET", "/static/main.js", 200), ("GET", "/api/health", 200), ("GET", "/api/documents", 200),
        ("GET", "/nothing", 404), ("PUT", "/api/search", 405), ("POST", "/api/search", 422), ("GET", "/metrics", 200),
    ],
)  # fmt: skip
def test_every_answer_has_them(client, method, path, status):
    response = client.request(method, path)
    assert response.status_code == status
    for name, value in HEADERS.items():
        assert response.headers.get_list(name.decode()) == [value.decode()]
    assert "server" not in response.headers
    assert len(response.headers["x-request-id"]) == 16


def test_a_failure_inside_has_them_too(make_service, client_of, monkeypatch):
    service = make_service()
    monkeypatch.setattr(service.metrics, "exposition", lambda: 1 / 0)
    with client_of(service) as opened:
        response = opened.get("/metrics")
    assert response.status_code == 500
    assert response.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert "'unsafe" not in response.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/api/health", "/api/documents", "/v1/models", "/metrics", "/openapi.json", "/x"])
def test_answers_are_not_kept(client, path):
    assert client.get(path).headers["cache-control"] == "no-store"


def test_the_page_says_itself_how_long_it_is_kept(client):
    assert client.get("/static/main.js").headers["cache-control"] == "no-cache"


def test_a_request_id_of_a_proxy_is_kept_and_anything_else_is_not(client):
    assert client.get("/api/health", headers={"X-Request-Id": "edge-42.a_b"}).headers["x-request-id"] == "edge-42.a_b"
    for odd in ("a b", "x" * 65, '"}{"level":"error"', ""):
        assert client.get("/api/health", headers={"X-Request-Id": odd}).headers["x-request-id"] != odd
