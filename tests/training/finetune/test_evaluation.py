from __future__ import annotations

import json

import pytest

from rag.documents.rows import SourceDocument
from rag.index import build_index
from rag.profile import load_profile
from retrievers.errors import InputError
from training.examples import Example
from training.finetune.evaluation import (
    EvaluationOptions,
    metric_of,
    ranking_task,
    read_evaluation,
    relevant_from,
)
from training.finetune.ranking import first_stage

LAKES = [
    Example(question="Какова глубина Байкала?", passage="Глубина Байкала — 1642 метра.", title="Байкал", doc_id="b"),
    Example(question="Где исток Невы?", passage="Нева вытекает из Ладожского озера.", title="Нева", doc_id="n"),
    Example(
        question="Какова глубина Ладоги?",
        passage="Наибольшая глубина 230 метров.",
        title="Ладога",
        doc_id="l",
        negatives=("Рыбаки любят Ладогу.",),
    ),
]


def test_passages_of_all_rows_are_ranked_together() -> None:
    task = ranking_task(LAKES, candidates=2)
    assert task.questions == tuple(row.question for row in LAKES)
    assert task.passages == (*(row.text for row in LAKES), "Рыбаки любят Ладогу.")
    assert task.relevant == (frozenset({0}), frozenset({1}), frozenset({2}))


def test_candidates_are_own_passages_filled_up_by_bm25_in_its_order() -> None:
    task = ranking_task(LAKES, candidates=3)
    assert task.candidates is not None
    # «глубина» of the first question stands in the third passage, «байкал» in its own
    assert task.candidates[0] == (0, 2)
    assert set(task.candidates[2]) >= {2, 3}
    assert first_stage(task).questions["mrr@10"][0] == 1.0


def test_rows_of_one_question_are_taken_together_and_labels_decide() -> None:
    rows = [
        Example(question="Что такое Нева?", passage="Река.", label=2.0),
        Example(question="Что такое Нева?", passage="Танец.", label=0.0),
        Example(question="Что такое Нева?", passage="Приток.", label=1.0),
    ]
    task = ranking_task(rows, candidates=5)
    assert task.questions == ("Что такое Нева?",)
    assert task.relevant == (frozenset({0, 2}),)  # 1 is the middle, and enough
    assert task.candidates == ((0, 1, 2),)
    assert [pair.label for pair in task.pairs] == [2.0, 0.0, 1.0]
    assert ranking_task(rows, candidates=5, relevant_label=2.0).relevant == (frozenset({0}),)


@pytest.mark.parametrize(
    ("labels", "lowest"), [([0, 1], 0.5), ([0, 5, 3], 2.5), ([None], 0.5), ([1, 1], 0.5), ([-1, 1], 0.0)]
)
def test_relevance_starts_in_the_middle_of_the_labels(labels, lowest: float) -> None:
    rows = [Example(question="?", passage="—", label=label) for label in labels]
    assert relevant_from(rows) == lowest


def test_pairs_without_labels_are_positives_against_negatives_of_other_documents() -> None:
    rows = [*LAKES[:2], LAKES[0].model_copy(update={"passage": "Байкал — озеро.", "question": "Что такое Байкал?"})]
    task = ranking_task(rows, candidates=2, seed=1)
    positive = [pair for pair in task.pairs if pair.label == 1.0]
    negative = [pair for pair in task.pairs if pair.label == 0.0]
    assert [pair.passage for pair in positive] == [row.text for row in rows]
    title = {"Какова глубина Байкала?": "Байкал", "Что такое Байкал?": "Байкал", "Где исток Невы?": "Нева"}
    assert all(not pair.passage.startswith(title[pair.question]) for pair in negative)
    assert [pair.passage for pair in ranking_task(LAKES[2:], candidates=2).pairs] == [
        LAKES[2].text,
        "Рыбаки любят Ладогу.",
    ]


def test_a_limit_draws_questions_but_keeps_the_passages() -> None:
    task = ranking_task(LAKES, candidates=2, limit=2, seed=3)
    assert len(task.questions) == 2
    assert len(task.passages) == 4
    assert task == ranking_task(list(reversed(list(reversed(LAKES)))), candidates=2, limit=2, seed=3)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation") / "index"
    sources = [SourceDocument(row.doc_id, row.title, f"{row.title}. {row.passage}", {}) for row in LAKES]
    build_index(sources, folder, load_profile("offline", {"index": {"encoder": {"kind": "none"}}}).index)
    return folder


def question_file(tmp_path, rows: list[dict]):
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


QUESTION_ROWS = [
    {"qid": "1", "question": "Какова глубина Байкала?", "answers": ["1642 метра"], "gold_doc_ids": ["b"]},
    {"qid": "2", "question": "Откуда течёт Нева?", "answers": ["Ладожское озеро"], "gold_doc_ids": ["n"]},
    {"qid": "3", "question": "Кто такой Пушкин?", "answers": ["поэт"], "gold_doc_ids": ["b"]},
]


def test_questions_are_measured_on_what_bm25_finds_in_their_index(index, tmp_path) -> None:
    file = question_file(tmp_path, QUESTION_ROWS)
    data = read_evaluation(EvaluationOptions(files=(file,), corpus=index, candidates=2))
    task = data.task
    assert task.questions == ("Какова глубина Байкала?", "Откуда течёт Нева?")
    assert (data.rows, data.unanswerable) == ((3,), 1)
    assert task.candidates is not None
    assert [task.passages[row] for row in task.relevant[0]] == [task.passages[task.candidates[0][0]]]
    assert "1642" in task.passages[task.candidates[0][0]]
    assert all(len(rows) <= 2 for rows in task.candidates)


@pytest.mark.parametrize("corpus", [None, "missing"])
def test_questions_need_their_index(tmp_path, corpus) -> None:
    file = question_file(tmp_path, QUESTION_ROWS)
    with pytest.raises(InputError, match="name the index"):
        read_evaluation(EvaluationOptions(files=(file,), corpus=None if corpus is None else tmp_path / corpus))


def test_a_corpus_file_brings_more_passages(tmp_path, row_file) -> None:
    corpus = tmp_path / "passages.jsonl"
    corpus.write_text('{"text": "Онега — озеро.", "title": "Онега"}\n{"text": "Вода."}\n', encoding="utf-8")
    data = read_evaluation(EvaluationOptions(files=(row_file(LAKES),), corpus=corpus))
    assert data.task.passages[-2:] == ("Онега\nОнега — озеро.", "Вода.")
    assert data.examples == tuple(LAKES)
    assert data.unanswerable == 0


def test_a_metric_that_the_data_does_not_have_is_refused(row_file) -> None:
    one = [Example(question="?", passage="—", label=1.0)]
    task = read_evaluation(EvaluationOptions(files=(row_file(one),))).task
    assert metric_of(task, "mrr@10") == "mrr@10"
    with pytest.raises(InputError, match="--metric pearson: the evaluation data has hit@1"):
        metric_of(task, "pearson")


def test_nothing_to_measure_is_refused(row_file) -> None:
    rows = [Example(question="?", passage="—", label=0.0)]
    with pytest.raises(InputError, match="no question has a relevant passage"):
        read_evaluation(EvaluationOptions(files=(row_file(rows),)))
