"""Offline extractive reader: finds the answer in the passages themselves, with no language model.

The question is typed, spans of the passages that could answer it are proposed, a learned ranker chooses one, and it is
worded as a nominative short form; its surface form is the evidence. The confidence is a calibrated probability.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableConfig
from numpy.typing import NDArray

from generators.base import Evidence, Generation, ReadingTask
from generators.reading.candidates import Candidate, Kind, propose
from generators.reading.confidence import SIGNALS, confidence_of, signals_of
from generators.reading.features import FEATURES, Passage, describe
from generators.reading.network import NETWORK_FEATURES, network_features
from generators.reading.normal_form import short_form
from generators.reading.parsing import parse
from generators.reading.question import AnswerType, understand
from generators.reading.ranking import Weights
from retrievers.documents import RERANKER, chunk_id_of, score_of
from retrievers.errors import InputError
from retrievers.joint.model import JointReading, load_joint_model
from retrievers.joint.model import Passage as JointPassage

DEFAULT_PASSAGES = 5  # deeper passages rarely hold the answer and cost about 15 ms each
# What a unit of the reranker's score (log-odds that a passage holds the answer) is worth beside the candidate's own. On
# 323 questions over Russian Wikipedia, trees and network cross-validated, F1 was .286 at 0, .320 at .8 and .338 at 1.2.
PASSAGE_WEIGHT = 1.2
COLUMNS = FEATURES + NETWORK_FEATURES  # what the ranker sees


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Everything the ranker sees of one task; row ``i`` of ``rows`` describes ``spans[i]``.

    Args:
        spans: pairs of the passage's index and a candidate in it.
        rows: features, shape (n_candidates, len(COLUMNS)).
        passages: the passages read.
    """

    spans: tuple[tuple[int, Candidate], ...]
    rows: NDArray[np.float32]
    passages: tuple[Passage, ...]

    def surface(self, index: int) -> str:
        """A candidate as it stands in the passage."""
        passage, candidate = self.spans[index]
        return self.passages[passage].parsed.text[candidate.start : candidate.stop]

    def wording(self, index: int) -> str:
        """A candidate as a nominative short form."""
        passage, candidate = self.spans[index]
        parsed = self.passages[passage].parsed
        words = parsed.sentences[candidate.sentence].words
        return short_form(parsed.text, words, candidate)

    def identity(self, index: int) -> str:
        """Lemmas of a candidate: equal for the same answer in another form or place."""
        passage, candidate = self.spans[index]
        words = self.passages[passage].parsed.sentences[candidate.sentence].words
        return " ".join(word.lemma for word in words[candidate.first : candidate.last])


def read(question: str, passages: Sequence[tuple[str, str]], readings: Sequence[JointReading]) -> Reading:
    """Propose and describe candidates for a question.

    Args:
        question: in Russian.
        passages: pairs of text and title, best first.
        readings: what the joint network says about each passage.
    """
    understood = understand(question)
    described = []
    for text, title in passages:
        parsed = parse(text)
        described.append(Passage(parsed, title, tuple(propose(parsed))))
    spans = tuple((index, candidate) for index, one in enumerate(described) for candidate in one.candidates)
    if not spans:
        return Reading(spans, np.zeros((0, len(COLUMNS)), np.float32), tuple(described))
    rows = np.concatenate(describe(understood, described))
    return Reading(spans, np.hstack([rows, network_features(readings, spans)]), tuple(described))


def default_weights_path() -> Path:
    """The weights shipped with the package."""
    return Path(str(resources.files("generators").joinpath("data/offline_reader.npz")))


@functools.lru_cache(maxsize=4)
def _weights(path: Path) -> Weights:
    return Weights.load(path, expected=COLUMNS, signals=len(SIGNALS))


def passage_priors(documents: Sequence[Document]) -> NDArray[np.float64]:
    """What each passage adds to the scores of its candidates: 0 for the best, less for the others; shape (n,).

    Passages that no reranker scored are all alike.
    """
    scores = np.array([score_of(document, RERANKER) for document in documents])
    return np.asarray(PASSAGE_WEIGHT * (scores - scores.max(initial=-np.inf)), np.float64)


def ranked_answers(scores: NDArray[np.float64], identities: Sequence[str]) -> list[tuple[int, float]]:
    """Every answer once, likeliest first: the index of its best candidate, and how likely it is beside the first.

    An answer is as likely as its candidates together; the first has 1.0, the others less.

    Args:
        scores: log-odds of the candidates, shape (n,).
        identities: equal for the same answer in another form or place.
    """
    totals: dict[str, float] = {}
    best: dict[str, int] = {}
    for index, (identity, score) in enumerate(zip(identities, scores, strict=True)):
        totals[identity] = float(np.logaddexp(totals.get(identity, -np.inf), score))
        if identity not in best or score > scores[best[identity]]:
            best[identity] = index
    highest = max(totals.values(), default=0.0)
    order = sorted(totals, key=lambda identity: -totals[identity])
    return [(best[identity], math.exp(totals[identity] - highest)) for identity in order]


