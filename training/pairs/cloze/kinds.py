"""What kind of thing a name is the name of: a city, a country, a river, a company."""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from generators.reading.parsing import Name, Word
from generators.reading.rules import rules as reading_rules
from retrievers.analysis import fold, lemma, lemmas
from retrievers.word_vectors import word_vectors
from training.pairs.cloze.answers import AnswerKind
from training.pairs.cloze.rules import rules

_WORD_BEFORE = re.compile(r"([^\W\d_]+)[ \u00a0]+[«„\"]?$")
_NEAREST_MARGIN = 0.08  # of the cosine to one kind over the cosine to the other
_NEAREST = 0.35
_CONTRAST = ("water", "island", "continent", "region", "person")
_WINDOW = 40  # characters before a name that are looked at


def _key(text: str) -> str:
    return " ".join(lemmas(text))


class PlaceKinds:
    """Kinds of names: known ones by the rules, others by the noun a corpus puts before them, or by word vectors."""

    def __init__(self) -> None:
        self._seen: dict[str, Counter[str]] = defaultdict(Counter)

    def learn(self, text: str, names: Iterable[Name]) -> None:
        """Take in the nouns that stand before names: «в городе *Иваново*»."""
        for name in names:
            if name.type == "PER":
                continue
            before = _WORD_BEFORE.search(text[max(0, name.start - _WINDOW) : name.start])
            noun = lemma(fold(before.group(1))) if before else ""
            if noun in rules().types:
                self._seen[_key(text[name.start : name.stop])][noun] += 1

    def kind_of(self, words: Sequence[Word], kind: AnswerKind) -> str | None:
        """Nominative noun for a name, None where nothing tells."""
        key = _key(" ".join(word.text for word in words))
        if kind is AnswerKind.PLACE and key in rules().places:
            return rules().places[key]
        first = words[0]
        # «Московский университет», «Чёрное море»: the name says it itself.
        own = next((w for w in words if w.lemma in rules().types and (w is first or words[0].pos == "ADJ")), None)
        if own is not None and len(words) > 1:
            return own.lemma
        seen = self._seen.get(key)
        if seen:
            noun, count = seen.most_common(1)[0]
            if count * 2 > seen.total():
                return noun
        return _nearest(key) if kind is AnswerKind.PLACE and len(words) == 1 else None


@functools.cache
def _centres() -> tuple[tuple[str, ...], np.ndarray]:
    """Mean unit vectors of the kinds; those of rivers, regions and the like are there to be told apart from."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, noun in rules().places.items():
        groups[noun].append(name)
    for name in _CONTRAST:
        groups[name].extend(reading_rules().classes[name][1])
    rows = [word_vectors().units(names).mean(axis=0) for names in groups.values()]
    centres = np.stack(rows)
    return tuple(groups), centres / np.linalg.norm(centres, axis=1, keepdims=True)


@functools.lru_cache(maxsize=50_000)
def _nearest(name: str) -> str | None:
    """City or country by word vectors, where one is clearly nearer than anything else."""
    if name not in word_vectors():
        return None
    nouns, centres = _centres()
    cosines = centres @ word_vectors().units([name])[0]
    order = np.argsort(-cosines)
    best, second = float(cosines[order[0]]), float(cosines[order[1]])
    noun = nouns[int(order[0])]
    return noun if noun not in _CONTRAST and best >= _NEAREST and best - second >= _NEAREST_MARGIN else None
