"""Completions that the pipeline wrote, with what they are worth, for trainers that learn from given answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evals.answers import answer_words
from evals.rewards.components import QuestionComponent, StepComponent
from evals.rewards.formats.base import (
    ExportOptions,
    LeftOut,
    Row,
    shown_prompt,
    with_gold,
    written_completion,
)
from evals.rewards.rows import Example, StepReward
from generators.base import NO_ANSWER
from prompts.answer import ChatPrompt
from prompts.fencing import as_line
from prompts.search import search_prompt


class _Answered(NamedTuple):
    example: Example
    reward: float

    @property
    def words(self) -> list[str]:
        return answer_words(self.example.rewards.answer or "")


def reward_rows(examples: Sequence[Example], _options: ExportOptions, _left_out: LeftOut) -> Iterator[Row]:
    """Every record with its components, costs, steps and rewards."""
    for example in examples:
        yield example.rewards.model_dump(mode="json")


def kto_rows(examples: Sequence[Example], options: ExportOptions, left_out: LeftOut) -> Iterator[Row]:
    """Rows of TRL's ``KTOTrainer``: a completion is desirable from a reward of the threshold on."""
    for example, reward in _rewarded(examples, left_out):
        if (prompt := shown_prompt(example, left_out)) is not None:
            yield {
                "prompt": prompt.messages(),
                "completion": _assistant(written_completion(example, example)),
                "label": reward >= options.threshold,
                "reward": reward,
                "qid": example.record.qid,
                "variant": example.record.variant,
            }


def dpo_rows(examples: Sequence[Example], options: ExportOptions, left_out: LeftOut) -> Iterator[Row]:
    """Rows of TRL's ``DPOTrainer``: of each question, the best answer and the worst that says something else.

    The prompt shows the passages of the chosen one.
    """
    questions: dict[str, list[_Answered]] = {}
    for example, reward in _rewarded(examples, left_out):
        questions.setdefault(example.record.qid, []).append(_Answered(example, reward))
    for answered in questions.values():
        pair = _pair(answered, options.margin, left_out)
        if pair is not None and (prompt := shown_prompt(pair[0].example, left_out)) is not None:
            yield _pair_row(prompt, *pair)


def trl_prm_rows(examples: Sequence[Example], options: ExportOptions, left_out: LeftOut) -> Iterator[Row]:
    """Rows with a label for each step, as TRL's PRM trainer had them.

    A step is right when it found a gold document that no earlier one had, or its sub-answer reaches the threshold; a
    final answer, when its lemma F1 does, or where it was right to abstain.
    """
    for example in examples:
        steps = [_labelled_step(example, number, options.threshold) for number in range(len(example.rewards.steps))]
        judged = [step for step in steps if step is not None]
        if len(judged) < len(steps):
            left_out.add("a step has no gold to judge it by")
            continue
        final = _labelled_answer(example, options.threshold)
        labelled = [*judged, final] if final is not None else judged
        yield {
            "prompt": search_prompt(example.record.question, no_answer=NO_ANSWER),
            "completions": [text for text, _ in labelled],
            "labels": [label for _, label in labelled],
        }


def _rewarded(examples: Sequence[Example], left_out: LeftOut) -> Iterator[tuple[Example, float]]:
    """Answered examples with the rewards of their completions."""
    for example in with_gold(examples, left_out):
        if example.record.answer is None:
            left_out.add("nothing was answered")
        elif example.completion_reward is None:
            left_out.add("no component with a weight is defined")
        else:
            yield example, example.completion_reward


def _assistant(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _pair(answered: Sequence[_Answered], margin: float, left_out: LeftOut) -> tuple[_Answered, _Answered] | None:
    if len(answered) == 1:
        left_out.add("answered by one variant only")
        return None
    best = max(answered, key=lambda one: one.reward)
    others = [one for one in answered if one.words != best.words]
    if not others:
        left_out.add("the same answer from every variant")
        return None
    worst = min(others, key=lambda one: one.reward)
    if best.reward - worst.reward < margin:
        left_out.add("rewards closer than the margin")
        return None
    return best, worst


def _pair_row(prompt: ChatPrompt, best: _Answered, worst: _Answered) -> Row:
    return {
        "prompt": prompt.messages(),
        "chosen": _assistant(written_completion(best.example, best.example)),
        "rejected": _assistant(written_completion(worst.example, best.example)),
        "chosen_reward": best.reward,
        "rejected_reward": worst.reward,
        "qid": best.example.record.qid,
        "chosen_variant": best.example.record.variant,
        "rejected_variant": worst.example.record.variant,
    }


def _labelled_step(example: Example, number: int, threshold: float) -> tuple[str, bool] | None:
    step, reward = example.record.trace[number], example.rewards.steps[number]
    right = _is_right_step(reward, threshold)
    if right is None:
        return None
    text = f"<search>{as_line(step.query)}</search>"
    # Of a single search the answer is the final one, which has a row element of its own.
    if step.answer and example.record.steps:
        text += f" <think>{as_line(step.answer)}</think>"
    return text, right


def _is_right_step(step: StepReward, threshold: float) -> bool | None:
    found, answered = (step.components.get(name) for name in (StepComponent.NEW_GOLD, StepComponent.SUB_ANSWER))
    if found is None and answered is None:
        return None
    return bool(found) or (answered is not None and answered >= threshold)


def _labelled_answer(example: Example, threshold: float) -> tuple[str, bool] | None:
    components = example.rewards.components
    name = QuestionComponent.ANSWER_F1_LEMMA if example.record.answerable else QuestionComponent.ABSTENTION_RIGHT
    if name not in components:
        return None
    answer = example.rewards.answer or NO_ANSWER
    return f"<answer>{as_line(answer)}</answer>", components[name] >= threshold
