"""A model's reply as a plan: fields by other names, missing ids and dependencies put right, the rest told in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from rag.agent.plan import CASES, MAX_SUB_QUESTIONS, Action, Comparison, Origin, Plan, SubQuestion, slots_of
from rag.agent.planning.lenient_json import NotJsonError, read_json

_STEPS = ("steps", "sub_questions", "subquestions", "sub-questions", "plan", "questions", "шаги", "подвопросы", "план")
_FIELDS = {
    "id": ("id", "номер", "step"),
    "question": ("question", "вопрос", "sub_question", "query", "q"),
    "defines": ("defines", "slot", "слот", "define", "output"),
    "action": ("action", "действие", "type", "operation"),
    "depends_on": ("depends_on", "dependson", "depends", "dependencies", "зависит", "after"),
    "comparison": ("comparison", "сравнение", "compare"),
    "about": ("about", "о ком", "о чём", "subject"),
}
_ACTIONS = {
    "search": "find", "extract": "find", "retrieve": "find", "map": "each", "foreach": "each", "for_each": "each",
    "union": "unite", "merge": "unite", "intersection": "intersect", "common": "intersect", "comparison": "compare",
}  # fmt: skip
_CASE_NAMES = {
    "именительный": "nomn", "родительный": "gent", "дательный": "datv", "винительный": "accs", "творительный": "ablt",
    "предложный": "loct", "nom": "nomn", "gen": "gent", "dat": "datv", "acc": "accs", "ins": "ablt", "loc": "loct",
    "prep": "loct", "abl": "ablt",
}  # fmt: skip
_SLOT = re.compile(r"\{\s*([^{}|:]*?)\s*(?:[|:]\s*([^{}]*?)\s*)?\}")
_NOT_NAME = re.compile(r"[^\w-]+")
_JOINING = (Action.UNITE, Action.INTERSECT, Action.COMPARE)
_MANY = (Action.LIST, Action.EACH, Action.UNITE, Action.INTERSECT)


class ReplyError(ValueError):
    """A reply that holds no plan; the message tells the model what to change."""


def read_reply(reply: str, question: str) -> Plan:
    """The plan in a model's reply.

    Args:
        reply: as the model wrote it, without its thoughts.
        question: as asked.

    Raises:
        ReplyError: there is none, or none that is sound.
    """
    try:
        rows = _rows(read_json(reply))
    except NotJsonError as error:
        raise ReplyError("expected a JSON object with the field steps, found none") from error
    if not rows:
        raise ReplyError("the list of steps is empty")
    if len(rows) > MAX_SUB_QUESTIONS:
        raise ReplyError(f"{len(rows)} steps, at most {MAX_SUB_QUESTIONS} are allowed")
    steps = _steps(rows, question)
    if len(steps) == 1:
        return Plan.single(question, "the model sees one step")
    try:
        return Plan(question=question, sub_questions=tuple(steps), origin=Origin.MODEL)
    except ValidationError as error:
        raise ReplyError(_first(error)) from error


def _rows(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, dict):
        found = next((data[key] for key in data if key.lower() in _STEPS), None)
        if isinstance(found, dict):  # {"q1": {…}, "q2": {…}}
            found = list(found.values())
        data = found if isinstance(found, list) else [data]
    return [one if isinstance(one, dict) else {"question": one} for one in data if one]


def _steps(rows: Sequence[dict[str, Any]], question: str) -> list[SubQuestion]:
    fields = [_by_name(row) for row in rows]
    ids = _ids(fields)
    actions = [_action(one.get("action")) for one in fields]
    names = [_name(one.get("defines")) for one in fields]
    texts = [_with_slots(_text(one.get("question"))) for one in fields]
    used = {slot.name for text in texts for slot in slots_of(text)}
    names = [name if name in used else None for name in names]  # an answer that nobody needs has no slot
    definer = {name: at for at, name in enumerate(names) if name is not None}
    steps: list[SubQuestion] = []
    for at, row in enumerate(fields):
        action = actions[at]
        if not texts[at] and action in _JOINING:
            texts[at] = question
        if not texts[at]:
            raise ReplyError(f"step {ids[at]} has no question")
        lists = [slot for slot in slots_of(texts[at]) if actions[definer.get(slot.name, at)] in _MANY]
        if action is Action.FIND and any(definer.get(slot.name, at) != at for slot in lists):
            action = actions[at] = Action.EACH
        depends = _depends(row.get("depends_on"))
        depends += [ids[definer[s.name]] for s in slots_of(texts[at]) if s.name in definer and definer[s.name] != at]
        if action in _JOINING and not depends:
            depends = [ids[other] for other in range(at)]
        steps.append(_step(ids[at], texts[at], action, tuple(dict.fromkeys(depends)), names[at], row))
    return steps


def _step(
    name: str, text: str, action: Action, depends: tuple[str, ...], defines: str | None, row: dict[str, Any]
) -> SubQuestion:
    comparison = None
    if action is Action.COMPARE:
        said = _text(row.get("comparison")).lower()
        if said not in set(Comparison):
            raise ReplyError(f"step {name} compares; its comparison must be one of {', '.join(Comparison)}")
        comparison = Comparison(said)
    try:
        return SubQuestion(
            id=name,
            question=text,
            action=action,
            depends_on=depends,
            defines=defines,
            comparison=comparison,
            about=_with_slots(_text(row.get("about"))),
        )
    except ValidationError as error:
        raise ReplyError(f"step {name}: {_first(error)}") from error


def _by_name(row: dict[str, Any]) -> dict[str, Any]:
    lowered = {str(key).strip().lower(): value for key, value in row.items()}
    found: dict[str, Any] = {}
    for field, names in _FIELDS.items():
        value = next((lowered[name] for name in names if name in lowered), None)
        if value is not None:
            found[field] = value
    return found


def _ids(fields: Sequence[dict[str, Any]]) -> list[str]:
    """Names of the steps; by position where one is missing or said twice."""
    given = [_id(one.get("id")) for one in fields]
    if all(given) and len(set(given)) == len(given):
        return [str(one) for one in given]
    return [f"q{number}" for number in range(1, len(fields) + 1)]


def _id(value: Any) -> str | None:
    text = _NOT_NAME.sub("_", _text(value)).strip("_-")
    if text.isdigit():
        return f"q{text}"
    return text or None


def _depends(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else re.split(r"[,;\s]+", _text(value))
    found = [_id(one) for one in listed]
    return [one for one in found if one is not None and one.lower() not in ("none", "null", "нет")]


def _action(value: Any) -> Action:
    said = _text(value).lower()
    said = _ACTIONS.get(said, said)
    return Action(said) if said in set(Action) else Action.FIND


def _name(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    text = _NOT_NAME.sub("_", _text(value).strip("{} ").split("|")[0]).strip("_-").lower()
    return text or None


def _with_slots(text: str) -> str:
    """Slots as the plan writes them: «{Автор : родительный}» is ``{автор|gent}``."""

    def rewritten(match: re.Match[str]) -> str:
        name = _NOT_NAME.sub("_", match[1]).strip("_-").lower()
        case = (match[2] or "").lower().split(" ")[0]
        case = _CASE_NAMES.get(case, case)
        if not name:
            return match.group()
        return f"{{{name}|{case}}}" if case in CASES and case != "nomn" else f"{{{name}}}"

    return _SLOT.sub(rewritten, text)


def _text(value: Any) -> str:
    return " ".join(str(value).split()) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _first(error: ValidationError) -> str:
    return error.errors()[0]["msg"].removeprefix("Value error, ")
