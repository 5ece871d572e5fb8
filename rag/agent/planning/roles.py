"""Two shapes of their own: who holds a role («Как зовут того, кто утверждает отпуска?»), and «там же, где»."""

from __future__ import annotations

from rag.agent.plan import Slot
from rag.agent.planning.agreement import agreeing_verb
from rag.agent.planning.building import Builder
from rag.agent.planning.descriptions import clauses
from rag.agent.planning.draft import Draft, as_question

_ROLE = "должность"
_PLACE = "место"


def ask_for_bearer(draft: Draft, builder: Builder) -> bool:
    """Who does something as a rule is told by a role, and the role's bearer by another document.

    What somebody did once is told by a name: «Как зовут того, кто открыл Америку?» stays one step.
    """
    words = draft.words
    if len(words) < 2 or words[0].folded != "как" or words[1].folded not in ("зовут", "зовется"):
        return False
    found = next((one for one in clauses(draft, of_asked=True) if one.first == 2), None)
    if found is None or not found.noun.is_someone or found.last < len(words) - 1:
        return False
    if any(word.feats.get("Tense") == "Past" for word in words[2:]):
        return False
    builder.ask(Draft(found.question), room=1, defines=_ROLE)
    builder.add(f"Как зовут {{{_ROLE}|accs}}?")
    builder.note("role")
    return True


def ask_for_same_place(draft: Draft, builder: Builder) -> bool:
    """«Кто родился там же, где и Лобачевский?» asks first where Lobachevsky was born."""
    words = draft.words
    at = next(
        (
            at
            for at in range(1, len(words) - 3)
            if [word.folded for word in words[at : at + 4]] == ["там", "же", ",", "где"] and not draft.is_quoted(at)
        ),
        None,
    )
    if at is None or words[at - 1].pos != "VERB":
        return False
    first = at + 4 + (words[at + 4].folded == "и" if at + 4 < len(words) else 0)
    last = len(words) - 1 if words[-1].is_punctuation else len(words)
    if first >= last:
        return False
    rest = draft.said(first, last)
    whole = any(word.feats.get("VerbForm") == "Fin" for word in words[first:last])
    verb = "" if whole else agreeing_verb(words[at - 1].text, rest)
    builder.ask(Draft(as_question(f"где {verb} {rest}")), room=1, defines=_PLACE)
    main = draft.replaced(at, last, "в месте", Slot(name=_PLACE, case="loct"))
    builder.add(main.question().replace(f"{{{_PLACE}|loct}}", f"в {{{_PLACE}|loct}}"))
    builder.note("same place")
    return True
