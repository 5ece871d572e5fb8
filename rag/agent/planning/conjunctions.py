"""Several questions in one: «Кто написал X и кто снял Y?», «В каких городах жили X и Y?»."""

from __future__ import annotations

from dataclasses import dataclass

from rag.agent.declension import readings
from rag.agent.plan import Action
from rag.agent.planning.agreement import agreeing_verb
from rag.agent.planning.building import Builder
from rag.agent.planning.draft import Draft, as_question
from rag.agent.planning.language import language
from retrievers.analysis import morph

_JOINTS = ("и", "а")
_ALONE = ("ADV", "PRON", "SCONJ", "ADP", "DET", "NUM")
_WORDS = ("NOUN", "PROPN", "VERB", "ADJ", "X")


def coordinate(draft: Draft, builder: Builder) -> bool:
    """Two questions joined by «и» or «а», each with a question word of its own."""
    words = draft.words
    last = len(words) - 1 if words[-1].is_punctuation else len(words)
    joint = next((at for at in range(1, last - 1) if _joins(draft, at)), None)
    if joint is None or not any(draft.asks(at) for at in range(min(2, joint))):
        return False
    first_end = joint - 1 if words[joint - 1].text == "," else joint
    second = joint + 1
    if all(words[at].pos in _ALONE for at in range(first_end)):  # «Где и когда родился X?»
        opening = next(at for at in range(second, last) if draft.asks(at)) + 1
        rest = draft.said(opening, last)
        parts = [f"{draft.said(0, first_end)} {rest}", f"{draft.said(second, opening)} {rest}"]
        if not any(words[at].pos in _WORDS for at in range(opening, last)):
            return False
        if any(words[at].folded in ("кто", "что") for at in range(opening)):
            return False  # «Кто и когда открыл X?»: the second question would have no subject
        if any(draft.asks(at) for at in range(opening, last)) or words[opening - 1].pos not in ("ADV", "SCONJ"):
            return False
    else:
        if not (_is_whole(draft, 0, first_end) and _is_whole(draft, second, last)):
            return False
        parts = [draft.said(0, first_end), draft.said(second, last)]
    builder.ask(Draft(as_question(parts[0])), room=1)
    builder.ask(Draft(as_question(parts[1])), room=0)
    builder.note("coordination")
    return True


def _joins(draft: Draft, at: int) -> bool:
    word = draft.words[at]
    if word.folded not in _JOINTS or draft.is_quoted(at):
        return False
    following = draft.words[at + 1]
    asking = at + 2 if following.pos == "ADP" and at + 2 < len(draft) else at + 1
    return draft.asks(asking) and draft.words[asking].lemma not in ("который", "что", "как")


def _is_whole(draft: Draft, first: int, last: int) -> bool:
    """A question that makes sense alone: words of meaning, a name, and nothing that points to the other question."""
    words = [(at, draft.words[at]) for at in range(first, last)]
    if any(word.lemma in language().pronouns and not draft.is_quoted(at) for at, word in words):
        return False
    telling = [at for at, word in words if word.pos in _WORDS and not draft.asks(at)]
    return len(telling) >= 2 and any(draft.is_name(at) for at in telling if at > first)


@dataclass(frozen=True, slots=True)
class _Joint:
    """Two names that are the subject of one verb."""

    first: int
    last: int
    verb: int
    names: tuple[str, str]
    both: bool  # «и X, и Y», «оба»


def distribute(draft: Draft, builder: Builder) -> bool:
    """One question about two people or places, where it says of each what it says of both."""
    joint = _joint(draft)
    if joint is None:
        return False
    words = draft.words
    focus = next((at for at in range(joint.first) if draft.asks(at)), None)
    if focus is None or words[focus].lemma in ("кто", "что", "сколько"):
        return False
    many = words[focus].feats.get("Number") == "Plur" and words[focus].lemma == "какой"
    one_each = words[joint.verb].lemma in language().of_one or words[joint.verb].folded in language().of_one
    common = joint.both or (words[focus].lemma == "какой" and not many)
    listed = not one_each and words[focus].lemma == "какой"
    action = Action.LIST if listed else Action.FIND
    ids = tuple(
        builder.add(_of_one(draft, joint, name, focus, singular=many and one_each), action=action)
        for name in joint.names
    )
    if common:
        builder.add(as_question(draft.text), action=Action.INTERSECT, depends_on=ids)
    elif listed:
        builder.add(as_question(draft.text), action=Action.UNITE, depends_on=ids)
    builder.note("conjunction")
    return True


def _joint(draft: Draft) -> _Joint | None:
    words = draft.words
    last = len(words) - 1 if words[-1].is_punctuation else len(words)
    names = _names(draft, last)
    if len(names) != 2:
        return None
    (first, one), (second, other) = names
    between = [word.folded for word in words[one:second]]
    both = between == [",", "и"] and first > 0 and words[first - 1].folded == "и"
    if between != ["и"] and not both:
        return None
    first -= both
    doubled = first > 0 and words[first - 1].lemma == "оба"
    if other != last:
        return None
    verbs = [
        at
        for at in range(first)
        if (words[at].pos == "VERB" or "Variant" in words[at].feats) and words[at].feats.get("Number") == "Plur"
    ]
    known = language().of_one | language().of_many
    if len(verbs) != 1 or not {words[verbs[0]].lemma, _infinitive(words[verbs[0]].text)} & known:
        return None
    texts = (draft.said(first + both, one), draft.said(second, other))
    return _Joint(first - doubled, other, verbs[0], texts, both or doubled)


def _infinitive(verb: str) -> str:
    return str(morph().parse(verb.lower())[0].normal_form)


def _names(draft: Draft, last: int) -> list[tuple[int, int]]:
    """Runs of words in capitals after the first word, each in the nominative."""
    found: list[tuple[int, int]] = []
    at = 1
    while at < last:
        stop = at
        while stop < last and draft.words[stop].text[:1].isupper() and not draft.is_quoted(stop):
            stop += 1
        if stop > at and any(one.case == "nomn" for one in readings(draft.words[at].text)):
            found.append((at, stop))
        at = max(stop, at + 1)
    return found


def _of_one(draft: Draft, joint: _Joint, name: str, focus: int, *, singular: bool) -> str:
    changed = {joint.verb: agreeing_verb(draft.words[joint.verb].text, name)}
    if singular:
        for at in range(focus, joint.verb):
            form = _in_singular(draft, at)
            if form is not None:
                changed[at] = form
    return as_question(f"{draft.said(0, joint.first, changed)} {name}")


def _in_singular(draft: Draft, at: int) -> str | None:
    """«каких», «городах» of «в каких городах родились» for one person."""
    word = draft.words[at]
    noun = next((one for one in range(at, len(draft)) if draft.words[one].pos == "NOUN"), at)
    reading = draft.reading(noun)
    if reading is None or word.feats.get("Number") != "Plur":
        return None
    gender = readings(str(reading.entry.normal_form))[0].gender.replace("ms-f", "masc")
    for one in readings(word.text):
        if one.number == "plur" and one.case == reading.case:
            return one.in_case(one.case, number="sing", gender="" if one.pos == "NOUN" else gender)
    return None
