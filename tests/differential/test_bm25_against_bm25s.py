"""Scores of our BM25 equal those of bm25s, for every method.

bm25s computes all weights while indexing, we when a term is asked for; formulas are the same, so scores are equal but
for the rounding of 32-bit weights. They differ on purpose in two places. For ``bm25l`` and ``bm25+`` bm25s gives every
document the weight of the absent terms, we leave out documents without any term of the question. And it sums a term
as often as the question holds it, where we multiply.
"""

from __future__ import annotations

from typing import Any

import bm25s
import numpy as np
import pytest
from langchain_core.documents import Document

from retrievers.analysis import Analyzer
from retrievers.bm25 import BM25Index, BM25Method, BM25Options
from retrievers.documents import search_text

LIFTED = (BM25Method.BM25L, BM25Method.BM25PLUS)
ROUNDING = 1e-6  # relative

Lists = list[list[str]]


@pytest.fixture(scope="module")
def terms(demo_chunks: list[Document]) -> Lists:
    analyzer = Analyzer()
    return [analyzer(search_text(chunk)) for chunk in demo_chunks]


@pytest.fixture(scope="module")
def questions(demo_questions: list[dict[str, Any]]) -> Lists:
    analyzer = Analyzer()
    return [analyzer(row["question"]) for row in demo_questions]


@pytest.mark.parametrize("method", list(BM25Method))
@pytest.mark.parametrize(("k1", "b", "delta"), [(1.2, 0.5, 0.5), (2.0, 0.75, 1.0), (0.5, 1.0, 0.0), (1.5, 0.0, 0.5)])
def test_scores_of_every_method(
    terms: Lists, questions: Lists, method: BM25Method, k1: float, b: float, delta: float
) -> None:
    ours = BM25Index.build(terms, BM25Options(method=method, k1=k1, b=b, delta=delta))
    theirs = bm25s.BM25(method=method.value, k1=k1, b=b, delta=delta)
    theirs.index(terms, show_progress=False)
    asked = 0
    for question in questions[:: len(questions) // 40]:
        known = [term for term in question if term in theirs.vocab_dict]
        if not known:
            continue
        asked += 1
        expected, scores = theirs.get_scores(known), ours.scores(question)
        if method in LIFTED:
            expected[[set(known).isdisjoint(row) for row in terms]] = 0.0
        np.testing.assert_allclose(scores, expected, rtol=ROUNDING, atol=1e-6)
        rows, best = ours.top(question, 10)
        np.testing.assert_array_equal(best, scores[rows])
        np.testing.assert_allclose(best, np.sort(expected)[::-1][: len(best)], rtol=ROUNDING)
    assert asked > 20


def test_the_default_scores_are_theirs_bit_for_bit(terms: Lists, questions: Lists) -> None:
    ours, theirs = BM25Index.build(terms), bm25s.BM25(method="lucene", k1=1.2, b=0.5)
    theirs.index(terms, show_progress=False)
    for question in questions[::10]:
        known = [term for term in dict.fromkeys(question) if term in theirs.vocab_dict]
        if known:
            np.testing.assert_array_equal(theirs.get_scores(known), ours.scores(known))
