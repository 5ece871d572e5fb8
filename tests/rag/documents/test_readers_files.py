"""Readers of files that are one document each: Markdown, HTML, Word, PDF."""

from __future__ import annotations

import io
import logging
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.readers import docx as docx_reader
from rag.documents.readers import read_sources
from rag.documents.readers.markdown import split_front_matter
from rag.documents.readers.outline import MAX_COLUMNS, Outline
from rag.documents.readers.pdf import join_pages
from rag.documents.rows import SourceDocument
from rag.documents.structure import BlockKind, sections
from retrievers.errors import InputError


def read(path: Path) -> SourceDocument:
    (source,) = read_sources([path])
    return source


# Markdown


def test_front_matter_gives_identity_title_and_metadata(write):
    path = write(
        "а.md",
        "---\ndoc_id: baikal\ntitle: Байкал\ntopic: география\nyear: 1996\nday: 1961-04-12\ntags: [вода, лёд]\n---\n\n"
        "# Байкал\n\n**Озеро**.\n",
    )
    assert read(path) == SourceDocument(
        "baikal",
        "Байкал",
        "# Байкал\n\n**Озеро**.\n",
        {"topic": "география", "year": 1996, "day": "1961-04-12", "tags": '["вода", "лёд"]'},
    )


def test_markdown_without_front_matter_is_known_by_its_path(write, tmp_path: Path):
    write("озёра/а.md", "Вступление.\n\n```\n# код\n```\n\n## Раздел\n\n# Байкал\n\n# Ещё\n")
    write("озёра/б.md", "Без заголовка.")
    first, second = read_sources([tmp_path])
    assert (first.doc_id, first.title) == ("озёра/а.md", "Байкал")
    assert (second.doc_id, second.title) == ("озёра/б.md", "б")


def test_an_integer_id_of_front_matter(write):
    assert read(write("а.md", "---\nid: 42\ntitle: 1984\n---\nРоман.")) == SourceDocument("42", "1984", "Роман.")


@pytest.mark.parametrize(
    "text",
    ["---\n\nАбзац.\n\n---\n\nДругой.", "---\nНе закрыто: да", "--- \nслово\n---\nт", "----\na: b\n----\n", "---"],
)
def test_horizontal_rules_are_no_front_matter(text: str):
    assert split_front_matter(text, "а.md") == ({}, text)


def test_empty_front_matter():
    assert split_front_matter("---\n# примечание\n---\n\nТекст.", "а.md") == ({}, "Текст.")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("doc_id: а\ntitle: Роман: начало", "line 3: the front matter is no YAML"),
        ("doc_id: [", "the front matter is no YAML"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("doc_id: true", "found True"),
        ("doc_id: а\nstart: 5", "'start'"),
        ("title: [а, б]", "type list"),
        ("a: !!python/object/apply:os.system [ls]", "the front matter is no YAML"),
        ("a: 2024-99-99", "the front matter cannot be read"),
        ("a: " + "[" * 5000, "front matter"),
    ],
)
def test_broken_front_matter(write, header: str, message: str):
    with pytest.raises(InputError, match=message):
        read(write("а.md", f"---\n{header}\n---\nТекст."))


@given(st.text("-ab:\n #[]&*!|>'\" ", max_size=60))
def test_any_front_matter_is_read_or_refused(header: str):
    text = f"---\n{header}\n---\nТекст."
    message, body = "", ""
    try:
        _, body = split_front_matter(text, "а.md")
    except InputError as error:
        message = str(error)
    assert message.startswith("а.md") or body.endswith("Текст.")


# What .html and .docx are written as


