"""What a record is rewarded for, a number each: pure functions of one record, raw and unweighted.

Every component is in [0, 1]. One that is undefined for a record (no gold of its kind, nothing answered) is absent,
never zero. A penalty is a component of which more is worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from evals.answers import answer_metrics, answer_words, token_f1
from evals.dataset import Hop
from evals.metrics import all_found_at_k, ndcg_at_k, recall_at_k, reciprocal_rank_at_k
from evals.normalization import detect_language
from evals.records import QuestionRecord, Ranked, Step
from evals.rewards.completions import is_plain_answer


class QuestionComponent(StrEnum):
    """Components of a whole record.

    Retrieval, by document at the cut-off, where gold documents are known: ``RETRIEVAL_RECALL``,
    ``RETRIEVAL_RECIPROCAL_RANK``, ``RETRIEVAL_NDCG``, ``RETRIEVAL_ALL_GOLD``.
    Answer as delivered (a withheld one has no words), where gold answers are known: ``ANSWER_EM``, ``ANSWER_F1`` and
    the same over dictionary forms, ``ANSWER_EM_LEMMA``, ``ANSWER_F1_LEMMA``.
    ``ABSTENTION_RIGHT``: answered an answerable question, rightly or wrongly, or abstained from another. Told apart:
    of unanswerable questions only, ``ABSTAINED_UNANSWERABLE`` and ``ANSWERED_UNANSWERABLE`` (penalty); of answerable
    ones only, ``ABSTAINED_ANSWERABLE`` (penalty).
    ``CITATION_IN_CHUNK``: share of the quotes that stand in the passage cited. ``CITATION_GOLD``: share of the
    citations whose document is gold; where nothing was cited, zero, unless the answer was withheld.
    ``FORMAT``: the delivered answer is short and nothing else; a withheld one keeps to it, or else guessing would pay.
    ``COST_SEARCHES``, ``COST_PASSAGES``, ``COST_TOKENS``, ``COST_SECONDS`` (penalties): what was spent as a share of
    its budget, at most 1.
    """

    RETRIEVAL_RECALL = "retrieval_recall"
    RETRIEVAL_RECIPROCAL_RANK = "retrieval_reciprocal_rank"
    RETRIEVAL_NDCG = "retrieval_ndcg"
    RETRIEVAL_ALL_GOLD = "retrieval_all_gold"
    ANSWER_EM = "answer_em"
    ANSWER_F1 = "answer_f1"
    ANSWER_EM_LEMMA = "answer_em_lemma"
    ANSWER_F1_LEMMA = "answer_f1_lemma"
    ABSTENTION_RIGHT = "abstention_right"
    ABSTAINED_UNANSWERABLE = "abstained_unanswerable"
    ANSWERED_UNANSWERABLE = "answered_unanswerable"
    ABSTAINED_ANSWERABLE = "abstained_answerable"
    CITATION_IN_CHUNK = "citation_in_chunk"
    CITATION_GOLD = "citation_gold"
    FORMAT = "format"
    COST_SEARCHES = "cost_searches"
    COST_PASSAGES = "cost_passages"
    COST_TOKENS = "cost_tokens"
    COST_SECONDS = "cost_seconds"


class StepComponent(StrEnum):
    """Components of one search of a multi-step record.

    ``NEW_GOLD``: gold documents that this search found and no earlier one had, as a share of all gold documents.
    ``SUB_ANSWER``: lemma F1 of what the step answered, against the gold hop that it answers.
    ``REDUNDANT`` (penalty): share of the chunks found that earlier searches had found already.
    ``REPEATED_QUERY`` (penalty): an earlier search asked in the same words.
    """

    NEW_GOLD = "new_gold"
    SUB_ANSWER = "sub_answer"
    REDUNDANT = "redundant"
    REPEATED_QUERY = "repeated_query"


PENALTIES: frozenset[str] = frozenset(
    {
        QuestionComponent.ANSWERED_UNANSWERABLE,
        QuestionComponent.ABSTAINED_ANSWERABLE,
        QuestionComponent.COST_SEARCHES,
        QuestionComponent.COST_PASSAGES,
        QuestionComponent.COST_TOKENS,
        QuestionComponent.COST_SECONDS,
        StepComponent.REDUNDANT,
        StepComponent.REPEATED_QUERY,
    }
)


# What is owed to the text of the completion, and not to the search or the machine.
OF_COMPLETION: frozenset[QuestionComponent] = frozenset(
    component for component in QuestionComponent if not component.startswith(("retrieval_", "cost_"))
)


class Budgets(BaseModel):
    """What an answer may cost until its penalty is full.

    Args:
        searches: queries sent.
        passages: passages read.
        tokens: tokens in and out of the generator.
        seconds: from question to answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    searches: float = Field(gt=0)
    passages: float = Field(gt=0)
    tokens: float = Field(gt=0)
    seconds: float = Field(gt=0)


def question_costs(record: QuestionRecord) -> dict[str, float]:
    """What a record spent, by the names of :class:`Budgets`; what nobody counted is absent."""
    costs: dict[str, float] = {"searches": float(len(record.trace))}
    if record.answer:
        costs["passages"] = float(len(record.answer.context_ids))
        if record.answer.tokens:
            costs["tokens"] = float(_all_tokens(record.answer.tokens))
    if "total" in record.timings:
        costs["seconds"] = record.timings["total"]
    return costs


