"""«Что длиннее: Волга или Лена?» asks the length of each and compares the answers."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from rag.agent.declension import decline, gender_of, is_person_name, readings
from rag.agent.plan import MAX_SUB_QUESTIONS, Action, Comparison
from rag.agent.planning.agreement import agreeing_verb
from rag.agent.planning.building import Builder
from rag.agent.planning.descriptions import opens_clause
from rag.agent.planning.draft import Draft, as_question
from rag.agent.planning.language import Comparative, language
from rag.agent.wording import nominative
from retrievers.analysis import fold

_SEPARATORS = (",", ":", "—", "–", "-")
_AMOUNTS = {"больше": Comparison.MOST, "меньше": Comparison.LEAST}
_HOW_MUCH = ("сколько", "насколько")
_ADJECTIVE_ENDS = ("ый", "ий", "ой", "ая", "яя", "ое", "ее")
_OWNING = ("у", "в", "на", "во")
_MOST_MEMBERS = MAX_SUB_QUESTIONS - 1  # one step is left for the comparison
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
    """The parts of a comparison: the question up to the compared, and these."""

    last: int  # of the question's head, excluded
    names: tuple[str, ...]


def compare(draft: Draft, builder: Builder) -> bool:
    """Ask the same of each member of «X, Y или Z» where a comparative asks which of them wins."""
    at = next((at for at, word in enumerate(draft.words) if _comparative(draft, at)), None)
    members = _members(draft, at) if at is not None else None
    members = _with_their_noun(draft, at, members) if at is not None and members is not None else None
    if at is None or members is None:
        return False
    wins, asked = _asked(draft, at, members)
    if wins is None or asked is None:
        return False
    names = [nominative(member) for member in members.names]
    ids = tuple(
        builder.ask(Draft(as_question(question)), room=room, about=name)
        for question, name, room in zip(asked, names, range(len(names), 0, -1), strict=True)
    )
    builder.add(as_question(draft.text), action=Action.COMPARE, comparison=wins, depends_on=ids)
    builder.note("comparison")
    return True


def _comparative(draft: Draft, at: int) -> bool:
    folded = draft.words[at].folded
    return folded in language().comparatives and not draft.is_quoted(at)


def is_choice(draft: Draft) -> bool:
    """Whether a question asks which of several wins: there is nothing else to take apart in it."""
    return any(_comparative(draft, at) for at in range(len(draft))) and any(
        word.folded == "или" and not draft.is_quoted(at) for at, word in enumerate(draft.words)
    )


def _members(draft: Draft, comparative: int) -> _Compared | None:
    """«X, Y или Z» at the end of the question, set off by a colon, a comma or a dash, or right after the comparative.

    None where they are too many, or where more is asked: «и на сколько?».
    """
    words = draft.words
    last = len(words) - 1 if words[-1].is_punctuation and not draft.is_quoted(len(words) - 1) else len(words)
    joints = [at for at in range(1, last) if words[at].folded == "или" and not draft.is_quoted(at)]
    if len(joints) != 1 or joints[0] <= comparative or any(word.folded in _HOW_MUCH for word in words):
        return None
    joint = joints[0]
    marks = [
        at for at in range(comparative + 1, joint - 1) if words[at].text in _SEPARATORS and not draft.is_quoted(at)
    ]
    colon = next((at for at in marks if words[at].text == ":"), None)
    opening = colon if colon is not None else next(iter(marks), comparative)
    first = opening + 1
    stop = joint - 1 if words[joint - 1].text == "," else joint
    commas = [at for at in marks if first < at < stop and words[at].text == ","]
    described = [at for at in commas if opens_clause(draft, at)]
    if described:
        if described[0] != commas[0] or len(described) < len(commas):
            return None  # where the clause ends and the next member begins is not known
        commas = []
    behind = next((at for at in range(joint + 1, last) if words[at].text == "," and not draft.is_quoted(at)), None)
    if behind is not None and not opens_clause(draft, behind):
        return None
    bounds = [first - 1, *commas, stop]
    names = [draft.said(start + 1, end) for start, end in itertools.pairwise(bounds)]
    names.append(draft.said(joint + 1, last))
    if len(names) > _MOST_MEMBERS or not all(names) or any(name.split()[0] in ("чем", "и", "а") for name in names):
        return None
    return _Compared(first if opening == comparative else opening, tuple(names))


def _with_their_noun(draft: Draft, at: int, members: _Compared) -> _Compared | None:
    """«Ладожское» with the noun asked for, «Ладожское озеро»; None where an adjective stands for something else."""
    if not any(map(_is_adjective, members.names)) or draft.words[0].folded == "кто":
        return members
    head = [one for one in range(members.last) if not draft.words[one].is_punctuation]
    noun = _noun_asked(draft, head, at)
    known = next((one for one in readings(noun) if one.pos == "NOUN" and one.case == "nomn"), None) if noun else None
    if known is None:
        return None
    if "anim" in known.marks or fold(noun) in language().settlements:
        return members
    if fold(noun) not in language().adjectival:
        return None
    names: list[str] = []
    for name in members.names:
        if _is_adjective(name) and not any(
            one.case == "nomn" and one.number == "sing" and one.gender == known.gender
            for one in readings(name.split()[-1])
        ):
            return None
        names.append(f"{name} {noun}" if _is_adjective(name) else name)
    return _Compared(members.last, tuple(names))


def _is_adjective(member: str) -> bool:
    """Nothing but adjectives: «Ладожское»."""
    found = [readings(word) for word in member.split()]
    return member.endswith(_ADJECTIVE_ENDS) and all(
        any(one.pos in ("ADJF", "PRTF") and one.case == "nomn" for one in word) for word in found
    )


def _asked(draft: Draft, at: int, members: _Compared) -> tuple[Comparison | None, list[str] | None]:
    """Which answer wins, and the question for each member."""
    words = draft.words
    rule = language().comparatives[words[at].folded]
    head = [one for one in range(members.last) if not words[one].is_punctuation]
    pair = list(members.names)
    counted = {_quantity(one) for one in pair}
    if counted != {None}:  # «площадь Ладоги или площадь Байкала»
        noun = counted.pop()
        if counted or noun is None or rule.wins not in (Comparison.MOST, Comparison.LEAST) or words[0].folded != "что":
            return None, None
        gender = next(one.gender for one in readings(noun) if one.pos == "NOUN" and one.case == "nomn")
        return rule.wins, [f"{_LIKE[gender]} {one}" for one in pair]
    following = at + 1
    if words[at].folded in _AMOUNTS and following < members.last and words[following].case == "Gen":
        return _AMOUNTS[words[at].folded], _amounts(draft, following, members)
    by = next((one for one in head if words[one].folded == "по" and one > at), None)
    if by is not None and rule.places:
        by_what = draft.reading(by + 1) if by + 1 < members.last else None
        if by_what is None:
            return None, None
        measure = str(by_what.entry.normal_form)
        return rule.wins, [f"{_LIKE[by_what.gender]} {measure} {_genitive(one)}" for one in pair]
    if not any(words[one].lemma in _SUBJECTS for one in head[:2]):
        return None, None
    noun_asked = _noun_asked(draft, head, at)
    pair = [f"{noun_asked} {one}" if noun_asked and one[:1] in '«"' else one for one in pair]
    who = words[head[0]].folded == "кто"
    if not rule.ask:
        skipped = {at, *_focus(draft, head, at), *_out_of_them(draft, head)}
        rest = [one for one in head if one not in skipped and not draft.asks(one)]
        return (rule.wins, [_when(draft, rest, one, _gender(one, who=who)) for one in pair]) if rest else (None, None)
    person = who or all(map(is_person_name, pair))
    if person and rule.places:
        return None, None
    return rule.wins, [_filled(rule, one, _gender(one, who=who), person=person) for one in pair]


def _quantity(member: str) -> str | None:
    """The noun of «площадь Ладоги»."""
    first = member.split()[0].lower()
    return first if fold(first) in language().quantities else None


def _gender(member: str, *, who: bool) -> str:
    """Masculine for «Таль» or «Даль» after «кто», whatever the dictionary's noun is; else ``""``."""
    if not who or " " in member or not member.endswith("ь"):
        return ""
    other = any(
        one.case == "nomn" and one.gender == "femn" and one.marks & {"Name", "Geox"} for one in readings(member)
    )
    return "" if other else "masc"


