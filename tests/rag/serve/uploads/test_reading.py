"""The process that reads uploads, fed with what is meant to bring it down."""

from __future__ import annotations

import gzip
import json
import os
import threading
import zlib
from pathlib import Path

import pytest

from rag.serve.problems import Code, Problem
from rag.serve.uploads.process import Order
from rag.serve.uploads.reading import CPU, MEMORY, WRITTEN, documents_of, read_upload
from rag.serve.work import Job, StoppedError
from tests.fixtures import hostile_files as hostile

for _package, _what in (("docx", ".docx"), ("pypdf", ".pdf"), ("bs4", ".html")):
    pytest.importorskip(_package, reason=f"the extra docs, which reads {_what}, is not installed")


TEXT = "Площадь Ладожского озера — 17 870 км²."


def order(*files: tuple[str, str], **limits: int) -> Order:
    return Order(files=files, **{"memory": MEMORY, "cpu": CPU, "written": WRITTEN, **limits})


def read(folder: Path, name: str, content: bytes, **limits: int):
    """The documents of one file, kept under a name of the server's own."""
    stored = f"0a1b2c{name[name.index('.') :]}"
    (folder / stored).write_bytes(content)
    read_upload(folder, order((stored, name), **limits), Job(), lambda _: None)
    return list(documents_of(folder))


def test_documents_have_the_names_of_the_client(tmp_path):
    (document,) = read(tmp_path, "Ладога.txt", TEXT.encode())
    assert (document.doc_id, document.title, document.text) == ("Ладога.txt", "Ладога", TEXT)


def test_documents_that_say_themselves_what_they_are_keep_it(tmp_path):
    (document,) = read(tmp_path, "x.md", f"# Ладога\n\n{TEXT}".encode())
    assert (document.doc_id, document.title) == ("x.md", "Ладога")
    rows = [{"doc_id": f"озеро/{number}", "title": "Озеро", "text": TEXT, "year": 1999 + number} for number in range(3)]
    content = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    found = read(tmp_path, "x.jsonl.gz", gzip.compress(content))
    assert [(one.doc_id, one.metadata) for one in found] == [(f"озеро/{n}", {"year": 1999 + n}) for n in range(3)]


def test_a_word_document(tmp_path):
    (document,) = read(tmp_path, "Ладога.docx", hostile.docx())
    assert (document.doc_id, document.text.strip()) == ("Ладога.docx", TEXT)


