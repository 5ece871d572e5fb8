"""RuBQ 2.0 in the authors' own files: questions with the Wikipedia paragraphs that answer them, and those that do not.

Every paragraph that answers a question makes an example. The question's other paragraphs, of the pages of its entities,
were shown to the annotators and found not to answer: hard negatives that a person has checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evals.datasets.reading import Row, json_rows
from evals.datasets.rubq import LICENCE, Paragraph, answers_of, read_paragraphs
from training.data.found import Found, Skip, SkipReason, make_example

SOURCE = "rubq"
__all__ = ["LICENCE", "SOURCE", "load_rubq"]


def load_rubq(questions: Sequence[Path], paragraphs: Path, *, negatives: int = 0) -> Iterator[Found]:
    """Read RuBQ.

    Args:
        questions: ``RuBQ_2.0_dev.json``, ``RuBQ_2.0_test.json`` or both.
        paragraphs: ``RuBQ_2.0_paragraphs.json``.
        negatives: how many of the paragraphs that do not answer go with an example, in the file's order.

    Raises:
        InputError: a file, entry or field cannot be used.
    """
    known = read_paragraphs(paragraphs)
    for path in questions:
        for row in json_rows(path):
            yield from _of_question(row, known, negatives)


def _of_question(row: Row, known: Mapping[str, Paragraph], negatives: int) -> Iterator[Found]:
    answering = _uids(row, "with_answer")
    if not answering:
        yield Skip(SkipReason.UNANSWERABLE)
        return
    answers = answers_of(row)
    others = [known[uid].text for uid in _uids(row, "all_related") if uid in known and uid not in answering]
    for uid in answering:
        if uid not in known:
            yield Skip(SkipReason.UNKNOWN_PASSAGE)
            continue
        yield make_example(
            row.place,
            row.text("question_text"),
            known[uid].text,
            answers=answers,
            negatives=others[:negatives],
            doc_id=known[uid].page,
            source=SOURCE,
        )


def _uids(row: Row, name: str) -> list[str]:
    value = row.nested("paragraphs_uids").fields.get(name) or []
    if not isinstance(value, list):
        raise row.wrong(f"paragraphs_uids.{name}", "a list of ids", value)
    return [str(uid) for uid in dict.fromkeys(value)]
