"""Plans of a model that are sound and yet worse than the question itself."""

from __future__ import annotations

import re

from rag.agent.plan import Action, Plan, SubQuestion
from retrievers.analysis import fold, lemmas, stop_words
from retrievers.language import is_russian

_SLOT = re.compile(r"\{([^{}|]*)(?:\|\w+)?\}")
_NAMING = re.compile(r"(?<!^)\b[A-ZА-ЯЁ][\w-]+|(?<=[«„“\"])[\w-]+")  # capitals inside, and what a title begins with
_JOINING = (Action.UNITE, Action.INTERSECT, Action.COMPARE)
_SAME_STEM = 4  # letters that two forms of a name share
_PARAPHRASE = 0.8  # share of the question's words that a step alone may not hold


def reason_to_refuse(plan: Plan) -> str | None:
    """Why a plan is not worth following, None where it is.

    A step in another language finds nothing here; a name that the question does not hold is one that the model made up
    or believes to know; a step that says all that the question says makes the others superfluous; steps that have
    nothing to do with one another answer a question that nobody asked.
    """
    if plan.is_single:
        return None
    for step in plan.sub_questions:
        if not is_russian(_bare(step)):
            return f"step {step.id} is not in Russian"
        if name := _invented(step, plan.question):
            return f"step {step.id} names {name!r}, which is not in the question"
    asking = [step for step in plan.sub_questions if step.action not in _JOINING]
    for step in asking:
        if _says_all(step, plan.question):
            return f"step {step.id} only says the question again"
        if not step.slots and not _content(_bare(step)) & _content(plan.question):
            return f"step {step.id} has nothing in common with the question"
    if len(asking) == len(plan.sub_questions) == len(plan.last) and not _asks_twice(plan.question):
        return "its steps do not depend on one another"
    return None


def _bare(step: SubQuestion) -> str:
    return _SLOT.sub(r"\1", step.question)


def _content(text: str) -> set[str]:
    return {word for word in lemmas(text) if word not in stop_words()}


def _invented(step: SubQuestion, question: str) -> str | None:
    known = fold(question)
    for match in _NAMING.finditer(_SLOT.sub(" ", step.question)):
        if fold(match.group())[:_SAME_STEM] not in known:
            return match.group()
    return None


def _says_all(step: SubQuestion, question: str) -> bool:
    whole = _content(question)
    return bool(whole) and not step.slots and len(whole & _content(_bare(step))) >= _PARAPHRASE * len(whole)


def _asks_twice(question: str) -> bool:
    """Whether a question may be two: it joins something."""
    return re.search(r"\b(?:и|или|а также)\b", question.lower()) is not None