def test_every_file_is_announced(tmp_path):
    for number in range(3):
        (tmp_path / f"s{number}.txt").write_text(f"{TEXT} {number}", encoding="utf-8")
    begun: list[int] = []
    read_upload(tmp_path, order(*[(f"s{n}.txt", f"{n}.txt") for n in range(3)]), Job(), begun.append)
    assert begun == [0, 1, 2]
    assert [one.doc_id for one in documents_of(tmp_path)] == ["0.txt", "1.txt", "2.txt"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("пусто.txt", b"", Code.UNREADABLE_DOCUMENT),
        ("пробелы.txt", b" \n ", Code.UNREADABLE_DOCUMENT),
        ("кодировка.txt", "Площадь озера велика".encode("cp1251"), Code.UNREADABLE_DOCUMENT),
        ("ноль.txt", b"a\0b", Code.UNREADABLE_DOCUMENT),
        ("смех.docx", None, Code.UNREADABLE_DOCUMENT),
        ("недра.docx", hostile.docx(hostile.word_xml("<w:p>" * 9999 + "</w:p>" * 9999)), Code.UNREADABLE_DOCUMENT),
        ("часть.docx", hostile.docx(b"\0\0"), Code.UNREADABLE_DOCUMENT),
        ("бомба.docx", hostile.docx("<w:p/>" * 4_000_000), Code.UNREADABLE_DOCUMENT),
        ("бомба.pdf", hostile.pdf(hostile.spaces(256)), Code.UNREADABLE_DOCUMENT),
        (
            "дважды.pdf", hostile.pdf(zlib.compress(hostile.spaces(256)), "[/FlateDecode /FlateDecode]"),
            Code.UNREADABLE_DOCUMENT,
        ),
        (
            "гнездо.pdf",
            b"%PDF-1.4\n1 0 obj\n" + b"[" * 99999 + b"]" * 99999 + b"\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF",
            Code.UNREADABLE_DOCUMENT,
        ),
        ("обрыв.jsonl.gz", gzip.compress(b'{"doc_id": "a"}' * 99, mtime=0)[:-9], Code.UNREADABLE_DOCUMENT),
        ("строка.jsonl", b'{"doc_id": "a"', Code.UNREADABLE_DOCUMENT),
        ("глубина.jsonl", b'{"doc_id": 1, "text": "x", "m": ' + b"[" * 99999 + b"]" * 99999 + b"}",
         Code.UNREADABLE_DOCUMENT),
        ("дважды.jsonl", b'{"doc_id": "a", "text": "x"}\n' * 2, Code.UNREADABLE_DOCUMENT),
        ("имя.jsonl", json.dumps({"doc_id": "x" * 600, "text": "x"}).encode(), Code.UNREADABLE_DOCUMENT),
        ("точки.jsonl", b'{"doc_id": "..", "text": "x"}', Code.UNREADABLE_DOCUMENT),
        ("чужой.pdf", hostile.docx(), Code.UNSUPPORTED_TYPE),
        ("чужой.docx", b"%PDF-1.4", Code.UNSUPPORTED_TYPE),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_what_cannot_be_read_is_told_under_the_clients_name(tmp_path, name, content, code):
    if content is None:  # a billion laughs
        entities = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
        doctype = f'<!DOCTYPE w [<!ENTITY a "ха">{entities}]>'
        content = hostile.docx(hostile.word_xml("<w:p><w:r><w:t>&j;</w:t></w:r></w:p>", doctype))
    with pytest.raises(Problem) as caught:
        read(tmp_path, name, content)
    assert caught.value.code is code
    assert str(tmp_path) not in caught.value.message
    assert "0a1b2c" not in caught.value.message
    if name not in {"имя.jsonl", "точки.jsonl"}:  # those name the document
        assert name.partition(".")[0] in caught.value.message


def test_external_entities_bring_nothing_in(tmp_path):
    (tmp_path / "тайна").write_text("тайна", encoding="utf-8")
    doctype = f'<!DOCTYPE w [<!ENTITY x SYSTEM "file://{tmp_path}/тайна">]>'
    body = f"<w:p><w:r><w:t>&x;</w:t></w:r></w:p>{hostile.PARAGRAPH}"
    (document,) = read(tmp_path, "a.docx", hostile.docx(hostile.word_xml(body, doctype)))
    assert document.text.strip() == TEXT


def test_archives_in_archives_are_not_opened(tmp_path):
    inner = hostile.docx("<w:p/>" * 4_000_000)
    (document,) = read(tmp_path, "a.docx", hostile.docx(others={"word/embeddings/x.docx": inner}))
    assert document.text.strip() == TEXT


needs_limits = pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
LONG = json.dumps({"doc_id": "a", "text": "озеро " * 200_000}).encode()


@needs_limits
def test_processor_time_is_limited(tmp_path):
    html = ("<div>" * 200_000 + "Озеро").encode()  # deep markup takes its parser seconds
    with pytest.raises(Problem) as caught:
        read(tmp_path, "глубоко.html", html, cpu=1)
    assert caught.value.message.startswith("глубоко.html: cannot be read within the limits of time and memory")


@needs_limits
def test_memory_is_limited(tmp_path):
    content = b'{"doc_id": "a", "text": "' + b"x" * (60 * 2**20) + b'"}'  # taken apart, it is there several times over
    with pytest.raises(Problem) as caught:
        read(tmp_path, "много.jsonl", content, memory=200 * 2**20)
    assert caught.value.message.startswith("много.jsonl: cannot be read within the limits of time and memory")
    assert caught.value.code is Code.UNREADABLE_DOCUMENT


@needs_limits
def test_what_is_written_is_limited(tmp_path):
    with pytest.raises(Problem, match="more than 100,000 bytes of text") as caught:
        read(tmp_path, "a.jsonl", LONG, written=100_000)
    assert caught.value.code is Code.TOO_LARGE


def test_the_process_gets_nothing_of_the_environment(tmp_path, monkeypatch):
    from rag.serve.uploads import reading

    monkeypatch.setenv("RAG_SERVE_TOKEN", "a-token-of-this-test")
    started: list[dict[str, str]] = []
    popen = reading.subprocess.Popen

    def spied(*arguments, env, **options):
        started.append(env)
        return popen(*arguments, env=env, **options)

    monkeypatch.setattr(reading.subprocess, "Popen", spied)
    read(tmp_path, "a.txt", TEXT.encode())
    (environment,) = started
    assert "a-token-of-this-test" not in environment.values()
    assert not any(name.startswith("RAG_") for name in environment)


def test_a_stopped_job_ends_the_process(tmp_path):
    (tmp_path / "s.html").write_bytes(("<div>" * 400_000 + "Озеро").encode())
    job = Job()
    stopping = threading.Timer(0.1, job.cancel.set)

    def begun(_: int) -> None:
        stopping.start()

    with pytest.raises(StoppedError):
        read_upload(tmp_path, order(("s.html", "a.html")), job, begun)
    stopping.join()
    assert not [thread for thread in threading.enumerate() if thread.name == "upload-watch"]


def test_posted_documents(tmp_path):
    posted = {"documents": [{"doc_id": "а/б", "text": TEXT, "title": "Ладога", "metadata": {"год": 1999}}]}
    (tmp_path / "p.json").write_text(json.dumps(posted), encoding="utf-8")
    ordered = Order(posted="p.json", memory=MEMORY, cpu=CPU, written=WRITTEN)
    read_upload(tmp_path, ordered, Job(), lambda _: None)
    (document,) = documents_of(tmp_path)
    assert (document.doc_id, document.title, document.metadata) == ("а/б", "Ладога", {"год": 1999})
