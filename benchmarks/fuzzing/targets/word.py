"""Word documents: whole archives, and main parts inside an archive that is sound."""

from __future__ import annotations

import functools
import io
import zipfile

from benchmarks.fuzzing.material import SENTENCES
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of
from benchmarks.fuzzing.targets.readers import check_reading

_XML = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_BODY = f"""<w:p><w:pPr><w:pStyle w:val="Title"/></w:pPr><w:r><w:t>Байкал</w:t></w:r></w:p>
<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Реки</w:t></w:r></w:p>
<w:p><w:r><w:t xml:space="preserve">{SENTENCES} </w:t><w:tab/><w:br/><w:noBreakHyphen/></w:r></w:p>
<w:p><w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="2"/></w:numPr></w:pPr><w:r><w:t>Селенга</w:t></w:r></w:p>
<w:ins><w:p><w:pPr><w:outlineLvl w:val="2"/></w:pPr><w:r><w:t>вставка</w:t></w:r>
<w:del><w:r><w:t>нет</w:t></w:r></w:del></w:p></w:ins>
<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p><w:r><w:t>а</w:t></w:r></w:p></w:tc>
<w:tc><w:p/></w:tc></w:tr><w:tr><w:tc><w:p><w:r><w:t>б|</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>
<w:sdtContent><w:p/></w:sdtContent></w:sdt>
<w:p><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>надпись</w:t></w:r></w:p></w:txbxContent></w:pict></w:r></w:p>"""
_TOKENS = (
    "<w:p>", "</w:p>", "<w:p/>", "<w:r>", "</w:r>", "<w:t>", "</w:t>", "<w:tbl>", "</w:tbl>", "<w:tr>", "</w:tr>",
    "<w:tc>", "</w:tc>", "<w:sdt>", "</w:sdt>", "<w:sdtContent>", "</w:sdtContent>", "<w:ins>", "</w:ins>", "<w:pPr>",
    "</w:pPr>", '<w:pStyle w:val="ListNumber"/>', '<w:numPr><w:ilvl w:val="²"/><w:numId w:val="1"/></w:numPr>',
    '<w:outlineLvl w:val="²"/>', '<w:gridSpan w:val="99999999999"/>', "<w:txbxContent>", "</w:txbxContent>",
    "<w:smartTag>", "</w:smartTag>", "&#0;", "&amp;", "<!-- c -->", "<?p?>", "<![CDATA[", "]]>",
    '<w:p><w:r><w:t>а</w:t></w:r></w:p>', "<w:tbl><w:tr><w:tc>", "<w:sdt><w:sdtContent>",
    "<w:p><w:r><w:pict><w:txbxContent>",
)  # fmt: skip
# A file of a few kilobytes is unpacked and parsed as XML three times its size, with styles and themes beside it.
_BUDGET = Budget(seconds=0.5, seconds_per_megabyte=20, memory=256 * 2**20, memory_per_byte=1_500)


def open_target(name: str, scratch: Scratch) -> Target:
    """``reader-docx`` takes files, ``reader-docx-body`` the content of a body."""
    path = scratch.folder / "документ.docx"
    if name == "reader-docx":

        def check(data: bytes) -> None:
            path.write_bytes(data)
            check_reading(path)

        return Target(check, (_archive(_BODY.encode()), _archive(b"<w:p/>")), (b"PK\x03\x04", b"PK\x01\x02"), _BUDGET)

    def check_body(data: bytes) -> None:
        path.write_bytes(_archive(data))
        check_reading(path)

    return Target(check_body, bytes_of(_BODY, "<w:p/>"), bytes_of(*_TOKENS), _BUDGET, longest=100_000)


def _archive(body: bytes) -> bytes:
    """A document as python-docx saves one, with styles and numbering, and this body."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_template())) as template, zipfile.ZipFile(out, "w") as archive:
        for part in template.infolist():
            content = template.read(part)
            if part.filename == "word/document.xml":
                content = b"<w:document %s><w:body>%s</w:body></w:document>" % (_XML.encode(), body)
            archive.writestr(part.filename, content)
    return out.getvalue()


@functools.cache
def _template() -> bytes:
    import docx

    out = io.BytesIO()
    docx.Document().save(out)
    return out.getvalue()