def test_the_outline_is_read_back_as_structure():
    outline = Outline()
    outline.heading(1, "Озеро\nБайкал")
    outline.paragraph("Первая  строка.\n\n Вторая.")
    outline.item("баргузин")
    outline.item("горный", depth=1)
    outline.table([["Река", "Длина"], ["Лена"], [" ", ""], ["А | Б", "1"]])
    outline.code("x = '```'\n# не раздел")
    outline.heading(9, "Мелко")
    outline.paragraph("  ")
    assert outline.text() == (
        "# Озеро Байкал\n\nПервая строка.\nВторая.\n\n- баргузин\n  - горный\n\n"
        "| Река | Длина |\n| --- | --- |\n| Лена |  |\n| А \\| Б | 1 |\n\n"
        "````\nx = '```'\n# не раздел\n````\n\n###### Мелко"
    )
    first, _ = sections(outline.text())
    assert [block.kind for block in first.blocks] == [
        BlockKind.PARAGRAPH,
        BlockKind.PARAGRAPH,
        BlockKind.LIST,
        BlockKind.TABLE,
        BlockKind.CODE,
    ]


# HTML


def html(body: str, head: str = "<title>Страница</title>") -> str:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"


def test_html(write):
    pytest.importorskip("bs4")
    page = html(
        "<nav>Меню</nav><h1>Озеро  <em>Байкал</em></h1><script>x()</script><!-- примечание -->"
        "<p>Глубина —\n <b>1642</b>&nbsp;м.<br>Дно.</p><div>Текст<div>внутри</div>после</div>"
        "<ul><li>баргузин<ul><li>горный</li></ul>и так</li><li><p>култук</p></li></ul><ol><li>раз</li><li>два</li></ol>"
        "<table><caption>Реки</caption><tr><th>Река</th><th>Длина</th></tr><tr><td>Лена</td><td>4294</td></tr></table>"
        "<h2>Код</h2><pre>a\n  b</pre><p hidden>Скрыто</p>"
    )
    source = read(write("а.html", page))
    assert source.title == "Озеро Байкал"
    assert source.text == (
        "# Озеро Байкал\n\nГлубина — 1642\u00a0м.\nДно.\n\nТекст\n\nвнутри\n\nпосле\n\n"
        "- баргузин\n  - горный\n  и так\n- култук\n1. раз\n2. два\n\n"
        "Реки\n\n| Река | Длина |\n| --- | --- |\n| Лена | 4294 |\n\n## Код\n\n```\na\n  b\n```"
    )


def test_html_takes_the_main_part_and_the_title_without_a_heading(write):
    pytest.importorskip("bs4")
    source = read(write("а.htm", html("<p>Реклама</p><main><p>Дело.</p></main>")))
    assert (source.title, source.text, source.doc_id) == ("Страница", "Дело.", "а.htm")
    assert read(write("б.html", "<p>Только абзац")).title == "б"


def test_html_cells_that_span_rows_and_columns(write):
    pytest.importorskip("bs4")
    table = (
        "<table><tr><td rowspan=2>Сибирь</td><td>Лена</td><td>4294</td></tr><tr><td>Обь</td><td>3650</td></tr>"
        "<tr><td colspan=3>Всего</td></tr><tr><td colspan=99999>Много</td></tr></table>"
    )
    header, _, second, third, fourth = read(write("а.html", html(table))).text.split("\n")
    assert header.startswith("| Сибирь | Лена | 4294 |")
    assert second.startswith("|  | Обь | 3650 |")
    assert third.startswith("| Всего |  |  |")
    assert fourth.startswith("| Много |  |  |")
    assert fourth.count("|") == MAX_COLUMNS + 1


def test_html_tables_that_lay_out_a_page_are_walked(write):
    pytest.importorskip("bs4")
    layout = (
        "<table><tr><td><h2>Раздел</h2><p>Абзац.</p></td>"
        "<td><table><tr><td>а</td><td>б</td></tr></table></td></tr></table>"
    )
    assert read(write("а.html", html(layout))).text == "## Раздел\n\nАбзац.\n\n| а | б |\n| --- | --- |"


@pytest.mark.parametrize(
    "meta",
    ['<meta charset="windows-1251">', '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">'],
)
def test_html_in_the_encoding_it_declares(write, meta: str):
    pytest.importorskip("bs4")
    assert read(write("а.html", html("<p>Озеро.", meta).encode("windows-1251"))).text == "Озеро."


