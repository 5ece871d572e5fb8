from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch of the extra train is not installed")

from retrievers.span_reader.windows import Window  # noqa: E402
from training.reading.batches import RelevanceLoss, collate, null_loss, relevance_loss, span_loss  # noqa: E402
from training.reading.rows import Feature, Marked  # noqa: E402

# Three tokens a window: [CLS], and two of the passage.
LOW = -1e4


def marked(passage: int, start: int | None = None, stop: int | None = None, closed: int | None = None) -> Marked:
    opens = np.array([at != closed for at in range(2)])
    window = Window(np.array([2, 5, 6]), np.array([0, 1, 1]), 1, np.array([[0, 1], [2, 3]]), opens, opens.copy())
    starts, stops = np.zeros(2, bool), np.zeros(2, bool)
    if start is not None and stop is not None:
        starts[start] = stops[stop] = True
    return Marked(window, passage, starts, stops)


def log_share(scores: list[float], targets: list[float]) -> float:
    return math.log(sum(map(math.exp, scores))) - math.log(sum(map(math.exp, targets)))


def test_all_windows_of_a_question_share_one_softmax() -> None:
    batch = collate([Feature((marked(0, 1, 1), marked(1)), relevant=True)], 0)
    start = torch.tensor([[0.0, 1.0, 2.0], [0.5, 3.0, 1.0]])
    end = torch.tensor([[0.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    expected = (
        log_share([0.0, 1.0, 2.0, 0.5, 3.0, 1.0], [2.0]) + log_share([0.0, 0.0, 4.0, 0.0, 0.0, 0.0], [4.0])
    ) / 2  # fmt: skip
    assert float(span_loss(start, end, batch)) == pytest.approx(expected, rel=1e-5)


def test_marked_places_count_together() -> None:
    batch = collate([Feature((marked(0, 0, 0), marked(0, 1, 1)), relevant=True)], 0)
    scores = torch.tensor([[0.0, 1.0, 2.0], [0.5, 3.0, 1.5]])
    expected = log_share([0.0, 1.0, 2.0, 0.5, 3.0, 1.5], [1.0, 1.5])
    assert float(span_loss(scores, scores, batch)) == pytest.approx(expected, rel=1e-5)


def test_places_where_no_answer_may_start_are_left_out() -> None:
    batch = collate([Feature((marked(0, 1, 1, closed=0),), relevant=True)], 0)
    scores = torch.tensor([[0.0, 50.0, 2.0]])
    assert float(span_loss(scores, scores, batch)) == pytest.approx(log_share([0.0, 2.0], [2.0]), rel=1e-5)


def test_the_negatives_alone_hold_no_answer() -> None:
    batch = collate([Feature((marked(0, 1, 1), marked(1), marked(2)), relevant=True)], 0)
    scores = torch.tensor([[9.0, 9.0, 9.0], [0.5, 3.0, 1.0], [1.5, 0.0, 2.0]])
    expected = log_share([0.5, 3.0, 1.0, 1.5, 0.0, 2.0], [0.5, 1.5])
    assert float(null_loss(scores, scores, batch)) == pytest.approx(expected, rel=1e-5)


def test_a_passage_that_is_not_relevant_holds_none_either() -> None:
    batch = collate([Feature((marked(0),), relevant=False)], 0)
    scores = torch.tensor([[0.5, 3.0, 1.0]])
    assert float(null_loss(scores, scores, batch)) == pytest.approx(log_share([0.5, 3.0, 1.0], [0.5]), rel=1e-5)
    assert float(span_loss(scores, scores, batch)) == 0.0


def test_questions_do_not_mix() -> None:
    one, other = Feature((marked(0, 1, 1), marked(1)), relevant=True), Feature((marked(0, 0, 0),), relevant=True)
    scores = torch.tensor([[0.0, 1.0, 2.0], [0.5, 3.0, 1.0], [5.0, 6.0, 7.0]])
    both = float(span_loss(scores, scores, collate([one, other], 0)))
    alone = [
        float(span_loss(part, part, collate([feature], 0)))
        for feature, part in ((one, scores[:2]), (other, scores[2:]))
    ]
    assert both == pytest.approx(sum(alone) / 2, rel=1e-5)


def test_a_question_that_teaches_nothing_gives_a_loss_with_a_gradient() -> None:
    batch = collate([Feature((marked(0),), relevant=True)], 0)  # its answer was not found
    scores = torch.ones((1, 3), requires_grad=True)
    loss = span_loss(scores, scores, batch) + null_loss(scores, scores, batch)
    loss = loss + relevance_loss(scores[:, 0], batch, RelevanceLoss.LISTWISE)
    loss.backward()
    assert loss.item() == 0.0
    assert scores.grad is not None
    assert not scores.grad.any()


def test_the_relevance_of_a_passage_is_that_of_its_best_window() -> None:
    batch = collate([Feature((marked(0), marked(0), marked(1), marked(2)), relevant=True)], 0)
    relevance = torch.tensor([-3.0, 1.0, 0.5, -1.0])
    listwise = float(relevance_loss(relevance, batch, RelevanceLoss.LISTWISE))
    assert listwise == pytest.approx(log_share([1.0, 0.5, -1.0], [1.0]), rel=1e-5)
    bce = float(relevance_loss(relevance, batch, RelevanceLoss.BCE))
    expected = [math.log1p(math.exp(-1.0)), math.log1p(math.exp(0.5)), math.log1p(math.exp(-1.0))]
    assert bce == pytest.approx(sum(expected) / 3, rel=1e-5)


def test_without_a_relevant_passage_only_bce_learns() -> None:
    batch = collate([Feature((marked(0), marked(1)), relevant=False)], 0)
    relevance = torch.tensor([2.0, 1.0])
    assert float(relevance_loss(relevance, batch, RelevanceLoss.LISTWISE)) == 0.0
    expected = (math.log1p(math.exp(2.0)) + math.log1p(math.exp(1.0))) / 2
    assert float(relevance_loss(relevance, batch, RelevanceLoss.BCE)) == pytest.approx(expected, rel=1e-5)


def test_half_precision_logits_are_summed_in_full() -> None:
    batch = collate([Feature((marked(0, 1, 1),), relevant=True)], 0)
    scores = torch.tensor([[0.0, LOW, 300.0]], dtype=torch.bfloat16)
    loss = span_loss(scores, scores, batch)
    assert loss.dtype is torch.float32
    assert float(loss) == pytest.approx(0.0, abs=1e-6)


def test_padding_is_no_place_for_an_answer() -> None:
    long = marked(0, 1, 1)
    window = Window(np.array([2, 5]), np.array([0, 1]), 1, np.array([[0, 1]]), np.array([True]), np.array([True]))
    short = Marked(window, 0, np.array([True]), np.array([True]))
    batch = collate([Feature((long,), relevant=True), Feature((short,), relevant=True)], 9)
    assert batch["input_ids"].tolist() == [[2, 5, 6], [2, 5, 9]]
    assert batch["start_open"].tolist() == [[True, True, True], [True, True, False]]