def _amounts(draft: Draft, first: int, members: _Compared) -> list[str]:
    """«У кого больше медалей: у X или у Y?» asks «сколько медалей у X»."""
    counted = draft.said(first, members.last)
    first_said = members.names[0].split()[0]
    names = list(members.names)
    if first_said in _OWNING:
        names = [name if name.split()[0] in _OWNING else f"{first_said} {name}" for name in names]
    return [f"сколько {counted} {name}" for name in names]


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


def _when(draft: Draft, rest: list[int], member: str, gender: str) -> str:
    """«Когда родился X», but «когда X стал столицей»: what belongs to the verb stays behind it."""
    verbs: list[str] = []
    others: list[str] = []
    for at in rest:
        word = draft.words[at]
        if word.feats.get("VerbForm") == "Fin" or "Variant" in word.feats:
            verbs.append(agreeing_verb(word.text, member, gender))
        else:
            others.append(draft.lowered(at))
    if not others:
        return f"когда {' '.join(verbs)} {member}"
    return f"когда {member} {' '.join([*verbs, *others])}"


def _filled(rule: Comparative, member: str, gender: str, *, person: bool) -> str:
    template = rule.people if person and rule.people else rule.ask
    text = template.replace("{of}", _genitive(member, gender)).replace("{is}", member)
    text = text.replace("{founded}", agreeing_verb("основан", member, gender))
    return text.replace("родился", agreeing_verb("родился", member, gender))


def _genitive(member: str, gender: str = "") -> str:
    return decline(member, "gent", personal=bool(gender) or is_person_name(member), gender=gender)


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
