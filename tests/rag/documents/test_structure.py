from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.structure import BlockKind, sections

# fmt: off
LINES = st.sampled_from([
    "# Озеро", "## Лёд", "### Весной ###", "== Реки ==", "=== Ангара ===", "```", "```python", "~~~", "# не заголовок",
    "", "  ", "Текст абзаца.", "- пункт", "  продолжение", "1. первый", "| а | б |", "|---|---|", "а | б", "=", "==",
    "#хештег", "======", "= =", "слово " * 15 + "конец", "\t", "\r", "«Цитата»",
])
# fmt: on
TEXTS = st.lists(LINES, max_size=25).map("\n".join) | st.text(alphabet="#=`~|- \n\rа1.", max_size=60)


def headings(text: str) -> list[tuple[str, ...]]:
    return [section.headings for section in sections(text)]


def bodies(text: str) -> list[list[str]]:
    return [[text[block.start : block.end] for block in section.blocks] for section in sections(text)]


def kinds(text: str) -> list[BlockKind]:
    return [block.kind for section in sections(text) for block in section.blocks]


def test_markdown_headings_make_a_path():
    text = "Вступление.\n\n# Байкал\n\n## Лёд\nТолстый.\n### Весной\nТает.\n## Рыбы\nОмуль."
    assert headings(text) == [
        (),
        ("Байкал",),
        ("Байкал", "Лёд"),
        ("Байкал", "Лёд", "Весной"),
        ("Байкал", "Рыбы"),
    ]
    assert bodies(text) == [["Вступление."], [], ["Толстый."], ["Тает."], ["Омуль."]]


def test_wikipedia_headings_make_a_path():
    text = "Озеро.\n\n== История ==\nДавно.\n\n=== XX век ===\nНедавно.\n== Природа==\nЛес."
    assert headings(text) == [(), ("История",), ("История", "XX век"), ("Природа",)]


def test_a_skipped_level_keeps_the_path_right():
    assert headings("#### Глубоко\nа\n## Выше\nб") == [("Глубоко",), ("Выше",)]


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("## Лёд ##", "Лёд"),
        ("## Язык C#", "Язык C#"),
        ("   # С отступом", "С отступом"),
        ("==  Реки  ==", "Реки"),
        ("== a = b ==", "a = b"),
    ],
)
def test_heading_titles(line: str, title: str):
    assert headings(line) == [(title,)]


@pytest.mark.parametrize(
    "line", ["#хештег", "####### семь", "    # код", "# ", "## ##", "=====", "== А =", "= А ==", "x == y == z", "==="]
)
def test_lines_that_are_no_headings(line: str):
    assert headings(line) == [()]
    assert bodies(line) == [[line.strip()]]


def test_headings_in_fenced_code_are_code():
    text = "# Скрипт\n\n```bash\n# комментарий\n== не раздел ==\n\nmake\n```\n\n## Далее\nТекст."
    assert headings(text) == [("Скрипт",), ("Скрипт", "Далее")]
    assert bodies(text)[0] == ["```bash\n# комментарий\n== не раздел ==\n\nmake\n```"]
    assert kinds(text) == [BlockKind.CODE, BlockKind.PARAGRAPH]


def test_a_fence_closes_with_its_own_kind_only():
    text = "~~~~\n```\n~~~\n# внутри\n~~~~\n# Снаружи\nТекст."
    assert headings(text) == [(), ("Снаружи",)]


def test_a_fence_that_is_never_closed_hides_no_heading():
    assert headings("Текст.\n```\n# Раздел\nЕщё.") == [(), ("Раздел",)]


def test_many_unclosed_fences_take_linear_time():
    assert len(sections("```python\n" * 50_000)) == 1


def test_list_items_with_their_continuation_are_parts_of_one_block():
    text = "Ветры:\n- баргузин дует\n  с северо-востока;\n- култук.\n\nДальше."
    (section,) = sections(text)
    paragraph, listing, last = section.blocks
    assert [text[start:end] for start, end in listing.parts] == ["- баргузин дует\n  с северо-востока;", "- култук."]
    assert (paragraph.kind, listing.kind, last.kind) == (BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.PARAGRAPH)
    assert (paragraph.after_blank, listing.after_blank, last.after_blank) == (True, False, True)


def test_items_apart_by_blank_lines_are_one_list():
    assert bodies("1. Первый.\n\n2. Второй.\n\nАбзац.") == [["1. Первый.\n\n2. Второй.", "Абзац."]]


def test_a_year_at_the_start_of_a_line_is_no_list_number():
    assert kinds("1961. Полёт Гагарина.\n1965. Выход Леонова.") == [BlockKind.PARAGRAPH, BlockKind.PARAGRAPH]


@pytest.mark.parametrize(
    "table", ["| Река | Длина |\n| --- | --- |\n| Лена | 4294 |", "Река | Длина\n--- | ---\nЛена | 4294"]
)
def test_table_rows_are_parts_of_one_block(table: str):
    text = f"Вот реки.\n\n{table}\n\nВсё."
    (section,) = sections(text)
    assert [block.kind for block in section.blocks] == [BlockKind.PARAGRAPH, BlockKind.TABLE, BlockKind.PARAGRAPH]
    assert len(section.blocks[1].parts) == 3
    assert text[section.blocks[1].start : section.blocks[1].end] == table


def test_every_unwrapped_line_is_a_paragraph():
    text = "Первый абзац.\nВторой абзац.\nТретий."
    assert bodies(text) == [["Первый абзац.", "Второй абзац.", "Третий."]]


def test_lines_wrapped_at_a_width_are_one_paragraph():
    text = (
        "Байкал лежит почти в центре Азии, на границе Иркутской области\n"
        "и Бурятии. На карте он похож на узкий полумесяц: озеро вытянуто\n"
        "с юго-запада на северо-восток.\n"
        "Самое глубокое место лежит в 1642 м от поверхности, на востоке."
    )
    first, second = bodies(text)[0]
    assert first.endswith("на северо-восток.")
    assert second.startswith("Самое глубокое")


def test_windows_line_ends():
    text = "# Лёд\r\n\r\nТолстый.\r\n"
    assert headings(text) == [("Лёд",)]
    assert bodies(text) == [["Толстый."]]


def test_empty_text_has_no_sections():
    assert sections("") == []


@given(TEXTS)
def test_blocks_and_heading_lines_are_the_whole_text(text: str):
    """Blocks follow each other, are trimmed, and what lies between them is blank or a heading line."""
    at = 0
    rest = []
    for section in sections(text):
        for block in section.blocks:
            assert at <= block.start < block.end <= len(text)
            body = text[block.start : block.end]
            assert body == body.strip()
            assert block.parts[0][0] == block.start
            assert block.parts[-1][1] == block.end
            assert all(start < end for start, end in block.parts)
            assert all(one[1] <= other[0] for one, other in zip(block.parts, block.parts[1:], strict=False))
            rest.append(text[at : block.start])
            at = block.end
    rest.append(text[at:])
    for gap in rest:
        assert all(line.lstrip()[:1] in {"", "#", "="} for line in gap.split("\n"))
