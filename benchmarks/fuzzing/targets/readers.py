"""Files of documents, as ``rag.index build`` reads them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

from benchmarks.fuzzing.material import ARTICLE, JSON, SENTENCES, STRANGE, TEXT
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, foreseen
from rag.documents.readers import read_sources
from rag.documents.rows import SourceDocument, document_from_row

_ROWS = (
    {"doc_id": "байкал", "title": "Байкал", "text": ARTICLE, "year": 1996, "area": 31722.5, "unesco": True},
    {"id": 17, "text": SENTENCES, "tags": ["озеро", {"глубина": [1642, None]}], "date": None, "big": 2**70},
)
_PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>Байкал</title><script>var a = "<p>";</script></head>
<body><nav>меню</nav><main><h1>Байкал</h1><p>Озеро &laquo;Байкал&raquo;, глубина <b>1642</b>&nbsp;м.<br>Да</p>
<h2>Реки</h2><ul><li>Селенга<ol><li>первая<li>вторая</ol><li>Турка</ul><pre>код ```</pre>
<table><caption>Длина</caption><tr><th colspan=2>Река<th rowspan="3">км<tr><td>Селенга<td>1024</table>
<div hidden>скрыто</div><svg><text>x</text></svg><!-- c --><![CDATA[y]]></main></body></html>"""
_TAGS = (
    "<p>", "</p>", "<div>", "</div>", "<table>", "<tr>", "<td>", "<td colspan=9>", "<td rowspan=9>", "</table>",
    "<ul>", "<li>", "<ol>", "</ul>", "<h1>", "</h1>", "<pre>", "</pre>", "<main>", "<b>", "<a href=x>", "<br>",
    "<svg>", "<script>", "<!--", "-->", "<![CDATA[", "&#0;", "&#xD800;", "&#1114112;", "&", '<meta charset="',
    '<meta charset="utf-7">', '<meta charset=punycode>', '<meta charset="idna">', '<meta charset="undefined">',
    '<?xml version="1.0" encoding="utf-16"?>', "<template>", "<title>", "<html>", "<body>", "<p hidden>", "\x00",
    "\xff\xfe",
)  # fmt: skip
_YAML = (
    "---\n", "title: ", "doc_id: ", "id: ", "&a ", "*a", "- ", "? ", ": ", "| \n", "> \n", "!!binary ",
    "!!python/object:os.system ", "!!set ", "!!omap ", "0x" + "f" * 5000, "1:" * 40, "190:20:30", ".inf", ".nan",
    "2001-99-99", "2001-01-01", "~", "{", "}", "[", "]", "%YAML 9.9\n", "<<: ", "...\n", "\t", "'", "=",
)  # fmt: skip
_CSV = ("doc_id", "text", "title", ",", ";", "\t", '"', '""', "\r\n", "\n", "\r", "1,5", "007", "1e5", "\x00")
_BUDGET = Budget(seconds=0.15, seconds_per_megabyte=15)
_SLOW = Budget(seconds=0.25, seconds_per_megabyte=60, memory=128 * 2**20, memory_per_byte=1_500)


def open_target(name: str, scratch: Scratch) -> Target:
    """The reader of the suffix that ``name`` ends in."""
    suffix = name.removeprefix("reader-").replace("-", ".")
    path = scratch.folder / f"документ.{suffix}"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        check_reading(path)

    return Target(check, **_PARTS[suffix]())


def check_reading(path: Path) -> None:
    """Whatever is read is a document that can be kept: it has text, identity, a digest, and survives its own row."""
    with foreseen():
        for source in read_sources([path]):
            _check(source)


def _check(source: SourceDocument) -> None:
    assert source.text.strip()
    assert source.doc_id.isprintable()
    assert len(source.digest) == 64
    row = json.loads(json.dumps(source.to_row()))
    again = document_from_row(row, "row")
    assert again == source, (again, source)


def _text() -> dict[str, object]:
    seeds = (*bytes_of(ARTICLE, STRANGE, SENTENCES, ""), ARTICLE.encode("utf-16"), ARTICLE.encode("cp1251", "replace"))
    return {"seeds": seeds, "tokens": bytes_of(*TEXT), "budget": _BUDGET}


def _markdown() -> dict[str, object]:
    front = "---\ndoc_id: 7\ntitle: Да\nn: {a: [1, 2.5, 2001-01-01], b: null}\nvery: 'a: b'\n---\n\nТекст.\n"
    parts = _text()
    return parts | {"seeds": bytes_of(ARTICLE, front, STRANGE, SENTENCES), "tokens": bytes_of(*TEXT, *_YAML)}


def _html() -> dict[str, object]:
    return {"seeds": bytes_of(_PAGE, STRANGE), "tokens": bytes_of(*_TAGS, *TEXT), "budget": _SLOW}


def _csv() -> dict[str, object]:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["doc_id", "title", "text", "year", "share"])
    writer.writeheader()
    for number in range(3):
        writer.writerow(
            {"doc_id": number, "title": "Да", "text": SENTENCES, "year": 1900 + number, "share": number / 4}
        )
    seeds = bytes_of(out.getvalue(), "id;text\n1;два\n", "\ufeffdoc_id\ttext\n1\t" + STRANGE)
    return {"seeds": seeds, "tokens": bytes_of(*_CSV), "budget": _BUDGET}


def _jsonl() -> dict[str, object]:
    return {"seeds": (_lines(), b'{"doc_id":1,"text":"a"}\n'), "tokens": bytes_of(*JSON, *_KEYS), "budget": _BUDGET}


_KEYS = ('"doc_id":', '"id":', '"text":', '"title":', '"start":', '"metadata":')


def _gzip() -> dict[str, object]:
    packed = gzip.compress(_lines(), mtime=0)
    stored = gzip.compress(_lines(), 0, mtime=0)
    return {"seeds": (packed, stored, packed + stored), "tokens": (b"\x1f\x8b", b"\0" * 8, packed[:10], packed[-8:])}


def _parquet() -> dict[str, object]:
    import pyarrow
    import pyarrow.parquet

    files = []
    for compression in ("none", "snappy"):
        out = io.BytesIO()
        columns = {"doc_id": ["a", "b"], "title": ["А", None], "text": [ARTICLE, SENTENCES], "year": [1, 2]}
        pyarrow.parquet.write_table(pyarrow.table(columns), out, compression=compression)
        files.append(out.getvalue())
    # Any count in a damaged footer may ask for as much memory as the library's own limits allow.
    budget = Budget(seconds=0.25, memory=512 * 2**20)
    return {"seeds": tuple(files), "tokens": (b"PAR1", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\x15\x04"), "budget": budget}


def _lines() -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _ROWS).encode()


_PARTS = {
    "txt": _text,
    "md": _markdown,
    "html": _html,
    "csv": _csv,
    "jsonl": _jsonl,
    "jsonl.gz": _gzip,
    "parquet": _parquet,
}