def test_html_in_an_encoding_it_does_not_declare(write):
    pytest.importorskip("bs4")
    page = html("<p>Озеро Байкал лежит в центре Азии").encode("windows-1251")
    with pytest.raises(InputError, match=r"expected UTF-8, .*windows-1251"):
        read(write("а.html", page))
    with pytest.raises(InputError, match="declares an unknown encoding, 'x-mac'"):
        read(write("б.html", html("<p>т", '<meta charset="x-mac">')))
    with pytest.raises(InputError, match="declares ascii"):
        read(write("в.html", html("<p>т", '<meta charset="ascii">')))


def test_html_nested_beyond_measure(write):
    pytest.importorskip("bs4")
    assert "дно" in read(write("а.html", html("<div>" * 3000 + "дно"))).text
    assert "дно" in read(write("б.html", html("<ul><li>" * 3000 + "дно"))).text


# Word


def docx_bytes(document) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.fixture
def word():
    return pytest.importorskip("docx").Document()


def test_docx(write, word):
    word.add_heading("Озеро Байкал", level=0)
    word.add_paragraph("Глубина — 1642 м.")
    word.add_heading("Ветры", level=2)
    word.add_paragraph("баргузин", style="List Bullet")
    word.add_paragraph("култук", style="List Bullet")
    word.add_paragraph("раз", style="List Number")
    word.add_paragraph("два", style="List Number")
    table = word.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, [("Река", "Длина"), ("Лена", "4294")], strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    word.add_paragraph("Конец.")
    source = read(write("а.docx", docx_bytes(word)))
    assert source.title == "Озеро Байкал"
    assert source.text == (
        "# Озеро Байкал\n\nГлубина — 1642 м.\n\n## Ветры\n\n- баргузин\n- култук\n1. раз\n2. два\n\n"
        "| Река | Длина |\n| --- | --- |\n| Лена | 4294 |\n\nКонец."
    )


def test_docx_titles(write, word):
    word.add_paragraph("Текст.")
    assert read(write("а.docx", docx_bytes(word))).title in {"а", "Word Document"}
    word.core_properties.title = "Свойство"
    assert read(write("б.docx", docx_bytes(word))).title == "Свойство"
    word.add_heading("Первый", level=1)
    assert read(write("в.docx", docx_bytes(word))).title == "Первый"


def test_docx_merged_cells(write, word):
    table = word.add_table(rows=2, cols=3)
    for row in range(2):
        for column in range(3):
            table.cell(row, column).text = f"{row}{column}"
    table.cell(0, 0).merge(table.cell(1, 0)).text = "слева"
    table.cell(0, 1).merge(table.cell(0, 2)).text = "сверху"
    assert read(write("а.docx", docx_bytes(word))).text == (
        "| слева | сверху |  |\n| --- | --- | --- |\n|  | 11 | 12 |"
    )


def test_docx_insertions_content_controls_and_deletions(write, word):
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    word.add_paragraph("Начало.")
    body = word.element.body
    fragments = [
        "<w:p {0}><w:r><w:t>Было</w:t></w:r><w:ins><w:r><w:t xml:space='preserve'> и стало</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText> лишнее</w:delText></w:r></w:del>"
        "<w:hyperlink><w:r><w:tab/><w:t>тут</w:t></w:r></w:hyperlink></w:p>",
        "<w:sdt {0}><w:sdtContent><w:p><w:r><w:t>Поле формы.</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        "<w:sdt {0}><w:sdtPr><w:docPartObj><w:docPartGallery w:val='Table of Contents'/></w:docPartObj></w:sdtPr>"
        "<w:sdtContent><w:p><w:r><w:t>Оглавление</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        "<w:p {0}><w:pPr><w:outlineLvl w:val='1'/></w:pPr><w:r><w:t>По уровню</w:t></w:r></w:p>",
        "<w:p {0}><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>В рамке.</w:t></w:r></w:p></w:txbxContent></w:pict></w:r>"
        "</w:p>",
    ]
    for fragment in fragments:
        body.insert(len(body) - 1, parse_xml(fragment.format(nsdecls("w"))))
    assert read(write("а.docx", docx_bytes(word))).text == (
        "Начало.\n\nБыло и стало тут\n\nПоле формы.\n\n## По уровню\n\nВ рамке."
    )


