"""A question taken apart: words with their forms and what they depend on (slovnet's morphology and syntax)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retrievers.analysis import fold, lemma, visible_with_offsets
from retrievers.models import load_morph, load_syntax

_CASES = {"Nom": "nomn", "Gen": "gent", "Dat": "datv", "Acc": "accs", "Ins": "ablt", "Loc": "loct"}
_GENDERS = {"Masc": "masc", "Fem": "femn", "Neut": "neut"}
LONGEST = 400  # characters that are parsed: no follow-up is longer, and a pasted text would take seconds
_QUOTED = re.compile('(?<!\\w)["“„]([^"“”„«»]+)["”“](?!\\w)')
_NO_SPACE_BEFORE = frozenset(".,:;?!…»)")
_NO_SPACE_AFTER = frozenset("«(„")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a sentence.

    Args:
        text: as written.
        start, stop: offsets into the sentence's text.
        pos: part of speech (Universal Dependencies).
        case, gender: OpenCorpora grammemes, ``""`` where there is none.
        plural: whether it is in the plural.
        tense: ``"Past"``, ``"Pres"``, ``"Fut"`` or ``""``.
        relation: to its head (Universal Dependencies).
        head: index of the word it depends on; its own for the root.
    """

    text: str
    start: int
    stop: int
    pos: str
    case: str
    gender: str
    plural: bool
    tense: str
    relation: str
    head: int

    @property
    def folded(self) -> str:
        """In lower case, without ё."""
        return fold(self.text)

    @property
    def lemma(self) -> str:
        """Dictionary form."""
        return lemma(self.folded)

    @property
    def is_noun(self) -> bool:
        """A common noun or a name."""
        return self.pos in ("NOUN", "PROPN")

    @property
    def is_verbal(self) -> bool:
        """A verb, an auxiliary or a short participle or adjective, as stands in a predicate."""
        return self.pos in ("VERB", "AUX") or (self.pos == "ADJ" and not self.case and self.text.isalpha())


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words of a question, punctuation marks among them."""

    text: str
    words: tuple[Word, ...]

    def children(self, index: int) -> list[int]:
        """Words that depend on a word directly."""
        return [at for at, word in enumerate(self.words) if word.head == index and at != index]

    def phrase(self, index: int, relations: Iterable[str]) -> tuple[int, int]:
        """Bounds of the unbroken run of words around a word that hang on it by these relations, directly or not."""
        wanted = frozenset(relations)
        inside = {index}
        grown = True
        while grown:
            grown = False
            for at, word in enumerate(self.words):
                if at not in inside and word.head in inside and word.relation in wanted:
                    inside.add(at)
                    grown = True
        first = last = index
        while first - 1 in inside:
            first -= 1
        while last + 1 in inside:
            last += 1
        return first, last + 1

    def slice(self, first: int, stop: int) -> str:
        """Text of the words from ``first`` up to ``stop``."""
        return self.text[self.words[first].start : self.words[stop - 1].stop]

    def at(self, start: int, stop: int) -> list[int]:
        """Words that lie in ``text[start:stop]``."""
        return [index for index, word in enumerate(self.words) if word.start < stop and word.stop > start]

    def rebuilt(self, replaced: Mapping[int, str], after: Mapping[int, str], first: int = 0) -> str:
        """The sentence with words replaced (``""`` leaves one out) and others put in after words.

        Args:
            replaced: new text by word.
            after: text put in after a word.
            first: word to begin with.
        """
        pieces: list[str] = []
        for index in range(first, len(self.words)):
            word = self.words[index]
            pieces += [replaced.get(index, word.text), after.get(index, "")]
        return join(pieces)


@functools.lru_cache(maxsize=256)
def parse(text: str) -> Sentence:
    """Take a sentence apart; of a text over :data:`LONGEST` characters its beginning.

    Raises:
        ModelUnavailableError: the model files are missing.
    """
    import razdel

    visible = plain_quotes(" ".join(visible_with_offsets(text[:LONGEST])[0].split()))
    tokens = list(razdel.tokenize(visible))
    if not tokens:
        return Sentence(visible, ())
    row = [token.text for token in tokens]
    forms = next(iter(load_morph().map([row]))).tokens
    links = next(iter(load_syntax().map([row]))).tokens
    words = tuple(
        Word(
            text=token.text,
            start=token.start,
            stop=token.stop,
            pos=form.pos,
            case=_CASES.get(form.feats.get("Case", ""), ""),
            gender=_GENDERS.get(form.feats.get("Gender", ""), ""),
            plural=form.feats.get("Number") == "Plur",
            tense=form.feats.get("Tense", ""),
            relation=link.rel,
            head=int(link.head_id) - 1 if link.head_id != "0" else at,
        )
        for at, (token, form, link) in enumerate(zip(tokens, forms, links, strict=True))
    )
    return Sentence(visible, words)


def plain_quotes(text: str) -> str:
    """Quotation marks of other kinds as «ёлочки»: ``plain_quotes('роман "Идиот"') == 'роман «Идиот»'``."""
    return _QUOTED.sub("«\\1»", text)


def join(pieces: Iterable[str]) -> str:
    """Pieces with a space between them where Russian writes one, the first letter a capital."""
    text = ""
    for piece in pieces:
        if not piece:
            continue
        if text and piece[0] not in _NO_SPACE_BEFORE and text[-1] not in _NO_SPACE_AFTER:
            text += " "
        text += piece
    return text[:1].upper() + text[1:]
