"""Rankings of our BM25 equal those of rank-bm25, where both compute the same formula.

How they are matched:

* ``robertson`` here and ``BM25Okapi(epsilon=0)`` there. Both take idf = ln((N - n + .5) / (n + .5)) with negative
  values raised to zero: ours always, rank-bm25 to ``epsilon`` times the mean idf, which is zero for epsilon = 0.
  rank-bm25 multiplies the saturated frequency by k1 + 1, the original formula does not; the constant changes scores
  but no ranking, so our scores times k1 + 1 are compared.
* rank-bm25's usual epsilon of .25 differs from that for terms of more than half of the documents alone. So on questions
  without such a term both epsilons give our ranking; a test makes sure that there are many.
* ``bm25+`` here and ``BM25Plus`` there: idf = ln((N + 1) / n), the same delta. rank-bm25 gives delta's share to
  documents without the term as well; we leave out documents without any term of the question.

rank-bm25 sums in 64 bits, we in 32, so documents whose scores differ by less than a rounding
error may change places: rankings are compared as lists of scores and, where scores differ by more, as documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from numpy.typing import NDArray
from rank_bm25 import BM25Okapi, BM25Plus

from retrievers.analysis import Analyzer
from retrievers.bm25 import BM25Index, BM25Method, BM25Options
from retrievers.documents import search_text

DEPTH = 20
ROUNDING = 1e-5  # relative; 32-bit weights, summed


def assert_same_ranking(index: BM25Index, terms: Sequence[str], expected: NDArray[np.float64], factor: float) -> None:
    """Top of ``index`` equals the descending order of ``expected`` scores, equal scores in any order."""
    rows, scores = index.top(terms, DEPTH)
    reference = np.lexsort((np.arange(len(expected)), -expected))[: len(rows)]
    tolerance = ROUNDING * max(float(expected.max()), 1.0)
    np.testing.assert_allclose(scores * factor, expected[rows], atol=tolerance)  # same score of each found document
    np.testing.assert_allclose(expected[rows], expected[reference], atol=tolerance)  # same ranking up to rounding
    apart = -np.diff(np.concatenate([[np.inf], expected[reference], [-np.inf]])) > 2 * tolerance
    apart[-1] = False  # the last one may tie with what follows
    alone = apart[:-1] & apart[1:]
    assert rows[alone].tolist() == reference[alone].tolist()


class Corpus:
    """Term lists and questions."""

    def __init__(self, terms: list[list[str]], questions: list[list[str]]) -> None:
        self.terms = terms
        self.questions = questions

    def matched(self, question: Sequence[str]) -> NDArray[np.bool_]:
        return np.array([not set(question).isdisjoint(row) for row in self.terms])


@pytest.fixture(scope="module")
def wikipedia(wiki_terms: list[list[str]], wiki_questions: list[dict[str, Any]]) -> Corpus:
    return Corpus(wiki_terms, [Analyzer()(row["question"]) for row in wiki_questions[:60]])


@pytest.fixture(scope="module")
def demo(demo_chunks: list[Document]) -> Corpus:
    analyzer = Analyzer()
    titles = dict.fromkeys(str(chunk.metadata["title"]) for chunk in demo_chunks)
    questions = [analyzer(f"Чем известен {title} и где это находится?") for title in titles]
    return Corpus([analyzer(search_text(chunk)) for chunk in demo_chunks], questions)


@pytest.fixture(params=["demo", "wikipedia"])
def corpus(request: pytest.FixtureRequest) -> Corpus:
    found: Corpus = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.9, 0.4)])
def test_robertson_ranks_as_okapi_without_floor(corpus: Corpus, k1: float, b: float) -> None:
    index = BM25Index.build(corpus.terms, BM25Options(method=BM25Method.ROBERTSON, k1=k1, b=b))
    okapi = BM25Okapi(corpus.terms, k1=k1, b=b, epsilon=0)
    for question in corpus.questions:
        assert_same_ranking(index, question, okapi.get_scores(question), k1 + 1)


def test_robertson_ranks_as_okapi_of_usual_epsilon_where_no_term_is_in_half_of_the_chunks(corpus: Corpus) -> None:
    options = BM25Options(method=BM25Method.ROBERTSON, k1=1.5, b=0.75)
    index = BM25Index.build(corpus.terms, options)
    okapi = BM25Okapi(corpus.terms)
    rare = [
        question
        for question in corpus.questions
        if all(2 * index.document_frequency(term) < len(index) for term in question)
    ]
    assert len(rare) > len(corpus.questions) / 2
    for question in rare:
        assert_same_ranking(index, question, okapi.get_scores(question), options.k1 + 1)


def test_a_floored_term_is_where_the_two_differ() -> None:
    terms = [["река", "волга"], ["река", "ока"], ["река", "кама"], ["озеро"]]
    index = BM25Index.build(terms, BM25Options(method=BM25Method.ROBERTSON))
    assert index.top(["река"], 4)[0].tolist() == []  # in three of four: idf is zero
    assert BM25Okapi(terms, epsilon=0).get_scores(["река"]).tolist() == [0, 0, 0, 0]
    assert (BM25Okapi(terms, epsilon=0.25).get_scores(["река"])[:3] > 0).all()


def test_bm25plus_ranks_as_bm25plus(corpus: Corpus) -> None:
    index = BM25Index.build(corpus.terms, BM25Options(method=BM25Method.BM25PLUS, k1=1.5, b=0.75, delta=1.0))
    plus = BM25Plus(corpus.terms, k1=1.5, b=0.75, delta=1)
    for question in corpus.questions[:30]:
        expected = plus.get_scores(question)
        expected[~corpus.matched(question)] = 0.0
        assert_same_ranking(index, question, expected, 1.0)
