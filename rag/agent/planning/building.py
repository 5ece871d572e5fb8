"""A plan being put together: steps with their slots, descriptions taken out of each question first."""

from __future__ import annotations

import itertools

from pydantic import ValidationError

from rag.agent.declension import decline
from rag.agent.plan import MAX_SUB_QUESTIONS, Action, Comparison, Origin, Plan, Slot, SubQuestion, slots_of
from rag.agent.planning.descriptions import Description, clauses
from rag.agent.planning.draft import Draft
from rag.agent.planning.genitives import genitives
from rag.agent.planning.language import language

_CONTENT = ("NOUN", "PROPN", "ADJ", "VERB", "ADV", "NUM", "X")


class Builder:
    """Collects the sub-questions of a plan.

    Args:
        question: as asked.
    """

    def __init__(self, question: str) -> None:
        self._question = question
        self._steps: list[SubQuestion] = []
        self._rules: list[str] = []

    def ask(
        self, draft: Draft, *, room: int, action: Action = Action.FIND, defines: str | None = None, about: str = ""
    ) -> str:
        """Add a question, and before it those for what it describes; return its id.

        Args:
            draft: the question.
            room: steps that others of the plan still need.
            action: of its sub-question, as the following.
            defines: slot for its answer.
            about: whom it asks after.
        """
        reduced = self._without_descriptions(draft, room + 1)
        return self.add(reduced.question(), action=action, defines=defines, about=about)

    def add(
        self,
        question: str,
        *,
        action: Action = Action.FIND,
        defines: str | None = None,
        about: str = "",
        depends_on: tuple[str, ...] = (),
        comparison: Comparison | None = None,
    ) -> str:
        """Add a sub-question that depends on the steps named and on those that define its slots; return its id."""
        name = f"q{len(self._steps) + 1}"
        used = {slot.name for slot in slots_of(question)}
        defining = tuple(one.id for one in self._steps if one.defines in used and one.id not in depends_on)
        self._steps.append(
            SubQuestion(
                id=name,
                question=question,
                action=action,
                depends_on=(*depends_on, *defining),
                defines=defines,
                comparison=comparison,
                about=about,
            )
        )
        return name

    def note(self, rule: str) -> None:
        """Say which rule applied."""
        self._rules.append(rule)

    def free_name(self, noun: str) -> str:
        """A slot name that is not taken: «город», «город2»."""
        taken = {step.defines for step in self._steps}
        numbered = (f"{noun}{number}" for number in itertools.count(2))
        return next(one for one in itertools.chain([noun], numbered) if one not in taken)

    def plan(self) -> Plan | None:
        """The plan; None where it is one step or not sound."""
        if len(self._steps) < 2:
            return None
        try:
            return Plan(
                question=self._question,
                sub_questions=tuple(self._steps),
                origin=Origin.RULES,
                note=", ".join(dict.fromkeys(self._rules)),
            )
        except ValidationError:
            return None

    def _without_descriptions(self, draft: Draft, room: int) -> Draft:
        while len(self._steps) + room < MAX_SUB_QUESTIONS:
            found = _innermost(draft)
            name = self.free_name(found.noun.name) if found is not None else ""
            reduced = _reduced(draft, found, name) if found is not None else None
            if found is None or reduced is None:
                break
            asked = next((one for one in self._steps if one.question == found.question and one.defines), None)
            if asked is not None and asked.defines is not None:  # «Когда и где умер автор „Соляриса“?» asks once
                reduced = _reduced(draft, found, asked.defines) or reduced
            else:
                self.add(found.question, defines=name)
            self.note(found.rule)
            draft = reduced
        return draft


def _innermost(draft: Draft) -> Description | None:
    """The description that holds no other: the last to begin."""
    found = [*clauses(draft), *genitives(draft)]
    return max(found, key=lambda one: (one.noun.head, -one.last), default=None)


def _reduced(draft: Draft, found: Description, name: str) -> Draft | None:
    """The question with a slot in place of a description; None where nothing worth asking would be left."""
    noun, last = found.noun, found.last
    if found.is_clause and last < len(draft) - 1 and draft.words[last].text == ",":
        # The comma that closed the clause goes, unless it opens another.
        last += draft.words[last + 1].lemma not in language().subordinating
    placeholder = decline(noun.name, noun.case)
    reduced = draft.replaced(noun.first, last, placeholder, Slot(name=name, case=noun.case))
    left = [
        at
        for at, word in enumerate(reduced.words)
        if word.pos in _CONTENT and not reduced.slot(at) and not reduced.asks(at)
    ]
    if not left or (not found.is_clause and noun.case in ("nomn", "ablt") and _asks_who_it_is(reduced)):
        return None
    return reduced if any(reduced.asks(at) for at in range(len(reduced))) else None


def _asks_who_it_is(draft: Draft) -> bool:
    """«Кто сейчас {президент}?»: no verb but a copula is left beside «кто»."""
    return any(word.folded in ("кто", "что") and draft.asks(at) for at, word in enumerate(draft.words)) and not any(
        (word.feats.get("VerbForm") or "Variant" in word.feats) and word.lemma not in language().copulas
        for at, word in enumerate(draft.words)
        if not draft.is_quoted(at)
    )
