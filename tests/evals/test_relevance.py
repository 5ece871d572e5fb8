from __future__ import annotations

import pytest
from langchain_core.documents import Document

from evals.dataset import Question
from evals.relevance import find_relevant

TEXTS = {"baikal": ["Байкал лежит в Сибири.", "Его глубина 1642 метра."], "volga": ["Глубина Волги 18 метров."]}


def chunks_of(doc_id: str) -> list[Document]:
    return [
        Document(id=f"{doc_id}_{n}", page_content=text, metadata={"doc_id": doc_id})
        for n, text in enumerate(TEXTS[doc_id])
    ]


def question(**gold: object) -> Question:
    return Question(qid="q", question="Какова глубина?", gold_doc_ids=("baikal",), **gold)


def test_named_chunks_go_before_the_paragraph_and_that_before_the_answer() -> None:
    by_answer = question(answers=("1642 метра",))
    assert find_relevant(by_answer, chunks_of) == {"baikal_1"}
    by_paragraph = by_answer.model_copy(update={"paragraph": "Байкал лежит в Сибири."})
    assert find_relevant(by_paragraph, chunks_of) == {"baikal_0"}
    named = by_paragraph.model_copy(update={"gold_chunk_ids": ("baikal_7",)})
    assert find_relevant(named, chunks_of) == {"baikal_7"}


def test_no_chunk_is_read_where_nothing_could_be_looked_for_in_it() -> None:
    assert find_relevant(question(), lambda doc_id: pytest.fail(f"{doc_id} was read")) == set()
