from __future__ import annotations

import numpy as np

from retrievers.joint.tokens import tokenize
from training.joint.targets import span_overlap, span_targets

TEXT = "Роман «Обломов» написал Иван Гончаров. Гончаров родился в Симбирске."


def best(text: str, answers: list[str], start: int | None = None) -> list[str]:
    """Spans with the highest target."""
    tokens = tokenize(text)
    target = span_targets(tokens, answers, 8, start=start)
    rows, lengths = np.nonzero(target == target.max())
    return [text[tokens.starts[row] : tokens.stops[row + length]] for row, length in zip(rows, lengths, strict=True)]


def test_the_answer_s_own_words_score_highest() -> None:
    assert best(TEXT, ["Гончаров Иван"]) == ["Иван Гончаров"]
    assert best(TEXT, ["Симбирск"]) == ["Симбирске"]  # in any form


def test_the_overlap_is_the_f1_of_words() -> None:
    tokens = tokenize(TEXT)
    overlap = span_overlap(tokens, ["Иван Гончаров"], 8)
    at = [one.folded for one in tokens.words].index("иван")
    assert overlap[at, 1] == 1.0
    assert overlap[at, 0] == np.float32(2 / 3)
    assert overlap[at - 1, 2] == np.float32(4 / 5)
    assert overlap[at, 2] == 0.0  # ends with a full stop


def test_the_known_place_counts_most() -> None:
    second = TEXT.rindex("Гончаров")
    assert best(TEXT, ["Гончаров"], start=second) == ["Гончаров"]
    target = span_targets(tokenize(TEXT), ["Гончаров"], 8, start=second)
    starts = tokenize(TEXT).starts
    first = int(np.flatnonzero(starts == TEXT.index("Гончаров"))[0])
    later = int(np.flatnonzero(starts == second)[0])
    assert 0 < target[first, 0] < target[later, 0]


def test_without_an_answer_there_is_no_target() -> None:
    target = span_targets(tokenize(TEXT), ["Толстой"], 8)
    assert not target.any()
    assert span_targets(tokenize(""), ["Толстой"], 8).shape == (0, 8)


def test_targets_are_probabilities() -> None:
    assert np.isclose(span_targets(tokenize(TEXT), ["Иван Гончаров"], 8).sum(), 1.0)
