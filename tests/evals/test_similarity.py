from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from evals.similarity import cosine_similarities, pearson, similarity_metrics, spearman


def test_cosines_row_by_row() -> None:
    a = [[1.0, 0.0], [1.0, 1.0], [2.0, 0.0], [0.0, 0.0]]
    b = [[0.0, 3.0], [2.0, 2.0], [-1.0, 0.0], [1.0, 0.0]]
    np.testing.assert_allclose(cosine_similarities(a, b), [0.0, 1.0, -1.0, 0.0])


def test_length_makes_no_difference() -> None:
    np.testing.assert_allclose(cosine_similarities([[1e-200, 1e-200]], [[1e200, 0.0]]), [math.sqrt(0.5)])


@pytest.mark.parametrize(("a", "b"), [([1.0], [1.0]), ([[1.0]], [[1.0, 2.0]]), ([[1.0]], [[1.0], [2.0]])])
def test_shapes_must_agree(a, b) -> None:
    with pytest.raises(ValueError, match="one shape"):
        cosine_similarities(a, b)


def test_no_rows_have_no_cosines() -> None:
    assert cosine_similarities(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0,)


def test_correlations_by_hand() -> None:
    assert pearson([0.1, 0.2, 0.3], [1, 2, 3]) == pytest.approx(1.0)
    assert pearson([0.3, 0.2, 0.1], [1, 2, 3]) == pytest.approx(-1.0)
    assert spearman([0.1, 0.2, 0.9], [1, 2, 3]) == pytest.approx(1.0)
    assert spearman([0.1, 0.1, 0.9], [1, 2, 3]) == pytest.approx(math.sqrt(3) / 2)  # ties share their mean rank


@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_constant_input(correlation) -> None:
    assert correlation([0.5, 0.5, 0.5], [1, 2, 3]) == 0.0
    with pytest.raises(ValueError, match="all gold scores are the same"):
        correlation([0.1, 0.2], [1, 1])


@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_what_a_correlation_demands(correlation) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        correlation([0.1], [1])
    with pytest.raises(ValueError, match="one length"):
        correlation([0.1, 0.2], [1, 2, 3])
    with pytest.raises(ValueError, match="finite"):
        correlation([0.1, math.nan], [1, 2])


PAIRS = st.lists(
    st.tuples(st.integers(-1000, 1000).map(lambda value: value / 1000), st.integers(0, 5)), min_size=2, max_size=30
).filter(lambda pairs: all(len(set(column)) > 1 for column in zip(*pairs, strict=True)))


@given(PAIRS)
def test_correlations_are_those_of_scipy(pairs) -> None:
    predicted, gold = zip(*pairs, strict=True)
    assert pearson(predicted, gold) == pytest.approx(np.corrcoef(predicted, gold)[0, 1], abs=1e-9)
    assert spearman(predicted, gold) == pytest.approx(stats.spearmanr(predicted, gold).statistic, abs=1e-9)


@given(arrays(np.float64, (4, 3), elements=st.floats(-1e6, 1e6)), arrays(np.float64, (4, 3), elements=st.floats(-1, 1)))
def test_cosines_are_in_range_and_symmetric(a, b) -> None:
    cosines = cosine_similarities(a, b)
    assert (np.abs(cosines) <= 1.0).all()
    np.testing.assert_array_equal(cosines, cosine_similarities(b, a))


@pytest.mark.slow
def test_sentence_transformers_agrees() -> None:
    util = pytest.importorskip("sentence_transformers.util", reason="the extra hf is not installed")
    evaluation = pytest.importorskip("sentence_transformers.sentence_transformer.evaluation")
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 40, 8))
    gold = generator.uniform(0, 5, size=40)
    np.testing.assert_allclose(cosine_similarities(a, b), util.pairwise_cos_sim(a, b).numpy(), atol=1e-12)

    class Encoder:
        """As much of a SentenceTransformer as the evaluator calls."""

        similarity_fn_name = "cosine"

    evaluator = evaluation.EmbeddingSimilarityEvaluator(
        ["a"] * 40, ["b"] * 40, gold.tolist(), main_similarity="cosine", write_csv=False
    )
    evaluator.embed_inputs = lambda model, sentences, **options: a if sentences[0] == "a" else b
    evaluator.store_metrics_in_model_card_data = lambda *given, **named: None
    theirs = evaluator(Encoder())
    ours = similarity_metrics(a, b, gold)
    assert ours["pearson"] == pytest.approx(theirs["pearson_cosine"], abs=1e-9)
    assert ours["spearman"] == pytest.approx(theirs["spearman_cosine"], abs=1e-9)
