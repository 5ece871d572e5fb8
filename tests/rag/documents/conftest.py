"""Small real files of every format."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

WriteFile = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Write a file below the test's folder and return its path."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


# Codes of Windows-1251 to Unicode: with it a PDF's text is Cyrillic whatever the font's own encoding.
_TO_UNICODE = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CMapName /Cyrillic def
/CMapType 2 def
1 begincodespacerange
<00> <FF>
endcodespacerange
6 beginbfrange
<20> <7E> <0020>
<C0> <FF> <0410>
<A8> <A8> <0401>
<B8> <B8> <0451>
<AD> <AD> <00AD>
<97> <97> <2014>
endbfrange
endcmap
CMapName currentdict /CMap defineresource pop
end
end"""


def pdf_bytes(pages: Sequence[Sequence[str]], *, title: str = "", extra_trailer: bytes = b"") -> bytes:
    """A PDF with the given lines on each page, written by hand: catalogue, pages, a font with a Unicode table."""
    kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(len(pages)))
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /FirstChar 32 /LastChar 255 /Widths ["
        + b"600 " * 224
        + b"] /ToUnicode 4 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(_TO_UNICODE), _TO_UNICODE),
        b"<< /Title <" + b"\xfe\xff".hex().encode() + title.encode("utf-16-be").hex().encode() + b"> >>",
    ]
    for number, lines in enumerate(pages):
        shown = [b"<%s> Tj T*" % line.encode("windows-1251").hex().encode() for line in lines]
        content = b"BT /F1 10 Tf 12 TL 50 780 Td\n" + b"\n".join(shown) + b"\nET"
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % (7 + 2 * number)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    info = b"/Info 5 0 R " if title else b""
    out.write(b"trailer\n<< /Size %d /Root 1 0 R %s%s>>\n" % (len(objects) + 1, info, extra_trailer))
    out.write(b"startxref\n%d\n%%%%EOF\n" % table)
    return out.getvalue()


@pytest.fixture(scope="session")
def make_pdf() -> Callable[..., bytes]:
    """The writer of PDFs: ``make_pdf([["строка", "строка"], …], title="…")``."""
    return pdf_bytes
