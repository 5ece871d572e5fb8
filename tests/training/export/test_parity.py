from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from training.export.options import ExportOptions, Quantization
from training.export.parity import Agreement, Parity, Variant, compare, failures_of, kendall, overlap, speeds
from training.export.report import parity_rows
from training.export.subjects import Observed
from training.finetune.ranking import Measured

NOTHING = Measured({})


def scores(*rows: list[float]) -> Observed:
    arrays = tuple(np.array(row) for row in rows)
    return Observed(np.concatenate(arrays)[:, None], arrays, NOTHING)


def test_kendall_by_hand() -> None:
    # Of the six pairs of 1 2 3 4 and 1 3 2 4 one stands the other way round: (5 - 1) / 6.
    assert kendall(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx(4 / 6)
    assert kendall(np.array([1.0, 2, 3]), np.array([30.0, 20, 10])) == pytest.approx(-1)
    assert kendall(np.array([1.0, 1]), np.array([5.0, 5])) == 1
    assert kendall(np.array([1.0, 2]), np.array([5.0, 5])) == 0


def test_overlap_by_hand() -> None:
    first, second = np.array([9.0, 8, 7, 1, 0]), np.array([8.0, 9, 0, 7, 1])
    assert overlap(first, second, 1) == 0
    assert overlap(first, second, 2) == 1
    assert overlap(first, second, 3) == pytest.approx(2 / 3)
    assert overlap(first, second, 50) == 1


def test_scores_against_scores() -> None:
    found = compare(scores([1.0, 2, 3], [5.0, 1]), scores([1.5, 2, 3], [1.0, 5]))
    assert found.finite == 1
    assert found.max_difference == 4
    assert found.mean_difference == pytest.approx(8.5 / 5)
    assert found.kendall == pytest.approx((1 - 1) / 2)
    assert found.top_1 == 0.5
    assert found.top_10 == 1
    assert found.cosine is None
    assert found.distance == pytest.approx(1)


def test_vectors_against_vectors() -> None:
    left = Observed(np.array([[1.0, 0], [0, 1]]), (), NOTHING)
    right = Observed(np.array([[1.0, 0], [0.6, 0.8]]), (), NOTHING)
    found = compare(left, right)
    assert found.cosine == pytest.approx(0.9)
    assert found.lowest_cosine == pytest.approx(0.8)
    assert found.distance == pytest.approx(0.1)
    assert found.kendall is None


def test_answers_are_compared_by_their_places() -> None:
    reference = dataclasses.replace(scores([1.0, 2], [1.0, 2]), answers=((0, 3, 7), (1, 0, 4)))
    other = dataclasses.replace(scores([1.0, 2], [1.0, 2]), answers=((0, 3, 7), (1, 0, 5)))
    assert compare(reference, other).same_answer == 0.5


def test_what_is_no_number_is_counted_and_left_out() -> None:
    found = compare(scores([1.0, 2, 3], [1.0, 2]), scores([1.0, np.nan, 3], [1.0, 2]))
    assert found.finite == pytest.approx(0.8)
    assert found.max_difference == 0
    assert found.kendall == 1  # of the other question
    nothing = compare(scores([1.0, 2]), scores([np.inf, np.nan]))
    assert nothing.finite == 0
    assert nothing.distance == 1


def variant(ndcg: float, agreement: Agreement | None = None) -> Variant:
    return Variant("onnx", 10, {"ndcg@10": ndcg}, {1: 2.0, 32: 4.0}, agreement)


GOOD = Agreement(1.0, 0.0, 0.0, cosine=0.95)


def test_failures() -> None:
    options = ExportOptions(quantize=Quantization.INT8)
    assert failures_of(variant(0.8), variant(0.8, GOOD), options, judged=True) == ()
    bad = dataclasses.replace(GOOD, cosine=0.5, finite=0.9)
    first, second = failures_of(variant(0.8), variant(0.8, bad), options, judged=True)
    assert first == "10.0% of the outputs are no numbers: int8 overflows"
    assert second == "the cosine of the vectors is 0.5000, further from 1 than 0.1"
    (drop,) = failures_of(variant(0.8), variant(0.75, GOOD), options, judged=True)
    assert drop == "ndcg@10 falls from 0.8000 by 0.0500, more than 0.01"
    assert failures_of(variant(0.8), variant(0.75, GOOD), options, judged=False) == ()
    strict = ExportOptions(quantize=Quantization.INT8, tolerance=0.01)
    assert len(failures_of(variant(0.8), variant(0.8, GOOD), strict, judged=False)) == 1


def test_the_tolerance_goes_by_the_numbers() -> None:
    allowed = [ExportOptions(quantize=kind).allowed for kind in Quantization]
    assert allowed == [0.001, 0.1, 0.01]
    assert ExportOptions(tolerance=0.0).allowed == 0


def test_the_clock_counts_texts() -> None:
    class Counted:
        unit = "texts"

        def __init__(self) -> None:
            self.sizes: list[int] = []

        def observe(self, task):
            raise NotImplementedError

        def run(self, batch) -> None:
            self.sizes.append(len(batch))

    subjects = [Counted(), Counted()]
    found = speeds(subjects, [("а", "б")] * 3)
    assert [set(one) for one in found] == [{1, 32}, {1, 32}]
    assert all(value > 0 for one in found for value in one.values())
    assert subjects[0].sizes == subjects[1].sizes
    assert set(subjects[0].sizes) == {1, 32}


def test_the_table_leaves_out_what_nobody_has() -> None:
    parity = Parity((variant(0.8), variant(0.75, GOOD)), "texts", 5, 9, 1)
    header, rows = parity_rows(parity)
    assert header == ["", "onnx", "onnx"]
    found = {row[0]: row[1:] for row in rows}
    assert found["mean cosine"] == ["", "0.95000"]
    assert found["ndcg@10"] == ["0.800", "0.750"]
    assert found["texts a second, 32 at once"] == ["4", "4 (×1.00)"]
    assert "same answer" not in found
    assert "Kendall's tau of rankings" not in found
