"""Which of the texts that were written for a question are worth searching with, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ConfigDict, Field, model_validator

from retrievers.analysis import Analyzer
from retrievers.expansion.report import Dropped, DropReason
from retrievers.language import is_russian

Similarity = Callable[[str, Sequence[str]], Sequence[float]]
"""How alike a text is to each of several, 1 for the same; the scale is its own."""


class ScreeningOptions(BaseModel):
    """What a rewrite must be like.

    The shipped bounds hold for both measures of this module, the overlap weighted by idf. Of 3 000 pairs of unrelated
    RuBQ questions 99 in 100 stay below .22 by either. Of 140 rewrites by a model of 1.5 billion parameters, those below
    .4 by the static encoder had lost the question's subject or misspelt its name.

    Args:
        min_similarity: to the question; a rewrite below it has drifted.
        max_similarity: to the question or to another rewrite; one from it on would find the same again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_similarity: float = Field(default=0.4, ge=-1.0, le=1.0)
    max_similarity: float = Field(default=0.98, gt=0.0, le=1.0)

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> ScreeningOptions:
        if self.min_similarity >= self.max_similarity:
            raise ValueError("min_similarity must be below max_similarity")
        return self


def screen_rewrites(
    question: str, rewrites: Sequence[str], similarity: Similarity, options: ScreeningOptions | None = None
) -> tuple[list[str], list[Dropped]]:
    """Rewrites worth searching with, in their order, and those left out.

    Args:
        question: as asked.
        rewrites: as written.
        similarity: see :func:`term_overlap` and :func:`embedding_similarity`.
        options: bounds.
    """
    options = options or ScreeningOptions()
    readable, dropped = _readable(rewrites)
    kept: list[str] = []
    for text, near in zip(readable, similarity(question, readable) if readable else (), strict=True):
        if near >= options.max_similarity:
            dropped.append(Dropped(text, DropReason.IDENTICAL, near))
        elif near < options.min_similarity:
            dropped.append(Dropped(text, DropReason.DRIFTED, near))
        elif kept and (nearest := max(similarity(text, kept))) >= options.max_similarity:
            dropped.append(Dropped(text, DropReason.DUPLICATE, nearest))
        else:
            kept.append(text)
    return kept, dropped


def screen_passages(passages: Iterable[str]) -> tuple[list[str], list[Dropped]]:
    """Passages worth searching with, each once, and those left out. What they say is not judged: it is made up."""
    readable, dropped = _readable(passages)
    kept = list(dict.fromkeys(readable))
    repeated = readable.copy()
    for text in kept:
        repeated.remove(text)
    return kept, dropped + [Dropped(text, DropReason.DUPLICATE, 1.0) for text in repeated]


def term_overlap(
    analyzer: Callable[[str], list[str]] | None = None, idf: Callable[[str], float] | None = None
) -> Similarity:
    """Dice coefficient of the terms two texts have, in [0, 1]; rare terms, names above all, count more with an ``idf``.

    >>> [round(value, 2) for value in term_overlap()("Глубина Байкала", ["Какова глубина озера Байкал?", "Волга"])]
    [0.8, 0.0]
    """
    analyzer = analyzer or Analyzer()
    weigh = idf or (lambda _: 1.0)

    def similarity(text: str, others: Sequence[str]) -> list[float]:
        own = set(analyzer(text))
        return [_dice(own, set(analyzer(other)), weigh) for other in others]

    return similarity


def embedding_similarity(embeddings: Embeddings) -> Similarity:
    """Cosine of two texts as questions, in [-1, 1].

    Encoders differ in where unrelated texts stand: near 0 for the static one, which the bounds of
    :class:`ScreeningOptions` are for, and at .7 and above for models of the E5 family, which need bounds of their own.
    """

    def similarity(text: str, others: Sequence[str]) -> list[float]:
        vectors = np.array([embeddings.embed_query(each) for each in (text, *others)], np.float64)  # (1 + n, dim)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        units = vectors / np.where(norms > 0, norms, 1.0)
        return [float(value) for value in units[1:] @ units[0]]

    return similarity


def _readable(texts: Iterable[str]) -> tuple[list[str], list[Dropped]]:
    readable, dropped = [], []
    for text in texts:
        if not text.strip():
            dropped.append(Dropped(text, DropReason.EMPTY))
        elif not is_russian(text):
            dropped.append(Dropped(text, DropReason.NOT_RUSSIAN))
        else:
            readable.append(text)
    return readable, dropped


def _dice(left: set[str], right: set[str], weigh: Callable[[str], float]) -> float:
    total = sum(map(weigh, left)) + sum(map(weigh, right))
    if total <= 0:  # terms that the weighing knows nothing of
        return float(left == right)
    return 2 * sum(map(weigh, left & right)) / total
