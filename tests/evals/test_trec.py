"""Exported files are read by other people's evaluators, and give our own figures."""

from __future__ import annotations

import pytest

from evals.metrics import retrieval_metrics
from evals.records import QuestionRecord, Ranked
from evals.trec import export_trec


def record(qid: str, ranking: str, gold: tuple[str, ...], **values) -> QuestionRecord:
    hits = tuple(Ranked(chunk_id=f"{doc}_0", doc_id=doc, score=1.0) for doc in ranking.split())
    return QuestionRecord(qid=qid, variant="bm25+rerank", question="?", ranking=hits, gold_doc_ids=gold, **values)


RECORDS = [
    # Equal scores everywhere and ids in falling order: trec_eval must keep the ranking all the same.
    record("q1", "z y x w", ("x", "w")),
    record("q2", "a b c d", ("d",)),
    record("q 3", "a b", ("50% скидка",)),
]


def test_ir_measures_reads_the_files_and_agrees(tmp_path) -> None:
    ir_measures = pytest.importorskip("ir_measures", reason="ir-measures of the extra test is not installed")
    export_trec(RECORDS, tmp_path)
    qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "qrels.txt")))
    run = list(ir_measures.read_trec_run(str(tmp_path / "bm25+rerank.run")))
    names = {ir_measures.nDCG @ 10: "ndcg@10", ir_measures.RR @ 10: "mrr@10", ir_measures.AP @ 10: "map@10"}
    found = {(row.query_id, names[row.measure]): row.value for row in ir_measures.iter_calc(list(names), qrels, run)}
    for one in RECORDS:
        ours = retrieval_metrics(one.ranked_documents, one.gold_doc_ids, [10])
        for name in names.values():
            assert found[one.qid.replace(" ", "%20"), name] == pytest.approx(ours[name], abs=1e-12)


def test_fields_never_hold_blanks(tmp_path) -> None:
    export_trec(RECORDS, tmp_path)
    assert (tmp_path / "qrels.txt").read_text("utf-8").splitlines()[-1] == "q%203 0 50%25%20скидка 1"
    assert (tmp_path / "bm25+rerank.run").read_text("utf-8").splitlines()[0] == "q1 Q0 z 1 4 bm25+rerank"
    assert not (tmp_path / "passages").exists()


def test_passages_have_files_of_their_own(tmp_path) -> None:
    export_trec([record("q1", "a b", ("b",), relevant_chunk_ids=("b_0",))], tmp_path)
    assert (tmp_path / "passages" / "qrels.txt").read_text("utf-8") == "q1 0 b_0 1\n"
    assert (tmp_path / "passages" / "bm25+rerank.run").read_text("utf-8").splitlines()[1].startswith("q1 Q0 b_0 2 1")
