from __future__ import annotations

import pytest

from evals.citations import citation_metrics, gold_document_share, quote_found_share
from rag.answer import Citation

TEXTS = {
    "baikal_0": "Байка\u0301л — озеро в Сибири. Наибольшая глубина — 1642\u00a0м.\nВода прозрачна.",
    "volga_3": "Волга впадает в Каспийское море.",
}


def citation(chunk_id: str, quote: str) -> Citation:
    return Citation(
        chunk_id=chunk_id,
        doc_id=chunk_id.rsplit("_", 1)[0],
        title="",
        quote=quote,
        start=0,
        end=len(quote),
        answer_start=0,
        answer_end=0,
        score=1.0,
    )


@pytest.mark.parametrize(
    "quote",
    [
        "Наибольшая глубина — 1642\u00a0м.",
        "Наибольшая глубина — 1642 м.",
        "Байкал — озеро",
        "1642 м. Вода прозрачна.",
        " озеро в Си\u00adбири ",
    ],
)
def test_a_quote_stands_in_its_chunk(quote: str) -> None:
    assert quote_found_share([citation("baikal_0", quote)], TEXTS) == 1.0


@pytest.mark.parametrize(
    ("chunk_id", "quote"),
    [
        ("volga_3", "Байкал — озеро"),  # another chunk's words
        ("lena_0", "Волга впадает"),  # no such chunk was read
        ("volga_3", "волга впадает"),  # a quote keeps its case
        ("volga_3", "Волга впала в Каспийское море"),
        ("volga_3", ""),
        ("volga_3", "\u00ad \n"),
    ],
)
def test_a_quote_that_does_not(chunk_id: str, quote: str) -> None:
    assert quote_found_share([citation(chunk_id, quote)], TEXTS) == 0.0


def test_shares_are_over_an_answers_citations() -> None:
    citations = [
        citation("baikal_0", "озеро в Сибири"),
        citation("volga_3", "Волга впадает"),
        citation("volga_3", "нет такого"),
    ]
    assert quote_found_share(citations, TEXTS) == pytest.approx(2 / 3)
    assert gold_document_share(citations, {"baikal"}) == pytest.approx(1 / 3)
    assert citation_metrics(citations, TEXTS, ["volga"]) == pytest.approx(
        {"citation_in_chunk": 2 / 3, "citation_gold": 2 / 3}
    )


def test_an_answer_without_citations_supports_nothing() -> None:
    assert citation_metrics([], TEXTS, {"baikal"}) == {"citation_in_chunk": 0.0, "citation_gold": 0.0}


def test_without_gold_documents_there_is_no_gold_share() -> None:
    assert citation_metrics([citation("volga_3", "Волга")], TEXTS, ()) == {"citation_in_chunk": 1.0}
    with pytest.raises(ValueError, match="without gold documents"):
        gold_document_share([], ())
