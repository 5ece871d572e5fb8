from __future__ import annotations

import numpy as np
import pytest

from retrievers.models import load_navec
from retrievers.word_vectors import word_vectors


def test_vectors_equal_those_of_navec() -> None:
    navec = load_navec()
    for word in ("озеро", "глубина", "санкт-петербург"):
        expected = navec[word] / np.linalg.norm(navec[word])
        assert word_vectors().units([word])[0] == pytest.approx(expected, abs=1e-6)


def test_shapes_and_unknown_words() -> None:
    units = word_vectors().units(["озеро", "щшъыьэ", "озеро"])
    assert units.shape == (3, word_vectors().dimension)
    assert units.dtype == np.float32
    assert np.linalg.norm(units, axis=1) == pytest.approx([1.0, 0.0, 1.0], abs=1e-5)
    assert word_vectors().units([]).shape == (0, word_vectors().dimension)


def test_near_words_are_nearer() -> None:
    vectors = word_vectors()
    assert vectors.similarity("озеро", "река") > vectors.similarity("озеро", "договор") + 0.2
    assert vectors.similarity("озеро", "щшъыьэ") == 0.0
