"""Texts that say the same in nearly the same words.

Short texts are compared by the Jaccard similarity of their sets of lemmas, in which function and question words count a
quarter: «Какая самая высокая гора на Кавказе?» and «Как называется самая высокая гора на Кавказе?» ask the same. The
search is exact and does not compare all with all: two sets that are similar enough share one of their rarest members,
so that only texts which share one are looked at (prefix filtering: Chaudhuri, Ganti, Kaushik 2006, "A primitive
operator for similarity joins"; Bayardo, Ma, Srikant 2007, "Scaling up all pairs similarity search"). Passages are
compared by the word trigrams that they share, as a part of the shorter one (containment of shingles: Broder 1997, "On
the resemblance and containment of documents"), so that a passage cut out of another is found as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from retrievers.analysis import lemmas, stop_words, words
from retrievers.errors import InputError

# Similarity from which texts are nearly the same. Of the pairs of questions of MIRACL, RuBQ, MKQA and XOR-TyDi that
# reach it all but one or two in ten ask the same; a little below stand «Когда США / Италия вступили в Первую мировую?».
NEAR = 0.7
_FUNCTION_WORD = 0.25  # weight of a function or question word; any other weighs 1
_SHINGLE_WORDS = 3
_ROUNDING = 1e-9  # of sums of weights: .7 * 10 is a little more than 7


class Match(NamedTuple):
    """The most similar text.

    Args:
        key: as it was added.
        similarity: in (0, 1].
    """

    key: int
    similarity: float


def check_threshold(value: float) -> float:
    """A similarity that can be asked for.

    Raises:
        InputError: it is not in (0, 1].
    """
    if not 0 < value <= 1:
        raise InputError(f"expected a similarity above 0 and up to 1, got {value:g}")
    return value


def normal_form(text: str) -> str:
    """Folded words with single spaces, equal for texts that differ in case, ё, punctuation and marks only.

    >>> normal_form("Кто написал «Ёлку»?")
    'кто написал елку'
    """
    return " ".join(words(text))


def terms_of(text: str) -> frozenset[str]:
    """Lemmas of a text, function and question words included."""
    return frozenset(lemmas(text))


def weight_of(terms: frozenset[str]) -> float:
    """Weight of some lemmas: ``weight_of(frozenset({"высокий", "гора", "на"})) == 2.25``."""
    return len(terms) - (1 - _FUNCTION_WORD) * len(terms & stop_words())


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Weight of the common lemmas as a share of all, in [0, 1]; 0 for two empty sets, which say nothing."""
    common = first & second
    return weight_of(common) / weight_of(first | second) if common else 0.0


def shingles(text: str) -> frozenset[str]:
    """Word trigrams of a folded text; a shorter text is one shingle, one without words has none."""
    found = words(text)
    count = max(len(found) - _SHINGLE_WORDS + 1, 1) if found else 0
    return frozenset(" ".join(found[at : at + _SHINGLE_WORDS]) for at in range(count))


def containment(first: frozenset[str], second: frozenset[str]) -> float:
    """Common shingles as a share of the smaller set, in [0, 1]: 1 where one text stands in the other."""
    return len(first & second) / min(len(first), len(second)) if first and second else 0.0


class NearTexts:
    """Short texts by their sets of lemmas: finds the most similar one exactly.

    Args:
        frequencies: how many texts a term stands in, in any sample: rarer terms are looked up first. It decides how
            fast a search is and nothing else; a term that is not in it counts as the rarest.
        threshold: similarity (:func:`jaccard`) from which a text is found.

    Example:
        >>> known = NearTexts({}, threshold=0.7)
        >>> known.add(7, terms_of("Как называется самая высокая гора на Кавказе?"))
        >>> known.most_similar(terms_of("Какая самая высокая гора на Кавказе?")).key
        7
        >>> known.most_similar(terms_of("Как называется самая высокая гора на Урале?")) is None
        True
    """

    def __init__(self, frequencies: Mapping[str, int], *, threshold: float = NEAR) -> None:
        self._frequencies = frequencies
        self._threshold = check_threshold(threshold)
        self._keys: list[int] = []
        self._terms: list[frozenset[str]] = []
        self._vocabulary: set[str] = set()
        self._places: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, key: int, terms: frozenset[str]) -> None:
        """Remember a text; one without terms is like no other."""
        place = len(self._terms)
        self._keys.append(key)
        self._terms.append(terms)
        self._vocabulary |= terms
        for term in self._rarest(terms):
            self._places[term].append(place)

    def most_similar(self, terms: frozenset[str]) -> Match | None:
        """The text most similar to ``terms``, the first added among equals; None where none reaches the threshold."""
        best: Match | None = None
        for match in self.similar(terms):
            if best is None or match.similarity > best.similarity:
                best = match
        return best

    def similar(self, terms: frozenset[str]) -> list[Match]:
        """All texts that reach the threshold, in the order they were added."""
        if weight_of(terms & self._vocabulary) < self._threshold * weight_of(terms) - _ROUNDING:
            return []  # most texts end here: too much of them stands in no other
        places = {place for term in self._rarest(terms) for place in self._places.get(term, ())}
        matches = (Match(self._keys[place], jaccard(terms, self._terms[place])) for place in sorted(places))
        return [match for match in matches if match.similarity >= self._threshold - _ROUNDING]

    def _rarest(self, terms: frozenset[str]) -> list[str]:
        """The rarest terms, as many as are needed for the rest to weigh too little to be all that is common."""
        light, frequencies = stop_words(), self._frequencies
        rest = weight_of(terms)
        least = self._threshold * rest - _ROUNDING
        rarest: list[str] = []
        for _, term in sorted((frequencies.get(term, 0), term) for term in terms):
            if rest < least:
                break
            rarest.append(term)
            rest -= _FUNCTION_WORD if term in light else 1.0
        return rarest


class NearPassages:
    """Passages by their shingles: finds the one that holds most of a passage, or is held by it most.

    Args:
        threshold: containment from which a passage is found.
    """

    def __init__(self, *, threshold: float = NEAR) -> None:
        self._threshold = check_threshold(threshold)
        self._keys: list[int] = []
        self._sizes: list[int] = []
        self._places: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, key: int, found: frozenset[str]) -> None:
        """Remember a passage by its :func:`shingles`."""
        place = len(self._keys)
        self._keys.append(key)
        self._sizes.append(len(found))
        for shingle in found:
            self._places[shingle].append(place)

    def most_similar(self, found: frozenset[str]) -> Match | None:
        """The passage with the highest containment, the first added among equals; None where none reaches it."""
        common = Counter(place for shingle in found for place in self._places.get(shingle, ()))
        best: Match | None = None
        for place, count in sorted(common.items()):
            share = count / min(self._sizes[place], len(found))
            if share >= self._threshold - _ROUNDING and (best is None or share > best.similarity):
                best = Match(self._keys[place], share)
        return best


def document_frequencies(texts: Iterable[frozenset[str]]) -> Counter[str]:
    """How many of the texts each term stands in."""
    return Counter(term for terms in texts for term in terms)
