"""Inputs that fuzzing found, each with what it broke; the long ones took minutes to hours before they were mended."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from evals.answers import token_f1
from evals.datasets.reading import parse_line
from evals.datasets.reading import read_json as read_packed_json
from evals.files import read_json
from evals.normalization import _lemma_form, comparable, join_number_words, russian_words
from evals.rewards.completions import is_plain_answer
from evals.rewards.weights import load_weights
from generators.evidence import closest_sentence
from generators.query_replies import parse_passage
from generators.transcript import Transcript, without_thoughts
from rag.abstention import load_calibration
from rag.agent.plan import read_plan
from rag.ask.arguments import metadata_filter
from rag.citations import sentence_around
from rag.documents.chunking import ChunkingOptions, chunk_document
from rag.documents.readers import read_sources
from rag.documents.readers.pdf import join_pages
from rag.documents.rows import SourceDocument
from rag.profile import load_profile
from retrievers.errors import InputError
from retrievers.expansion.synonyms import parse_synonyms
from retrievers.filters import validate
from retrievers.language import is_russian
from retrievers.stores.urls import StoreURL
from retrievers.toml import MOST_PARTS, parse_toml
from tests.fixtures import hostile_files

LONG_NUMBER = "9" * 5_000  # Python turns no number of more than 4,300 digits into text or back
DEEP = "[" * 100_000


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# Errors that nobody foresaw.


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode", "unicode_escape", "utf-7"])
def test_a_page_in_an_encoding_that_pages_do_not_come_in(tmp_path, charset):
    """UnicodeError without a place in «undefined» and «idna»; quadratic time in «punycode»."""
    pytest.importorskip("lxml", reason="lxml of the extra docs is not installed")
    pytest.importorskip("bs4", reason="beautifulsoup4 of the extra docs is not installed")
    page = f'<meta charset="{charset}"><p>Байкал</p>' * 3
    with pytest.raises(InputError, match="unknown encoding"):
        list(read_sources([written(tmp_path, "озеро.html", page)]))


def test_text_of_a_parquet_file_that_is_no_utf_8(tmp_path):
    """UnicodeDecodeError: pyarrow checks nothing when it reads."""
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow of the extra docs is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow of the extra docs is not installed")
    out = io.BytesIO()
    table = pyarrow.table({"doc_id": ["а"], "text": ["ПРИМЕТА" * 3]})
    parquet.write_table(table, out, compression="none", use_dictionary=False)
    broken = out.getvalue().replace("ПРИМЕТА".encode(), b"\xd0\xff" * 7)
    with pytest.raises(InputError, match="Parquet"):
        list(read_sources([written(tmp_path, "строки.parquet", broken)]))


@pytest.mark.parametrize("field", ["doc_id", "title", "year"])
def test_a_number_of_thousands_of_digits_in_front_matter(tmp_path, field):
    """ValueError: YAML reads 0xff… without a limit, and Python does not write it down."""
    path = written(tmp_path, "озеро.md", f"---\n{field}: 0x{'f' * 5_000}\n---\nБайкал.\n")
    with pytest.raises(InputError, match=f"{field}.*20,000 bits"):
        list(read_sources([path]))


@pytest.mark.parametrize(
    "content", [LONG_NUMBER, DEEP, f'{{"question": {LONG_NUMBER}}}'], ids=["digits", "brackets", "field"]
)
def test_json_of_endless_numbers_and_brackets(tmp_path, content):
    """ValueError and RecursionError, which are no JSONDecodeError."""
    path = written(tmp_path, "файл.json", content)
    for read in (read_plan, read_json, read_packed_json):
        with pytest.raises(InputError, match=r"файл\.json"):
            read(path)
    with pytest.raises(InputError, match="calibration"):
        load_calibration(str(path))
    with pytest.raises(InputError, match=r"файл\.json:3"):
        parse_line(path, 3, content.encode())


@pytest.mark.parametrize("name", ["\\ud800", "\\u0000"], ids=["surrogate", "nul"])
def test_half_a_surrogate_pair_in_the_name_of_a_field(tmp_path, name):
    """Values were looked at, names were not: UnicodeEncodeError when the document's digest was taken."""
    path = written(tmp_path, "строки.jsonl", f'{{"doc_id": "а", "text": "Озеро.", "год{name}": 1996}}')
    with pytest.raises(InputError, match="name"):
        list(read_sources([path]))


