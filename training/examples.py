"""One row of training data, the same for every trainer, and its file: JSON Lines, a row a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from evals.datasets.reading import Row, read_rows
from evals.files import atomic_write
from rag.errors import first_mistake
from retrievers.errors import InputError

Text = Annotated[str, Field(pattern=r"\S")]


class Example(BaseModel):
    """A question (or any first text) with a passage, and what else is known of the two.

    Args:
        question: first text of the pair.
        passage: second text; it belongs to the question unless ``label`` says otherwise.
        title: of the passage's document; models see it before the passage (:func:`search_text`), as an index does.
        negatives: passages that do not belong to the question, hardest first, as models are to see them: a title, where
            one is wanted, is already in the text.
        scores: a teacher's scores of ``passage`` and then of each negative: 1 + len(negatives) numbers, or none.
        label: similarity or relevance of the pair, in the data's own unit; None where the pair is simply a positive.
        answers: right answers; with ``answer_start`` the first is worded as it stands in the passage.
        answer_start: character of ``passage`` where ``answers[0]`` starts; None where that is not known.
        doc_id: document of the passage: rows of one document are never split between training and evaluation.
        source: where the row comes from ("sberquad", "title", "cloze", …), for reports and model cards.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: Text
    passage: Text
    title: str = ""
    negatives: tuple[Text, ...] = ()
    scores: tuple[FiniteFloat, ...] = ()
    label: FiniteFloat | None = None
    answers: tuple[Text, ...] = ()
    answer_start: int | None = Field(default=None, ge=0)
    doc_id: str = ""
    source: str = ""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.scores and len(self.scores) != 1 + len(self.negatives):
            raise ValueError(f"scores: expected {1 + len(self.negatives)} (passage, negatives), got {len(self.scores)}")
        if self.answer_start is not None and not (
            self.answers and self.passage.startswith(self.answers[0], self.answer_start)
        ):
            raise ValueError(f"answer_start: the first answer does not stand at character {self.answer_start}")
        return self

    @property
    def text(self) -> str:
        """The passage as models see it."""
        return search_text(self.title, self.passage)


def search_text(title: str, passage: str) -> str:
    """A passage under its title, as :func:`retrievers.documents.search_text` shows a chunk to models."""
    return f"{title}\n{passage}" if title else passage


def read_examples(path: Path) -> list[Example]:
    """Rows of a file of examples: ``.jsonl``, ``.jsonl.gz``, ``.jsonl.zst`` or ``.parquet``.

    Raises:
        InputError: the file cannot be read, holds no row, or a row is wrong; names the line and the mistake.
    """
    examples = [parse_example(row) for row in read_rows(path)]
    if not examples:
        raise InputError(f"{path} holds no rows")
    return examples


def parse_example(row: Row) -> Example:
    """An example of a row in this format.

    Raises:
        InputError: a field is unknown, missing or of another kind.
    """
    try:
        return Example.model_validate(row.fields)
    except ValidationError as error:
        raise InputError(f"{row.place}: {first_mistake(error)}") from error


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Write rows, whole or not at all; fields that say nothing are left out. Returns how many."""
    count = 0
    with atomic_write(path) as stream:
        for count, example in enumerate(examples, start=1):  # noqa: B007 (the count is what is returned)
            stream.write(json.dumps(example.model_dump(exclude_defaults=True), ensure_ascii=False) + "\n")
    return count
