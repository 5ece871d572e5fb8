"""Things named by their relation to another: «автор „Соляриса“», «столица Франции»."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.agent.planning.descriptions import Description
from rag.agent.planning.draft import Draft, as_question
from rag.agent.planning.language import language
from rag.agent.planning.nouns import Noun, is_asked, noun_at, noun_in_case

_ROMAN = re.compile(r"[IVXLC]+")
_INSIDE = ("NOUN", "PROPN", "ADJ", "NUM", "ADP", "X", "DET", "PUNCT", "SYM")


def genitives(draft: Draft) -> Iterator[Description]:
    """Relational nouns with what they govern, in the order of the question."""
    for at, word in enumerate(draft.words):
        if word.lemma not in language().people and word.lemma not in language().things:
            continue
        if (
            word.pos not in ("NOUN", "ADJ", "PROPN")
            or draft.is_quoted(at)
            or draft.slot(at) is not None
            or draft.gender(at) == "plur"
        ):
            continue
        last = _end(draft, at)
        if last is None:
            continue
        noun = noun_at(draft, at, last)
        if not noun.case or is_asked(draft, noun) or _names_it(draft, noun) or _goes_on(draft, last):
            continue
        question = _question(draft, noun)
        if question is not None:
            yield Description(noun.first, last, noun, as_question(question), "genitive", is_clause=False)


def _end(draft: Draft, at: int) -> int | None:
    """The word after the genitive that a noun governs; None where none follows, or it says nothing in particular."""
    words = draft.words
    first = at + 1
    if first >= len(words) or not (draft.is_quoted(first) or words[first].case == "Gen" or draft.slot(first)):
        return None
    if words[first].pos == "PRON" or words[first].pos == "DET":
        return None
    last = first
    while last < len(words) and _belongs(draft, last, at):
        last += 1
    while last > first and words[last - 1].is_punctuation and not draft.is_quoted(last - 1):
        last -= 1
    if not any(draft.is_name(one) for one in range(first, last)):
        return None
    return last


def _belongs(draft: Draft, at: int, head: int) -> bool:
    """A word of the genitive phrase: a title, a genitive, a name beside it, or what the parser hangs below it."""
    word = draft.words[at]
    if draft.is_quoted(at):
        return True
    if word.is_punctuation or word.pos not in _INSIDE or draft.asks(at):
        return False
    before = draft.words[at - 1]
    if word.case == "Gen" or word.relation.startswith("flat"):
        return word.relation not in ("obl", "nsubj", "obj") or at == head + 1 or draft.slot(at) is not None
    if draft.slot(at - 1) is not None:
        return False
    # «роман „Солярис“», «фильма Стиляги», «чемпионата 2019 года»
    if _ROMAN.fullmatch(word.text):  # «Василия III»
        return before.text[:1].isupper()
    named = (
        word.text[:1].isupper()
        and before.pos in ("NOUN", "PROPN", "ADJ")
        and word.relation in ("appos", "flat", "nmod")
    )
    return named or (word.text.isdigit() and word.head == at + 1)


def _names_it(draft: Draft, noun: Noun) -> bool:
    """A person's name in the noun's own case: «композитора Блантера» is no composer of Blanter's."""
    following = noun.head + 1
    if noun.lemma in language().kin or noun.case not in ("gent", "accs") or draft.is_quoted(following):
        return False
    word = draft.words[following]
    return draft.slot(following) is None and word.text[:1].isupper() and word.feats.get("Animacy") == "Anim"


def _goes_on(draft: Draft, last: int) -> bool:
    """What follows says who it is: «жены сына Каллиопы, *Орфея*»."""
    words = draft.words
    if last + 1 >= len(words):
        return False
    if words[last].text == ",":
        return words[last + 1].text[:1].isupper()
    return words[last].text[:1].isupper() and words[last].pos == "PROPN" and not draft.is_quoted(last - 1)


def _question(draft: Draft, noun: Noun) -> str | None:
    governed = draft.said(noun.head + 1, noun.last)
    if template := language().things.get(noun.lemma):
        return template.replace("{of}", governed) if noun.first == noun.head else None
    text = noun_in_case(draft, noun, "nomn")
    return f"кто {text}" if text is not None else None
