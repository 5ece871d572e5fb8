"""What is open to everybody, and what asks for the token."""

from __future__ import annotations

import logging

import pytest

TOKEN = "a-token-of-this-test-0123456789"


@pytest.fixture
def guarded(make_service, client_of):
    with client_of(make_service(token=TOKEN)) as opened:
        yield opened


PROTECTED = [
    ("GET", "/api/info"), ("GET", "/api/documents"), ("GET", "/api/documents/baikal"), ("POST", "/api/documents"),
    ("DELETE", "/api/documents/baikal"), ("POST", "/api/search"), ("POST", "/api/answer"), ("POST", "/api/feedback"),
    ("POST", "/retrieve"), ("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("GET", "/metrics"),
    ("GET", "/openapi.json"), ("GET", "/nothing"), ("POST", "/"), ("POST", "/static/main.js"),
    ("GET", "/api/health/"), ("GET", "/static"), ("GET", "/STATIC/main.js"), ("OPTIONS", "/api/search"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_everything_else_asks_for_the_token(guarded, method, path):
    answers = [
        guarded.request(method, path, headers=headers)
        for headers in (
            {},
            {"Authorization": "Bearer wrong-token-of-this-test"},
            {"Authorization": TOKEN},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": f"Bearer {TOKEN[:-1]}"},
            {"Authorization": "Bearer "},
            {"Authorization": b"Bearer \xff\xfe"},
        )
    ]
    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        error = answer.json()["error"]
        assert (error["code"], error["type"]) == ("unauthorized", "authentication_error")
        assert error["message"] == answers[0].json()["error"]["message"]


def test_two_authorizations_are_none(guarded):
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
    assert guarded.get("/api/info", headers=headers).status_code == 401


@pytest.mark.parametrize("path", ["/", "/api/health", "/api/ready", "/static/main.js"])
def test_the_page_and_the_probes_are_open(guarded, path):
    assert guarded.get(path).status_code == 200


def test_the_token_opens(guarded):
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert guarded.get("/api/info", headers={"Authorization": f"{scheme} {TOKEN}"}).status_code == 200


def test_any_host_is_answered_where_there_is_a_token(guarded):
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "rag.example.org"}
    assert guarded.get("/api/info", headers=headers).status_code == 200


def test_a_page_in_another_browser_tab_has_no_use_of_the_token(guarded):
    headers = {"Authorization": f"Bearer {TOKEN}", "Origin": "http://example.org"}
    assert guarded.delete("/api/documents/baikal", headers=headers).json()["error"]["code"] == "forbidden_origin"


def test_the_token_is_never_logged(guarded, caplog):
    with caplog.at_level(logging.DEBUG):
        guarded.get("/api/info", headers={"Authorization": f"Bearer {TOKEN}"})
        guarded.get("/api/info", headers={"Authorization": f"Bearer {TOKEN}x"})
    assert len([record for record in caplog.records if record.name == "rag.serve.requests"]) == 2
    assert TOKEN not in "".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)


def test_without_a_token_another_host_is_refused(client):
    for host in ("rag.example.org", "192.168.0.7:8000", ""):
        for path in ("/", "/api/health", "/api/documents"):
            response = client.get(path, headers={"Host": host})
            assert (response.status_code, response.json()["error"]["code"]) == (421, "forbidden_host")
