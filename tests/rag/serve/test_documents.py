"""``/api/documents``: listed, read, uploaded, removed, and searched for afterwards."""

from __future__ import annotations

import errno
import json
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")

TEXT = "# Ладога\n\nПлощадь Ладожского озера составляет 17 870 квадратных километров.\n"
LADOGA = ("files", ("Ладога.md", TEXT.encode()))


def error_of(response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def events_of(response) -> list[tuple[str, dict]]:
    events = []
    for block in response.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events


@pytest.fixture(autouse=True)
def _own_temporary_folder(monkeypatch, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


def leftovers() -> list[Path]:
    return list(Path(tempfile.gettempdir()).iterdir())


def test_the_list_has_pages(client):
    whole = client.get("/api/documents").json()
    assert whole["total"] == 8
    parts = [client.get("/api/documents", params={"offset": offset, "limit": 3}).json() for offset in (0, 3, 6, 9)]
    assert [len(part["documents"]) for part in parts] == [3, 3, 2, 0]
    assert [one for part in parts for one in part["documents"]] == whole["documents"]
    baikal = next(one for one in whole["documents"] if one["doc_id"].startswith("baikal"))
    assert baikal["title"] == "Байкал"
    assert baikal["chunks"] > 1


@pytest.mark.parametrize(
    ("q", "titles"),
    [("БАЙ", ["Байкал"]), ("енисе", ["Енисей"]), ("%", []), ("_", []), ("'; drop table documents", [])],
)
def test_the_list_is_searched_by_parts_of_titles(client, q, titles):
    found = client.get("/api/documents", params={"q": q}).json()
    assert [one["title"] for one in found["documents"]] == titles


def test_windows_of_a_document_make_up_its_text(client):
    doc_id = client.get("/api/documents", params={"q": "байкал"}).json()["documents"][0]["doc_id"]
    whole = client.get(f"/api/documents/{doc_id}").json()
    assert whole["characters"] == len(whole["text"])
    for chunk in whole["chunks"]:
        assert 0 <= chunk["start"] < chunk["end"] <= whole["characters"]
    read = ""
    for offset in range(0, whole["characters"] + 500, 500):
        window = client.get(f"/api/documents/{doc_id}", params={"offset": offset, "length": 500}).json()
        read += window["text"]
        assert [
            chunk for chunk in whole["chunks"] if chunk["start"] < offset + 500 and chunk["end"] > offset
        ] == window["chunks"]
    assert read == whole["text"]


def test_an_upload_is_found_and_removed_again(client):
    before = client.get("/api/ready").json()["generation"]
    added = client.post("/api/documents", files=[LADOGA])
    assert added.status_code == 200, added.text
    change = added.json()
    assert (change["added"], change["changed"], change["unchanged"]) == (1, 0, 0)
    assert change["documents"] == [{"doc_id": "Ладога.md", "title": "Ладога", "characters": len(TEXT), "chunks": 1}]
    assert change["generation"] == client.get("/api/ready").json()["generation"] != before
    question = {"question": "Какова площадь Ладожского озера?"}
    assert client.post("/api/search", json=question).json()["candidates"][0]["doc_id"] == "Ладога.md"
    again = client.post("/api/documents", files=[LADOGA]).json()
    assert (again["added"], again["unchanged"], again["generation"]) == (0, 1, change["generation"])
    removed = client.delete("/api/documents/Ладога.md").json()
    assert removed == {"generation": client.get("/api/ready").json()["generation"], "removed": "Ладога.md"}
    assert client.post("/api/search", json=question).json()["candidates"][0]["doc_id"] != "Ладога.md"
    assert error_of(client.get("/api/documents/Ладога.md")) == (404, "unknown_document")
    assert error_of(client.delete("/api/documents/Ладога.md")) == (404, "unknown_document")
    assert not leftovers()


def test_a_document_of_the_same_name_is_replaced(client):
    client.post("/api/documents", files=[LADOGA])
    change = client.post("/api/documents", files=[("files", ("Ладога.md", b"# X\n\nAnother text."))]).json()
    assert (change["added"], change["changed"]) == (0, 1)
    assert client.get("/api/documents/Ладога.md").json()["text"].endswith("Another text.")


def test_documents_as_json(client):
    documents = [
        {"doc_id": "озёра/ладога", "title": "Ладога", "text": TEXT, "metadata": {"глубина": 230, "пресное": True}},
        {"doc_id": "озёра/онега", "text": "Онежское озеро лежит в Карелии."},
    ]
    change = client.post("/api/documents", json={"documents": documents}).json()
    assert [one["doc_id"] for one in change["documents"]] == ["озёра/ладога", "озёра/онега"]
    assert client.get("/api/documents/озёра%2Fладога").json()["metadata"] == {"глубина": 230, "пресное": True}
    body = {"question": "Где лежит озеро?", "filter": {"глубина": {"$gt": 200}}}
    assert {one["doc_id"] for one in client.post("/api/search", json=body).json()["candidates"]} == {"озёра/ладога"}
    assert client.delete("/api/documents/озёра%2Fонега").status_code == 200


def test_the_progress_is_told(client):
    files = [LADOGA, ("files", ("Онега.txt", "Онежское озеро лежит в Карелии.".encode()))]
    response = client.post("/api/documents", files=files, headers={"Accept": "text/event-stream"})
    assert response.headers["content-type"].startswith("text/event-stream")
    *progress, (last, change) = events_of(response)
    assert (last, change["added"]) == ("done", 2)
    assert {name for name, _ in progress} == {"progress"}
    stages = list(dict.fromkeys(event["stage"] for _, event in progress))
    assert stages[:2] == ["reading", "chunking"]
    assert "bm25" in stages
    for _, event in progress:
        assert event["total"] is None or 0 <= event["done"] <= event["total"]


def test_what_fails_while_progress_is_told_ends_it(client):
    files = [LADOGA, ("files", ("плохо.pdf", b"%PDF-1.4 x"))]
    response = client.post("/api/documents", files=files, headers={"Accept": "text/event-stream"})
    assert response.status_code == 200
    (*_, (last, data)) = events_of(response)
    assert (last, data["error"]["code"]) == ("error", "unreadable_document")
    assert data["error"]["message"].startswith("плохо.pdf: ")


def test_one_bad_file_keeps_all_of_them_out(client):
    before = client.get("/api/documents").json()
    response = client.post("/api/documents", files=[LADOGA, ("files", ("плохо.docx", b"PK\x03\x04"))])
    assert error_of(response) == (422, "unreadable_document")
    assert response.json()["error"]["param"] == "files"
    assert client.get("/api/documents").json() == before
    assert not leftovers()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([("files", ("а.exe", b"MZ"))], (415, "unsupported_type")),
        ([("files", ("а.txt", b"%PDF-1.4"))], (415, "unsupported_type")),
        ([("files", ("..", b"x"))], (422, "invalid_request")),
        ([("files", ("а.txt", b"x")), ("files", ("б/а.txt", b"y"))], (422, "invalid_request")),
        ([("file", ("а.txt", b"x"))], (422, "invalid_request")),
        ([("files", (f"{number}.txt", b"x")) for number in range(101)], (413, "too_large")),
        ([("files", (None, b"x"))], (422, "invalid_request")),
        ([("files", ("", b"x"))], (422, "invalid_request")),
    ],
)
def test_uploads_that_are_none(client, files, expected):
    assert error_of(client.post("/api/documents", files=files)) == expected


