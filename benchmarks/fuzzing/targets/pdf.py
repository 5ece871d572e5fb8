"""PDF files, the content of their pages, and the lines of pages once they are text."""

from __future__ import annotations

from collections import Counter

from benchmarks.fuzzing.material import SENTENCES
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, text_of
from benchmarks.fuzzing.targets.readers import check_reading
from rag.documents.readers.pdf import join_pages

_PAGE = b"BT /F1 12 Tf 50 700 Td (Baikal) Tj 0 -14 Td [(1) -250 (642) 30 (m)] TJ T* <0411> Tj ET q 1 0 0 1 0 0 cm Q"
_OPERATORS = (
    "BT ", "ET ", "q ", "Q ", "/F1 12 Tf ", "1 0 0 1 9 9 cm ", "1 0 0 1 9 9 Tm ", "(a) Tj ", "[(a) 9 (b)] TJ ", "T* ",
    "(a) ' ", '1 1 (a) " ', "/X Do ", "BI /W 1 /H 1 ID x EI ", "<04", ">", "(", ")", "[", "]", "<<", ">>", "\\", "%",
    "/", "0 -14 Td ",
)  # fmt: skip
_OBJECTS = (
    "obj", "endobj", "stream\n", "endstream", "xref\n", "trailer", "startxref\n", "%%EOF", "<<", ">>", "[", "]",
    "/Kids ", "/Parent ", "/Type ", "/Page", "/Pages", "/Length ", "/Filter ", "/FlateDecode", "/LZWDecode",
    "/ASCII85Decode", "/RunLengthDecode", "/Prev ", "/Root ", "/Contents ", "/Encrypt ", "/ObjStm ", "1 0 R", "2 0 R",
    "3 0 R", "9 9 R", "-1", "/Count ", "/ToUnicode ",
)  # fmt: skip
_REPEATED = 3  # pages from which on a line is taken for a running title
_LINES = ("Байкал-\n", "озе-\nро ", "слово", "\f", "\n", "- ", "1. ", "стр. 5 из 9", "12", ".", "-", "\u00ad\n", "- \n")
# pypdf follows references of a damaged file wherever they lead; what a page may unpack to is its own limit.
_BUDGET = Budget(seconds=0.5, seconds_per_megabyte=60, memory=256 * 2**20, memory_per_byte=1_000)


def open_target(name: str, scratch: Scratch) -> Target:
    """``reader-pdf`` takes files, ``reader-pdf-page`` the content of a page, ``pdf-lines`` lines of pages."""
    if name == "pdf-lines":
        seeds = bytes_of(SENTENCES, "Озеро Бай-\nкал вели-\nко.\f12\nСнова\n", "\f".join(["Отчёт", "текст", "3"] * 4))
        return Target(_check_lines, seeds, bytes_of(*_LINES), Budget())
    path = scratch.folder / "документ.pdf"
    if name == "reader-pdf":

        def check(data: bytes) -> None:
            path.write_bytes(data)
            check_reading(path)

        return Target(check, (_pdf(_PAGE), _pdf(b"")), bytes_of(*_OBJECTS, *_OPERATORS), _BUDGET)

    def check_page(data: bytes) -> None:
        path.write_bytes(_pdf(data))
        check_reading(path)

    return Target(check_page, (_PAGE, b""), bytes_of(*_OPERATORS), _BUDGET, longest=60_000)


def _check_lines(data: bytes) -> None:
    """No letter is made up, and none is lost but those of page numbers and of titles that stand on several pages."""
    text = text_of(data)
    pages = [[line.strip() for line in page.split("\n")] for page in text.split("\f")]
    joined = join_pages(pages)
    before, after = (Counter(filter(str.isalpha, one)) for one in (text, joined))
    assert after <= before, "letters were made up"
    if len(pages) < _REPEATED:
        assert set(before - after) <= set("стризСТРИЗ"), "letters were lost"  # «стр. 3 из 9»


def _pdf(content: bytes) -> bytes:
    """A file of one page with this content, its table of references right."""
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out = b"%PDF-1.4\n"
    places = []
    for number, one in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 6\n0000000000 65535 f \n%strailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(out),
    )
