"""Verbs made to agree with another subject."""

from __future__ import annotations

from rag.agent.declension import gender_of
from retrievers.analysis import morph


def agreeing_verb(verb: str, subject: str, gender: str = "") -> str:
    """A finite verb or short participle in the number and gender of a subject in the nominative.

    ``gender`` is the subject's where the context tells it.

    >>> agreeing_verb("жили", "Анна Ахматова")
    'жила'
    """
    gender = gender or gender_of(subject)
    number = "plur" if gender == "plur" else "sing"
    for parse in morph().parse(verb.lower()):
        if parse.tag.POS not in ("VERB", "PRTS", "ADJS"):
            continue
        wanted = {number}
        if number == "sing" and (parse.tag.tense == "past" or parse.tag.POS in ("PRTS", "ADJS")):
            wanted.add(gender or "masc")
        form = parse.inflect(wanted)
        if form is not None:
            return str(form.word)
    return verb