PART = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"", "multipart/form-data", (400, "bad_request")),
        (b"xxx", "multipart/form-data; boundary=b", (400, "bad_request")),
        (b"--b--\r\n", "multipart/form-data; boundary=b", (422, "invalid_request")),
        (PART + b"x", "multipart/form-data; boundary=b", (400, "bad_request")),
        (PART + b"x\r\n--b\r\n", "multipart/form-data; boundary=b", (400, "bad_request")),
        (PART + b"x\r\n--b--\r\n", "multipart/form-data", (400, "bad_request")),
        (PART[:-2] + b"X: " + b"x" * 99_999 + b"\r\n\r\n", "multipart/form-data; boundary=b", (400, "bad_request")),
        (b"--b\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", (422, "invalid_request")),
        (b"--b--\r\n", "multipart/form-data; boundary=" + "b" * 9999, (400, "bad_request")),
        (b"x", "text/plain", (415, "unsupported_type")),
        (b"", "", (415, "unsupported_type")),
        (b"{", "application/json", (400, "bad_request")),
        (b'{"documents": []}', "application/json", (422, "invalid_request")),
        (b'{"documents": [{"doc_id": "a"}]}', "application/json", (422, "invalid_request")),
        (b'{"documents": [{"doc_id": "a", "text": " "}]}', "application/json", (422, "invalid_request")),
        (b'{"documents": [{"doc_id": "\\u0000", "text": "x"}]}', "application/json", (422, "invalid_request")),
        (b'{"documents": [{"doc_id": "a", "text": "x", "metadata": {"text": "y"}}]}', "application/json",
         (422, "invalid_request")),
        (b'{"documents": [{"doc_id": "a", "text": "x"}, {"doc_id": "a", "text": "y"}]}', "application/json",
         (422, "invalid_request")),
        (b'{"documents": [{"doc_id": "a", "text": NaN}]}', "application/json", (400, "bad_request")),
    ],
)  # fmt: skip
def test_bodies_that_are_none(client, content, kind, expected):
    response = client.post("/api/documents", content=content, headers={"Content-Type": kind})
    assert error_of(response) == expected


