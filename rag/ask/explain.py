"""The agent's plan and steps as a tree, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from rag.agent.budget import StopReason
from rag.agent.options import Way
from rag.agent.plan import Action, Comparison, Origin, Plan, SubQuestion
from rag.agent.searching import AS_ASKED
from rag.agent.trace import AgentTrace, Operation, TraceHit, TraceStep, Verdict
from rag.ask.render import decimal

_SHOWN_HITS = 3  # passages of a step that are named
_ORIGINS = {
    Origin.RULES: "по правилам",
    Origin.MODEL: "составлен моделью",
    Origin.FILE: "из файла",
    Origin.SINGLE: "один шаг",
}
# The rules of ``rag.agent.planning``, by the names they leave in a plan's note.
_RULES = {
    "relative clause": "придаточное определительное",
    "participial clause": "причастный оборот",
    "genitive": "цепочка родительных",
    "comparison": "сравнение",
    "sameness": "совпадение",
    "coordination": "однородные части",
    "conjunction": "несколько вопросов",
    "same place": "то же место",
    "role": "кто исполняет роль",
}
_WAYS: dict[str, str] = {
    Way.MULTI_QUERY: "вопрос переписан моделью",
    Way.HYDE: "по отрывку, который сочинила модель, среди векторов",
    Way.QUERY2DOC: "по вопросу и отрывку, который сочинила модель",
    Way.NAMES: "одни имена и названия",
    Way.FEEDBACK: "со словами первых находок",
    Way.SYNONYMS: "с другими названиями того же",
}
_NO_PLAN = "the model gave no plan"  # how the note of a model's planner begins; the rest is for the trace
_ACTIONS = {
    Action.FIND: "",
    Action.LIST: "найти всех",
    Action.EACH: "спросить о каждом",
    Action.UNITE: "объединить",
    Action.INTERSECT: "найти общее",
    Action.COMPARE: "сравнить",
}
_COMPARISONS = {
    Comparison.EARLIEST: "раньше",
    Comparison.LATEST: "позже",
    Comparison.LEAST: "меньше",
    Comparison.MOST: "больше",
    Comparison.SAME: "совпадают ли",
}
_OPERATIONS = {
    Operation.RETRIEVE: "поиск",
    Operation.MAP_RETRIEVE: "поиск по одному из списка",
    Operation.UNION: "объединение",
    Operation.INTERSECT: "пересечение",
    Operation.COMPARE: "сравнение",
    Operation.FALLBACK: "поиск по всему вопросу",
}
_VERDICTS = {
    Verdict.ENOUGH: "достаточно",
    Verdict.LOW_CONFIDENCE: "уверенность мала",
    Verdict.LOW_COVERAGE: "найденное покрывает не весь вопрос",
    Verdict.NO_PASSAGES: "ничего не найдено",
    Verdict.NO_ANSWER: "ответа нет",
    Verdict.REPEATED: "уже спрошено",
    Verdict.DONE: "",
}
_DONE = frozenset({StopReason.ANSWERED, StopReason.NO_EVIDENCE, StopReason.NOT_ENOUGH})
_STOPS = {
    StopReason.ANSWERED: "ответ найден",
    StopReason.NO_EVIDENCE: "в документах не нашлось, на что опереться",
    StopReason.NOT_ENOUGH: "ответ найден, но уверенности в нём мало",
    StopReason.LOOP: "шаги пошли по кругу",
    StopReason.STEPS: "исчерпано число поисков",
    StopReason.TOKENS: "исчерпаны токены языковой модели",
    StopReason.SECONDS: "исчерпано время",
    StopReason.CANCELLED: "работа прервана",
    StopReason.MODEL_FAILED: "языковая модель не ответила",
}


def print_trace(trace: AgentTrace, console: Console) -> None:
    """Print the plan, the steps and why they ended."""
    console.print()
    console.print(_plan_tree(trace.plan), soft_wrap=False)
    console.print(_step_tree(trace), soft_wrap=False)
    console.print(Text(_ending(trace), style="dim"))


def broken_off(trace: AgentTrace) -> str:
    """Why the agent stopped before it was done, in Russian; ``""`` where it was done."""
    return "" if trace.stop in _DONE else _STOPS[trace.stop]


def _plan_tree(plan: Plan) -> Tree:
    note = "" if plan.origin is Origin.FILE else _note(plan.note)
    heading = f"План: {_ORIGINS[plan.origin]}" + f" ({note})" * bool(note)
    tree = Tree(Text(heading, style="bold"))
    for one in plan.sub_questions:
        tree.add(Text(_sub_question(one)))
    return tree


def _note(note: str) -> str:
    parts = ["модель плана не дала"] * note.startswith(_NO_PLAN)
    rules = note.rpartition("; ")[2] if parts else note
    return ", ".join([*parts, *(_RULES[rule] for rule in rules.split(", ") if rule in _RULES)])


def _sub_question(one: SubQuestion) -> str:
    how = _ACTIONS[one.action] + (f" ({_COMPARISONS[one.comparison]})" if one.comparison else "")
    parts = [
        f"{one.id}. {one.question}",
        f"→ {{{one.defines}}}" if one.defines else "",
        f"[{how}]" if how else "",
        f"после {', '.join(one.depends_on)}" if one.depends_on else "",
    ]
    return " ".join(part for part in parts if part)


def _step_tree(trace: AgentTrace) -> Tree:
    tree = Tree(Text("Шаги", style="bold"))
    for step in trace.steps:
        branch = tree.add(Text(_heading(step)))
        for line in _lines(step):
            branch.add(Text(line))
    return tree


def _heading(step: TraceStep) -> str:
    whose = f" ({step.sub_question})" if step.sub_question else ""
    way = f" · другими словами: {_WAYS.get(step.way, step.way)}" if step.way not in {"", AS_ASKED} else ""
    asked = f": {step.query or step.question}"
    return f"{step.number}. {_OPERATIONS[step.operation]}{whose}{asked}{way} · {step.seconds * 1000:.0f} мс"


def _lines(step: TraceStep) -> Iterator[str]:
    if step.hits:
        best = ", ".join(f"{hit.title or hit.doc_id} [{hit.chunk_id}] {decimal(hit.score)}" for hit in _read(step))
        yield f"прочитано {len(step.evidence)} из {len(step.hits)}: {best}"
    said = step.answer or "—"
    judged = [f"уверенность {decimal(step.confidence)}"]
    if step.coverage is not None:
        judged.append(f"покрытие вопроса {decimal(step.coverage)}")
    if verdict := _VERDICTS[step.verdict]:
        judged.append(verdict)
    yield f"ответ: {said} · {' · '.join(judged)}"


def _read(step: TraceStep) -> list[TraceHit]:
    return [hit for hit in step.hits if hit.chunk_id in step.evidence][:_SHOWN_HITS]


def _ending(trace: AgentTrace) -> str:
    spent = trace.spent
    parts = [f"Итог: {_STOPS[trace.stop]}", f"поисков {spent.steps}"]
    if spent.cached:
        parts.append(f"из памяти {spent.cached}")
    if spent.tokens:
        parts.append(f"токенов {spent.tokens}")
    return " · ".join([*parts, f"{decimal(spent.seconds)} с"])
