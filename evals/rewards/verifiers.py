"""A task set of verifiers (v1) over the rows of ``--format verifiers``.

verifiers finds a task set by the name of an installed top-level module that exports a class. A project that trains on
ours has such a module, of three lines::

    from evals.rewards.verifiers import question_taskset
    RussianQuestions = question_taskset()
    __all__ = ["RussianQuestions"]

and names it with the file of rows: ``--env.taskset.id my_module --env.taskset.path rows.jsonl``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evals.rewards.completions import is_plain_answer, read_answer
from evals.rewards.verdicts import Gold, Verdict, judge
from retrievers.errors import InputError, MissingExtraError


def question_taskset() -> type[Any]:
    """The task set's class; made on demand, since its bases are classes of verifiers.

    Its tasks are answered in one reply. The reward ``answer_f1_lemma`` is the token F1 of dictionary forms, or 1.0 for
    abstaining where there is no answer; the metrics ``answer_em``, ``abstained`` and ``answer_format`` are logged.

    Raises:
        MissingExtraError: verifiers is not installed.
    """
    try:
        import verifiers.v1 as vf
    except ImportError as error:
        raise MissingExtraError("The task set of verifiers", "rl") from error

    class QuestionData(vf.TaskData):  # type: ignore[misc]
        question: str
        answers: list[str]
        answerable: bool
        gold_doc_ids: list[str]
        passage_doc_ids: list[str]

    class QuestionTask(vf.Task[QuestionData, vf.State, vf.TaskConfig]):  # type: ignore[misc]
        @vf.reward(weight=1.0)  # type: ignore[untyped-decorator]
        async def answer_f1_lemma(self, trace: vf.Trace) -> float:
            return self._verdict(trace).f1_lemma

        @vf.metric  # type: ignore[untyped-decorator]
        async def answer_em(self, trace: vf.Trace) -> float:
            return self._verdict(trace).em

        @vf.metric  # type: ignore[untyped-decorator]
        async def abstained(self, trace: vf.Trace) -> float:
            return float(self._verdict(trace).abstained)

        @vf.metric  # type: ignore[untyped-decorator]
        async def answer_format(self, trace: vf.Trace) -> float:
            answer = read_answer(trace.last_reply)
            return float(answer.abstained or is_plain_answer(answer.text, self.data.question))

        def _verdict(self, trace: vf.Trace) -> Verdict:
            return judge(trace.last_reply, Gold(tuple(self.data.answers), self.data.answerable))

    class QuestionConfig(vf.TasksetConfig):  # type: ignore[misc]
        path: Path

    class RussianQuestions(vf.Taskset[QuestionTask, QuestionConfig]):  # type: ignore[misc]
        def load(self) -> Iterator[QuestionTask]:
            for data in read_rows(self.config.path, QuestionData):
                yield QuestionTask(data, self.config.task)

    return RussianQuestions


def read_rows(path: Path, model: type[Any]) -> Iterator[Any]:
    """Rows of ``path`` as objects of ``model``, a pydantic class.

    Raises:
        InputError: naming the file, and the line and field of a row that is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # a text may hold other line separators
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); write it with --format verifiers") from error
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            yield model.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "row"
            raise InputError(
                f"{path}:{number}: field {field}: {first['msg']}; expected a row of --format verifiers"
            ) from error
