"""Answer metrics: exact match and token F1 with Russian normalisation, in two strengths.

The surface form compares folded words (case, ё, punctuation of every kind, «ёлочки», dashes, non-breaking characters
and stress marks make no difference); the lemma form compares dictionary forms, so that inflection makes none either.
"The same word" is what ``retrievers.analysis`` says it is. Definitions follow the SQuAD script (Rajpurkar et al.,
2016); its removal of English articles is part of the surface form for Latin-script words, and does nothing to Russian.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from retrievers.analysis import lemma, words

_ENGLISH_ARTICLES = frozenset({"a", "an", "the"})


def answer_words(text: str, *, lemmatize: bool = False) -> list[str]:
    """Comparable words of an answer: ``answer_words("«Война и мир»") == ["война", "и", "мир"]``."""
    found = [word for word in words(text) if word not in _ENGLISH_ARTICLES]
    return [lemma(word) for word in found] if lemmatize else found


def exact_match(prediction: str, answers: Sequence[str], *, lemmatize: bool = False) -> float:
    """1.0 when the prediction has the same words in the same order as one of the gold answers, else 0.0.

    Raises:
        ValueError: without gold answers the metric is undefined.
    """
    _check(answers)
    predicted = answer_words(prediction, lemmatize=lemmatize)
    return float(any(predicted == answer_words(answer, lemmatize=lemmatize) for answer in answers))


def token_f1(prediction: str, answers: Sequence[str], *, lemmatize: bool = False) -> float:
    """Harmonic mean of word precision and recall against the best gold answer, in [0, 1]; words are a multiset.

    An answer without words equals only another one without words, as in the SQuAD script.

    Raises:
        ValueError: without gold answers the metric is undefined.
    """
    _check(answers)
    predicted = answer_words(prediction, lemmatize=lemmatize)
    return max(_f1(predicted, answer_words(answer, lemmatize=lemmatize)) for answer in answers)


def _check(answers: Sequence[str]) -> None:
    if isinstance(answers, str):
        raise TypeError("expected a list of gold answers, got one string")
    if not answers:
        raise ValueError("answer metrics are undefined without gold answers; leave such questions out")


def _f1(predicted: list[str], gold: list[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    common = sum((Counter(predicted) & Counter(gold)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(predicted), common / len(gold)
    return 2 * precision * recall / (precision + recall)