def test_quotes_of_settings_that_never_close():
    """The look for dotted keys followed each to the end of the text."""
    with pytest.raises(InputError, match="not TOML"):
        parse_toml('\\"' * 100_000, "x.toml")


def test_filters_of_endless_numbers_and_brackets():
    assert metadata_filter([f"year={LONG_NUMBER}"]) == {"year": LONG_NUMBER}
    assert metadata_filter([f"year={DEEP}"]) == {"year": DEEP}
    for broken in (f'{{"year": {LONG_NUMBER}}}', f'{{"year": {DEEP}'):
        with pytest.raises(InputError, match="--filter"):
            metadata_filter([broken])


@pytest.mark.parametrize(
    "content",
    [f"x = {LONG_NUMBER}", f"x = {DEEP}", "x = '\0", f"{LONG_NUMBER}-01-01"],
    ids=["digits", "brackets", "text", "date"],
)
def test_settings_of_endless_numbers_and_brackets(tmp_path, content):
    """ValueError and RecursionError, which are no TOMLDecodeError."""
    with pytest.raises(InputError, match=r"not TOML|expected"):
        parse_synonyms(content, "синонимы.toml")
    with pytest.raises(InputError, match=r"веса\.toml"):
        load_weights(written(tmp_path, "веса.toml", content))


def test_a_dotted_key_without_end():
    """tomllib took six gigabytes for 200 kilobytes of these."""
    with pytest.raises(InputError, match="line 2: a dotted key"):
        parse_toml("[a]\n" + "a." * 100_000 + "a = 1", "x.toml")
    parts = ".".join(["a"] * MOST_PARTS)
    assert parse_toml(f"{parts} = '{'слово. ' * 100}'", "x.toml")


def test_a_value_without_end_in_an_option_that_there_is_not():
    """RecursionError while the message was written."""
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    with pytest.raises(InputError, match=r"option retrieval\.a"):
        load_profile("offline", {"retrieval": {"a": deep}})


def test_thousands_of_digits_before_thousands():
    """ValueError."""
    assert join_number_words([LONG_NUMBER, "тысяча"]) == [LONG_NUMBER, "1000"]
    assert russian_words(f"{LONG_NUMBER} тысяч")[0] == LONG_NUMBER


def test_letters_that_only_look_alike_make_no_thought():
    """«ſ» is «s» to a pattern that minds no case, and there was no end to look for."""
    assert without_thoughts("<reaſoning>Да") == "<reaſoning>Да"


def test_filters_in_filters_without_end():
    """RecursionError, where Python reads JSON that deep."""
    where: dict[str, object] = {"year": 1996}
    for _ in range(5_000):
        where = {"$and": [where, {"topic": "спорт"}]}
    with pytest.raises(InputError, match="nested more than 50"):
        validate(where)


def test_letters_that_grow_in_lower_case_inside_thoughts():
    """The end of a thought was looked for in a lower-case copy, which «İ» makes longer: letters after it were lost."""
    assert without_thoughts("<think>" + "İ" * 9 + "</think>Глубина 1642 м") == "Глубина 1642 м"


@pytest.mark.parametrize(
    "text",
    [
        "chroma+http://имя:тайна@host\t",
        "milvus+http://a:тайна@h@h:99999",
        "milvus:имя:тайна@host",
        "chromе+http://:тайна/@h",
    ],
)
def test_a_password_in_the_url_of_a_store(text):
    """It stood in the message, where the rest of the URL was wrong too."""
    with pytest.raises(InputError) as raised:
        StoreURL.parse(text)
    assert "тайна" not in str(raised.value)


# Time or memory that grew faster than the input.


def test_many_paragraphs():
    """The rest of a section was copied for each of them."""
    chunks = chunk_document(SourceDocument("д", "", "а\n\n" * 20_000))
    assert sum(chunk.page_content.count("а") for chunk in chunks) == 20_000


def test_marks_without_letters():
    """The text was cut after every one of them, at the cost of looking at a whole chunk each time."""
    chunks = chunk_document(SourceDocument("д", "", "а" + "\u0301" * 200_000), ChunkingOptions(size=600))
    assert all(len(chunk.page_content) > 500 for chunk in chunks[:-1])
    letters = chunk_document(SourceDocument("д", "", "а\u0301" * 2_000), ChunkingOptions(size=600, limit=601))
    assert all(chunk.page_content.startswith("а") for chunk in letters)


