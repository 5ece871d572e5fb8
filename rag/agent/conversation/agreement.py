"""A predicate made to agree with a new subject: «родился Пушкин», «родилась Цветаева»."""

from __future__ import annotations

from retrievers.analysis import morph
from retrievers.names import recased

_PREDICATES = ("VERB", "PRTS", "ADJS")


def agree(word: str, gender: str, *, plural: bool) -> str:
    """A finite verb, short participle or short adjective in the gender and number of its subject.

    >>> agree("родился", "femn", plural=False), agree("живёт", "masc", plural=True)
    ('родилась', 'живут')

    Args:
        word: as it stands.
        gender: ``"masc"``, ``"femn"`` or ``"neut"``; ``""`` leaves a singular as it is.
        plural: whether the subject is plural.
    """
    for entry in morph().parse(word.lower()):
        if str(entry.tag.POS) not in _PREDICATES or entry.tag.number is None:
            continue
        wanted = {"plur"} if plural else {"sing"}
        if not plural and (entry.tag.gender is not None or str(entry.tag.tense) == "past"):
            if not gender:
                return word
            wanted.add(gender)
        form = entry.inflect(wanted)
        return recased(str(form.word), word) if form is not None else word
    return word