def settle(reading: Reading, index: int, expected: AnswerType) -> int:
    """The candidate that says the same as the chosen one in the way people do.

    A date is read to its end («12 июня» to «12 июня 1842 года»), a measure with its unit («108» to «108 метров»), and a
    person is named without what stands before the name («инженер Пётр Орлов»).

    Args:
        reading: with all candidates.
        index: of the chosen one.
        expected: what the question asks for.
    """
    passage, chosen = reading.spans[index]
    beside = [(at, one) for at, (where, one) in enumerate(reading.spans) if where == passage]
    if chosen.kind is Kind.DATE and any(char.isalpha() for char in reading.surface(index)):
        longer = [at for at, one in beside if one.kind is Kind.DATE and one.start == chosen.start]
        return max(longer, key=lambda at: reading.spans[at][1].stop)
    if expected is AnswerType.MEASURE and not any(char.isalpha() for char in reading.surface(index)):
        with_unit = [
            at
            for at, one in beside
            if one.kind is Kind.QUANTITY and one.start == chosen.start and one.stop > chosen.stop
        ]
        return min(with_unit, key=lambda at: reading.spans[at][1].stop, default=index)
    if expected is AnswerType.PERSON and chosen.kind is Kind.PHRASE:
        names = [
            at for at, one in beside if one.kind is Kind.PERSON and chosen.start < one.start < one.stop == chosen.stop
        ]
        return min(names, key=lambda at: reading.spans[at][1].start, default=index)
    return index


class OfflineReader(Runnable[ReadingTask, Generation]):
    """Reads the answer out of the documents of a task.

    Args:
        weights: an ``.npz`` fitted by ``python -m training.offline_reader``; None takes the shipped one.
        passages: how many of the task's documents are read, from the first.

    The answer is ``""`` with confidence 0.0 when no document holds a candidate. The confidence is the probability that
    the answer shares at least half of its words (F1 of lemmas) with the right one, as calibrated on held-out questions.

    Example:
        >>> from langchain_core.documents import Document
        >>> text = "Роман «Обломов» написал Иван Гончаров в 1859 году."
        >>> task = ReadingTask("Кто написал роман «Обломов»?", (Document(text, id="a_0"),))
        >>> OfflineReader().invoke(task).text
        'Иван Гончаров'
    """

    def __init__(self, weights: Path | str | None = None, *, passages: int = DEFAULT_PASSAGES) -> None:
        if passages < 1:
            raise ValueError(f"expected passages ≥ 1, got {passages}")
        self.weights_path = Path(weights) if weights is not None else default_weights_path()
        self.passages = passages

    def load(self) -> None:
        """Bring the weights and the language models into memory now instead of at the first question.

        Raises:
            InputError: the weights file is missing or broken.
        """
        _weights(self.weights_path)
        load_joint_model()
        understand("Кто?")

    def invoke(self, input: ReadingTask, config: RunnableConfig | None = None, **kwargs: Any) -> Generation:
        """Read one task.

        Raises:
            InputError: the weights file is missing or broken.
        """
        return self._call_with_config(self._read, input, config, run_type="llm", **kwargs)

    def alternatives(self, task: ReadingTask, n: int) -> list[Generation]:
        """At most ``n`` different answers, the likeliest first: what :meth:`invoke` gives, then others.

        Raises:
            InputError: the weights file is missing or broken, or ``n`` is below 1.
        """
        if n < 1:
            raise InputError(f"expected at least 1 alternative, got n = {n}")
        documents = task.documents[: self.passages]
        if not task.question.strip() or not documents:
            return []
        weights = _weights(self.weights_path)
        readings = load_joint_model().read(task.question, [JointPassage.of(one) for one in documents])
        passages = [(one.page_content, str(one.metadata.get("title") or "")) for one in documents]
        reading = read(task.question, passages, readings)
        if not reading.spans:
            return []
        priors = passage_priors(documents)
        scores = weights.forest.scores(reading.rows) + priors[[passage for passage, _ in reading.spans]]
        identities = [reading.identity(index) for index in range(len(reading.spans))]
        expected = understand(task.question).expected
        found: dict[str, Generation] = {}
        first: float | None = None
        for candidate, likelihood in ranked_answers(scores, identities):
            best = settle(reading, candidate, expected)
            confidence = confidence_of(signals_of(scores, reading.rows, identities, best), weights.calibration)
            # The calibration was fitted on first answers; another is no likelier than its part of the first.
            first = confidence if first is None else first
            confidence = min(confidence, first * likelihood)
            evidence = _evidence(reading, best, identities, scores, documents)
            # Two candidates may settle on one answer.
            found.setdefault(identities[best], Generation(reading.wording(best), confidence, evidence))
            if len(found) == n:
                break
        return list(found.values())

    def _read(self, task: ReadingTask) -> Generation:
        return next(iter(self.alternatives(task, 1)), Generation("", 0.0))


def _evidence(
    reading: Reading,
    best: int,
    identities: list[str],
    scores: NDArray[np.float64],
    documents: Sequence[Document],
) -> tuple[Evidence, ...]:
    """The chosen span, then the best place of the same answer in each other passage."""
    places: dict[int, int] = {}
    for index in np.argsort(-scores, kind="stable"):
        if identities[index] == identities[best]:
            places.setdefault(reading.spans[index][0], int(index))
    chosen = reading.spans[best][0]
    order = sorted(places, key=lambda passage: (passage != chosen, -scores[places[passage]]))
    return tuple(
        Evidence(chunk_id_of(documents[passage]), candidate.start, candidate.stop)
        for passage in order
        for candidate in (reading.spans[places[passage]][1],)
    )
