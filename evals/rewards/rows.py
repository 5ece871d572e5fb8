"""Records with their rewards, and the passages they were read from: what every export is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from evals.records import Passage, QuestionRecord
from evals.rewards.components import OF_COMPLETION, question_components, question_costs, step_components
from evals.rewards.weights import RewardWeights, weighted_sum


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class StepReward(_Row):
    """One search with its components, raw; ``reward`` is None where no weighted component is defined."""

    query: str
    reward: float | None
    components: dict[str, float]


class RewardRow(_Row):
    """One record with its components, raw, and their weighted sum.

    Args:
        qid: of the question.
        variant: name of the pipeline.
        question: as asked.
        answer: as delivered; None where only retrieval was measured.
        reward: weighted sum; None where no weighted component is defined.
        components: by name, undefined ones absent.
        costs: what was spent: searches, passages, tokens, seconds.
        steps: the searches in order.
    """

    qid: str
    variant: str
    question: str
    answer: str | None
    reward: float | None
    components: dict[str, float]
    costs: dict[str, float]
    steps: tuple[StepReward, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A record, its rewards, and the passages that the answer was read from.

    Args:
        record: as the run wrote it.
        rewards: of the record.
        completion_reward: weighted sum of the components that judge what was written (``components.OF_COMPLETION``),
            which is what a completion is preferred by: a better search is no merit of the text.
        passages: as shown to the generator, best first; None where the text of one is not known.
    """

    record: QuestionRecord
    rewards: RewardRow
    completion_reward: float | None
    passages: tuple[Passage, ...] | None


def reward_row(record: QuestionRecord, weights: RewardWeights) -> RewardRow:
    """Components and weighted sums of a record."""
    components = question_components(record, weights.k, weights.budgets)
    steps = zip(record.trace, step_components(record, weights.k), strict=True)
    return RewardRow(
        qid=record.qid,
        variant=record.variant,
        question=record.question,
        answer=None if record.answer is None else record.answer.delivered,
        reward=weighted_sum(components, weights.question),
        components=components,
        costs=question_costs(record),
        steps=tuple(
            StepReward(query=step.query, reward=weighted_sum(values, weights.step), components=values)
            for step, values in steps
        ),
    )


def examples(
    records: Iterable[QuestionRecord], passages: Mapping[str, Passage], weights: RewardWeights
) -> list[Example]:
    """Records with their rewards and passages."""
    return [_example(record, passages, weights) for record in records]


def _example(record: QuestionRecord, passages: Mapping[str, Passage], weights: RewardWeights) -> Example:
    rewards = reward_row(record, weights)
    of_completion = {name: weight for name, weight in weights.question.items() if name in OF_COMPLETION}
    return Example(
        record=record,
        rewards=rewards,
        completion_reward=weighted_sum(rewards.components, of_completion),
        passages=_passages_read(record, passages, weights.k),
    )


def _passages_read(record: QuestionRecord, passages: Mapping[str, Passage], k: int) -> tuple[Passage, ...] | None:
    """The passages that were read; of a run without answers, those that would have been."""
    read = record.answer.context_ids if record.answer else tuple(hit.chunk_id for hit in record.ranking[:k])
    found = tuple(passages[chunk_id] for chunk_id in read if chunk_id in passages)
    return found if len(found) == len(read) else None