def test_docx_of_one_cell_tables_is_text(write, word):
    word.add_table(rows=1, cols=1).cell(0, 0).text = "В рамке."
    assert read(write("а.docx", docx_bytes(word))).text == "В рамке."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text", "no Word document"),
        (b"", "no Word document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "password, or in the format of Word 97-2003"),
    ],
)
def test_files_that_are_no_docx(write, content: bytes, message: str):
    pytest.importorskip("docx")
    with pytest.raises(InputError, match=rf"а\.docx: .*{message}"):
        read(write("а.docx", content))


def test_a_damaged_docx(write, word):
    data = docx_bytes(word)
    with pytest.raises(InputError, match=r"а\.docx"):
        read(write("а.docx", data[: len(data) // 2]))
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "no parts")
    with pytest.raises(InputError, match=r"б\.docx: cannot be read as a Word document"):
        read(write("б.docx", other.getvalue()))


def test_a_docx_that_unpacks_beyond_the_limit(write, word, monkeypatch: pytest.MonkeyPatch):
    word.add_paragraph("слово " * 100_000)
    data = docx_bytes(word)
    monkeypatch.setattr(docx_reader, "MAX_UNPACKED_BYTES", 500_000)
    assert len(data) < 500_000
    with pytest.raises(InputError, match="unpacks to"):
        read(write("а.docx", data))


# PDF


def test_pdf(write, make_pdf):
    pytest.importorskip("pypdf")
    pages = [
        ["Озеро Байкал лежит почти в центре Азии, на гра-", "нице Иркутской области и Бурятии.", "1642 м — глубина."],
        ["Ёлки растут на берегу."],
    ]
    source = read(write("а.pdf", make_pdf(pages, title="Озёра Сибири")))
    assert source.title == "Озёра Сибири"
    assert source.text.split("\n\n") == [
        "Озеро Байкал лежит почти в центре Азии, на границе Иркутской области и Бурятии.",
        "1642 м — глубина.",
        "Ёлки растут на берегу.",
    ]


@pytest.mark.parametrize("title", ["", "Microsoft Word - отчёт.doc", "Документ1", "untitled"])
def test_a_pdf_nobody_titled_is_called_by_its_file(write, make_pdf, title: str):
    pytest.importorskip("pypdf")
    assert read(write("отчёт.pdf", make_pdf([["Текст."]], title=title))).title == "отчёт"


def test_a_scanned_pdf(write, make_pdf, caplog: pytest.LogCaptureFixture):
    pytest.importorskip("pypdf")
    with pytest.raises(
        InputError, match=r"а\.pdf: its 2 pages hold no text, they are probably scanned; .*ocrmypdf -l rus"
    ):
        read(write("а.pdf", make_pdf([[], []])))
    with caplog.at_level(logging.WARNING):
        assert read(write("б.pdf", make_pdf([["Текст."], []]))).text == "Текст."
    assert "no text on 1 of 2 pages (scanned?), first on page 2" in caplog.text


def test_a_pdf_locked_with_a_password(write, make_pdf):
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter(io.BytesIO(make_pdf([["Тайна."]])))
    out = io.BytesIO()
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(out)
    with pytest.raises(InputError, match=r"а\.pdf: is locked with a password"):
        read(write("а.pdf", out.getvalue()))


def test_a_pdf_locked_for_its_owner_only_is_read(write, make_pdf):
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter(io.BytesIO(make_pdf([["Открыто."]])))
    out = io.BytesIO()
    writer.encrypt("", owner_password="owner", algorithm="RC4-128")
    writer.write(out)
    assert read(write("а.pdf", out.getvalue())).text == "Открыто."


def test_a_pdf_encrypted_with_aes(write, make_pdf):
    pytest.importorskip("pypdf")
    zeros = {
        name: b"<" + b"00" * size + b">" for name, size in (("O", 48), ("U", 48), ("OE", 32), ("UE", 32), ("Perms", 16))
    }
    strings = b" ".join(b"/%s %s" % (name.encode(), value) for name, value in zeros.items())
    trailer = (
        b"/Encrypt << /Filter /Standard /V 5 /R 6 /Length 256 /P -4 %s /StmF /StdCF /StrF /StdCF "
        b"/CF << /StdCF << /CFM /AESV3 /AuthEvent /DocOpen /Length 32 >> >> >> /ID [<00> <00>] " % strings
    )
    with pytest.raises(InputError, match=r"а\.pdf: is (encrypted with AES|locked with a password)"):
        read(write("а.pdf", make_pdf([["Тайна."]], extra_trailer=trailer)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "content", [b"", b"text", b"%PDF-1.4\n", b"%PDF-1.4\ntrailer << /Root 1 0 R >>\nstartxref\n0\n%%EOF"]
)
def test_a_damaged_pdf(write, content: bytes):
    pytest.importorskip("pypdf")
    with pytest.raises(InputError, match=r"а\.pdf: (cannot be read as PDF|its 0 pages hold no text)"):
        read(write("а.pdf", content))


def test_lines_of_a_page_become_paragraphs():
    lines = [
        "Озеро занимает разлом земной коры, который до сих пор",
        "понемногу раздвигается. Самое глубокое место лежит на",
        "Севере.",
        "Реки несут воду в Байкал сотнями, и крупнейшая среди",
        "них Селенга:",
        "- первая;",
        "- вторая.",
        "",
        "Глава 2",
        "",
        "Начало.",
    ]
    assert join_pages([lines]).split("\n\n") == [
        "Озеро занимает разлом земной коры, который до сих пор понемногу раздвигается. "
        "Самое глубокое место лежит на Севере.",
        "Реки несут воду в Байкал сотнями, и крупнейшая среди них Селенга:",
        "- первая;",
        "- вторая.",
        "Глава 2",
        "Начало.",
    ]


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        ("глубокое озе-", "ро Байкал", "глубокое озеро Байкал"),
        ("где-", "то далеко", "где-то далеко"),
        ("the manage-", "ment", "the management"),
        ("северо-", "запад", "северо-запад"),
        ("глубокое озе\u00ad", "ро", "глубокое озеро"),
        ("Ростов-", "на-Дону", "Ростов-на-Дону"),
    ],
)
def test_words_broken_at_the_end_of_a_line(one: str, other: str, joined: str):
    assert join_pages([[one, other]]) == joined


def test_a_sentence_goes_on_over_the_page():
    assert join_pages([["Байкал лежит почти в"], ["центре Азии."]]) == "Байкал лежит почти в центре Азии."
    assert join_pages([["Байкал лежит в Азии."], ["Он глубок."]]) == "Байкал лежит в Азии.\n\nОн глубок."


def test_page_numbers_and_running_titles_are_left_out():
    pages = [["Отчёт за 2024 год", f"Страница о деле {word}.", f"— {n} —"] for n, word in enumerate("абвг", start=7)]
    assert join_pages(pages).split("\n\n") == [f"Страница о деле {word}." for word in "абвг"]


def test_a_line_on_two_pages_is_no_running_title():
    assert join_pages([["Итог", "а."], ["Итог", "б."]]).count("Итог") == 2


@given(st.lists(st.lists(st.text("абв -\u00ad.:1", max_size=12).map(str.strip), max_size=6), max_size=4))
def test_joining_loses_no_letters(pages: list[list[str]]):
    letters = [char for page in pages for line in page for char in line if char in "абв"]
    joined = [char for char in join_pages(pages) if char in "абв"]
    # Lines at the edges of pages may be running titles; without three pages there are none.
    if len(pages) < 3:
        assert joined == letters
