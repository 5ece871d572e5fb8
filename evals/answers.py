"""Answer metrics: exact match and token F1 with Russian normalisation, in two strengths.

The surface form compares words as they are written, apart from what :mod:`evals.normalization` says makes no
difference (case, ё, punctuation, quotes, dashes; Roman numerals, dates, digit groups); the lemma form compares
dictionary forms, so that inflection makes none either. On English answers the surface form is the official SQuAD script
(Rajpurkar et al., 2016; the version of SQuAD 2.0).

A list of items may come in any order: where the prediction or the gold answer separates items by commas, semicolons or
line breaks, «Толстой, Достоевский и Чехов» matches «Чехов; Толстой; Достоевский» exactly. «и» alone makes no list,
because the order of «Война и мир» matters, and neither does anything inside quotation marks.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evals.normalization import ComparableAnswer, Language, comparable, detect_language

_SHORT = 400  # pairs of words; for fewer, Counters cost more than they save


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """Scores of one prediction, each in [0, 1] and best over the gold answers on its own.

    Args:
        em: exact match of the surface forms, 0 or 1.
        f1: token F1 of the surface forms.
        em_lemma: exact match of the dictionary forms, 0 or 1.
        f1_lemma: token F1 of the dictionary forms.
    """

    em: float
    f1: float
    em_lemma: float
    f1_lemma: float


def score_answer(prediction: str, answers: Sequence[str], *, language: Language | None = None) -> AnswerScores:
    """Exact match and token F1 in both strengths: ``score_answer("Москве", ["Москва"]).em_lemma == 1.0``.

    Args:
        prediction: what was answered; empty for no answer.
        answers: gold answers, at least one.
        language: regime of normalisation; None to tell it from the prediction and the gold answers together. A run over
            a whole dataset does well to name it, so that «MPEG-4» in a Russian one is read like its neighbours.

    Raises:
        ValueError: without gold answers the metrics are undefined.
    """
    return AnswerScores(
        *_best(prediction, answers, language, lemmatize=False), *_best(prediction, answers, language, lemmatize=True)
    )


def answer_metrics(prediction: str, answers: Sequence[str], *, language: Language | None = None) -> dict[str, float]:
    """:func:`score_answer` by name: ``em``, ``f1``, ``em_lemma``, ``f1_lemma``."""
    return dataclasses.asdict(score_answer(prediction, answers, language=language))


def answer_words(text: str, *, lemmatize: bool = False, language: Language | None = None) -> list[str]:
    """Comparable words of an answer: ``answer_words("«Война и мир»") == ["война", "и", "мир"]``."""
    return list(comparable(text, language=language or detect_language([text]), lemmatize=lemmatize).words)


def exact_match(
    prediction: str, answers: Sequence[str], *, lemmatize: bool = False, language: Language | None = None
) -> float:
    """1.0 when the prediction has the same words in the same order, or the same items, as a gold answer, else 0.0.

    Raises:
        ValueError: without gold answers the metric is undefined.
    """
    return _best(prediction, answers, language, lemmatize=lemmatize)[0]


def token_f1(
    prediction: str, answers: Sequence[str], *, lemmatize: bool = False, language: Language | None = None
) -> float:
    """Harmonic mean of word precision and recall against the best gold answer, in [0, 1]; words are a multiset.

    An answer without words equals only another one without words, as in the SQuAD 2.0 script; equal lists score 1.

    Raises:
        ValueError: without gold answers the metric is undefined.
    """
    return _best(prediction, answers, language, lemmatize=lemmatize)[1]


def _best(
    prediction: str, answers: Sequence[str], language: Language | None, *, lemmatize: bool
) -> tuple[float, float]:
    """Best exact match and best F1 over the gold answers."""
    if isinstance(answers, str):
        raise TypeError("expected a list of gold answers, got one string")
    if not answers:
        raise ValueError("answer metrics are undefined without gold answers; leave such questions out")
    regime = language or detect_language([prediction, *answers])
    predicted = comparable(prediction, language=regime, lemmatize=lemmatize)
    best = 0.0
    for answer in answers:
        gold = comparable(answer, language=regime, lemmatize=lemmatize)
        if _equal(predicted, gold):
            return 1.0, 1.0
        best = max(best, _f1(predicted.words, gold.words))
    return 0.0, best


def _equal(predicted: ComparableAnswer, gold: ComparableAnswer) -> bool:
    if predicted.words == gold.words:
        return True
    return (predicted.marked or gold.marked) and bool(gold.items) and predicted.items == gold.items


def _common(predicted: Sequence[str], gold: Sequence[str]) -> int:
    """How many words two answers share, as multisets."""
    if len(predicted) * len(gold) > _SHORT:
        return (Counter(predicted) & Counter(gold)).total()
    left = list(gold)
    for word in predicted:
        if word in left:
            left.remove(word)
    return len(gold) - len(left)


def _f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    common = _common(predicted, gold)
    if common == 0:
        return 0.0
    precision, recall = common / len(predicted), common / len(gold)
    return 2 * precision * recall / (precision + recall)
