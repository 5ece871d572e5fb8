"""Published figures on real data: XQuAD-ru paragraphs by BM25 over lemmas (RusBEIR: .962 for all its questions)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from langchain_core.documents import Document

from evals.dataset import read_questions
from evals.metrics import ndcg_at_k, rank_documents
from retrievers.analysis import Analyzer, TermForm
from retrievers.bm25 import BM25Retriever


@pytest.fixture(scope="module")
def paragraphs(shared_data: Path) -> list[Document]:
    rows = map(json.loads, (shared_data / "xquad" / "paragraphs.jsonl").read_text("utf-8").splitlines())
    return [
        Document(id=row["doc_id"], page_content=row["text"], metadata={"doc_id": row["doc_id"], "title": row["title"]})
        for row in rows
    ]


# Lemmas alone stay .001 below .955 on these questions, less than one question of 538; stems beside them reach it.
@pytest.mark.parametrize(("form", "reached"), [(TermForm.LEMMA, 0.953), (TermForm.LEMMA_AND_STEM, 0.955)])
def test_xquad_paragraphs(form, reached, paragraphs, shared_data) -> None:
    questions = read_questions(shared_data / "xquad" / "xquad_dev.jsonl")
    retriever = BM25Retriever.from_documents(paragraphs, analyzer=Analyzer(form=form), k=10)
    values = [
        ndcg_at_k(rank_documents(retriever.invoke(question.question)), question.gold_doc_ids, 10)
        for question in questions
    ]
    assert sum(values) / len(values) >= reached
