"""The noun that a description belongs to: its phrase, whether it is named already, and how it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from rag.agent.declension import decline, readings
from rag.agent.planning.draft import Draft
from rag.agent.planning.language import language
from retrievers.analysis import fold

_MODIFIERS = ("ADJ", "DET", "NUM")
_DICTIONARY_MODIFIERS = ("ADJF", "PRTF", "NUMR")


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun phrase of a draft, without the clause that describes it.

    Args:
        first, head, last: its words; ``last`` is excluded.
        lemma: of the head, folded.
        name: what its slot is called: the head's dictionary form.
        case, gender: of the head, OpenCorpora grammemes; ``"plur"`` is a gender here. Where tagger and dictionary
            disagree, no case is known.
        animate: of the head.
    """

    first: int
    head: int
    last: int
    lemma: str
    name: str
    case: str
    gender: str
    animate: bool

    @property
    def is_someone(self) -> bool:
        """Asked for by «кто»: «тот, кто», «человек, который»."""
        return self.lemma in language().someone


def noun_at(draft: Draft, head: int, last: int) -> Noun:
    """The phrase around a noun: adjectives and determiners before it, what it governs behind it up to ``last``."""
    words = draft.words
    first = head
    while first > 0 and _modifies(draft, first - 1, head):
        first -= 1
    word, reading = words[head], draft.reading(head)
    name = str(reading.entry.normal_form) if reading is not None else word.lemma
    gender = draft.gender(head)
    if reading is not None and reading.number == "sing":  # the dictionary knows better, but for «сирота»
        gender = reading.gender if reading.gender != "ms-f" else gender.replace("plur", "") or "masc"
    pronoun = word.lemma == "тот"
    return Noun(
        first,
        head,
        last,
        word.lemma if pronoun else fold(name),
        "человек" if pronoun else name,
        draft.case(head) if pronoun else reading.case if reading is not None else "",
        gender,
        word.feats.get("Animacy") == "Anim" or pronoun or (reading is not None and "anim" in reading.marks),
    )


def _modifies(draft: Draft, at: int, head: int) -> bool:
    word = draft.words[at]
    if draft.is_quoted(at) or draft.asks(at):
        return False
    if word.lemma in language().determiners:
        return True
    if draft.slot(at) is not None or word.pos not in _MODIFIERS or word.is_punctuation:
        return False
    if not (word.text[:1].isdigit() or any(one.pos in _DICTIONARY_MODIFIERS for one in readings(word.text))):
        return False  # a verb that the tagger took for an adjective
    return not word.case or word.case == draft.words[head].case or draft.case(at) == draft.case(head)


def is_named(draft: Draft, noun: Noun) -> bool:
    """Whether the phrase says which one it is: «остров Мадейра», «композитор Модест Мусоргский»."""
    after = range(noun.head + 1, noun.last)
    if not after:
        return False
    following = noun.head + 1
    word = draft.words[following]
    if draft.slot(following) is not None:
        return False
    if draft.is_quoted(following) or (word.text.isascii() and word.text.isalpha()):
        return True
    if word.text[:1].isupper() and word.pos in ("PROPN", "NOUN", "ADJ", "X"):
        owned = word.case == "Gen" and noun.case != "gent"
        return not owned or noun.lemma not in language().works
    return False


def is_asked(draft: Draft, noun: Noun) -> bool:
    """Whether the question is after the noun itself: «какой город, …», «как называется река, …», «кто автор …»."""
    words = draft.words
    before = noun.first - 1
    if before >= 0 and words[before].is_punctuation:
        # «художницу — сестру человека»: what is put beside the thing asked for is asked for too.
        other = before - 1
        return other < 0 or (words[other].pos == "NOUN" and is_asked(draft, noun_at(draft, other, before)))
    if before < 0:
        return True  # nothing asks before it
    if _is_predicate(draft, noun):
        return True
    if draft.asks(before):
        return True
    if words[before].lemma in language().naming_nouns:
        return _opens(draft, before)  # «как фамилия режиссёра», but not «носит имя конструктора»
    if words[before].pos == "ADP" and before > 0 and words[before].folded in ("из", "среди"):
        return any(draft.asks(at) for at in range(max(0, before - 2), before))
    governor = words[noun.head].head
    named = any(words[at].lemma in language().naming_verbs for at in (before, governor) if 0 <= at < noun.first)
    # «В честь кого назван город» asks for no name of the city.
    return named and any(word.folded == "как" for word in words[: noun.first])


def _is_predicate(draft: Draft, noun: Noun) -> bool:
    """«кто был *первым президентом*», «какой город является *столицей*», «какой город *столица*»."""
    before = noun.first - 1
    copula = before
    while copula > 0 and draft.words[copula].lemma in language().copulas and not draft.asks(copula):
        copula -= 1
    if copula == before and (noun.case != "nomn" or draft.words[before].pos not in ("NOUN", "PROPN")):
        return False
    asking = next((at for at in range(copula + 1) if draft.asks(at)), None)
    if asking is None or draft.words[asking].pos in ("ADV", "SCONJ"):
        return False
    # «Какой длины река» asks in the genitive.
    return draft.words[asking].case in ("Nom", "Acc", "") and _opens(draft, copula)


def _opens(draft: Draft, last: int) -> bool:
    """Whether nothing but a question phrase stands up to a word: «какой русский поэт», «каков псевдоним»."""
    allowed = ("ADJ", "DET", "PRON", "ADP", "AUX", "ADV", "SCONJ")
    return all(
        draft.asks(at) or at == last or draft.words[at].pos in allowed or draft.words[at].lemma in language().copulas
        for at in range(last + 1)
    ) and any(draft.asks(at) for at in range(last + 1))


def which(noun: Noun, case: str) -> str:
    """«какой» agreeing with the noun in a case."""
    if case == "accs" and noun.gender != "femn":
        case = "gent" if noun.animate and noun.gender != "neut" else "nomn"
    base = next(one for one in readings("какой") if one.pos == "ADJF")
    number = "plur" if noun.gender == "plur" else "sing"
    gender = "" if noun.gender == "plur" else noun.gender or "masc"
    return base.in_case(case, number=number, gender=gender) or "какой"


def asked_for(draft: Draft, noun: Noun, case: str, preposition: str = "") -> str | None:
    """The noun asked for in a case: «каком сибирском городе», «кому»; None where it has no such form."""
    if noun.is_someone and noun.gender != "plur":
        return _WHO[case]
    text = noun_in_case(draft, noun, case, preposition)
    return f"{which(noun, case)} {text}" if text is not None else None


_WHO = {"nomn": "кто", "gent": "кого", "datv": "кому", "accs": "кого", "ablt": "кем", "loct": "ком"}


def noun_in_case(draft: Draft, noun: Noun, case: str, preposition: str = "") -> str | None:
    """The phrase without its determiners in a case, as it stands after a preposition, slots kept."""
    first = noun.first
    while first < noun.head and draft.words[first].lemma in language().determiners:
        first += 1
    nominative = draft.nominative(first, noun.head + 1)
    nominative = nominative if first > 0 else nominative[:1].lower() + nominative[1:]
    if not any(one.case == "nomn" for one in readings(nominative.split()[-1])):
        return None
    rest = draft.said(noun.head + 1, noun.last)
    return " ".join(filter(None, [decline(nominative, case, after=preposition), rest]))
