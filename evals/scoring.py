"""Every metric that is defined for one question, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evals.answers import answer_metrics
from evals.citations import citation_metrics
from evals.metrics import covered_at_k, retrieval_metrics
from evals.normalization import detect_language
from evals.records import AnswerRecord, QuestionRecord

PASSAGE_PREFIX = "passage_"
FORCED_SUFFIX = "_forced"


def score_record(record: QuestionRecord, cutoffs: Sequence[int], texts: Mapping[str, str]) -> dict[str, float]:
    """Metrics of one question; one that is undefined for it (no gold of its kind) is absent, never zero.

    By document under plain names (``hit@5``; ``covered@5`` looks at the documents of five passages), by passage with
    ``passage_`` before them where gold passages are known.
    ``em`` and its kin judge the answer as delivered, where a withheld answer has no words; with ``_forced`` behind
    them, the answer as it was written before a threshold withheld it.

    Args:
        record: what was found and answered.
        cutoffs: ranks k of the retrieval metrics, after the mapping to documents.
        texts: text of the passages read, by chunk id.
    """
    metrics: dict[str, float] = {}
    if record.gold_doc_ids:
        metrics |= retrieval_metrics(record.ranked_documents, record.gold_doc_ids, cutoffs)
        doc_ids = [hit.doc_id for hit in record.ranking]
        metrics |= {f"covered@{k}": covered_at_k(doc_ids, record.gold_doc_ids, k) for k in cutoffs}
    if record.relevant_chunk_ids:
        passages = retrieval_metrics([hit.chunk_id for hit in record.ranking], record.relevant_chunk_ids, cutoffs)
        metrics |= {PASSAGE_PREFIX + name: value for name, value in passages.items()}
    if record.answer:
        metrics |= _answer_metrics(record, record.answer, texts)
    return metrics


def _answer_metrics(record: QuestionRecord, answer: AnswerRecord, texts: Mapping[str, str]) -> dict[str, float]:
    metrics = {"abstention_right": float(answer.abstained != record.answerable)}
    if record.answers:
        language = detect_language([record.question])  # of the question: «MPEG-4» alone could be either
        forced = answer_metrics(answer.text, record.answers, language=language)
        delivered = answer_metrics(answer.delivered, record.answers, language=language) if answer.abstained else forced
        metrics |= delivered
        metrics |= {name + FORCED_SUFFIX: value for name, value in forced.items()}
    if not answer.abstained:
        metrics |= citation_metrics(answer.citations, texts, record.gold_doc_ids)
    return metrics
