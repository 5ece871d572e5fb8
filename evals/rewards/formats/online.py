"""Prompts with gold, for trainers that let the policy write the completions and score them with our functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from evals.rewards.formats.base import (
    ExportOptions,
    LeftOut,
    Row,
    once_a_question,
    passage_doc_ids,
    shown_prompt,
    with_gold,
)
from evals.rewards.rows import Example
from generators.base import NO_ANSWER
from prompts.answer import ChatPrompt
from prompts.search import search_prompt

# Names the data set to verl, which keeps its metrics apart by it.
DATA_SOURCE = "russian-rag"

_MESSAGES = [{"role": "string", "content": "string"}]
_REWARD_MODEL = {"style": "string", "ground_truth": {"target": ["string"], "answerable": "bool"}}
_EXTRA_INFO = {
    "split": "string",
    "index": "int",
    "qid": "string",
    "question": "string",
    "gold_doc_ids": ["string"],
    "passage_doc_ids": ["string"],
}
VERL_SCHEMA = {
    "data_source": "string",
    "prompt": _MESSAGES,
    "ability": "string",
    "reward_model": _REWARD_MODEL,
    "extra_info": _EXTRA_INFO,
}
SEARCH_R1_SCHEMA = {
    "id": "string",
    "question": "string",
    "golden_answers": ["string"],
    **VERL_SCHEMA,
}


def trl_rows(examples: Sequence[Example], _options: ExportOptions, left_out: LeftOut) -> Iterator[Row]:
    """Rows of TRL's ``GRPOTrainer``: every column but the prompt reaches the reward functions."""
    for example, prompt in _asked(examples, left_out):
        yield {"prompt": prompt.messages(), **_columns(example)}


def verl_rows(examples: Sequence[Example], options: ExportOptions, left_out: LeftOut) -> Iterator[Row]:
    """Rows of verl's ``RLHFDataset``, for a reward that is a rule."""
    for index, (example, prompt) in enumerate(_asked(examples, left_out)):
        yield _rule_row(example, prompt.messages(), index, options.split, passage_doc_ids(example))


def search_r1_rows(examples: Sequence[Example], options: ExportOptions, left_out: LeftOut) -> Iterator[Row]:
    """Rows of Search-R1: the question alone, the policy searches; one for each question."""
    for index, example in enumerate(once_a_question(list(with_gold(examples, left_out)), left_out)):
        record = example.record
        message = {"role": "user", "content": search_prompt(record.question, no_answer=NO_ANSWER)}
        yield {
            "id": record.qid,
            "question": record.question,
            "golden_answers": list(record.answers),
            **_rule_row(example, [message], index, options.split, []),
        }


def verifiers_rows(examples: Sequence[Example], _options: ExportOptions, left_out: LeftOut) -> Iterator[Row]:
    """Rows that the task set of ``evals.rewards.verifiers`` loads."""
    for example, prompt in _asked(examples, left_out):
        columns = _columns(example)
        name = f"{columns.pop('qid')} ({columns.pop('variant')})"
        yield {"name": name, "system_prompt": prompt.system, "prompt": prompt.user, **columns}


def openrlhf_rows(examples: Sequence[Example], _options: ExportOptions, left_out: LeftOut) -> Iterator[Row]:
    """Rows of OpenRLHF (``--data.input_key input --data.label_key label``); a label is one text, so it is JSON."""
    for example, prompt in _asked(examples, left_out):
        label = {"target": list(example.record.answers), "answerable": example.record.answerable}
        yield {"input": prompt.messages(), "label": json.dumps(label, ensure_ascii=False)}


def _asked(examples: Sequence[Example], left_out: LeftOut) -> Iterator[tuple[Example, ChatPrompt]]:
    for example in with_gold(examples, left_out):
        if (prompt := shown_prompt(example, left_out)) is not None:
            yield example, prompt


def _columns(example: Example) -> Row:
    record = example.record
    return {
        "qid": record.qid,
        "variant": record.variant,
        "question": record.question,
        "answers": list(record.answers),
        "answerable": record.answerable,
        "gold_doc_ids": list(record.gold_doc_ids),
        "passage_doc_ids": passage_doc_ids(example),
    }


def _rule_row(example: Example, messages: list[dict[str, str]], index: int, split: str, passage_ids: list[str]) -> Row:
    record = example.record
    return {
        "data_source": DATA_SOURCE,
        "prompt": messages,
        "ability": "fact-reasoning",
        "reward_model": {
            "style": "rule",
            "ground_truth": {"target": list(record.answers), "answerable": record.answerable},
        },
        "extra_info": {
            "split": split,
            "index": index,
            "qid": record.qid,
            "question": record.question,
            "gold_doc_ids": list(record.gold_doc_ids),
            "passage_doc_ids": passage_ids,
        },
    }
