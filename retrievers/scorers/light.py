"""The offline scorer: a logistic regression over lexical, word-vector, entity and answer-type features.

It takes the place of a neural cross-encoder where none is at hand. ``python -m training.light_scorer`` fits it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document
from pydantic import BaseModel, ConfigDict, model_validator

from retrievers.analysis import Analyzer
from retrievers.errors import InputError
from retrievers.scorers.features import FEATURES, passage_features
from retrievers.word_vectors import WordVectors, word_vectors


class LightWeights(BaseModel):
    """Fitted parameters, as stored in JSON; every list has one entry a feature, in the order of ``features``.

    Args:
        features: names, equal to ``retrievers.scorers.features.FEATURES``.
        mean: mean of each feature over the fitting data.
        scale: its standard deviation.
        absolute: weights of the features standardised by ``mean`` and ``scale``.
        relative: weights of the features standardised over the candidates of one question.
        intercept: constant term, in log-odds.
        fitted_on: data, licence and cross-validated quality, for people to read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    absolute: tuple[float, ...]
    relative: tuple[float, ...]
    intercept: float
    fitted_on: str

    @model_validator(mode="after")
    def _fits_the_features(self) -> LightWeights:
        if self.features != FEATURES:
            raise ValueError("fitted on other features than this version computes; fit it anew")
        if not all(len(row) == len(FEATURES) for row in (self.mean, self.scale, self.absolute, self.relative)):
            raise ValueError(f"expected {len(FEATURES)} numbers in mean, scale, absolute and relative")
        if min(self.scale) <= 0:
            raise ValueError("scale must be positive")
        return self


def load_light_weights(path: str | Path | None = None) -> LightWeights:
    """Read the shipped weights, or one's own from ``path``.

    Raises:
        InputError: the file is missing or holds something else.
    """
    source = resources.files("retrievers").joinpath("scorers/data/light.json") if path is None else Path(path)
    remedy = "make it with: python -m training.light_scorer --data INDEX QUESTIONS --out FILE"
    if not source.is_file():
        raise InputError(f"no weights of the light scorer at {source}; {remedy}")
    try:
        return LightWeights.model_validate(json.loads(source.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, not these fields
        raise InputError(f"{source}: not the weights of a light scorer ({error}); {remedy}") from error


def model_inputs(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Standardised features beside the same features standardised over one question's candidates.

    Args:
        features: array of shape (n_passages, n_features) of one question.
        mean: shape (n_features,).
        scale: shape (n_features,).

    Returns:
        Array of shape (n_passages, 2 * n_features).
    """
    spread = features.std(axis=0)
    relative = (features - features.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    return np.hstack([(features - mean) / scale, relative])


class LightScorer(BaseCrossEncoder):
    """Scores passages by the log-odds that they hold the answer; higher is better.

    Part of the score says how a passage stands among the candidates of its question, so scores compare passages of one
    call and are not comparable between questions.

    Args:
        weights: fitted parameters.
        idf: inverse document frequency of a term in the corpus searched.
        analyzer: terms of questions and passages, the corpus' own.
        vectors: word vectors; the process-wide table when left out, loaded on first use.
    """

    def __init__(
        self,
        weights: LightWeights,
        idf: Callable[[str], float],
        analyzer: Analyzer | None = None,
        vectors: WordVectors | None = None,
    ) -> None:
        self._idf = idf
        self._analyzer = analyzer or Analyzer()
        self._vectors = vectors
        self._mean, self._scale = np.array(weights.mean), np.array(weights.scale)
        self._weights = np.array(weights.absolute + weights.relative)
        self._intercept = weights.intercept

    def score_documents(self, question: str, documents: Sequence[Document]) -> list[float]:
        """Score chunks with their title, headings and place in the document.

        Args:
            question: as asked.
            documents: the candidates of this question, in any order.

        Returns:
            One log-odds a document.
        """
        features = passage_features(
            question, documents, analyzer=self._analyzer, idf=self._idf, vectors=self._vectors or word_vectors()
        )
        if not len(features):
            return []
        scores = model_inputs(features, self._mean, self._scale) @ self._weights + self._intercept
        return [float(score) for score in scores]

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """Score bare (question, passage) pairs; pairs of one question are candidates of one another."""
        scores = [0.0] * len(text_pairs)
        by_question: dict[str, list[int]] = {}
        for position, (question, _) in enumerate(text_pairs):
            by_question.setdefault(question, []).append(position)
        for question, positions in by_question.items():
            # Bare passages come from documents of their own, nobody knows which.
            documents = [Document(page_content=text_pairs[at][1], metadata={"chunk_id": str(at)}) for at in positions]
            for position, score in zip(positions, self.score_documents(question, documents), strict=True):
                scores[position] = score
        return scores