@pytest.mark.parametrize("name", ["../../etc/x.txt", "..\\..\\x.txt", "/etc/x.txt", "C:\\x.txt"])
def test_names_never_become_paths(client, name):
    (document,) = client.post("/api/documents", files=[("files", (name, TEXT.encode()))]).json()["documents"]
    assert document["doc_id"] == "x.txt"
    assert not leftovers()


def test_the_last_document_stays(client):
    documents = [one["doc_id"] for one in client.get("/api/documents").json()["documents"]]
    # Replaced by one, whatever the order: the index of a test has eight.
    for doc_id in documents[:-1]:
        assert client.delete(f"/api/documents/{doc_id}").status_code == 200
    response = client.delete(f"/api/documents/{documents[-1]}")
    assert error_of(response) == (422, "invalid_request")
    assert client.get("/api/documents").json()["total"] == 1


def test_a_service_that_only_reads_changes_nothing(make_service, client_of):
    with client_of(make_service(read_only=True)) as opened:
        assert error_of(opened.post("/api/documents", files=[LADOGA])) == (403, "read_only")
        assert error_of(opened.delete("/api/documents/baikal.md")) == (403, "read_only")
        assert opened.get("/api/documents").json()["total"] == 8


def test_an_index_that_another_process_writes_is_left_alone(client, demo_copy):
    from rag.index.locks import writer_lock

    with writer_lock(demo_copy / ".lock"):
        response = client.post("/api/documents", files=[LADOGA])
    assert error_of(response) == (503, "index_locked")
    assert int(response.headers["retry-after"]) > 0
    assert str(demo_copy) not in response.text
    assert client.post("/api/documents", files=[LADOGA]).status_code == 200


def test_a_full_disk_changes_nothing(client, monkeypatch):
    import rag.index.writing

    def fail(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device", "/srv/index")

    monkeypatch.setattr(rag.index.writing, "write_manifest", fail)
    response = client.post("/api/documents", files=[LADOGA])
    assert error_of(response) == (503, "unavailable")
    assert "/srv" not in response.text
    monkeypatch.undo()
    assert client.get("/api/documents").json()["total"] == 8
    assert client.post("/api/documents", files=[LADOGA]).json()["added"] == 1
