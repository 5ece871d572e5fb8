from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from pydantic import ValidationError

from rag.documents.chunking import ChunkingOptions, Unit, chunk_document, cut_at_space, pack
from rag.documents.rows import SourceDocument
from rag.documents.semantic import SemanticOptions
from rag.documents.structure import sections
from retrievers.documents import split_chunk_id
from retrievers.errors import InputError
from retrievers.sentences import sentence_spans

SENTENCE = st.lists(
    st.sampled_from(["озеро", "Байкал", "глубже", "всех", "1642", "м", "ё́лка"]), min_size=1, max_size=12
).map(lambda words: " ".join(words).capitalize() + ".")
LINE = st.one_of(
    st.lists(SENTENCE, min_size=1, max_size=6).map(" ".join),
    st.sampled_from(["# Озеро", "## Лёд", "== Реки ==", "=== Ангара ===", "", "", "  ", "```", "Ветры:", "\r"]),
    SENTENCE.map("- {}".format),
    st.sampled_from(["| а | б |", "|---|---|", "а" * 90, "слово " * 40]),
    st.text(max_size=30),
)
TEXTS = st.lists(LINE, max_size=20).map("\n".join)
OPTIONS = st.builds(
    lambda size, extra, overlap: ChunkingOptions(size=size, limit=size + extra, overlap=min(overlap, size // 2)),
    st.integers(10, 200),
    st.integers(0, 100),
    st.sampled_from([0, 0, 20, 100]),
)


class LetterEmbeddings(Embeddings):
    """The vector of a text counts two of its words, so that tests can say what a sentence is about."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(text.lower().count("лёд")), float(text.lower().count("рыб"))] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def chunk(
    text: str, options: ChunkingOptions | None = None, title: str = "Байкал", **metadata: str | int
) -> list[Document]:
    return chunk_document(SourceDocument("lake_1", title, text, dict(metadata)), options)


def contents(text: str, size: int, limit: int | None = None, overlap: int = 0) -> list[str]:
    options = ChunkingOptions(size=size, limit=limit or size, overlap=overlap)
    return [document.page_content for document in chunk(text, options)]


def test_a_chunk_carries_identity_place_and_metadata():
    text = "# Байкал\n\nОзеро в Азии.\n\n## Лёд\n\nОн тает в мае."
    first, second = chunk(text, topic="география", year=1996)
    assert first.id == "lake_1_0"
    assert second.metadata == {
        "topic": "география",
        "year": 1996,
        "doc_id": "lake_1",
        "chunk_id": "lake_1_1",
        "chunk_index": 1,
        "title": "Байкал",
        "headings": "Лёд",
        "start": text.index("Он тает"),
        "end": len(text),
    }
    assert second.page_content == "Он тает в мае."
    assert split_chunk_id(str(second.id)) == ("lake_1", 1)


def test_heading_path_leaves_out_a_top_heading_that_repeats_the_title():
    text = "# Озеро Байкал\nа.\n## Лёд\nб.\n### Весной\nв."
    assert [c.metadata["headings"] for c in chunk(text, title="озеро байкал")] == ["", "Лёд", "Лёд > Весной"]
    assert [c.metadata["headings"] for c in chunk(text, title="Справочник")] == [
        "Озеро Байкал",
        "Озеро Байкал > Лёд",
        "Озеро Байкал > Лёд > Весной",
    ]


def test_short_paragraphs_of_a_section_are_packed_up_to_the_size():
    text = "Первый абзац.\n\nВторой абзац.\n\nТретий абзац."
    assert contents(text, size=30) == ["Первый абзац.\n\nВторой абзац.", "Третий абзац."]
    assert contents(text, size=100) == [text]


def test_a_paragraph_that_fits_is_not_divided_to_fill_the_chunk_before():
    text = "Коротко.\n\nПервое предложение. Второе предложение."
    assert contents(text, size=42) == ["Коротко.", "Первое предложение. Второе предложение."]


def test_a_paragraph_up_to_the_limit_stays_whole():
    text = "Первое предложение. Второе предложение."
    assert contents(text, size=25, limit=40) == [text]
    assert contents(text, size=25, limit=30) == ["Первое предложение.", "Второе предложение."]


def test_the_rest_of_a_long_paragraph_joins_the_next_one():
    text = "Раз два три. Четыре пять. Шесть.\n\nСемь."
    assert contents(text, size=25) == ["Раз два три. Четыре пять.", "Шесть.\n\nСемь."]


def test_a_chunk_never_crosses_a_heading():
    text = "Один.\n\n## Два\nТри.\n== Четыре ==\nПять."
    assert contents(text, size=600) == ["Один.", "Три.", "Пять."]


def test_an_abbreviation_is_not_cut_from_its_sentence():
    text = "Озеро занимает 31 тыс. кв. км. А. С. Пушкин на Байкале не бывал."
    assert contents(text, size=40) == ["Озеро занимает 31 тыс. кв. км.", "А. С. Пушкин на Байкале не бывал."]


def test_only_a_sentence_over_the_limit_is_cut_and_then_at_white_space():
    text = "Очень длинное предложение без единого знака внутри. Коротко."
    assert contents(text, size=20) == ["Очень длинное", "предложение без", "единого знака", "внутри. Коротко."]


def test_a_word_over_the_limit_is_cut_between_letters_not_before_a_stress_mark():
    text = "абвгдежзи\u0301клм"
    assert [text[start:end] for start, end in cut_at_space(text, 0, len(text), 9)] == ["абвгдежз", "и\u0301клм"]


def test_lists_and_tables_stay_whole_when_they_fit():
    listing = "- баргузин;\n- култук;\n- сарма."
    table = "| Река | Длина |\n|---|---|\n| Лена | 4294 |"
    assert contents(f"Абзац из слов.\n\n{listing}\n\nЕщё абзац.", size=35) == ["Абзац из слов.", listing, "Ещё абзац."]
    assert contents(f"Абзац из слов.\n\n{table}\n\nЕщё абзац.", size=45) == ["Абзац из слов.", table, "Ещё абзац."]


def test_a_long_list_is_divided_between_items():
    assert contents("- Первый пункт.\n- Второй пункт.\n- Третий пункт.", size=35) == [
        "- Первый пункт.\n- Второй пункт.",
        "- Третий пункт.",
    ]


def test_an_announcing_paragraph_stays_with_its_list():
    text = "Озеро замерзает в январе.\n\nВетры носят имена:\n\n- баргузин;\n- култук."
    assert contents(text, size=50) == ["Озеро замерзает в январе.", "Ветры носят имена:\n\n- баргузин;\n- култук."]


def test_overlap_repeats_whole_sentences_within_a_section():
    text = "Один два. Три четыре. Пять шесть. Семь восемь.\n## Раздел\nДевять."
    chunks = chunk(text, ChunkingOptions(size=34, limit=40, overlap=12))
    assert [c.page_content for c in chunks] == [
        "Один два. Три четыре. Пять шесть.",
        "Пять шесть. Семь восемь.",
        "Девять.",
    ]


def test_a_document_of_headings_alone_is_still_found():
    assert contents("# Прейскурант\n## Услуги", size=600) == ["# Прейскурант\n## Услуги"]


@pytest.mark.parametrize("text", ["", " \n\t\u00a0"])
def test_a_blank_document_has_no_chunks(text: str):
    assert chunk(text) == []


def test_a_source_is_not_changed():
    source = SourceDocument("a", "А", "Текст.", {"topic": "б"})
    chunk_document(source)[0].metadata["topic"] = "другое"
    assert source.metadata == {"topic": "б"}


@pytest.mark.parametrize("bad", [{"size": 0}, {"size": 600, "limit": 500}, {"size": 100, "overlap": 60}, {"sise": 5}])
def test_inconsistent_options_are_refused(bad: dict[str, int]):
    with pytest.raises(ValidationError):
        ChunkingOptions(**bad)


def test_the_limit_follows_the_size():
    assert ChunkingOptions(size=400).longest == 600
    assert ChunkingOptions(size=400, limit=400).longest == 400


def units(*spans: tuple[int, int, float, int]) -> list[Unit]:
    return [Unit(*span) for span in spans]


def test_packing_prefers_the_cheap_boundary():
    sentences = units((0, 40, 0.0, 0), (41, 80, 0.5, 0), (82, 120, 0.0, 1))
    assert pack(sentences, 80, 80) == [(0, 2), (2, 3)]
    assert pack(units((0, 40, 0.0, 0), (41, 80, 0.0, 1), (82, 120, 0.5, 1)), 80, 80) == [(0, 1), (1, 3)]


def test_packing_takes_the_fewest_chunks():
    assert pack(units(*[(10 * n, 10 * n + 9, 0.1, n) for n in range(10)]), 39, 39) == [(0, 4), (4, 8), (8, 10)]


def test_packing_of_several_blocks_keeps_to_the_size_and_of_one_to_the_limit():
    assert pack(units((0, 50, 0.0, 0), (51, 100, 0.5, 0)), 60, 100) == [(0, 2)]
    assert pack(units((0, 50, 0.0, 0), (51, 100, 0.5, 1)), 60, 100) == [(0, 1), (1, 2)]


def test_packing_leaves_no_short_rest_where_it_can_be_helped():
    four = units((0, 30, 0.0, 0), (31, 60, 0.0, 1), (61, 90, 0.0, 2), (91, 100, 0.0, 3))
    assert pack(four, 90, 90) == [(0, 2), (2, 4)]


def test_packing_nothing():
    assert pack([], 10, 10) == []


def test_the_semantic_method_groups_sentences_by_meaning_within_sections():
    text = "Лёд прочен. Лёд прозрачен. Рыба вкусна. Рыбу ловят.\n\n## Раздел\n\nРыба ещё."
    options = ChunkingOptions(method="semantic", semantic=SemanticOptions(minimum=0, maximum=100))
    chunks = chunk_document(SourceDocument("a", "", text), options, embeddings=LetterEmbeddings())
    assert [c.page_content for c in chunks] == ["Лёд прочен. Лёд прозрачен.", "Рыба вкусна. Рыбу ловят.", "Рыба ещё."]
    assert chunks[2].metadata["headings"] == "Раздел"
    assert all(text[c.metadata["start"] : c.metadata["end"]] == c.page_content for c in chunks)


def test_the_semantic_method_needs_an_encoder():
    with pytest.raises(InputError, match="encoder"):
        chunk("Текст.", ChunkingOptions(method="semantic"))


def uncovered(text: str, chunks: list[Document]) -> list[str]:
    """Stretches between chunks, line by line, that are not blank."""
    covered = bytearray(len(text))
    for document in chunks:
        covered[document.metadata["start"] : document.metadata["end"]] = b"\1" * len(document.page_content)
    lines, at = [], 0
    for line in text.split("\n"):
        rest = "".join(char for offset, char in enumerate(line, start=at) if not covered[offset])
        if rest.strip():
            assert rest.strip() == line.strip()  # nothing but whole lines is left out
            lines.append(line)
        at += len(line) + 1
    return lines


@given(TEXTS, OPTIONS)
def test_chunks_are_exact_stretches_that_cover_all_but_headings(text: str, options: ChunkingOptions):
    chunks = chunk(text, options)
    blocks = [(block.start, block.end) for section in sections(text) for block in section.blocks]
    for index, document in enumerate(chunks):
        metadata = document.metadata
        assert text[metadata["start"] : metadata["end"]] == document.page_content
        assert document.page_content == document.page_content.strip() != ""
        assert metadata["chunk_index"] == index
        assert document.id == metadata["chunk_id"] == f"lake_1_{index}"
        assert len(document.page_content) <= options.longest
        # One block alone; a document of headings has no block, and its text is the chunk.
        if blocks and len(document.page_content) > options.size and not options.overlap:
            assert sum(metadata["start"] < end and start < metadata["end"] for start, end in blocks) == 1
    for one, other in itertools.pairwise(chunks):
        assert one.metadata["start"] < other.metadata["start"]
        assert one.metadata["end"] < other.metadata["end"]
        if not options.overlap:
            assert one.metadata["end"] <= other.metadata["start"]
    assert all(line.lstrip()[0] in "#=" for line in uncovered(text, chunks))


@given(TEXTS, OPTIONS)
def test_blocks_that_fit_are_whole_in_one_chunk(text: str, options: ChunkingOptions):
    spans = [(c.metadata["start"], c.metadata["end"]) for c in chunk(text, options)]
    for section in sections(text):
        for block in section.blocks:
            if block.end - block.start <= options.longest:
                assert any(start <= block.start and block.end <= end for start, end in spans)


@given(TEXTS, OPTIONS)
def test_sentences_that_fit_are_not_cut(text: str, options: ChunkingOptions):
    spans = [(c.metadata["start"], c.metadata["end"]) for c in chunk(text, options)]
    parts = [part for section in sections(text) for block in section.blocks for part in block.parts]
    for part in parts:
        for start, end in sentence_spans(text, *part):
            if end - start <= options.longest:
                assert any(first <= start and end <= last for first, last in spans)


@given(TEXTS, st.integers(0, 60), st.integers(60, 120))
def test_the_semantic_method_keeps_the_same_contract(text: str, minimum: int, maximum: int):
    options = ChunkingOptions(method="semantic", semantic=SemanticOptions(minimum=minimum, maximum=maximum))
    chunks = chunk_document(SourceDocument("a", "", text), options, embeddings=LetterEmbeddings())
    at = 0
    for document in chunks:
        assert document.metadata["start"] >= at
        at = document.metadata["end"]
        assert text[document.metadata["start"] : at] == document.page_content
        assert len(document.page_content) <= maximum
    assert all(line.lstrip()[0] in "#=" for line in uncovered(text, chunks))


def test_real_pages_keep_the_contract(shared_data: Path):
    with gzip.open(shared_data / "ruwiki" / "pages.jsonl.gz", "rt", encoding="utf-8") as file:
        pages = [json.loads(line) for line in itertools.islice(file, 40)]
    for page in pages:
        text = page["text"]
        chunks = chunk(text, title=page["title"])
        assert all(text[c.metadata["start"] : c.metadata["end"]] == c.page_content for c in chunks)
        assert max(len(c.page_content) for c in chunks) <= 900
        assert all(line.startswith("=") for line in uncovered(text, chunks))
