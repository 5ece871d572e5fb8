from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from retrievers.bm25.options import BM25Method, BM25Options
from retrievers.bm25.scoring import Scoring

# A term that stands 3 times in a row of 10 terms, in 2 of 9 rows whose mean length is 8; k1 = 1, b = .5, delta = .5.
COUNTS, LENGTHS, FREQUENCY = np.array([3], np.uint8), np.array([10], np.uint32), 2
SIZE = 0.5 + 0.5 * 10 / 8
EXPECTED = {
    BM25Method.LUCENE: math.log(1 + 7.5 / 2.5) * 3 / (3 + SIZE),
    BM25Method.ROBERTSON: math.log(7.5 / 2.5) * 3 / (3 + SIZE),
    BM25Method.ATIRE: math.log(9 / 2) * 2 * 3 / (3 + SIZE),
    BM25Method.BM25L: math.log(10 / 2.5) * 2 * (3 / SIZE + 0.5) / (1 + 3 / SIZE + 0.5),
    BM25Method.BM25PLUS: math.log(10 / 2) * (2 * 3 / (3 + SIZE) + 0.5),
}
ABSENT = {BM25Method.BM25L: math.log(10 / 2.5) * 2 * 0.5 / (1 + 0.5), BM25Method.BM25PLUS: math.log(10 / 2) * 0.5}


def scoring(method: BM25Method, **options: float) -> Scoring:
    return Scoring(BM25Options(method=method, **{"k1": 1.0, "b": 0.5, "delta": 0.5, **options}), 9, 8.0)


@pytest.mark.parametrize("method", list(BM25Method))
def test_weights_by_hand(method: BM25Method) -> None:
    formula = scoring(method)
    absent = formula.absent(FREQUENCY)
    assert absent == pytest.approx(ABSENT.get(method, 0.0), rel=1e-6)
    assert formula.weights(COUNTS, LENGTHS, FREQUENCY)[0] + absent == pytest.approx(EXPECTED[method], rel=1e-6)


def test_a_term_of_half_of_the_rows_counts_nothing_for_robertson_alone() -> None:
    weights = {method: scoring(method).weights(COUNTS, LENGTHS, 5)[0] for method in BM25Method}
    assert weights.pop(BM25Method.ROBERTSON) == 0
    assert all(weight > 0 for weight in weights.values())


@pytest.mark.parametrize("method", list(BM25Method))
def test_without_saturation_and_bound_no_weight_is_undefined(method: BM25Method) -> None:
    formula = scoring(method, k1=0.0, delta=0.0, b=1.0)
    assert formula.absent(FREQUENCY) == 0
    assert (
        formula.weights(np.array([1, 2]), np.array([1, 100]), FREQUENCY).tolist()
        == [pytest.approx(formula.idf(FREQUENCY))] * 2
    )


@pytest.mark.parametrize("options", [{"k1": -1}, {"b": 1.1}, {"method": "okapi"}, {"K1": 1}])
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BM25Options.model_validate(options)
