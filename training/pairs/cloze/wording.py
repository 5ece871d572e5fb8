"""Other words of the same meaning, so that a question does not copy its sentence.

The synonyms are a short list of rules. Word vectors would offer more, but a word's nearest neighbours hold its
opposites too («родился» and «умер», «начался» and «закончился»), which turn a question into a wrong one.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Any

from generators.reading.parsing import Word
from retrievers.analysis import morph
from training.pairs.cloze.forms import read, with_capitals
from training.pairs.cloze.rules import rules

_OPENING, _CLOSING = "«„", "»“"


def reworded(
    words: Sequence[Word], named: Collection[int], randomness: random.Random, *, share: float
) -> dict[int, str]:
    """Words of a sentence to say in another way: index to the synonym in the same form.

    Args:
        words: of the sentence.
        named: indices of the words of names, which stay.
        randomness: of the choice.
        share: of the words with a synonym that are replaced, in [0, 1].
    """
    found: dict[int, str] = {}
    quoted = False
    for index, word in enumerate(words):
        quoted = word.text in _OPENING or (quoted and word.text not in _CLOSING)
        synonyms = rules().synonyms.get((word.pos, word.lemma))
        if not synonyms or quoted or index in named or randomness.random() >= share:
            continue
        form = synonym_form(word, randomness.choice(synonyms))
        if form is not None:
            found[index] = form
    return found


def synonym_form(word: Word, synonym: str) -> str | None:
    """A synonym in the form of a word; None where it has none, or is a noun of another gender or animacy.

    What agrees with the word agrees with the synonym as well.
    """
    parse = read(word)
    # «Супруга» has the dictionary form «супруг»: what is looked for is the word as the rules write it.
    other = next((one for one in morph().parse(synonym) if {one.tag.POS, one.tag.case} & {"INFN", "nomn"}), None)
    if parse is None or other is None:
        return None
    if word.pos == "NOUN" and (other.tag.gender, other.tag.animacy) != (parse.tag.gender, parse.tag.animacy):
        return None
    form = other.inflect(_grammemes(parse.tag))
    return with_capitals(str(form.word), word.text) if form is not None else None


def _grammemes(tag: Any) -> set[str]:
    """Part of speech and everything a form is chosen by."""
    parts = (tag.POS, tag.case, tag.number, tag.tense, tag.person, tag.mood, tag.voice)
    kept = {str(part) for part in parts if part is not None}
    if tag.POS in ("VERB", "PRTS") and tag.gender is not None:
        kept.add(str(tag.gender))
    return kept
