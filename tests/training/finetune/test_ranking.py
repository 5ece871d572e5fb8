from __future__ import annotations

import numpy as np
import pytest

from evals.metrics import retrieval_metrics
from training.finetune import ranking
from training.finetune.ranking import (
    RANKING_METRICS,
    Pair,
    RankingTask,
    first_stage,
    measure_scores,
    measure_vectors,
    vector_metrics,
)

PLACES = ("Байкал — озеро", "Волга — река", "Эльбрус — гора")
TASK = RankingTask(
    questions=("озеро?", "река?"),
    passages=PLACES,
    relevant=(frozenset({0}), frozenset({1})),
    candidates=((2, 1, 0), (1, 2)),
    pairs=(Pair("озеро?", PLACES[0], 1.0), Pair("озеро?", PLACES[2], 0.0), Pair("река?", PLACES[1], 1.0)),
)
QUESTIONS = {"озеро?": [1.0, 0.0], "река?": [0.6, 0.8]}
VECTORS = {PLACES[0]: [0.6, 0.8], PLACES[1]: [0.0, 1.0], PLACES[2]: [1.0, 0.0]}


def encode(table: dict[str, list[float]]):
    return lambda texts: np.array([table[text] for text in texts], np.float32)


def test_all_passages_are_ranked_by_cosine_where_there_are_no_candidates() -> None:
    task = RankingTask(TASK.questions, TASK.passages, TASK.relevant)
    measured = measure_vectors(task, encode(QUESTIONS), encode(VECTORS))
    # озеро?: Эльбрус 1, Байкал .6, Волга 0; река?: Байкал 1.0 (.36 + .64), Волга .8, Эльбрус .6
    assert measured.questions["mrr@10"] == pytest.approx([1 / 2, 1 / 2])
    assert measured.means["hit@1"] == 0.0
    assert measured.means["recall@5"] == 1.0
    assert set(measured.means) == set(RANKING_METRICS)


def test_candidates_alone_are_ranked_where_there_are_some() -> None:
    measured = measure_vectors(TASK, encode(QUESTIONS), encode(VECTORS))
    # река? has no Байкал among its candidates, so Волга (.8) stands before Эльбрус (.6)
    assert measured.questions["mrr@10"] == pytest.approx([1 / 2, 1.0])


def test_correlations_are_of_the_pairs() -> None:
    measured = measure_vectors(TASK, encode(QUESTIONS), encode(VECTORS))
    gold, cosines = [1.0, 0.0, 1.0], [0.6, 1.0, 0.8]
    assert measured.means["pearson"] == pytest.approx(np.corrcoef(gold, cosines)[0, 1])
    assert measured.means["spearman"] == pytest.approx(np.corrcoef([2.5, 1, 2.5], [1, 3, 2])[0, 1])


def test_scores_rank_the_candidates_and_ties_keep_the_first_stage_order() -> None:
    scores = {PLACES[0]: 5.0, PLACES[1]: 1.0, PLACES[2]: 1.0}
    measured = measure_scores(TASK, lambda pairs: [scores[passage] for _, passage in pairs])
    assert measured.questions["mrr@10"] == [1.0, 1.0]
    assert first_stage(TASK).questions["mrr@10"] == pytest.approx([1 / 3, 1.0])


def test_a_question_that_nothing_answers_scores_0_and_stays_in_the_mean() -> None:
    task = RankingTask(("озеро?", "река?"), PLACES, (frozenset(), frozenset({1})))
    measured = measure_vectors(task, encode(QUESTIONS), encode(VECTORS))
    assert measured.questions["recall@20"] == [0.0, 1.0]
    assert measured.means["recall@20"] == 0.5


def test_metrics_are_those_of_the_evaluation() -> None:
    measured = first_stage(TASK)
    by_hand = retrieval_metrics(["2", "1", "0"], {"0"}, (1, 5, 10, 20))
    assert {name: measured.questions[name][0] for name in RANKING_METRICS} == {
        name: by_hand[name] for name in RANKING_METRICS
    }


def test_blocks_of_questions_make_no_difference(monkeypatch) -> None:
    generator = np.random.default_rng(0)
    left, right = generator.normal(size=(7, 4)), generator.normal(size=(11, 4))
    task = RankingTask(
        tuple(f"q{row}" for row in range(7)),
        tuple(f"p{row}" for row in range(11)),
        tuple(frozenset({row}) for row in range(7)),
    )
    whole = vector_metrics(task, left.astype(np.float32), right.astype(np.float32))
    monkeypatch.setattr(ranking, "_AT_ONCE", 11 * 2)
    assert vector_metrics(task, left.astype(np.float32), right.astype(np.float32)).questions == whole.questions


def test_a_task_names_the_metrics_it_has() -> None:
    assert TASK.metric_names() == (*RANKING_METRICS, "pearson", "spearman")
    assert RankingTask((), (), (), pairs=TASK.pairs).metric_names() == ("pearson", "spearman")


def test_a_reranker_without_candidates_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="needs candidates"):
        measure_scores(RankingTask(("q",), ("p",), (frozenset({0}),)), lambda pairs: [0.0 for _ in pairs])
