"""The plan of a multi-step question: a small graph of sub-questions, data and no code.

A sub-question may define one slot, which later ones use: «Кто написал роман „Солярис“?» defines ``{автор}``, «В каком
городе родился {автор}?» uses it. A slot may name the case it stands in by an OpenCorpora grammeme: «Какие романы
принадлежат перу {автор|gent}?».
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rag.errors import first_mistake
from rag.question import MAX_QUESTION
from retrievers.errors import InputError

MAX_SUB_QUESTIONS = 5
MAX_CHARACTERS = 400  # of one sub-question of several
CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")

_SLOT = re.compile(r"\{(?P<name>[^\W\d][\w-]*)(?:\|(?P<case>\w+))?\}")
_NAME = re.compile(r"[^\W\d][\w-]*")


class Action(StrEnum):
    """What a sub-question asks of the executor, which runs the operations named.

    FIND: one answer (RETRIEVE, FILTER, EXTRACT_ANSWER).
    LIST: the entities that the best passages name, at most the fan-out (RETRIEVE, FILTER, EXTRACT_ENTITIES).
    EACH: its question once for every entity of the list in its slot (MAP_RETRIEVE); answers united.
    UNITE, INTERSECT: the answers that any, or all, of its dependencies found (UNION, INTERSECT).
    COMPARE: the dependency whose answer, a date or a number, fits :class:`Comparison` (COMPARE).
    """

    FIND = "find"
    LIST = "list"
    EACH = "each"
    UNITE = "unite"
    INTERSECT = "intersect"
    COMPARE = "compare"


class Comparison(StrEnum):
    """Which of the compared sub-questions wins; SAME asks whether their answers are equal, and answers «да» or «нет».

    EARLIEST and LATEST read dates and years, LEAST and MOST numbers with their units.
    """

    EARLIEST = "earliest"
    LATEST = "latest"
    LEAST = "least"
    MOST = "most"
    SAME = "same"


class Origin(StrEnum):
    """Who made a plan."""

    RULES = "rules"
    MODEL = "model"
    FILE = "file"
    SINGLE = "single"  # nothing to take apart, or nothing better than the question itself


class Slot(BaseModel):
    """A slot as used in a question: its name and the case its filling takes, nominative by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    case: str = "nomn"


class SubQuestion(BaseModel):
    """One step of a plan.

    Args:
        id: unique in its plan, like ``"q1"``.
        question: in Russian, with slots in braces.
        action: what is done with it.
        depends_on: ids of the sub-questions that must be answered first; all that define its slots are among them.
        defines: name of the slot that its answer fills, or None.
        comparison: of COMPARE, which wins.
        about: who or what it asks after, where COMPARE answers by that name («Пушкин» of «Когда родился Пушкин?»).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    question: str = Field(min_length=1, max_length=MAX_QUESTION)
    action: Action = Action.FIND
    depends_on: tuple[str, ...] = ()
    defines: str | None = None
    comparison: Comparison | None = None
    about: str = ""

    @field_validator("id", "defines")
    @classmethod
    def _is_name(cls, value: str | None) -> str | None:
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError(f"{value!r} is no name: expected letters, digits, underscores and hyphens, a letter first")
        return value

    @field_validator("question", "about")
    @classmethod
    def _slots_are_whole(cls, text: str) -> str:
        rest = _SLOT.sub("", text)
        if "{" in rest or "}" in rest:
            raise ValueError(f"{text!r}: a brace that belongs to no slot; slots are written {{name}} or {{name|gent}}")
        for slot in slots_of(text):
            if slot.case not in CASES:
                raise ValueError(f"{text!r}: slot case {slot.case!r} is none of {', '.join(CASES)}")
        return text

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Slots that the question uses, each name once."""
        return tuple({slot.name: slot for slot in (*slots_of(self.about), *slots_of(self.question))}.values())


