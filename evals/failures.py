"""Why a question failed: the first stage of the pipeline that lost the answer."""

from __future__ import annotations

from enum import StrEnum

from evals.records import AnswerRecord, QuestionRecord


class Failure(StrEnum):
    """Kinds of failure, in the order of the stages.

    ``NOT_IN_POOL``: no gold document among the candidates; of a multi-step question, none of some hop.
    ``RANKED_LOW``: they are there, but of none, or of none of some hop, was a passage read.
    ``WRONG_PASSAGE``: a gold document was read, its gold passage was not.
    ``READ_WRONG``: the right passage was read and the answer is wrong.
    ``ABSTAINED_WRONGLY``: a right answer was withheld, or none was found in the right passage.
    ``ANSWERED_UNANSWERABLE``: an answer where the documents hold none.
    """

    NOT_IN_POOL = "not_in_pool"
    RANKED_LOW = "ranked_low"
    WRONG_PASSAGE = "wrong_passage"
    READ_WRONG = "read_wrong"
    ABSTAINED_WRONGLY = "abstained_wrongly"
    ANSWERED_UNANSWERABLE = "answered_unanswerable"


def classify(record: QuestionRecord, k: int) -> Failure | None:
    """The kind of failure of one question, None where nothing failed or nothing is known to judge by.

    An answer is right when it has the dictionary forms of a gold answer (``em_lemma``).

    Args:
        record: of the question, with its metrics.
        k: passages read, where the record has no answer that says which.
    """
    answer = record.answer
    if not record.answerable:
        return Failure.ANSWERED_UNANSWERABLE if answer and not answer.abstained else None
    if answer and record.metrics.get("em_lemma") == 1.0:
        return None
    if answer and record.metrics.get("em_lemma_forced") == 1.0:
        return Failure.ABSTAINED_WRONGLY
    return _lost_in_retrieval(record, k) or (_lost_in_reading(answer) if answer and record.answers else None)


def _lost_in_retrieval(record: QuestionRecord, k: int) -> Failure | None:
    read = set(record.answer.context_ids) if record.answer else {hit.chunk_id for hit in record.ranking[:k]}
    found_documents = {hit.doc_id for hit in record.ranking}
    read_documents = {hit.doc_id for hit in record.ranking if hit.chunk_id in read}
    needed = _needed(record)
    if any(documents.isdisjoint(found_documents) for documents in needed):
        return Failure.NOT_IN_POOL
    if any(documents.isdisjoint(read_documents) for documents in needed):
        return Failure.RANKED_LOW
    if record.relevant_chunk_ids and not read & set(record.relevant_chunk_ids):
        return Failure.WRONG_PASSAGE
    return None


def _needed(record: QuestionRecord) -> list[set[str]]:
    """Sets of documents of each of which one is needed: a set a hop, or one set of documents that answer alike."""
    hops = [set(hop.gold_doc_ids) for hop in record.hops if hop.gold_doc_ids]
    return hops or ([set(record.gold_doc_ids)] if record.gold_doc_ids else [])


def _lost_in_reading(answer: AnswerRecord) -> Failure:
    return Failure.READ_WRONG if answer.text else Failure.ABSTAINED_WRONGLY