def test_many_columns(tmp_path):
    """Every column was counted in all of them."""
    path = written(tmp_path, "таблица.csv", "doc_id,text" + ",а" * 200_000 + "\n")
    with pytest.raises(InputError, match="a name of its own"):
        list(read_sources([path]))


def test_many_paragraphs_in_word(tmp_path):
    """The style of each was searched for among all styles, five times: 830 empty ones took 7 s."""
    pytest.importorskip("docx", reason="python-docx of the extra docs is not installed")
    data = hostile_files.docx(hostile_files.word_xml("<w:p/>" * 20_000 + hostile_files.PARAGRAPH))
    (source,) = read_sources([written(tmp_path, "озеро.docx", data)])
    assert source.text == "Площадь Ладожского озера — 17 870 км²."


@pytest.mark.parametrize("level", ["²", "9" * 5_000, "-1", "x"], ids=["power", "digits", "negative", "letter"])
def test_levels_of_word_that_are_no_numbers(tmp_path, level):
    """«²» is a digit and no number to Python: the whole file was refused."""
    pytest.importorskip("docx", reason="python-docx of the extra docs is not installed")
    properties = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr><w:outlineLvl w:val="{level}"/>'
    body = f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>Пункт</w:t></w:r></w:p>"
    path = written(tmp_path, "озеро.docx", hostile_files.docx(hostile_files.word_xml(body)))
    assert [source.text for source in read_sources([path])] == ["- Пункт"]


def test_lines_of_a_page_without_an_end():
    """The paragraph was copied, and its last word looked for, for each of them."""
    assert join_pages([["слово"] * 60_000]).count("слово") == 60_000
    assert len(join_pages([["б" * 300_000 + "-", "в"]])) == 300_002
    assert join_pages([["про\u00ad", "дол\u00ad", "жение"]]) == "продолжение"


def test_long_answers_are_not_kept():
    """65,536 of them were, whatever their length: 200 of a hundred kilobytes took 400 MB."""
    before = _lemma_form.cache_info().currsize
    for number in range(20):
        comparable(f"{number} " * 1_000, language="ru", lemmatize=True)
    assert _lemma_form.cache_info().currsize == before
    comparable("тысяча сто одиннадцать озёр", language="ru", lemmatize=True)
    assert _lemma_form.cache_info().currsize == before + 1


def test_quotes_that_never_close():
    """Each was followed to the end of the text."""
    for mark in '«„“"':
        assert not comparable(mark * 100_001, language="ru").words
        assert not is_russian(mark * 100_001)


def test_white_space_without_end_in_an_answer():
    """Looked through from each of its places."""
    assert russian_words("50" + " " * 300_000 + "рублей") == ["50", "рублей"]
    assert russian_words("862 год" + " " * 300_000 + "300") == ["862", "300"]


def test_answers_of_many_words():
    """Every word of one was looked for in all of the other."""
    words = " ".join(map(str, range(10_000)))
    assert token_f1(words, [words + " ещё"]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("unit", ["<", "<think></think>", " ", "\n", "[", "<think>", "Ответ: "])
def test_replies_of_one_piece_over_and_over(unit):
    """What was held back was copied for every letter."""
    transcript = Transcript()
    said = "".join([transcript.feed("Да " + unit * 50_000 + "нет"), transcript.close()])
    assert said == transcript.text
    assert said.startswith("Да")
    spaced = Transcript()
    spaced.feed("Ответ:" + unit.strip("<think>/[") * 20_000 + "да")
    spaced.close()
    assert spaced.text.endswith("да")


def test_space_after_a_tag_in_an_answer():
    assert is_plain_answer("Байкал" + "\n" * 300_000)
    assert is_plain_answer("5 <" + " " * 300_000 + "6")


def test_line_breaks_of_a_reply():
    assert parse_passage("\n" * 300_000 + "Озеро глубокое.") == ""  # beyond what is read of a reply
    assert parse_passage("\n" * 15_000 + "Озеро глубокое.") == "Озеро глубокое."


def test_brackets_without_sentences():
    """razdel grows a sentence by copying it; the loop of :mod:`retrievers.sentences` does not."""
    text = ") " * 30_000 + "Байкал."
    assert sentence_around(text, len(text) - 7, len(text))[1] == len(text)
    assert closest_sentence("Байкал", text) is not None
