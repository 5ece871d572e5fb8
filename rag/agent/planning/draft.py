"""A question on its way to a plan: its words with their tags, some of them standing for slots."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from generators.reading.normal_form import normal_form
from generators.reading.parsing import Word, parse, parse_many
from rag.agent.declension import Reading, readings
from rag.agent.plan import Slot
from rag.agent.planning.language import language

CASES = {"Nom": "nomn", "Gen": "gent", "Dat": "datv", "Acc": "accs", "Ins": "ablt", "Loc": "loct"}
_GENDERS = {"Masc": "masc", "Fem": "femn", "Neut": "neut"}
_OPENING, _CLOSING = "«„“\"'", "»“”\"'"
_SPACE_BEFORE = re.compile(r"\s+([,;:.!?%»”)])")


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters of a draft's text that stand for a slot."""

    start: int
    stop: int
    slot: Slot


class Draft:
    """A question of one sentence.

    Args:
        text: with a noun in place of every slot, so that it can be parsed.
        marks: where these nouns stand.
    """

    def __init__(self, text: str, marks: Sequence[Mark] = ()) -> None:
        self.text = text
        self.marks = tuple(marks)
        # The question as asked is parsed for the reader too; what is made of it is seen once.
        parsed = parse(text) if not marks else parse_many([text], names=[()])[0]
        self.sentences = len(parsed.sentences)
        self.words: tuple[Word, ...] = parsed.sentences[0].words if self.sentences == 1 else ()
        self._quoted = _quoted(self.words)

    def __len__(self) -> int:
        return len(self.words)

    def is_quoted(self, at: int) -> bool:
        """Part of a title, quotes included."""
        return at in self._quoted

    def slot(self, at: int) -> Slot | None:
        """The slot that a word stands for."""
        word = self.words[at]
        return next((mark.slot for mark in self.marks if mark.start <= word.start < mark.stop), None)

    def is_name(self, at: int) -> bool:
        """A name, a title, a number or a slot: what makes a description one of something in particular."""
        word = self.words[at]
        return (
            self.is_quoted(at)
            or self.slot(at) is not None
            or (at > 0 and word.text[:1].isupper())
            or any(char.isdigit() for char in word.text)
            or (word.text.isascii() and word.text.isalpha())
        )

    def asks(self, at: int) -> bool:
        """An interrogative outside of titles."""
        return self.words[at].lemma in language().interrogative and not self.is_quoted(at)

    def case(self, at: int) -> str:
        """OpenCorpora case of a word, ``""`` where it has none."""
        word = self.words[at]
        # The tagger often takes an inanimate accusative for a nominative: they look the same.
        if word.case == "Nom" and word.relation == "obj" and word.feats.get("Animacy") != "Anim":
            return "accs"
        return CASES.get(word.case, "")

    def reading(self, at: int) -> Reading | None:
        """The dictionary's reading of a word as a noun that fits its tags best, None where it is no noun there."""
        case, gender = self.case(at), self.gender(at)
        nouns = [one for one in readings(self.words[at].text) if one.pos == "NOUN"]
        fitting = [one for one in nouns if one.case == case]
        if not fitting and len({one.case for one in nouns}) == 1:
            fitting = nouns  # the tagger is wrong: the word has no other case
        return max(
            fitting,
            key=lambda one: ((one.number == "plur") == (gender == "plur"), one.gender in (gender, "ms-f"), one.score),
            default=None,
        )

    def gender(self, at: int) -> str:
        """``"plur"`` or the gender of a word, ``""`` where it has none."""
        feats = self.words[at].feats
        return "plur" if feats.get("Number") == "Plur" else _GENDERS.get(feats.get("Gender", ""), "")

    def said(self, first: int, last: int, changed: Mapping[int, str] | None = None) -> str:
        """Words ``first`` to ``last`` (excluded) as they read, slots as slots, some of them changed."""
        pieces: list[str] = []
        for at in range(first, last):
            word, slot = self.words[at], self.slot(at)
            text = (changed or {}).get(at)
            if text is None:
                text = _slot_text(slot) if slot is not None else self.lowered(at)
            if pieces and word.start > self.words[at - 1].stop and text:
                pieces.append(" ")
            pieces.append(text)
        return _SPACE_BEFORE.sub(r"\1", "".join(pieces)).strip()

    def lowered(self, at: int) -> str:
        """A word as it stands inside a sentence: the capital of the first one goes, unless it is a name's."""
        word = self.words[at]
        if at > 0 or word.pos in ("PROPN", "X") or (word.text.isupper() and len(word.text) > 1) or self.is_quoted(at):
            return word.text
        return word.text[:1].lower() + word.text[1:]

    def nominative(self, first: int, last: int) -> str:
        """Words in the nominative."""
        return normal_form(self.words, first, last)

    def replaced(self, first: int, last: int, noun: str, slot: Slot) -> Draft:
        """The question with words ``first`` to ``last`` (excluded) made a slot, for which ``noun`` stands."""
        start, stop = self.words[first].start, self.words[last - 1].stop
        before, after = self.text[:start], self.text[stop:]
        if start == 0:
            noun = noun[:1].upper() + noun[1:]
        moved = len(noun) - (stop - start)
        marks = [mark for mark in self.marks if mark.stop <= start]
        marks.append(Mark(start, start + len(noun), slot))
        marks += [Mark(m.start + moved, m.stop + moved, m.slot) for m in self.marks if m.start >= stop]
        return Draft(before + noun + after, marks)

    def question(self) -> str:
        """The question with its slots in braces."""
        pieces: list[str] = []
        at = 0
        for mark in self.marks:
            pieces += [self.text[at : mark.start], _slot_text(mark.slot)]
            at = mark.stop
        return as_question("".join([*pieces, self.text[at:]]))


def as_question(text: str) -> str:
    """A text with a capital and one question mark."""
    text = _SPACE_BEFORE.sub(r"\1", " ".join(text.split())).strip(" ,;:—–-.?!")
    return f"{text[:1].upper()}{text[1:]}?"


def _slot_text(slot: Slot) -> str:
    return f"{{{slot.name}}}" if slot.case == "nomn" else f"{{{slot.name}|{slot.case}}}"


def _quoted(words: Iterable[Word]) -> frozenset[int]:
    """Words between quotes, the quotes too."""
    found: set[int] = set()
    opened: list[int] = []
    for at, word in enumerate(words):
        if opened and word.text in _CLOSING:
            start = opened.pop()
            if not opened:
                found.update(range(start, at + 1))
        elif word.text in _OPENING:
            opened.append(at)
    return frozenset(found)
