"""«Что длиннее: Волга или Лена?» asks the length of each and compares the answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.agent.declension import decline, gender_of, is_person_name, readings
from rag.agent.plan import Action, Comparison
from rag.agent.planning.agreement import agreeing_verb
from rag.agent.planning.building import Builder
from rag.agent.planning.draft import Draft, as_question
from rag.agent.planning.language import Comparative, language
from rag.agent.wording import nominative

_SEPARATORS = (",", ":", "—", "–", "-")
_AMOUNTS = {"больше": Comparison.MOST, "меньше": Comparison.LEAST}
_SUBJECTS = ("кто", "что", "какой", "который")
_LIKE = {"masc": "каков", "femn": "какова", "neut": "каково", "plur": "каковы", "": "каков"}
_SAME = (
    re.compile(
        r"(?P<verb>\w+) ли (?P<a>.+?) и (?P<b>.+?) (?P<preposition>в|на) (?:одном|одной)(?: и)?(?: (?:том|той) же)? "
        r"(?P<noun>\w+)\?"
    ),
    re.compile(
        r"(?:Правда ли|Верно ли), что (?P<a>.+?) и (?P<b>.+?) (?P<verb>\w+) (?P<preposition>в|на) (?:одном|одной)"
        r"(?: и)?(?: (?:том|той) же)? (?P<noun>\w+)\?"
    ),
    re.compile(
        r"(?P<preposition>В|На) (?:одном|одной)(?: и)?(?: (?:том|той) же)? ли (?P<noun>\w+) (?P<verb>\w+) (?P<a>.+?) и "
        r"(?P<b>.+?)\?"
    ),
)


@dataclass(frozen=True, slots=True)
class _Compared:
    """The parts of a comparison: the question up to the compared, and the two of them."""

    last: int  # of the question's head, excluded
    one: str
    other: str


def compare(draft: Draft, builder: Builder) -> bool:
    """Ask the same of both members of «X или Y» where a comparative asks which of them wins."""
    at = next((at for at, word in enumerate(draft.words) if _comparative(draft, at)), None)
    members = _members(draft) if at is not None else None
    if at is None or members is None or at >= members.last:
        return False
    wins, asked = _asked(draft, at, members)
    if wins is None or asked is None:
        return False
    names = [nominative(member) for member in (members.one, members.other)]
    ids = tuple(
        builder.ask(Draft(as_question(question)), room=room, about=name)
        for question, name, room in zip(asked, names, (2, 1), strict=True)
    )
    builder.add(as_question(draft.text), action=Action.COMPARE, comparison=wins, depends_on=ids)
    builder.note("comparison")
    return True


def _comparative(draft: Draft, at: int) -> bool:
    folded = draft.words[at].folded
    return folded in language().comparatives and not draft.is_quoted(at)


def _members(draft: Draft) -> _Compared | None:
    """«X или Y» at the end of the question, set off by a comma, a colon or a dash, or right after the comparative."""
    words = draft.words
    last = len(words) - 1 if words[-1].is_punctuation and not draft.is_quoted(len(words) - 1) else len(words)
    joints = [at for at in range(1, last) if words[at].folded == "или" and not draft.is_quoted(at)]
    if len(joints) != 1:
        return None
    joint = joints[0]
    opening = next(
        (at for at in range(joint - 1, 0, -1) if words[at].text in _SEPARATORS and not draft.is_quoted(at)), None
    )
    if opening is not None:
        first = opening + 1
    else:
        comparative = next((at for at in range(joint) if _comparative(draft, at)), None)
        first = comparative + 1 if comparative is not None else joint
        opening = first
    one, other = draft.said(first, joint).rstrip(","), draft.said(joint + 1, last)
    if not one or not other:
        return None
    return _Compared(opening, one, other)


def _asked(draft: Draft, at: int, members: _Compared) -> tuple[Comparison | None, list[str] | None]:
    """Which answer wins, and the question for each member."""
    words = draft.words
    rule = language().comparatives[words[at].folded]
    head = [one for one in range(members.last) if not words[one].is_punctuation]
    pair = [members.one, members.other]
    following = at + 1
    if words[at].folded in _AMOUNTS and following < members.last and words[following].case == "Gen":
        return _AMOUNTS[words[at].folded], _amounts(draft, following, members)
    by = next((one for one in head if words[one].folded == "по" and one > at), None)
    if by is not None and rule.places:
        noun = draft.reading(by + 1) if by + 1 < members.last else None
        if noun is None:
            return None, None
        measure = str(noun.entry.normal_form)
        return rule.wins, [f"{_LIKE[noun.gender]} {measure} {_genitive(one)}" for one in pair]
    if not any(words[one].lemma in _SUBJECTS for one in head[:2]):
        return None, None
    noun_asked = _noun_asked(draft, head, at)
    pair = [f"{noun_asked} {one}" if noun_asked and one[:1] in '«"' else one for one in pair]
    if not rule.ask:
        skipped = {at, *_focus(draft, head, at), *_out_of_them(draft, head)}
        rest = [one for one in head if one not in skipped and not draft.asks(one)]
        return (rule.wins, [_when(draft, rest, one) for one in pair]) if rest else (None, None)
    person = words[head[0]].folded == "кто" or all(map(is_person_name, pair))
    if person and rule.places:
        return None, None
    return rule.wins, [_filled(rule, one, person=person) for one in pair]


def _amounts(draft: Draft, first: int, members: _Compared) -> list[str]:
    """«У кого больше медалей: у X или у Y?» asks «сколько медалей у X»."""
    counted = draft.said(first, members.last)
    one, other = members.one, members.other
    preposition = one.split()[0]
    if preposition in ("у", "в", "на", "во") and other.split()[0] not in ("у", "в", "на", "во"):
        other = f"{preposition} {other}"
    return [f"сколько {counted} {member}" for member in (one, other)]


def _focus(draft: Draft, head: list[int], at: int) -> list[int]:
    """The noun of «какой *роман* вышел раньше», with its adjectives."""
    if draft.words[head[0]].lemma != "какой":
        return []
    noun = next((one for one in head if draft.words[one].pos == "NOUN"), head[0])
    return [one for one in head if one <= min(noun, at)]


def _out_of_them(draft: Draft, head: list[int]) -> list[int]:
    """«кто *из них* родился раньше»."""
    at = next((one for one in head if draft.words[one].folded == "из"), None)
    following = at + 1 if at is not None else len(draft)
    if following >= len(draft) or draft.words[following].pos not in ("PRON", "NUM", "DET"):
        return []
    return [following - 1, following]


def _noun_asked(draft: Draft, head: list[int], at: int) -> str:
    """The same in the nominative."""
    focus = _focus(draft, head, at)
    reading = draft.reading(focus[-1]) if focus else None
    return str(reading.entry.normal_form) if reading is not None else ""


def _when(draft: Draft, rest: list[int], member: str) -> str:
    """«Когда родился X», but «когда X стал столицей»: what belongs to the verb stays behind it."""
    verbs: list[str] = []
    others: list[str] = []
    for at in rest:
        word = draft.words[at]
        if word.feats.get("VerbForm") == "Fin" or "Variant" in word.feats:
            verbs.append(agreeing_verb(word.text, member))
        else:
            others.append(draft.lowered(at))
    if not others:
        return f"когда {' '.join(verbs)} {member}"
    return f"когда {member} {' '.join([*verbs, *others])}"


def _filled(rule: Comparative, member: str, *, person: bool) -> str:
    template = rule.people if person and rule.people else rule.ask
    text = template.replace("{of}", _genitive(member)).replace("{is}", member)
    text = text.replace("{founded}", agreeing_verb("основан", member))
    return text.replace("родился", agreeing_verb("родился", member))


def _genitive(member: str) -> str:
    return decline(member, "gent", personal=is_person_name(member))


def compare_sameness(draft: Draft, builder: Builder) -> bool:
    """«Родились ли X и Y в одном городе?» asks the city of each."""
    match = next((found for pattern in _SAME if (found := pattern.fullmatch(as_question(draft.text)))), None)
    if match is None:
        return False
    noun = next((one for one in readings(match["noun"]) if one.pos == "NOUN" and one.case == "loct"), None)
    if noun is None or not (gender_of(match["a"]) and gender_of(match["b"])):
        return False
    which = next(one for one in readings("какой") if one.pos == "ADJF").in_case(
        "loct", gender=noun.gender.replace("ms-f", "masc")
    )
    asking = f"{match['preposition'].lower()} {which} {match['noun']}"
    ids = tuple(
        builder.ask(Draft(as_question(f"{asking} {agreeing_verb(match['verb'], one)} {one}")), room=room, about=one)
        for one, room in ((match["a"], 2), (match["b"], 1))
    )
    builder.add(as_question(draft.text), action=Action.COMPARE, comparison=Comparison.SAME, depends_on=ids)
    builder.note("sameness")
    return True