class Plan(BaseModel):
    """A validated graph of sub-questions.

    Args:
        question: the question as asked.
        sub_questions: in an order in which each follows those it depends on.
        origin: who made it.
        note: why it looks as it does: the rules that applied, or why a plan was given up.

    Raises:
        ValidationError: on building one with repeated ids, unknown or circular dependencies, a slot that is used and
            not defined by a dependency, defined twice, or defined and never used, or an action without what it needs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str = Field(min_length=1)
    sub_questions: tuple[SubQuestion, ...] = Field(min_length=1, max_length=MAX_SUB_QUESTIONS)
    origin: Origin = Origin.FILE
    note: str = ""

    @model_validator(mode="after")
    def _is_sound(self) -> Plan:
        check_sub_questions(self.sub_questions)
        for one in self.sub_questions if len(self.sub_questions) > 1 else ():
            if len(one.question) > MAX_CHARACTERS:
                raise ValueError(f"{one.id}: has {len(one.question)} characters, at most {MAX_CHARACTERS} are read")
        # Order is derived, not demanded: a person or a model may write the last step first.
        ordered = tuple(_ordered(self.sub_questions))
        if ordered != self.sub_questions:
            object.__setattr__(self, "sub_questions", ordered)
        return self

    @classmethod
    def single(cls, question: str, note: str = "") -> Plan:
        """The plan of one step: the question itself, whatever it holds."""
        text = question.strip().replace("{", "(").replace("}", ")")
        return cls(
            question=question, sub_questions=(SubQuestion(id="q1", question=text),), origin=Origin.SINGLE, note=note
        )

    @property
    def is_single(self) -> bool:
        """One search answers it."""
        return len(self.sub_questions) == 1 and self.sub_questions[0].action is Action.FIND

    @property
    def last(self) -> tuple[SubQuestion, ...]:
        """Sub-questions that no other depends on: their answers make the answer."""
        needed = {name for one in self.sub_questions for name in one.depends_on}
        return tuple(one for one in self.sub_questions if one.id not in needed)

    @property
    def compared(self) -> tuple[str, ...]:
        """Whom or what a last comparison chooses from; nothing where a plan does not end in one, or has no names."""
        by_id = {one.id: one for one in self.sub_questions}
        return tuple(
            by_id[name].about
            for one in self.last
            if one.action is Action.COMPARE and one.comparison is not Comparison.SAME
            for name in one.depends_on
            if by_id[name].about and not slots_of(by_id[name].about)
        )

    def definer(self, slot: str) -> SubQuestion:
        """The sub-question whose answer fills ``slot``."""
        return next(one for one in self.sub_questions if one.defines == slot)

    def needs(self, one: SubQuestion) -> bool:
        """Whether the plan cannot go on without an answer of ``one``: all but a union need it."""
        return any(one.id in each.depends_on and each.action is not Action.UNITE for each in self.sub_questions)

    def intersects(self, one: SubQuestion) -> bool:
        """Whether the answers of ``one`` are intersected with others: then its alternatives count."""
        return any(one.id in each.depends_on and each.action is Action.INTERSECT for each in self.sub_questions)

    def above(self, one: SubQuestion) -> frozenset[str]:
        """Ids of all that ``one`` rests on, directly or not."""
        by_id = {each.id: each for each in self.sub_questions}
        found: set[str] = set()
        waiting = list(one.depends_on)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(by_id[name].depends_on)
        return frozenset(found)

    def to_json(self) -> str:
        """The plan as a person edits it: indented JSON, defaults left out."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def slots_of(text: str) -> tuple[Slot, ...]:
    """Slots in the order of their appearance.

    >>> slots_of("Чем известен сын {автор|gent}?")
    (Slot(name='автор', case='gent'),)
    """
    return tuple(Slot(name=match["name"], case=match["case"] or "nomn") for match in _SLOT.finditer(text))


