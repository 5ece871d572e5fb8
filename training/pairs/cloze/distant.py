"""Another passage that answers the same question, so that question and passage do not share their wording.

Distant supervision: a passage that holds the answer and enough of what the question names is taken to answer it, as
Fabbri et al. 2020 (arXiv:2004.11892) do with retrieved sentences. Here the words must stand near the answer, and rare
ones weigh more.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retrievers.analysis import lemma, lemmas, stop_words, tokenize
from retrievers.sentences import sentence_spans
from training.data.near_duplicates import containment, shingles
from training.examples import Example
from training.pairs.corpus import Passage

MIN_COVERAGE = 0.6  # share of the question's words, by weight, that the sentences around the answer must have
_SAME_TEXT = 0.4  # common trigrams, as a share of the shorter passage, of two cuts of one text
_MOST_PASSAGES = 30  # with the answer and a name of the question that are looked at
_COMMON = 0.02  # share of the passages from which a word of a question is too common to be a name
_FEWEST_WORDS = 3  # of a question, function words not counted, that tell one fact from another


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a passage answers: ``start`` and ``stop`` are offsets into its text."""

    row: int
    start: int
    stop: int
    coverage: float


class DistantPassages:
    """Looks for passages that answer a question made of another one.

    Args:
        passages: of the corpus.
        min_coverage: share of the question's words, by weight, near the answer, in (0, 1].
    """

    def __init__(self, passages: Sequence[Passage], *, min_coverage: float = MIN_COVERAGE) -> None:
        self._passages = passages
        self._min_coverage = min_coverage
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        for row, passage in enumerate(passages):
            for term in set(lemmas(passage.text)) - stop_words():
                self._places[term].append(row)

    def elsewhere(self, example: Example) -> Example | None:
        """The example with the passage that covers its question best and is not cut out of the same text; or None."""
        answer = lemmas(example.answers[0])
        wanted = {term: self._weight(term) for term in set(lemmas(example.question)) - stop_words() - set(answer)}
        names = [term for term in wanted if len(self._places.get(term, ())) < _COMMON * len(self._passages) + 1]
        if not answer or not names or len(wanted) < _FEWEST_WORDS:
            return None
        own = shingles(example.passage)
        best: _Place | None = None
        for row in self._candidates(answer, wanted, names):
            passage = self._passages[row]
            if passage.text == example.passage or containment(own, shingles(passage.text)) >= _SAME_TEXT:
                continue
            place = self._place(row, answer, wanted, names)
            if place is not None and (best is None or place.coverage > best.coverage):
                best = place
        return self._moved(example, best) if best is not None else None

    def _candidates(self, answer: Sequence[str], wanted: Mapping[str, float], names: Sequence[str]) -> list[int]:
        """Passages with all words of the answer and a name of the question, those with most of the question first."""
        holding = {row for name in names for row in self._places.get(name, ())}
        for term in answer:
            if term not in stop_words():
                holding.intersection_update(self._places.get(term, ()))
        if len(holding) <= _MOST_PASSAGES:
            return sorted(holding)
        coverage = dict.fromkeys(holding, 0.0)
        for term, weight in wanted.items():
            for row in self._places.get(term, ()):
                if row in holding:
                    coverage[row] += weight
        return sorted(holding, key=lambda row: (-coverage[row], row))[:_MOST_PASSAGES]

    def _weight(self, term: str) -> float:
        return math.log(1 + len(self._passages) / (1 + len(self._places.get(term, ()))))

    def _place(
        self, row: int, answer: Sequence[str], wanted: Mapping[str, float], names: Sequence[str]
    ) -> _Place | None:
        """The occurrence of the answer whose sentence, with the title, has most of the question."""
        passage = self._passages[row]
        tokens = tokenize(passage.text)
        terms = [lemma(token.text) for token in tokens]
        about, total = set(lemmas(passage.title)), sum(wanted.values())
        spans = sentence_spans(passage.text)
        best: _Place | None = None
        for first in range(len(terms) - len(answer) + 1):
            if terms[first : first + len(answer)] != list(answer):
                continue
            start, stop = next(((a, b) for a, b in spans if a <= tokens[first].start < b), (0, 0))
            sentence = {term for token, term in zip(tokens, terms, strict=True) if start <= token.start < stop}
            coverage = sum(weight for term, weight in wanted.items() if term in sentence | about) / total
            named = any(term in sentence for term in names)  # the title alone would take any sentence of a page
            if named and coverage >= self._min_coverage and (best is None or coverage > best.coverage):
                best = _Place(row, tokens[first].start, tokens[first + len(answer) - 1].stop, coverage)
        return best

    def _moved(self, example: Example, place: _Place) -> Example:
        passage = self._passages[place.row]
        kind = example.source.partition(":")[2]
        return Example(
            question=example.question,
            passage=passage.text,
            title=passage.title,
            answers=(passage.text[place.start : place.stop],),
            answer_start=place.start,
            doc_id=passage.doc_id,
            source=f"cloze-distant:{kind}",
        )
