from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError

from retrievers.analysis import Analyzer
from retrievers.bm25 import BM25Index, BM25Retriever
from retrievers.coverage import (
    CoverageCompressor,
    CoverageGain,
    CoverageObjective,
    CoverageOptions,
    CoverageRetriever,
    aspect_membership,
    bridge_membership,
    choose_chunks,
    lazy_greedy,
    question_aspects,
    select_by_coverage,
)
from retrievers.errors import InputError

# The selection

EIGHTHS = st.integers(0, 8).map(lambda eighths: eighths / 8)  # sums of them are exact, so equal gains are equal


@st.composite
def objectives(draw: st.DrawFn, most: int = 7) -> CoverageObjective:
    candidates, aspects = draw(st.integers(1, most)), draw(st.integers(0, 4))
    row = st.lists(EIGHTHS, min_size=aspects, max_size=aspects)
    return CoverageObjective(
        np.array(draw(row), dtype=np.float64),
        np.array(draw(st.lists(row, min_size=candidates, max_size=candidates)), dtype=np.float64).reshape(
            candidates, aspects
        ),
        np.array(draw(st.lists(EIGHTHS, min_size=candidates, max_size=candidates)), dtype=np.float64),
        draw(st.sampled_from(CoverageGain)),
    )


def exhaustive_greedy(objective: CoverageObjective, k: int, epsilon: float, chosen: Sequence[int]) -> list[int]:
    """Greedy choice by the values of whole sets, every candidate tried in every step."""
    picked = list(dict.fromkeys(chosen))[:k]
    while len(picked) < min(k, len(objective)):
        gains = {
            row: objective.value([*picked, row]) - objective.value(picked)
            for row in range(len(objective))
            if row not in picked
        }
        best = min(gains, key=lambda row: (-gains[row], row))
        if gains[best] < epsilon:
            break
        picked.append(best)
    return picked


@given(objectives(), st.integers(1, 8), EIGHTHS, st.data())
def test_lazy_equals_exhaustive_greedy(
    objective: CoverageObjective, k: int, epsilon: float, data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(objective) - 1), max_size=2))
    found = select_by_coverage(
        objective.weights,
        objective.membership,
        objective.relevance,
        k=k,
        gain=objective.gain,
        epsilon=epsilon,
        chosen=chosen,
    )
    assert found == exhaustive_greedy(objective, k, epsilon, chosen)


@given(objectives(), st.data())
def test_the_value_is_monotone_and_submodular(objective: CoverageObjective, data: st.DataObject) -> None:
    rows = data.draw(st.permutations(range(len(objective))))
    smaller = data.draw(st.integers(0, len(rows) - 1))
    larger = data.draw(st.integers(smaller, len(rows) - 1))
    added = rows[-1]
    few, many = rows[:smaller], rows[:larger]
    assert objective.value([]) == 0
    assert objective.value(few) <= objective.value(many)
    gain_for_few = objective.value([*few, added]) - objective.value(few)
    gain_for_many = objective.value([*many, added]) - objective.value(many)
    assert gain_for_few >= gain_for_many >= 0


@given(objectives(most=6), st.integers(1, 4))
def test_greedy_is_within_its_bound_of_the_best_set(objective: CoverageObjective, k: int) -> None:
    greedy = objective.value([row for row, _ in lazy_greedy(objective, k)])
    size = min(k, len(objective))
    best = max(objective.value(rows) for rows in itertools.combinations(range(len(objective)), size))
    assert greedy >= (1 - 1 / math.e) * best - 1e-12
    assert greedy <= best + 1e-12


@given(objectives())
def test_gains_fall_and_sum_to_the_value(objective: CoverageObjective) -> None:
    picked = lazy_greedy(objective, len(objective))
    gains = [gain for _, gain in picked]
    assert gains == sorted(gains, reverse=True)
    assert sum(gains) == pytest.approx(objective.value([row for row, _ in picked]))


def test_greedy_may_miss_the_best_set() -> None:
    # The known worst case in small: the middling candidate overlaps both of the best pair.
    membership = [[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 0, 0]]
    assert select_by_coverage([3, 3, 2, 2], membership, [0, 0, 0], k=2) == [2, 0]


