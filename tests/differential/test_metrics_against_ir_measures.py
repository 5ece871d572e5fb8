"""Our retrieval metrics equal those of ir_measures and of trec_eval (through pytrec_eval) on random runs.

Binary relevance and strictly decreasing scores: trec_eval breaks ties by id, we keep the order given. A question that
the run lacks is given to ours as an empty ranking; ir_measures scores it 0, pytrec_eval leaves it out.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.metrics import retrieval_metrics

ir_measures = pytest.importorskip("ir_measures")
pytrec_eval = pytest.importorskip("pytrec_eval")

CUTOFFS = (1, 3, 5, 10, 20)
IDS = [f"d{number}" for number in range(30)]
OURS_TO_IR_MEASURES = {"hit": "Success", "recall": "R", "precision": "P", "mrr": "RR", "map": "AP", "ndcg": "nDCG"}
OURS_TO_TREC_EVAL = {
    "hit": "success",
    "recall": "recall",
    "precision": "P",
    "map": "map_cut",
    "ndcg": "ndcg_cut",
}
QUESTIONS = st.lists(
    st.tuples(st.lists(st.sampled_from(IDS), unique=True), st.sets(st.sampled_from(IDS), min_size=1)),
    min_size=1,
    max_size=4,
)


def as_run(ranking: list[str]) -> dict[str, float]:
    return {doc_id: float(len(ranking) - place) for place, doc_id in enumerate(ranking)}


@given(QUESTIONS)
def test_ir_measures(questions) -> None:
    measures = {
        f"{ours}@{k}": getattr(ir_measures, theirs) @ k for ours, theirs in OURS_TO_IR_MEASURES.items() for k in CUTOFFS
    } | {"r_precision": ir_measures.Rprec}
    qrels = {f"q{n}": dict.fromkeys(relevant, 1) for n, (_, relevant) in enumerate(questions)}
    run = {f"q{n}": as_run(ranking) for n, (ranking, _) in enumerate(questions)}
    theirs = {
        (found.query_id, str(found.measure)): found.value
        for found in ir_measures.iter_calc(list(measures.values()), qrels, run)
    }
    for number, (ranking, relevant) in enumerate(questions):
        ours = retrieval_metrics(ranking, relevant, CUTOFFS)
        for name, measure in measures.items():
            assert ours[name] == pytest.approx(theirs[f"q{number}", str(measure)], abs=1e-12), name


@given(QUESTIONS)
def test_trec_eval(questions) -> None:
    depths = ",".join(map(str, CUTOFFS))
    qrels = {f"q{n}": dict.fromkeys(relevant, 1) for n, (_, relevant) in enumerate(questions)}
    run = {f"q{n}": as_run(ranking) for n, (ranking, _) in enumerate(questions)}
    evaluator = pytrec_eval.RelevanceEvaluator(
        qrels, {*(f"{name}.{depths}" for name in OURS_TO_TREC_EVAL.values()), "Rprec", "recip_rank"}
    )
    theirs = evaluator.evaluate(run)
    for number, (ranking, relevant) in enumerate(questions):
        if not ranking:
            continue
        ours, row = retrieval_metrics(ranking, relevant, CUTOFFS), theirs[f"q{number}"]
        for name, measure in OURS_TO_TREC_EVAL.items():
            for k in CUTOFFS:
                assert ours[f"{name}@{k}"] == pytest.approx(row[f"{measure}_{k}"], abs=1e-12), (name, k)
        assert ours["r_precision"] == pytest.approx(row["Rprec"], abs=1e-12)
        whole = retrieval_metrics(ranking, relevant, [len(ranking)])[f"mrr@{len(ranking)}"]
        assert whole == pytest.approx(row["recip_rank"], abs=1e-12)
