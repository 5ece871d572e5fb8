"""Descriptions that stand for a thing: relative and participial clauses, made questions for what they describe.

The parser's arcs are often wrong in a long question; punctuation, agreement and case are not. A clause begins after a
comma, with a relative word or a participle, and ends at the next comma that closes it or at the end of the question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from generators.reading.parsing import Word
from rag.agent.declension import readings
from rag.agent.planning.draft import CASES, Draft, as_question
from rag.agent.planning.language import language
from rag.agent.planning.nouns import Noun, asked_for, is_asked, is_named, noun_at
from retrievers.analysis import morph

_NAMES = frozenset({"Name", "Surn", "Patr", "Geox", "Orgn"})
_RELATIVE_ADVERBS = {"где": "loct", "куда": "accs", "откуда": "gent", "когда": "loct"}
_DASHES = ("—", "–")
_BREAKS = (*_DASHES, ":", ";")
_TELLING = 4  # words of meaning without which a clause that names nothing may be of many things
_LONGEST_FRONT = 5  # words before the relative one: «мост через которую», «в честь которого»


@dataclass(frozen=True, slots=True)
class Description:
    """A part of a question that stands for a thing, and the question for that thing.

    Args:
        first, last: its words, ``last`` excluded.
        noun: what it is about.
        question: for the noun, slots in braces.
        rule: what it was found by.
        is_clause: set off by commas.
    """

    first: int
    last: int
    noun: Noun
    question: str
    rule: str
    is_clause: bool = True


def clauses(draft: Draft, *, of_asked: bool = False) -> Iterator[Description]:
    """Descriptions by a clause, in the order of the question.

    Args:
        draft: the question.
        of_asked: whether those of the thing that is asked for itself count, and in general ones too.
    """
    for comma, word in enumerate(draft.words):
        if word.text != "," or draft.is_quoted(comma) or comma == 0:
            continue
        yield from _relative(draft, comma, of_asked=of_asked)
        yield from _participial(draft, comma, of_asked=of_asked)


def _relative(draft: Draft, comma: int, *, of_asked: bool) -> Iterator[Description]:
    at = _relative_word(draft, comma)
    if at is None:
        return
    last = _end(draft, comma)
    noun = _described(draft, comma, draft.words[at])
    if noun is None or not (of_asked or _may_be_asked(draft, noun, comma, last)):
        return
    question = _question_of(draft, noun, comma + 1, at, last)
    if question is not None:
        yield Description(noun.first, last, noun, as_question(question), "relative clause")


def _relative_word(draft: Draft, comma: int) -> int | None:
    """The relative word that a clause after ``comma`` begins with."""
    for at in range(comma + 1, min(comma + 2 + _LONGEST_FRONT, len(draft))):
        word = draft.words[at]
        if word.is_punctuation or word.feats.get("VerbForm"):
            return None
        if draft.is_quoted(at):
            return None
        if word.lemma == "который" or (word.lemma == "чей" and word.feats.get("VerbForm") is None):
            return at
        if at == comma + 1 and word.folded in _RELATIVE_ADVERBS:
            return at
        if word.lemma in ("кто", "что") and at <= comma + 2 and word.pos == "PRON":
            return at
    return None


def opens_clause(draft: Draft, comma: int) -> bool:
    """Whether a relative or participial clause begins after a comma."""
    following = draft.words[comma + 1 : comma + 2]
    return _relative_word(draft, comma) is not None or any(map(_is_participle, following))


def _end(draft: Draft, comma: int) -> int:
    """The word after the clause that begins at ``comma``: a comma that closes it, or the end of the question."""
    words = draft.words
    stop = len(words)
    while stop > comma and words[stop - 1].is_punctuation and not draft.is_quoted(stop - 1):
        stop -= 1
    for at in range(comma + 1, stop):
        if draft.is_quoted(at):
            continue
        if words[at].text in _BREAKS and (words[at].text not in _DASHES or _has_verb(draft, comma + 1, at)):
            return at
        if words[at].text == "," and _closes(draft, at, comma, stop):
            return at
    return stop


def _closes(draft: Draft, at: int, comma: int, stop: int) -> bool:
    """A comma that no further clause, list or participle opens, and behind which the question goes on."""
    following = at + 1
    if following >= stop or not _has_verb(draft, comma + 1, at):
        return False
    if draft.words[following].pos == "CCONJ":
        return any(draft.asks(one) for one in range(following + 1, min(following + 3, stop)))  # «…, и кто снял …»
    if _relative_word(draft, at) is not None or draft.words[following].pos == "SCONJ":
        return False
    return draft.words[following].feats.get("VerbForm") not in ("Part", "Conv")


def _has_verb(draft: Draft, first: int, last: int) -> bool:
    """A verb, a short form, or the dash that stands for «есть»."""
    return any(
        word.feats.get("VerbForm") or "Variant" in word.feats or word.text in _DASHES
        for at, word in enumerate(draft.words[first:last], start=first)
        if not draft.is_quoted(at)
    )


def _described(draft: Draft, comma: int, relative: Word) -> Noun | None:
    """The nearest noun before a comma that a relative word or participle can belong to."""
    words = draft.words
    for at in range(comma - 1, -1, -1):
        word = words[at]
        if draft.is_quoted(at):
            continue
        if word.pos in ("VERB", "AUX") or word.is_punctuation or draft.asks(at):
            return None
        if word.lemma == "тот" and at == comma - 1 and relative.lemma in ("кто", "который", "чей"):
            return noun_at(draft, at, comma)
        if relative.lemma in ("кто", "что"):
            return None
        if _is_common_noun(draft, at, comma) and _agrees(word, relative):
            return _of_chain(draft, at, comma, relative)
    return None


def _of_chain(draft: Draft, at: int, comma: int, relative: Word) -> Noun | None:
    """The noun at ``at``, or the person that governs it: «чемпион мира, который *играл*»; None where both may do."""
    words = draft.words
    noun = noun_at(draft, at, comma)
    if relative.lemma != "который" or relative.case != "Nom" or noun.case != "gent" or noun.animate:
        return noun
    before = noun.first - 1
    if before < 0 or not _is_common_noun(draft, before, comma) or not _agrees(words[before], relative):
        return noun
    governor = noun_at(draft, before, comma)
    if not governor.animate:
        return noun
    verb = next((word for word in words[comma + 1 :] if word.feats.get("VerbForm") or "Variant" in word.feats), None)
    said = {verb.lemma, str(morph().parse(verb.text.lower())[0].normal_form)} if verb is not None else set()
    if said & language().done_by_people:
        return governor
    return noun if said & language().done_by_things else None


def _is_common_noun(draft: Draft, at: int, comma: int) -> bool:
    word = draft.words[at]
    if word.pos == "ADJ" and at == comma - 1:  # «учёному, открывшему»
        return draft.slot(at) is None and draft.reading(at) is not None
    if draft.slot(at) is not None or word.pos not in ("NOUN", "PROPN"):
        return False
    # «на Играх», «на Олимпиаде» are written as names are.
    return word.pos == "NOUN" or any(one.known and not one.marks & _NAMES for one in readings(word.text)[:1])


def _agrees(noun: Word, relative: Word) -> bool:
    """«который» takes number and gender of its noun, a participle its case too; «где» and «чей» take nothing.

    The dictionary says which forms a word can be: «которого» is masculine or neuter, the tagger names one of them.
    """
    participle = _is_participle(relative)
    if relative.lemma != "который" and not participle:
        return True
    one, other = _forms(noun, participle), _forms(relative, participle)
    return bool(one & other)


def _forms(word: Word, with_case: bool) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for one in readings(word.text):
        genders = ("masc", "femn") if one.gender == "ms-f" else (one.gender,)
        if with_case:
            found |= {(one.number, gender, one.case) for gender in genders}
        elif CASES.get(word.case, one.case) == one.case:
            found |= {(one.number, gender) for gender in genders}
    return found


def _may_be_asked(draft: Draft, noun: Noun, comma: int, last: int) -> bool:
    if not noun.case or is_named(draft, noun) or is_asked(draft, noun):
        return False
    if noun.lemma in language().generic and not (noun.is_someone and noun.gender != "plur"):
        return False
    # «писатели, которые жили в Праге» are some; those who did something once are these.
    past = any(_is_past(draft.words[at]) for at in range(comma + 1, last))
    return (noun.gender != "plur" or past) and _is_particular(draft, noun, comma + 1, last)


def _question_of(draft: Draft, noun: Noun, first: int, at: int, last: int) -> str | None:
    word = draft.words[at]
    front, rest = draft.said(first, at), draft.said(at + 1, last)
    if word.folded in _RELATIVE_ADVERBS:
        return _of_place(draft, noun, word.folded, rest)
    if word.lemma == "чей":
        return _whose(draft, noun, first, at, last)
    case = CASES.get(word.case, "")
    preposition = draft.words[at - 1].folded if draft.words[at - 1].pos == "ADP" else ""
    asked = asked_for(draft, noun, case, preposition) if case else None
    if asked is None:
        return None
    return " ".join(filter(None, [front, asked, rest]))


def _of_place(draft: Draft, noun: Noun, adverb: str, rest: str) -> str | None:
    case = _RELATIVE_ADVERBS[adverb]
    on = noun.lemma in language().on
    preposition = {"откуда": "с" if on else "из"}.get(adverb, "на" if on else "в")
    if adverb == "когда":
        if noun.lemma in language().days:
            case = "accs"
        elif noun.lemma not in language().times:
            return None
    if noun.is_someone:
        return None
    asked = asked_for(draft, noun, case, preposition)
    return f"{preposition} {asked} {rest}" if asked is not None else None


def _whose(draft: Draft, noun: Noun, first: int, at: int, last: int) -> str | None:
    """«чьи корабли дали имя» asks «корабли какого мореплавателя дали имя»."""
    owned = next((word for word in range(at + 1, last) if draft.words[word].pos in ("NOUN", "PROPN")), None)
    if noun.is_someone or owned is None:
        return draft.said(first, last)
    asked = asked_for(draft, noun, "gent")
    if asked is None:
        return None
    front, thing, rest = draft.said(first, at), draft.said(at + 1, owned + 1), draft.said(owned + 1, last)
    return " ".join(filter(None, [front, thing, asked, rest]))


def _is_particular(draft: Draft, noun: Noun, first: int, last: int) -> bool:
    """Whether a clause is of one thing: it has a name or a number, says a lot, or tells what a person once did."""
    words = range(first, last)
    content = [at for at in words if draft.words[at].pos in ("NOUN", "PROPN", "ADJ", "VERB", "NUM", "X")]
    if len(content) < 2 or not _has_verb(draft, first, last) or _points_out(draft, first, last):
        return False
    if any(draft.is_name(at) for at in words):
        return True
    singled = any(draft.words[at].lemma in language().singling for at in words)
    if not noun.animate:
        return singled or len(content) >= _TELLING
    # «наставник, чей подопечный выдержал испытание, получает …» is any of them; «писатель, который ждал» was one.
    past = any(_is_past(draft.words[at]) for at in words)
    habitual = any(word.feats.get("Tense") == "Pres" for at, word in enumerate(draft.words) if not first <= at < last)
    if noun.is_someone:
        return past and noun.case == "nomn"
    return past and (not habitual or len(content) >= _TELLING)


def _is_past(word: Word) -> bool:
    return word.feats.get("Tense") == "Past" or any(
        one.pos == "PRTF" and "past" in one.marks for one in readings(word.text)
    )


def _points_out(draft: Draft, first: int, last: int) -> bool:
    """A pronoun whose noun is not in the clause: «астроном, нашедший *её* по расчётам Леверье»."""
    for at in range(first, last):
        word = draft.words[at]
        if word.lemma not in ("он", "она", "оно", "они", "его", "ее", "их") or draft.is_quoted(at):
            continue
        if not any(draft.words[before].pos in ("NOUN", "PROPN") for before in range(first, at)):
            return True
    return False


def _participial(draft: Draft, comma: int, *, of_asked: bool) -> Iterator[Description]:
    words = draft.words
    last = _end(draft, comma)
    at = next((one for one in range(comma + 1, min(comma + 4, last)) if _is_participle(words[one])), None)
    if at is None or _stands_before_its_noun(draft, at):
        return
    if any(words[one].is_punctuation or draft.asks(one) for one in range(comma + 1, at)):
        return
    noun = _described(draft, comma, words[at])
    if noun is None or not (of_asked or _may_be_asked(draft, noun, comma, last)):
        return
    verb = finite(words[at].text.lower(), noun.gender)
    asked = asked_for(draft, noun, "nomn")
    if verb is None or asked is None:
        return
    question = f"{asked} {draft.said(comma + 1, last, {at: verb})}"
    yield Description(noun.first, last, noun, as_question(question), "participial clause")


def _stands_before_its_noun(draft: Draft, at: int) -> bool:
    """«разгневанный отец»: a participle that is an adjective here."""
    word = draft.words[at]
    return word.relation == "amod" and word.head > at and draft.words[word.head].case == word.case


def _is_participle(word: Word) -> bool:
    kinds = [one.pos == "PRTF" for one in readings(word.text)]
    return any(kinds) and (word.pos in ("VERB", "ADJ") or all(kinds))


def finite(participle: str, gender: str) -> str | None:
    """What a participle says as a predicate: «придумавший» is «придумал», «основанный» «основан».

    Args:
        participle: in any case, in lower case.
        gender: of the noun, or ``"plur"``.
    """
    agreement = {"plur"} if gender == "plur" else {"sing", gender or "masc"}
    for parse in morph().parse(participle):
        tag = parse.tag
        if tag.POS != "PRTF":
            continue
        if tag.voice == "pssv":
            # «называемый» has no short form that anybody says.
            form = parse.inflect({"PRTS", "past"} | agreement) if tag.tense == "past" else None
        elif tag.tense == "past":
            form = parse.inflect({"VERB", "past", "indc"} | agreement)
        else:
            form = parse.inflect({"VERB", "pres", "3per", "plur" if gender == "plur" else "sing"})
        if form is not None:
            return str(form.word)
    return None
