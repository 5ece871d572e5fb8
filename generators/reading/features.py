"""What the ranker sees of a candidate: numbers about the question, the passage, the sentence and the span itself.

Four groups of features are described apart and set side by side: the question's are the same for every candidate of a
task, a passage's for all of its candidates, a sentence's for all candidates in it.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from generators.reading.candidates import Candidate, Kind
from generators.reading.parsing import ParsedText, Sentence, Word, rarity, similarity, vector
from generators.reading.question import AnswerType, Question, QuestionType
from generators.reading.rules import rules
from retrievers.analysis import lemmas, stop_words

FloatArray = NDArray[np.float32]

_FAR = 30.0  # words; a distance further than this, or to a word that is not there
_ALIKE = 0.55  # cosine from which two lemmas count as saying nearly the same
_RELATIONS = ("nsubj", "obj", "obl", "nmod", "appos", "root", "conj", "flat", "amod", "nummod")
_CASES = ("Nom", "Gen", "Dat", "Acc", "Ins", "Loc")
_PLACE_PREPOSITIONS = frozenset({"в", "во", "на"})
_FIGURES = frozenset({Kind.DATE, Kind.QUANTITY, Kind.PERCENT})
_BOUNDARIES = frozenset(",;:()—–")

QUESTION_FEATURES = (
    *(f"question_{kind.value}" for kind in QuestionType),
    *(f"expects_{answer.value}" for answer in AnswerType),
    "asks_year",
    "asks_month",
    "question_terms",
    "question_names",
    "has_focus",
    "asks_birth",
    "asks_death",
)
PASSAGE_FEATURES = (
    "passage_rank",
    "passage_coverage",
    "passage_coverage_gap",
    "title_coverage",
    "title_in_question",
    "passage_sentences",
)
SENTENCE_FEATURES = (
    "sentence_coverage",
    "sentence_coverage_gap",
    "sentence_soft_coverage",
    "sentence_topic_coverage",
    "sentence_topic_gap",
    "previous_coverage",
    "sentence_names",
    "sentence_relations",
    "sentence_index",
    "sentence_words",
    "sentence_defines_title",
)
SPAN_FEATURES = (
    *(f"kind_{kind.value}" for kind in Kind),
    "fit",
    "fit_best",
    "words",
    "characters",
    "in_question",
    "all_in_question",
    "in_title",
    "is_title",
    "head_in_question",
    "near_coverage",
    "clause_coverage",
    "window_coverage",
    "term_distance",
    "name_distance",
    "verb_distance",
    "relation_distance",
    "focus_distance",
    "focus_before",
    "focus_inside",
    "focus_is_head",
    "focus_governs",
    "focus_similarity",
    "focus_governor_similarity",
    "tree_verb_distance",
    "tree_term_distance",
    "governor_in_question",
    "governor_alike",
    "governor_states_relation",
    *(f"relation_{name}" for name in _RELATIONS),
    *(f"case_{name}" for name in _CASES),
    "plural",
    "animate",
    "preposition",
    "place_preposition",
    "same_preposition",
    "quoted",
    "bracketed",
    "after_dash",
    "position",
    "before_terms",
    "capitalised",
    "latin",
    "digits",
    "is_name",
    "cuts_name",
    "holds_name",
    "cut_left",
    "cut_right",
    "head_first",
    "rarity",
    "repeats",
    "bracket_date",
    "commas",
    "starts_sentence",
    "modifier_in_question",
    "next_term_weight",
    "previous_term_weight",
)
_CLASSES = tuple(rules().classes)
SPAN_FEATURES += (
    *(f"like_{name}" for name in _CLASSES),
    "like_asked",
    "like_asked_margin",
    "after_alias",
    "in_opening",
    "defined",
    "focus_plural_list",
    "fuzzy_in_question",
    "cuts_figure",
    "in_alike",
)
FEATURES = QUESTION_FEATURES + PASSAGE_FEATURES + SENTENCE_FEATURES + SPAN_FEATURES


@dataclass(frozen=True, slots=True)
class Passage:
    """A parsed passage with the title of its document and its candidates."""

    parsed: ParsedText
    title: str
    candidates: tuple[Candidate, ...]


@dataclass(slots=True)
class _Matches:
    """Which words of a sentence meet which question terms."""

    met_by: list[str]  # the question term each word meets, "" for none
    exact: list[float]  # weight of the term each word meets, 0.0 for none
    soft: list[float]  # the same with near synonyms counted by their cosine
    met: frozenset[str]
    soft_coverage: float
    coverage: float
    related: frozenset[int] = field(default_factory=frozenset)  # words that state a relation of the question


@functools.cache
def _class_vectors() -> FloatArray:
    """Unit mean vector of every fine class, shape (n_classes, 300)."""
    means = []
    for _, members in rules().classes.values():
        mean = np.mean([found for member in members if (found := vector(member)) is not None], axis=0)
        means.append(mean / np.linalg.norm(mean))
    return np.stack(means).astype(np.float32)


@functools.lru_cache(maxsize=20_000)
def _class_likeness(word: str) -> tuple[float, ...]:
    """Cosine of a lemma to every fine class; zeros for words without a vector."""
    found = vector(word)
    return tuple((_class_vectors() @ found).tolist()) if found is not None else (0.0,) * len(_CLASSES)


def _fuzzy(term: str, word: str) -> bool:
    """Lemmas of one name in two forms that the dictionary does not know: «симансом» and «симанс»."""
    reach = max(4, len(term) - 3, len(word) - 3)
    return len(term) >= 4 and len(word) >= 4 and term[:reach] == word[:reach]


def describe(question: Question, passages: Sequence[Passage]) -> list[FloatArray]:
    """Feature matrices, one a passage, each of shape (n_candidates, len(FEATURES))."""
    total = sum(question.terms.values()) or 1.0
    asked = _question_features(question)
    matches = [[_match(question, sentence, total) for sentence in passage.parsed.sentences] for passage in passages]
    coverages = [_covered(question, frozenset().union(*(m.met for m in found)), total) for found in matches]
    titles = [frozenset(lemmas(passage.title)) - stop_words() for passage in passages]
    topics = [
        [_covered(question, m.met | (title & question.terms.keys()), total) for m in found]
        for found, title in zip(matches, titles, strict=True)
    ]
    repeats = Counter(
        key for passage in passages for key in {_key(passage, candidate) for candidate in passage.candidates}
    )
    best_sentence = max((m.coverage for found in matches for m in found), default=0.0)
    best_topic = max((topic for found in topics for topic in found), default=0.0)
    result = []
    described = zip(passages, matches, coverages, titles, topics, strict=True)
    for rank, (passage, found, coverage, title, topic) in enumerate(described):
        shared = title & question.terms.keys()
        of_passage = (
            float(rank),
            coverage,
            max(coverages) - coverage,
            _covered(question, shared, total),
            len(shared) / len(title) if title else 0.0,
            float(len(found)),
        )
        of_sentences = [
            _sentence_features(question, sentence, index, found, topic, best_sentence, best_topic, title)
            for index, sentence in enumerate(passage.parsed.sentences)
        ]
        describers = [_Spans(question, passage, index, m, title, total) for index, m in enumerate(found)]
        rows = [
            (
                *asked,
                *of_passage,
                *of_sentences[candidate.sentence],
                *describers[candidate.sentence].features(candidate, repeats[_key(passage, candidate)]),
            )
            for candidate in passage.candidates
        ]
        result.append(np.array(rows, dtype=np.float32).reshape(len(rows), len(FEATURES)))
    return result


def _key(passage: Passage, candidate: Candidate) -> tuple[str, ...]:
    words = passage.parsed.sentences[candidate.sentence].words
    return tuple(word.lemma for word in words[candidate.first : candidate.last])


def _covered(question: Question, met: frozenset[str], total: float) -> float:
    # An exact sum: one in the order of a set's hashes differs in the last bit between processes.
    return math.fsum(question.terms.get(term, 0.0) for term in met) / total


def _question_features(question: Question) -> tuple[float, ...]:
    return (
        *(float(question.type == kind) for kind in QuestionType),
        *(float(question.expected == answer) for answer in AnswerType),
        float(question.asks_year),
        float(question.asks_month),
        float(len(question.terms)),
        float(len(question.names)),
        float(bool(question.focus)),
        float("born" in question.relations),
        float("die" in question.relations),
    )


def _match(question: Question, sentence: Sentence, total: float) -> _Matches:
    terms = question.terms
    words = sentence.words
    met_by = _met_by(question, words)
    exact = [terms[term] if term else 0.0 for term in met_by]
    met = frozenset(term for term in met_by if term)
    soft, best = list(exact), dict.fromkeys(met, 1.0)
    left = [term for term in terms if term not in met]
    vectors = [(term, found) for term in left if (found := vector(term)) is not None]
    if vectors:
        others = [
            (index, found)
            for index, word in enumerate(words)
            if word.pos in ("NOUN", "VERB", "ADJ", "PROPN")
            and not exact[index]
            and (found := vector(word.lemma)) is not None
        ]
        if others:
            cosines = np.stack([v for _, v in others]) @ np.stack([v for _, v in vectors]).T  # (words, terms)
            for row, column in np.argwhere(cosines >= _ALIKE):
                term, cosine = vectors[column][0], float(cosines[row, column])
                index = others[row][0]
                soft[index] = max(soft[index], cosine * terms[term])
                best[term] = max(best.get(term, 0.0), cosine)
    table = rules().relations
    related = frozenset(
        index for index, word in enumerate(words) if question.relations & table.get(word.lemma, frozenset())
    )
    soft_coverage = sum(terms[term] * share for term, share in best.items()) / total
    return _Matches(met_by, exact, soft, met, soft_coverage, _covered(question, met, total), related)


def _met_by(question: Question, words: tuple[Word, ...]) -> list[str]:
    terms = question.terms
    found = [word.lemma if word.lemma in terms else "" for word in words]
    left = [term for term in terms if term in question.names and term not in found]
    for index, word in enumerate(words) if left else ():
        if not found[index] and word.text[:1].isupper():
            found[index] = next((term for term in left if _fuzzy(term, word.lemma) or _fuzzy(term, word.folded)), "")
    return found


def _sentence_features(
    question: Question,
    sentence: Sentence,
    index: int,
    matches: list[_Matches],
    topics: list[float],
    best: float,
    best_topic: float,
    title: frozenset[str],
) -> tuple[float, ...]:
    own = matches[index]
    opening = {word.lemma for word in sentence.words[:6]}
    return (
        own.coverage,
        best - own.coverage,
        own.soft_coverage,
        topics[index],
        best_topic - topics[index],
        matches[index - 1].coverage if index else 0.0,
        len(own.met & question.names) / len(question.names) if question.names else 0.0,
        float(len(own.related)),
        float(index),
        float(len(sentence.words)),
        float(bool(title & opening) and any(word.text in "—–" for word in sentence.words)),
    )


class _Spans:
    """Describes the candidates of one sentence; what they share is worked out once."""

    def __init__(
        self, question: Question, passage: Passage, index: int, matches: _Matches, title: frozenset[str], total: float
    ) -> None:
        self.question, self.matches, self.title, self.total = question, matches, title, total
        self.words = words = passage.parsed.sentences[index].words
        self.candidates = [one for one in passage.candidates if one.sentence == index]
        self.names = _name_spans(words, passage.parsed)
        self.term_at = [i for i, weight in enumerate(matches.exact) if weight]
        self.name_at = [i for i in self.term_at if matches.met_by[i] in question.names]
        self.verb_at = [
            i
            for i, word in enumerate(words)
            if word.lemma in question.verbs or (matches.soft[i] and word.pos == "VERB")
        ]
        self.focus_at = [i for i, word in enumerate(words) if word.lemma == question.focus]
        self.mean_term = sum(self.term_at) / len(self.term_at) if self.term_at else -1.0
        self.clause = _clauses(words)
        self.quotes, self.brackets = _enclosed(words)
        self.dash_at = next((i for i, word in enumerate(words) if word.text in "—–" and i), None)
        self.children: list[list[int]] = [[] for _ in words]
        for i, word in enumerate(words):
            if word.head >= 0:
                self.children[word.head].append(i)
        self.to_verb = self._tree_distances(self.verb_at)
        self.to_term = self._tree_distances(self.term_at)
        self.opening = index == 0
        self.asked_classes = [at for at, (asked, _) in enumerate(rules().classes.values()) if question.focus in asked]
        self.fit = rules().fit[question.expected.value]
        self.best_fit = max((self._fit_of(kind) for kind in Kind), default=1.0)
        self.bracket_dates = [
            i for i, word in enumerate(words) if self.brackets[i] and word.text.isdigit() and len(word.text) in (3, 4)
        ]

    def _fit_of(self, kind: Kind) -> float:
        return self.fit.get(kind.value, self.fit["other"])

    def _tree_distances(self, sources: list[int]) -> list[float]:
        """Dependency arcs from every word to the nearest of ``sources``."""
        distances = [_FAR] * len(self.words)
        frontier = list(sources)
        for source in sources:
            distances[source] = 0.0
        while frontier:
            reached = []
            for at in frontier:
                head = self.words[at].head
                for other in (*self.children[at], *((head,) if head >= 0 else ())):
                    if distances[other] > distances[at] + 1.0:
                        distances[other] = distances[at] + 1.0
                        reached.append(other)
            frontier = reached
        return distances

    def features(self, candidate: Candidate, repeats: int) -> tuple[float, ...]:
        """Values of ``SPAN_FEATURES``."""
        question, words = self.question, self.words
        first, last, head = candidate.first, candidate.last, candidate.head
        word = words[head]
        inside = words[first:last]
        content = [w for w in inside if not w.is_punctuation and w.folded not in stop_words()] or list(inside)
        asked = sum(w.lemma in question.terms for w in content)
        titled = sum(w.lemma in self.title for w in content)
        governor = words[word.head] if word.head >= 0 else None
        before = words[first - 1] if first else None
        after = words[last] if last < len(words) else None
        adposition = self._adposition(first)
        fit = self._fit_of(candidate.kind)
        return (
            *(float(candidate.kind == kind) for kind in Kind),
            fit,
            fit / self.best_fit,
            float(last - first),
            float(candidate.stop - candidate.start),
            asked / len(content),
            float(asked == len(content)),
            titled / len(content),
            float(titled == len(content) and titled == len(self.title)),
            float(word.lemma in question.terms),
            self._window(first, last, 4),
            self._clause_coverage(first, last),
            self._window(first, last, 9),
            _distance(self.term_at, first, last),
            _distance(self.name_at, first, last),
            _distance(self.verb_at, first, last),
            _distance(self.matches.related, first, last),
            _distance(self.focus_at, first, last),
            float(any(first - 3 <= at < first for at in self.focus_at)),
            float(any(first <= at < last for at in self.focus_at)),
            float(bool(question.focus) and word.lemma == question.focus),
            float(bool(question.focus) and governor is not None and governor.lemma == question.focus),
            _likeness(question.focus, word),
            _likeness(question.focus, governor),
            self.to_verb[head],
            self.to_term[head],
            float(governor is not None and governor.lemma in question.terms),
            self.matches.soft[word.head] if governor is not None else 0.0,
            float(word.head in self.matches.related),
            *(float(word.relation.split(":")[0] == name) for name in _RELATIONS),
            *(float(word.case == name) for name in _CASES),
            float(word.feats.get("Number") == "Plur"),
            float(word.feats.get("Animacy") == "Anim"),
            float(bool(adposition)),
            float(adposition in _PLACE_PREPOSITIONS),
            float(bool(adposition) and adposition.rstrip("о") == question.preposition.rstrip("о")),
            float(self.quotes[head]),
            float(self.brackets[head]),
            float(self.dash_at is not None and first > self.dash_at),
            first / len(words),
            float(first < self.mean_term),
            float(inside[0].text[:1].isupper()),
            float(any("a" <= char <= "z" for w in inside for char in w.folded)),
            float(any(char.isdigit() for w in inside for char in w.text)),
            *self._name_features(first, last),
            float(any(c < first for c in self.children[head] if words[c].relation in ("amod", "nummod", "det"))),
            float(
                any(
                    c >= last and words[c].relation in ("nmod", "flat", "flat:name", "amod")
                    for c in self.children[head]
                )
            ),
            float(head == first),
            max((rarity(w.lemma) for w in content), default=0.0),
            float(repeats),
            self._bracket_date(first, last),
            float(sum(w.text == "," for w in inside)),
            float(first == 0),
            float(
                bool(question.focus_modifiers)
                and any(w.lemma in question.focus_modifiers for w in words[max(0, first - 3) : last + 3])
            ),
            self.matches.soft[last] if after is not None else 0.0,
            self.matches.soft[first - 1] if before is not None else 0.0,
            *self._class_features(word),
            float(any(w.lemma in rules().aliases for w in words[max(0, first - 3) : first])),
            float(self.opening and (self.dash_at is None or first < self.dash_at)),
            self._defined(last),
            float(candidate.kind == Kind.LIST and question.asks_several),
            sum(bool(term) for term in self.matches.met_by[first:last]) / len(content),
            *self._wider(candidate),
        )

    def _wider(self, candidate: Candidate) -> tuple[float, float]:
        """Whether a longer date or quantity holds the span, and how many longer spans of the same kind and head do."""
        figure, alike = 0.0, 0.0
        for other in self.candidates:
            if other.first <= candidate.first and candidate.last <= other.last and other is not candidate:
                figure = max(figure, float(other.kind in _FIGURES))
                alike += float(other.kind == candidate.kind and other.head == candidate.head)
        return figure, alike

    def _class_features(self, head: Word) -> tuple[float, ...]:
        likeness = _class_likeness(head.lemma)
        asked = max((likeness[at] for at in self.asked_classes), default=0.0)
        other = max(value for at, value in enumerate(likeness) if at not in self.asked_classes)
        return (*likeness, asked, asked - other if self.asked_classes else 0.0)

    def _defined(self, last: int) -> float:
        """How much of the question stands after the dash of a definition whose subject holds the span."""
        if self.dash_at is None or last > self.dash_at:
            return 0.0
        after = {term for term in self.matches.met_by[self.dash_at :] if term}
        return math.fsum(self.question.terms[term] for term in after) / self.total

    def _adposition(self, first: int) -> str:
        for at in (first - 1, first - 2):
            if at >= 0 and self.words[at].pos == "ADP":
                return self.words[at].folded
            if at >= 0 and self.words[at].pos not in ("ADJ", "DET", "NOUN"):
                break
        return ""

    def _window(self, first: int, last: int, reach: int) -> float:
        seen: set[str] = set()
        for at in (*range(max(0, first - reach), first), *range(last, min(len(self.words), last + reach))):
            if self.matches.exact[at]:
                seen.add(self.matches.met_by[at])
        return math.fsum(self.question.terms[term] for term in seen) / self.total

    def _clause_coverage(self, first: int, last: int) -> float:
        start, stop = self.clause[first]
        seen = {
            self.matches.met_by[at] for at in range(start, stop) if self.matches.exact[at] and not first <= at < last
        }
        return math.fsum(self.question.terms[term] for term in seen) / self.total

    def _name_features(self, first: int, last: int) -> tuple[float, float, float]:
        same = cuts = holds = False
        for start, stop in self.names:
            if start == first and stop == last:
                same = True
            elif start >= first and stop <= last:
                holds = True
            elif start < last and stop > first:
                cuts = True
        return float(same), float(cuts), float(holds)

    def _bracket_date(self, first: int, last: int) -> float:
        """1.0 for the first year in brackets, 2.0 for a later one: birth and death stand there in this order."""
        for order, at in enumerate(self.bracket_dates):
            if first <= at < last:
                return 1.0 if order == 0 else 2.0
        return 0.0


def _distance(places: Sequence[int] | frozenset[int], first: int, last: int) -> float:
    """Words between a span and the nearest of ``places`` outside it."""
    nearest = _FAR
    for at in places:
        if at < first:
            nearest = min(nearest, float(first - at))
        elif at >= last:
            nearest = min(nearest, float(at - last + 1))
    return nearest


def _likeness(focus: str, word: Word | None) -> float:
    return similarity(focus, word.lemma) if focus and word is not None else 0.0


def _name_spans(words: tuple[Word, ...], parsed: ParsedText) -> list[tuple[int, int]]:
    spans = []
    for name in parsed.names:
        inside = [i for i, word in enumerate(words) if word.start >= name.start and word.stop <= name.stop]
        if inside:
            spans.append((inside[0], inside[-1] + 1))
    return spans


def _clauses(words: tuple[Word, ...]) -> list[tuple[int, int]]:
    """Bounds of the clause each word stands in: what lies between commas, brackets and dashes."""
    result: list[tuple[int, int]] = []
    start = 0
    for index in range(len(words) + 1):
        if index == len(words) or words[index].text in _BOUNDARIES:
            stop = min(index + 1, len(words))
            result.extend([(start, stop)] * (stop - start))
            start = stop
    return result


def _enclosed(words: tuple[Word, ...]) -> tuple[list[bool], list[bool]]:
    quoted, bracketed = [], []
    quote, bracket = 0, 0
    for word in words:
        if word.text in "«„“":
            quote += 1
        elif word.text in "»”":
            quote = max(0, quote - 1)
        elif word.text == '"':
            quote = 0 if quote else 1
        elif word.text == "(":
            bracket += 1
        elif word.text == ")":
            bracket = max(0, bracket - 1)
        quoted.append(quote > 0)
        bracketed.append(bracket > 0)
    return quoted, bracketed
