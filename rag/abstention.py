"""How far an answer can be trusted: a calibrated probability from what the generator and the sources say.

The features are few and mean the same for every corpus; their weights are a logistic regression fitted by
``python -m training.calibration`` on answerable and unanswerable questions and read from JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from langchain_core.documents import Document
from pydantic import BaseModel, ConfigDict, Field

from generators.base import Generation
from rag.citations import final_score
from retrievers.analysis import Analyzer
from retrievers.documents import RERANKER, chunk_id_of, score_of, search_text
from retrievers.errors import InputError

_EPSILON = 1e-3  # probabilities are kept this far from 0 and 1 before their logit is taken

FEATURES = (
    "generator_logit",  # log-odds of the generator's own confidence; 0 where it has none
    "best_score",  # highest score of the passages read, the reranker's where there is one
    "score_margin",  # how far that is above their mean
    "cited_coverage",  # share of the question's terms, weighted by idf, in the passage the answer stands in
    "best_coverage",  # the same over all passages read, for the one that covers most
    "unknown_terms",  # share of the question's terms that no document of the index has
)


class Calibration(BaseModel):
    """Weights of the logistic regression over :data:`FEATURES`, as stored.

    Args:
        weights: one for each feature, by name.
        intercept: the constant term, in log-odds.
        threshold: probability below which an answer is better withheld.
        fitted_on: what it was fitted on, for people to read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: dict[str, float]
    intercept: float
    threshold: float = Field(ge=0.0, le=1.0)
    fitted_on: str = ""

    def probability(self, features: Sequence[float]) -> float:
        """Probability in (0, 1) that an answer with these features (in the order of :data:`FEATURES`) is right."""
        pairs = zip(FEATURES, features, strict=True)
        logit = self.intercept + sum(self.weights.get(name, 0.0) * value for name, value in pairs)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))

    def threshold_or(self, chosen: float | None) -> float:
        """Confidence below which answers are withheld: the one chosen, else the threshold found with the weights."""
        return self.threshold if chosen is None else chosen


def load_calibration(name: str) -> Calibration:
    """Read a shipped calibration by name, or one's own by path.

    Raises:
        InputError: there is none of that name, or the file does not hold one.
    """
    shipped = resources.files("rag").joinpath("data", f"calibration-{name}.json")
    path = shipped if shipped.is_file() else Path(name)
    if not path.is_file():
        raise InputError(f"no calibration {name!r}; make one with: python -m training.calibration --out {name}")
    try:
        calibration = Calibration.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or no calibration
        raise InputError(f"{name}: not a calibration file: {error}") from error
    if unknown := set(calibration.weights) - set(FEATURES):
        raise InputError(f"{name}: unknown features {', '.join(sorted(unknown))}; known: {', '.join(FEATURES)}")
    return calibration


def evidence_features(
    question: str,
    generation: Generation,
    documents: Sequence[Document],
    *,
    analyzer: Analyzer,
    idf: Callable[[str], float],
) -> list[float]:
    """Features of an answer in the order of :data:`FEATURES`.

    Args:
        question: as asked.
        generation: the answer with its evidence.
        documents: the passages read, best first; at least one.
        analyzer: terms of question and passages.
        idf: inverse document frequency of a term, 0 for a term no document has.
    """
    terms = set(analyzer(question))
    coverages = {chunk_id_of(document): _coverage(terms, document, analyzer, idf) for document in documents}
    cited = [coverages[span.chunk_id] for span in generation.evidence[:1] if span.chunk_id in coverages]
    best = max(coverages.values())
    scores = [score_of(document, RERANKER, final_score(document)) for document in documents]
    return [
        _logit(generation.confidence),
        max(scores),
        max(scores) - sum(scores) / len(scores),
        cited[0] if cited else best,
        best,
        sum(idf(term) == 0.0 for term in terms) / len(terms) if terms else 0.0,
    ]


@dataclass(frozen=True)
class EvidenceJudge:
    """The :class:`rag.chain.Judge` over :func:`evidence_features`."""

    calibration: Calibration
    analyzer: Analyzer
    idf: Callable[[str], float]

    def confidence(self, question: str, generation: Generation, documents: Sequence[Document]) -> float:
        """Calibrated probability in (0, 1) that the answer is right."""
        features = evidence_features(question, generation, documents, analyzer=self.analyzer, idf=self.idf)
        return self.calibration.probability(features)


def _coverage(terms: set[str], document: Document, analyzer: Analyzer, idf: Callable[[str], float]) -> float:
    present = set(analyzer(search_text(document)))
    # An unknown term can be in no passage; it counts as the rarest known one would.
    weights = {term: idf(term) for term in terms}
    rarest = max(weights.values(), default=0.0) or 1.0
    # Exact sums: those of a set in the order that its hashes happen to have differ in the last bit between processes.
    total = math.fsum(weight or rarest for weight in weights.values())
    return math.fsum(weights[term] for term in terms & present) / total if total else 0.0


def _logit(probability: float | None) -> float:
    if probability is None:
        return 0.0
    clipped = min(1 - _EPSILON, max(_EPSILON, probability))
    return math.log(clipped / (1 - clipped))