def question_components(record: QuestionRecord, k: int, budgets: Budgets) -> dict[str, float]:
    """Components of a record by name, see :class:`QuestionComponent`.

    Args:
        record: of one question under one variant.
        k: cut-off of the retrieval components, in documents.
        budgets: of the cost components.
    """
    return _retrieval(record, k) | _answer(record) | _abstention(record) | _citation(record) | _cost(record, budgets)


def step_components(record: QuestionRecord, k: int) -> list[dict[str, float]]:
    """Components of every step of ``record.trace`` in order, see :class:`StepComponent`.

    A step's answer is held against the best of the hops that no earlier step has answered: a policy may take its steps
    in another order than the annotator, but is paid once for each. Steps beyond the last hop are worth nothing.

    Args:
        record: of one question; a single search is a trace of one step.
        k: chunks of a step's ranking that count as found, which is what the policy was shown.
    """
    gold = record.gold_doc_ids or tuple(dict.fromkeys(doc_id for hop in record.hops for doc_id in hop.gold_doc_ids))
    sub_answers = _sub_answers(record.trace, record.hops)
    found: set[str] = set()
    chunks: set[str] = set()
    queries: set[tuple[str, ...]] = set()
    rewards: list[dict[str, float]] = []
    for step, sub_answer in zip(record.trace, sub_answers, strict=True):
        hits, query = step.ranking[:k], tuple(answer_words(step.query))
        reward: dict[str, float] = {}
        if gold:
            reward[StepComponent.NEW_GOLD] = len({hit.doc_id for hit in hits} & set(gold) - found) / len(set(gold))
        if sub_answer is not None:
            reward[StepComponent.SUB_ANSWER] = sub_answer
        if hits:
            reward[StepComponent.REDUNDANT] = _share_known(hits, chunks)
        reward[StepComponent.REPEATED_QUERY] = float(query in queries)
        rewards.append(reward)
        found |= {hit.doc_id for hit in hits}
        chunks |= {hit.chunk_id for hit in hits}
        queries.add(query)
    return rewards


def _retrieval(record: QuestionRecord, k: int) -> dict[str, float]:
    gold, ranking = record.gold_doc_ids, record.ranked_documents
    if not gold:
        return {}
    return {
        QuestionComponent.RETRIEVAL_RECALL: recall_at_k(ranking, gold, k),
        QuestionComponent.RETRIEVAL_RECIPROCAL_RANK: reciprocal_rank_at_k(ranking, gold, k),
        QuestionComponent.RETRIEVAL_NDCG: ndcg_at_k(ranking, gold, k),
        QuestionComponent.RETRIEVAL_ALL_GOLD: all_found_at_k(ranking, gold, k),
    }


def _answer(record: QuestionRecord) -> dict[str, float]:
    if record.answer is None:
        return {}
    text = record.answer.delivered
    kept_format = record.answer.abstained or is_plain_answer(text, record.question)
    components: dict[str, float] = {QuestionComponent.FORMAT: float(kept_format)}
    if record.answers:
        metrics = answer_metrics(text, record.answers, language=detect_language([record.question]))
        components |= {f"answer_{name}": value for name, value in metrics.items()}
    return components


def _abstention(record: QuestionRecord) -> dict[str, float]:
    if record.answer is None:
        return {}
    abstained = record.answer.abstained
    if record.answerable:
        return {
            QuestionComponent.ABSTENTION_RIGHT: float(not abstained),
            QuestionComponent.ABSTAINED_ANSWERABLE: float(abstained),
        }
    return {
        QuestionComponent.ABSTENTION_RIGHT: float(abstained),
        QuestionComponent.ABSTAINED_UNANSWERABLE: float(abstained),
        QuestionComponent.ANSWERED_UNANSWERABLE: float(not abstained),
    }


def _citation(record: QuestionRecord) -> dict[str, float]:
    # Whether a quote stands in its passage takes the passage's text, which the run had and the record has not.
    names = (QuestionComponent.CITATION_IN_CHUNK, QuestionComponent.CITATION_GOLD)
    return {name: record.metrics[name] for name in names if name in record.metrics}


def _cost(record: QuestionRecord, budgets: Budgets) -> dict[str, float]:
    allowed = budgets.model_dump()
    return {f"cost_{name}": min(1.0, spent / allowed[name]) for name, spent in question_costs(record).items()}


def _all_tokens(tokens: dict[str, int]) -> int:
    return tokens.get("total_tokens") or sum(tokens.values())


def _share_known(hits: Sequence[Ranked], known: set[str]) -> float:
    return sum(hit.chunk_id in known for hit in hits) / len(hits)


def _sub_answers(trace: Sequence[Step], hops: Sequence[Hop]) -> list[float | None]:
    """Lemma F1 of each step; None where it answered nothing or no hop has an answer to compare with."""
    open_hops = [hop.answer for hop in hops if hop.answer]
    if not open_hops:
        return [None] * len(trace)
    scores: list[float | None] = []
    for step in trace:
        if not step.answer:
            scores.append(None)
            continue
        score, best = max(
            ((token_f1(step.answer, [answer], lemmatize=True), answer) for answer in open_hops), default=(0.0, None)
        )
        if best is not None and score > 0.0:
            open_hops.remove(best)
        scores.append(score)
    return scores