def fill_slots(text: str, fillings: dict[Slot, str]) -> str:
    """``text`` with every slot replaced by its filling; the filling is in the slot's case already."""
    return _SLOT.sub(lambda match: fillings[Slot(name=match["name"], case=match["case"] or "nomn")], text)


def check_sub_questions(sub_questions: Sequence[SubQuestion]) -> None:
    """The validator of a plan.

    Raises:
        ValueError: naming the sub-question and what is wrong with it.
    """
    by_id: dict[str, SubQuestion] = {}
    definer: dict[str, SubQuestion] = {}
    for one in sub_questions:
        if one.id in by_id:
            raise ValueError(f"{one.id}: the id is taken by another sub-question")
        by_id[one.id] = one
        if one.defines is not None:
            if one.defines in definer:
                raise ValueError(f"{one.id}: slot {one.defines!r} is defined by {definer[one.defines].id} already")
            definer[one.defines] = one
    for one in sub_questions:
        for name in one.depends_on:
            if name not in by_id:
                raise ValueError(f"{one.id}: depends on {name!r}, which is no sub-question of this plan")
        if len(set(one.depends_on)) < len(one.depends_on):
            raise ValueError(f"{one.id}: names a dependency twice")
        for slot in one.slots:
            if slot.name not in definer:
                raise ValueError(f"{one.id}: uses slot {slot.name!r}, which no sub-question defines")
            if definer[slot.name].id not in one.depends_on:
                source = definer[slot.name].id
                raise ValueError(f"{one.id}: uses slot {slot.name!r} and does not depend on {source}, which defines it")
        _check_action(one, by_id, definer)
    used = {slot.name for one in sub_questions for slot in one.slots}
    for name, one in definer.items():
        if name not in used:
            raise ValueError(f"{one.id}: defines slot {name!r}, which no sub-question uses")
    if len(list(_ordered(sub_questions))) < len(sub_questions):
        raise ValueError("the dependencies run in a circle")


def read_plan(path: Path) -> Plan:
    """Read a plan as :meth:`Plan.to_json` writes it.

    Raises:
        InputError: the file is missing, not JSON, or no sound plan; the message says where.
    """
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in brackets
        raise InputError(f"{path}: not JSON: {error}") from error
    if isinstance(data, dict):
        data["origin"] = Origin.FILE  # whoever made it, it may have been edited since
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{path}: {first_mistake(error, 'plan')}") from error


def _check_action(one: SubQuestion, by_id: dict[str, SubQuestion], definer: dict[str, SubQuestion]) -> None:
    lists = [slot.name for slot in one.slots if definer[slot.name].action in _MANY]
    match one.action:
        case Action.EACH:
            if len(lists) != 1:
                raise ValueError(f"{one.id}: action each needs exactly one slot that holds a list, found {len(lists)}")
        case Action.FIND | Action.LIST:
            if lists:
                raise ValueError(f"{one.id}: slot {lists[0]!r} holds a list; ask for each of it with action each")
        case Action.UNITE | Action.INTERSECT | Action.COMPARE:
            if len(one.depends_on) < 2:
                raise ValueError(f"{one.id}: action {one.action} needs at least two dependencies")
    if (one.comparison is not None) != (one.action is Action.COMPARE):
        raise ValueError(f"{one.id}: a comparison belongs to action compare, and to no other")
    if one.action is Action.COMPARE:
        many = [name for name in one.depends_on if by_id[name].action in _MANY]
        if many:
            raise ValueError(f"{one.id}: compares {many[0]}, which answers with a list")


_MANY = frozenset({Action.LIST, Action.EACH, Action.UNITE, Action.INTERSECT})


def _ordered(sub_questions: Sequence[SubQuestion]) -> Iterator[SubQuestion]:
    """In an order that keeps dependencies, as written where it can be; those in a circle are left out."""
    done: set[str] = set()
    waiting = list(sub_questions)
    while ready := next((one for one in waiting if done.issuperset(one.depends_on)), None):
        waiting.remove(ready)
        done.add(ready.id)
        yield ready
