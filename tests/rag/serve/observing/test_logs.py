"""The log: JSON lines that say what happened and not what was asked."""

from __future__ import annotations

import io
import json
import logging
import warnings

import pytest
from langchain_core.runnables import RunnableLambda

from rag.serve.observing.logs import JsonFormatter, with_fields, write_json_logs
from rag.serve.observing.questions import asked, question_of
from rag.serve.work import Job, StoppedError

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")

QUESTION = "Какова наибольшая глубина Байкала?"


@pytest.fixture
def written():
    """The lines of everything that is logged in the test."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    named = {name: logging.getLogger(name).level for name in ("rag", "uvicorn")}
    write_json_logs(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    for name, old in named.items():
        logging.getLogger(name).setLevel(old)
    logging.captureWarnings(False)


def test_a_line_has_what_every_line_has(written):
    logging.getLogger("rag.x").info("done\nand so on", extra=with_fields(seconds=1.5))
    (line,) = written()
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "logger": "rag.x", "event": "done\nand so on", "seconds": 1.5}


def test_a_failure_is_one_line(written):
    def fail() -> None:
        raise ValueError("беда\nв две строки")

    try:
        fail()
    except ValueError:
        logging.getLogger("other").exception("failed")
    (line,) = written()
    assert line["traceback"].startswith("Traceback")
    assert line["traceback"].endswith("беда\nв две строки")


def test_others_and_warnings_are_written_the_same_way(written):
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    logging.getLogger("chromadb").info("not of interest")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    first, second = written()
    assert (first["logger"], first["event"]) == ("uvicorn.error", "Started server process [7]")
    assert (second["logger"], second["level"]) == ("py.warnings", "warning")


def test_a_client_that_left_is_no_warning(written):
    job = Job()
    job.cancel.set()
    with pytest.raises(StoppedError):
        RunnableLambda(str).invoke(1, job.config)
    assert written() == []


def test_anything_can_be_logged():
    # Not through a logger: pytest would keep the message, and its processes cannot pass half a surrogate on.
    values = {"msg": "half %s", "args": ("\ud83d",), "name": "rag.x", "levelname": "INFO"}
    line = JsonFormatter().format(logging.makeLogRecord(values | with_fields(what={1, 2})))
    assert json.loads(line.encode("utf-8"))["event"] == "half \ud83d"


def test_the_formatter_leaves_the_record_alone():
    record = logging.makeLogRecord({"msg": "a %s", "args": ("b",), "name": "x", "levelname": "INFO"})
    formatter = JsonFormatter()
    assert formatter.format(record) == formatter.format(record)


@pytest.fixture
def requests_of(make_service, client_of, written):
    def send(*requests, **options):
        with client_of(make_service(**options)) as opened:
            for method, path, arguments in requests:
                opened.request(method, path, **arguments)
        return [line for line in written() if line["logger"] == "rag.serve.requests"]

    return send


def test_a_request_is_a_line(requests_of):
    (line,) = requests_of(("POST", "/api/search", {"json": {"question": QUESTION}}))
    assert (line["event"], line["method"], line["route"], line["status"]) == ("request", "POST", "/api/search", 200)
    assert line["question_characters"] == len(QUESTION)
    assert line["bytes_in"] > len(QUESTION)
    assert line["bytes_out"] > 1000
    assert 0 < line["seconds"] < 600
    assert QUESTION not in json.dumps(line, ensure_ascii=False)


def test_what_was_asked_is_there_where_it_is_wanted(requests_of):
    lines = requests_of(
        ("POST", "/api/search", {"json": {"question": QUESTION}}),
        ("POST", "/retrieve", {"json": {"queries": [QUESTION]}}),
        ("POST", "/v1/chat/completions", {"json": {"model": "x", "messages": [{"role": "user", "content": QUESTION}]}}),
        log_questions=True,
    )
    assert [line["question"] for line in lines] == [QUESTION] * 3


def test_neither_documents_nor_addresses_nor_queries_are_named(requests_of):
    lines = requests_of(
        ("GET", "/api/documents/тайный%2Fотчёт?offset=5", {}),
        ("GET", "/api/documents?q=тайное", {}),
        ("GET", "/тайное", {}),
        ("DELETE", "/api/search?тайное", {}),
    )
    assert [line["route"] for line in lines] == [
        "/api/documents/{doc_id:path}", "/api/documents", "unknown", "/api/search",
    ]  # fmt: skip
    assert "тайн" not in json.dumps(lines, ensure_ascii=False)
    assert "testclient" not in json.dumps(lines)


def test_a_refusal_has_its_code_and_its_id(make_service, client_of, written):
    with client_of(make_service()) as opened:
        told = opened.get("/nothing").json()["error"]
        told_again = opened.post("/api/search", content=b"{", headers={"Content-Type": "application/json"}).json()[
            "error"
        ]
    lines = [line for line in written() if line["logger"] == "rag.serve.requests"]
    assert [(line["code"], line["error_id"]) for line in lines] == [
        ("not_found", told["id"]),
        ("bad_request", told_again["id"]),
    ]


def test_probes_that_succeed_are_silent(requests_of):
    assert requests_of(("GET", "/api/health", {}), ("GET", "/api/ready", {}), ("GET", "/metrics", {})) == []


@pytest.mark.parametrize(
    ("body", "question"),
    [
        ({"question": "а"}, "а"),
        ({"queries": ["а", 1, "б"]}, "а\nб"),
        ({"messages": [{"content": "а"}, {"content": "б"}]}, "б"),
        ({"messages": [{"content": [{"type": "text"}]}]}, None),
        ({"messages": []}, None),
        ({"question": 5}, None),
        ([], None),
        (None, None),
    ],
)
def test_where_a_question_stands(body, question):
    assert question_of(body) == question
    assert asked(body, text=True) == ({} if question is None else {"question": question})
    assert asked(body, text=False) == ({} if question is None else {"question_characters": len(question)})