def test_redundancy_pays_nothing_and_a_weak_mention_a_little() -> None:
    membership = [[0.9, 0.0], [0.9, 0.0], [0.95, 0.1], [0.0, 0.5]]
    objective = CoverageObjective(np.array([1.0, 1.0]), np.array(membership), np.zeros(4))
    covered = objective.add(np.zeros(2), 0)
    assert objective.marginal(covered, 1) == 0
    assert objective.marginal(covered, 2) == pytest.approx(0.15)
    assert select_by_coverage([1, 1], membership, [0, 0, 0, 0], k=4, epsilon=0.05) == [2, 3]


def test_saturated_gain_adds_weak_mentions_up() -> None:
    objective = CoverageObjective(np.ones(1), np.full((4, 1), 0.4), np.zeros(4), CoverageGain.SATURATED)
    assert [gain for _, gain in lazy_greedy(objective, 4)] == pytest.approx([0.4, 0.4, 0.2, 0.0])


def test_the_best_of_every_size_without_aspects_is_the_most_relevant() -> None:
    assert select_by_coverage([], [[], [], []], [0.1, 0.9, 0.5], k=2) == [1, 2]
    assert select_by_coverage([], [], [], k=2) == []


@pytest.mark.parametrize(
    ("weights", "membership", "relevance", "message"),
    [
        ([1], [[1, 0], [0, 1]], [0, 0], "n_aspects"),
        ([1], [[1.5]], [0], r"\[0, 1\]"),
        ([1], [[math.nan]], [0], r"\[0, 1\]"),
        ([-1], [[1]], [0], "weights"),
        ([1], [[1]], [-1], "relevance"),
        ([math.inf], [[1]], [0], "weights"),
    ],
)
def test_values_that_break_the_guarantee_are_refused(
    weights: list[float], membership: list[list[float]], relevance: list[float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        select_by_coverage(weights, membership, relevance, k=1)


def test_unknown_chosen_candidates_are_refused() -> None:
    with pytest.raises(InputError, match="below 1"):
        select_by_coverage([1], [[1]], [0], k=1, chosen=[1])


# Aspects


@dataclass(frozen=True)
class Name:
    normal: str


def rarity(term: str) -> float:
    return {"пушкин": 3.0, "александр": 2.0, "родиться": 1.0}.get(term, 0.5)


def test_aspects_are_terms_entities_and_sub_questions() -> None:
    aspects = question_aspects(
        "Когда родился Александр Пушкин?",
        analyzer=Analyzer(),
        idf=rarity,
        extract_entities=lambda text: [Name("Александр Пушкин"), Name("Пушкин")],
        sub_questions=["Где родился Пушкин?"],
    )
    assert [set(aspect.terms) for aspect in aspects] == [
        {"родиться"},
        {"александр"},
        {"пушкин"},
        {"александр", "пушкин"},
        {"родиться", "пушкин"},
    ]
    assert [aspect.weight for aspect in aspects] == [1.0, 2.0, 3.0, 5.0, 4.0]


def test_membership_prefers_what_a_chunk_is_about() -> None:
    chunks = [
        Document(page_content="Стихи читали вслух.", metadata={"title": "Пушкин"}),
        Document(page_content="Пушкин бывал здесь дважды.", metadata={"title": "Тверь"}),
        Document(page_content="О погоде говорили мало.", metadata={"title": "Тверь"}),
    ]
    aspects = question_aspects("Пушкин", analyzer=Analyzer(), idf=rarity)
    degrees = aspect_membership(aspects, chunks, analyzer=Analyzer())[:, 0]
    assert 1 > degrees[0] > degrees[1] > degrees[2] == 0
    plain = aspect_membership(aspects, chunks, analyzer=Analyzer(), title_weight=0)[:, 0]
    assert plain[1] > plain[0] == 0


def test_membership_of_several_terms_is_their_weighted_mean() -> None:
    (first, last, both) = question_aspects(
        "Александр Пушкин", analyzer=Analyzer(), idf=rarity, extract_entities=lambda text: [Name("Александр Пушкин")]
    )
    chunk = Document(page_content="Пушкин, Пушкин и ещё раз Александр.")
    degrees = aspect_membership([first, last, both], [chunk], analyzer=Analyzer())[0]
    assert degrees[2] == pytest.approx((2 * degrees[0] + 3 * degrees[1]) / 5)


def titled(title: str, text: str) -> Document:
    return Document(id=title, page_content=text, metadata={"doc_id": title, "chunk_id": title, "title": title})


LED = [
    titled("Байкал", "Из озера вытекает одна река — Ангара. Великий Новгород далеко."),
    titled("Енисей", "Енисей принимает Ангару и впадает в Карское море."),
    titled("Ангара", "Впадает в Енисей."),
    titled("Новгород Великий", "Старый город."),
    titled("Нижний Новгород", "Город на Волге."),
]


def test_bridges_lead_to_documents_that_the_leading_chunks_speak_of() -> None:
    relevance, covered = np.array([1.0, 0.6, 0.3, 0.1, 0.0]), np.array([0.5, 0.4, 0.25, 0.0, 0.0])
    strengths, membership = bridge_membership(LED, relevance, covered, analyzer=Analyzer(), leading=2)
    np.testing.assert_allclose(strengths, [0.5, 0.5])  # Ангара and Новгород Великий, not Нижний, not itself
    np.testing.assert_allclose(membership, [[0, 0], [0, 0], [0.5, 0], [0, 0], [0, 0]])
    strengths, _ = bridge_membership(LED, relevance, covered, analyzer=Analyzer(), leading=3)
    np.testing.assert_allclose(strengths, np.array([1, 1, 0.3]) / 2.3)  # Енисей is named by the third
    none, empty = bridge_membership(LED, relevance, covered, analyzer=Analyzer(), leading=0)
    assert none.shape == (0,)
    assert empty.shape == (5, 0)


def test_a_bridge_is_followed_where_the_question_names_only_its_start() -> None:
    pool = [
        titled("Байкал", "Озеро Байкал; из озера вытекает река Ангара."),
        titled("Лена", "Река Лена берёт начало недалеко от озера Байкал, это большая река."),
        titled("Ангара", "Река впадает в Енисей."),
    ]

    def chosen(bridges: int) -> list[str]:
        options = CoverageOptions(bridges=bridges, bridge_weight=0.6)
        question = "Куда течёт река, вытекающая из озера Байкал?"
        found = choose_chunks(question, pool, k=2, options=options, analyzer=Analyzer(), idf=rarity)
        return titles([document for document, _ in found])

    assert chosen(0) == ["Байкал", "Лена"]
    assert chosen(1) == ["Байкал", "Ангара"]


# The adapters

CHUNKS = [
    Document(
        id=f"{title}_{row}",
        page_content=text,
        metadata={"doc_id": title, "chunk_id": f"{title}_{row}", "title": title, "kind": kind},
    )
    for row, (title, kind, text) in enumerate(
        [
            ("Байкал", "озеро", "Глубина озера Байкал — 1642 метра, глубина измерена."),
            ("Байкал", "озеро", "Глубина Байкала известна: озеро Байкал глубже всех."),
            ("Байкал", "озеро", "Длина озера Байкал 636 километров, глубина велика."),
            ("Волга", "река", "Длина Волги 3530 километров."),
            ("Обь", "река", "Река в Сибири."),
        ]
    )
]
QUESTION = "Какова глубина озера Байкал и какова длина Волги?"


@pytest.fixture
def lexical() -> BM25Retriever:
    return BM25Retriever.from_documents(CHUNKS)


@pytest.fixture
def coverage(lexical: BM25Retriever) -> CoverageRetriever:
    return CoverageRetriever(retriever=lexical, idf=lexical.index.idf)


class TestCoverageStandard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return CoverageRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        lexical = BM25Retriever.from_documents(CHUNKS)
        return {"retriever": lexical, "idf": lexical.index.idf}

    @property
    def retriever_query_example(self) -> str:
        return QUESTION


def titles(documents: Sequence[Document]) -> list[str]:
    return [document.metadata["title"] for document in documents]


def test_takes_the_second_subject_where_the_pool_repeats_the_first(
    lexical: BM25Retriever, coverage: CoverageRetriever
) -> None:
    question = "Какова глубина озера Байкал, глубина известна ли, и какова длина Волги?"
    assert titles(lexical.invoke(question, k=2)) == ["Байкал", "Байкал"]
    found = coverage.invoke(question, k=2)
    assert titles(found) == ["Байкал", "Волга"]
    assert [document.metadata["ranks"]["coverage"] for document in found] == [1, 2]
    gains = [document.metadata["scores"]["coverage"] for document in found]
    assert 1.4 >= gains[0] > gains[1] > 0
    assert all(document.metadata["scores"]["bm25"] > 0 for document in found)


def test_epsilon_stops_where_nothing_new_is_said(lexical: BM25Retriever) -> None:
    options = CoverageOptions(epsilon=0.25)
    found = CoverageRetriever(retriever=lexical, idf=lexical.index.idf, options=options).invoke(QUESTION)
    assert sorted(titles(found)) == ["Байкал", "Волга"]


def test_anchors_keep_the_best_of_the_pool(lexical: BM25Retriever) -> None:
    options = CoverageOptions(anchors=3)
    found = CoverageRetriever(retriever=lexical, idf=lexical.index.idf, options=options).invoke(QUESTION, k=3)
    assert [document.id for document in found] == [document.id for document in lexical.invoke(QUESTION, k=3)]


def test_sub_questions_of_a_call(coverage: CoverageRetriever) -> None:
    pool = [document for document in CHUNKS if document.metadata["title"] != "Обь"]
    named = choose_chunks(
        "Чего больше?",
        pool,
        k=2,
        options=CoverageOptions(),
        analyzer=Analyzer(),
        idf=rarity,
        sub_questions=["Какова длина Волги?", "Какова глубина Байкала?"],
    )
    assert sorted(titles([document for document, _ in named])) == ["Байкал", "Волга"]
    assert titles(coverage.invoke("Сибирь или длина Волги?", sub_questions=["длина Волги"], k=1)) == ["Волга"]


def test_pool_filter_and_k_reach_the_retriever(lexical: BM25Retriever) -> None:
    narrow = CoverageRetriever(retriever=lexical, idf=lexical.index.idf, options=CoverageOptions(pool=1), k=1)
    assert len(narrow.invoke(QUESTION)) == 1
    assert len(narrow.invoke(QUESTION, k=3)) == 3
    assert titles(narrow.invoke(QUESTION, k=5, filter={"kind": "река"})) == ["Волга"]
    with pytest.raises(InputError, match="k of at least 1"):
        narrow.invoke(QUESTION, k=0)
    with pytest.raises(ValidationError):
        CoverageRetriever(retriever=lexical, idf=rarity, filter={"kind": {"$near": 1}})
    with pytest.raises(ValidationError):
        CoverageRetriever(retriever=lexical)  # rarity within the pool is no substitute


async def test_async_finds_the_same(coverage: CoverageRetriever) -> None:
    assert await coverage.ainvoke(QUESTION, k=2) == coverage.invoke(QUESTION, k=2)
    assert len(await coverage.ainvoke(QUESTION, k=2)) == 2
    found = await coverage.ainvoke(QUESTION, filter={"kind": "река"}, sub_questions=["Река?"])
    assert titles(found) == ["Волга", "Обь"] or titles(found) == ["Волга"]


def test_compressor_chooses_by_the_named_scores_or_the_order() -> None:
    compressor = CoverageCompressor(idf=rarity, top_n=2)
    before = [document.model_copy(deep=True) for document in CHUNKS]
    found = compressor.compress_documents(CHUNKS, QUESTION)
    assert sorted(titles(found)) == ["Байкал", "Волга"]
    assert before == CHUNKS
    # Three equal chunks: the order decides, or the scores where they are named.
    same = [
        Document(id=str(row), page_content="Река.", metadata={"scores": {"cross_encoder": score}})
        for row, score in enumerate([-3.0, 2.0, -7.0])
    ]
    assert [document.id for document in compressor.compress_documents(same, "река")] == ["0", "1"]
    scored = CoverageCompressor(idf=rarity, top_n=2, source="cross_encoder").compress_documents(same, "река")
    assert [document.id for document in scored] == ["1", "0"]


async def test_compressor_is_also_async() -> None:
    compressor = CoverageCompressor(idf=rarity, top_n=2)
    assert await compressor.acompress_documents(CHUNKS, QUESTION) == compressor.compress_documents(CHUNKS, QUESTION)
    assert compressor.compress_documents([], QUESTION) == []


@pytest.mark.parametrize("question", ["", "🦊", "xyz"])
def test_questions_without_known_words(coverage: CoverageRetriever, question: str) -> None:
    assert coverage.invoke(question) == []
    kept = CoverageCompressor(idf=rarity, top_n=2).compress_documents(CHUNKS, question)
    assert [document.id for document in kept] == [document.id for document in CHUNKS[:2]]  # the order given


# Real questions


def found_ids(documents: Sequence[Document]) -> set[str]:
    return {document.metadata["doc_id"] for document in documents}


def answered(retriever: BaseRetriever, rows: Sequence[tuple[str, list[list[str]]]], *ks: int) -> list[float]:
    """For each k the part of the questions with a right document among k chunks for every one of their needs."""
    hits = dict.fromkeys(ks, 0)
    for question, needs in rows:
        documents = retriever.invoke(question, k=max(ks))
        for k in ks:
            found = found_ids(documents[:k])
            hits[k] += all(not found.isdisjoint(need) for need in needs)
    return [count / len(rows) for count in hits.values()]


def test_two_questions_in_one_are_covered_better_than_by_top_k(
    wiki_chunks: list[Document], wiki_terms: list[list[str]], wiki_questions: list[dict[str, Any]]
) -> None:
    index = BM25Index.build(wiki_terms)
    lexical = BM25Retriever(index=index, chunks=wiki_chunks)
    coverage = CoverageRetriever(retriever=lexical, idf=index.idf)
    shuffled = random.Random(13).sample(wiki_questions, len(wiki_questions))
    pairs = [
        (
            f"{one['question'].rstrip('?. ')} и {two['question'][0].lower()}{two['question'][1:]}",
            [one["gold_doc_ids"], two["gold_doc_ids"]],
        )
        for one, two in zip(shuffled[::2], shuffled[1::2], strict=True)
        if set(one["gold_doc_ids"]).isdisjoint(two["gold_doc_ids"])
    ]
    assert len(pairs) >= 50
    covered, by_score = answered(coverage, pairs, 2, 5), answered(lexical, pairs, 2, 5)
    assert [ours - theirs >= 0.3 for ours, theirs in zip(covered, by_score, strict=True)] == [True, True]
    assert covered[1] >= 0.8

    # A question about one page keeps its first place: at most 1 in 100 more may go to another page.
    singles = [(row["question"], [row["gold_doc_ids"]]) for row in wiki_questions]
    assert answered(coverage, singles, 1)[0] >= answered(lexical, singles, 1)[0] - 0.01


def test_two_article_questions_of_the_demo_corpus_are_covered_better_than_by_top_k(
    demo_chunks: list[Document], demo_questions: list[dict[str, Any]]
) -> None:
    lexical = BM25Retriever.from_documents(demo_chunks)
    coverage = CoverageRetriever(retriever=lexical, idf=lexical.index.idf)
    rows = [(row["question"], [[doc_id] for doc_id in row["gold_doc_ids"]]) for row in demo_questions]
    pairs = [row for row in rows if len(row[1]) > 1]
    assert len(pairs) >= 40
    covered, by_score = answered(coverage, pairs, 2, 3, 5, 10), answered(lexical, pairs, 2, 3, 5, 10)
    margins = [ours - theirs for ours, theirs in zip(covered, by_score, strict=True)]
    assert min(margins) >= 0.04, (covered, by_score)
    singles = [row for row in rows if len(row[1]) == 1]
    assert answered(coverage, singles, 1)[0] >= answered(lexical, singles, 1)[0] - 0.01
