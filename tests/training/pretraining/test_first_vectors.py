from __future__ import annotations

import numpy as np
import pytest

from retrievers.analysis import words
from training.pretraining.first_vectors import count_words, first_embeddings, piece_vectors, principal_components


class Vectors:
    """Three words in a plane."""

    dimension = 2
    _known = {"река": (1.0, 0.0), "озеро": (0.0, 1.0), "реки": (0.6, 0.8)}  # noqa: RUF012

    def __contains__(self, word: str) -> bool:
        return word in self._known

    def units(self, asked: list[str]) -> np.ndarray:
        return np.array([self._known[word] for word in asked], np.float32)


PIECES = {"река": [0, 1], "реки": [0, 2], "озеро": [3], "неведомое": [4]}


def test_a_piece_means_what_its_words_mean() -> None:
    vectors, found = piece_vectors(
        {"река": 4, "реки": 1, "озеро": 9, "неведомое": 1},
        lambda block: [PIECES[word] for word in block],
        Vectors(),  # type: ignore[arg-type]
        6,
    )
    assert found == 4
    # «ре»: twice «река» (root of 4) and once «реки», by thirds
    assert vectors[0] == pytest.approx([(2 * 1.0 + 0.6) / 3, 0.8 / 3], abs=1e-6)
    assert vectors[3] == pytest.approx([0.0, 1.0])
    assert not vectors[4:].any()


def test_components_keep_distances_where_no_dimension_is_lost() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    padded = np.vstack([np.hstack([rows, np.zeros((20, 2), np.float32)]), np.zeros((1, 5), np.float32)])
    reduced = principal_components(padded, 3)
    distances = [np.linalg.norm(m[:20, None] - m[None, :20], axis=2) for m in (padded, reduced)]
    assert np.allclose(*distances, atol=1e-4)
    assert not reduced[20].any()
    assert reduced[:20, 0].std() >= reduced[:20, 1].std() >= reduced[:20, 2].std()


def test_embeddings_have_one_spread_and_all_rows() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(300, 10)).astype(np.float32) * 7
    vectors[200:] = 0.0
    for dimension in (4, 10, 16):
        embeddings = first_embeddings(vectors, dimension, 0.02, np.random.default_rng(1))
        assert embeddings.shape == (300, dimension)
        assert embeddings[:200].std() == pytest.approx(0.02, rel=0.1)
        assert embeddings[200:].std() == pytest.approx(0.02, rel=0.1)
    assert first_embeddings(np.zeros((5, 3), np.float32), 4, 0.02, generator).std() > 0


def test_words_are_counted_folded() -> None:
    assert count_words(["Ёлка, ёлка!", "елка"], words) == {"елка": 3}
