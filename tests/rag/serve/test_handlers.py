"""Failures of every kind, as clients and the log see them."""

from __future__ import annotations

import errno
import logging
import re

import pytest

from rag.errors import IndexFormatError, IndexLockedError, InputError
from rag.serve.work import StoppedError

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")

SECRET = "/srv/index/sources.sqlite"


def broken(make_service, client_of, monkeypatch, error):
    """What a client is told when a route fails so."""
    service = make_service()

    def fail() -> bytes:
        raise error

    monkeypatch.setattr(service.metrics, "exposition", fail)
    with client_of(service) as opened:
        return opened.get("/metrics")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError(SECRET), 500, "internal"),
        (KeyError(SECRET), 500, "internal"),
        (PermissionError(13, "denied", SECRET), 500, "internal"),
        (IndexFormatError(SECRET), 503, "unavailable"),
        (IndexLockedError(SECRET), 503, "index_locked"),
        (OSError(errno.ENOSPC, "full", SECRET), 503, "unavailable"),
        (TimeoutError(SECRET), 504, "timeout"),
        (StoppedError(SECRET), 503, "unavailable"),
        (ExceptionGroup("", [RuntimeError(SECRET)]), 500, "internal"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_fails_inside_stays_inside(make_service, client_of, monkeypatch, caplog, error, status, code):
    response = broken(make_service, client_of, monkeypatch, error)
    told = response.json()["error"]
    assert (response.status_code, told["code"], told["type"]) == (status, code, "server_error")
    assert SECRET not in response.text
    (noted,) = [record for record in caplog.records if record.name == "rag.serve.handlers"]
    assert noted.levelno == logging.ERROR
    assert noted.fields == {"error_id": told["id"], "code": code}
    assert noted.exc_info[1] is error


def test_an_index_being_written_names_a_time_to_come_back(make_service, client_of, monkeypatch):
    response = broken(make_service, client_of, monkeypatch, IndexLockedError("busy"))
    assert int(response.headers["retry-after"]) > 0


def test_a_mistake_of_the_client_is_told_and_not_logged_as_an_error(make_service, client_of, monkeypatch, caplog):
    response = broken(make_service, client_of, monkeypatch, InputError("the filter names no field"))
    assert response.status_code == 422
    assert response.json()["error"]["message"] == "the filter names no field"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("GET", "/api/documents/", 404, "unknown_document"),
        ("GET", "/docs", 404, "not_found"),
        ("GET", "/static/../app.py", 404, "not_found"),
        ("GET", "/static/..%2fapp.py", 404, "not_found"),
        ("GET", "/static/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"),
        ("DELETE", "/api/search", 405, "method_not_allowed"),
        ("PATCH", "/api/documents/baikal", 405, "method_not_allowed"),
    ],
)
def test_addresses_and_methods_that_there_are_none_of(client, method, path, status, code):
    response = client.request(method, path)
    told = response.json()["error"]
    assert (response.status_code, told["code"], told["param"]) == (status, code, told["param"])
    assert re.fullmatch(r"[0-9a-f]{8}", told["id"])
    assert ("allow" in response.headers) == (status == 405)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/documents", "GET, POST"),
        ("/api/documents/baikal", "DELETE, GET"),
        ("/api/search", "POST"),
        ("/", "GET, HEAD"),
        ("/static/main.js", "GET, HEAD"),
    ],
)
def test_all_methods_of_an_address_are_named(client, path, allowed):
    assert ", ".join(sorted(client.patch(path).headers["allow"].split(", "))) == allowed


def test_a_wrong_field_is_named_without_what_it_held(client):
    response = client.post("/api/search", json={"question": "Глубина Байкала?", "k": "тайное"})
    told = response.json()["error"]
    assert (response.status_code, told["code"], told["param"]) == (422, "invalid_request", "k")
    assert told["message"].startswith("k: ")
    assert "тайное" not in response.text


def test_every_error_has_an_id_of_its_own(client):
    ids = {client.get("/nothing").json()["error"]["id"] for _ in range(20)}
    assert len(ids) == 20
