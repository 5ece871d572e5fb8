from __future__ import annotations

import pytest

from retrievers.span_reader.settings import fitting_settings
from retrievers.span_reader.windows import Passage
from training.examples import Example
from training.reading.evaluation import calibrated, measure, read_all, selectable
from training.reading.rows import Asked, as_asked

SETTINGS = fitting_settings(512, max_answer=60)


def asked(question: str, *passages: str, answers: tuple[str, ...] = (), relevant: bool = True) -> Asked:
    row = Example(question=question, passage=passages[0], answers=answers, label=None if relevant else 0.0)
    one = as_asked([row], 0, seed=0)[0][0]
    return Asked(question, (*one.passages, *map(Passage, passages[1:])), one.relevant, one.spans, one.answers)


BRIDGE = asked(
    "Кто построил мост?", "Мост построен Петром Орловым.", "Дом строил Иван Волков.", answers=("Пётр Орлов",)
)
LIGHT = asked("Когда открыт маяк?", "Маяк открыт в 1842 году.", "Дом открыт в 1900 году.", answers=("1842",))
WRONG = asked("Кто построил дом?", "Маяк стоит на острове.", relevant=False)


def reads(scripted_reader, phrases, questions=(BRIDGE, LIGHT), **options):
    return read_all(scripted_reader.scripted_model(phrases, settings=SETTINGS, **options), questions)


def test_reading_is_measured_as_it_stands_and_by_lemmas(scripted_reader) -> None:
    metrics = measure(reads(scripted_reader, {"Петром Орловым": 9.0, "1842": 9.0}), SETTINGS)
    assert metrics.means["em"] == 0.5
    assert metrics.means["em_lemma"] == 1.0
    assert metrics.questions["em"] == [0.0, 1.0]
    worded = measure(reads(scripted_reader, {"Петром Орловым": 9.0, "1842": 9.0}), SETTINGS, wordings=True)
    assert worded.means["em_nominative"] == 1.0


def test_open_reading_may_be_led_astray_by_a_negative(scripted_reader) -> None:
    phrases = {"Петром Орловым": 5.0, "Иван Волков": 9.0, "1842": 9.0}
    means = measure(reads(scripted_reader, phrases), SETTINGS).means
    assert (means["em_lemma"], means["open_em_lemma"]) == (1.0, 0.5)


def test_ranking_is_by_relevance_and_ties_count_against_the_model(scripted_reader) -> None:
    means = measure(reads(scripted_reader, {}, relevant=["Маяк"]), SETTINGS).means
    assert (means["hit@1"], means["mrr@10"]) == (0.5, 0.75)
    assert means["f1+mrr"] == pytest.approx((means["f1"] + 0.75) / 2)
    assert measure(reads(scripted_reader, {}), SETTINGS).means["hit@1"] == 0.0


def test_no_answer_is_told_from_an_answer(scripted_reader) -> None:
    phrases = {"Петром Орловым": 9.0, "1842": 9.0}
    means = measure(reads(scripted_reader, phrases, (BRIDGE, LIGHT, WRONG), null=4.0), SETTINGS).means
    assert means["null_auroc"] == 1.0
    assert means["confidence_auroc"] == 1.0
    muddled = measure(reads(scripted_reader, {"Иван Волков": 9.0, "1900": 9.0}, null=4.0), SETTINGS).means
    assert muddled["null_auroc"] == 0.0


def test_metrics_without_data_are_left_out(scripted_reader) -> None:
    alone = asked("Кто построил мост?", "Мост построен Петром Орловым.", answers=("Пётр Орлов",))
    means = measure(reads(scripted_reader, {}, (alone,)), SETTINGS).means
    assert set(means) == {"em", "f1", "em_lemma", "f1_lemma", "open_em", "open_f1", "open_em_lemma", "open_f1_lemma"}
    assert measure([], SETTINGS).means == {}
    plain = asked("Что?", "Мост стоит.", "Дом стоит.")
    assert set(measure(reads(scripted_reader, {}, (plain,)), SETTINGS).means) == {"hit@1", "hit@5", "mrr@10"}


def test_metrics_that_choose_weights_are_those_that_are_always_there(scripted_reader) -> None:
    for questions in ((BRIDGE, LIGHT, WRONG), (BRIDGE,), (WRONG,), (asked("Что?", "Мост стоит.", "Дом стоит."),)):
        for phrases in ({}, {"Петром Орловым": 9.0, "1842": 9.0}):
            means = measure(reads(scripted_reader, phrases, questions), SETTINGS).means
            assert set(selectable(questions)) == set(means) - {"confidence_auroc"}


def test_calibration_finds_the_weight_of_the_relevance(scripted_reader) -> None:
    phrases = {"Петром Орловым": 5.0, "1842": 5.0, "Иван Волков": 6.5, "1900": 6.5}
    helpful = reads(scripted_reader, phrases, relevant=["Мост", "Маяк", "построен"])
    settings = calibrated(helpful, SETTINGS.model_copy(update={"passage_weight": 0.0}))
    assert settings.passage_weight == 2.0  # less does not outweigh the negatives' better spans
    misleading = reads(scripted_reader, {**phrases, "Иван Волков": 4.0, "1900": 4.0}, relevant=["Дом", "строил"])
    assert calibrated(misleading, SETTINGS).passage_weight == 0.25


def test_calibration_makes_the_confidence_a_probability(scripted_reader) -> None:
    """The model gives every answer the same high score; three of four questions it gets right, hidden ones wrong."""
    right = [asked(f"Вопрос {n}?", f"Слово {n} верно.", "Иное дело.", answers=("верно",)) for n in range(6)]
    read = reads(scripted_reader, {"верно": 9.0, "дело": 4.0}, right, null=3.0)
    settings = calibrated(read, SETTINGS)
    assert settings.confidence_scale > 0
    from generators.span_reader import confidence_of

    assert confidence_of(0.95, settings) > 0.6
    assert confidence_of(0.3, settings) < 0.4


def test_nothing_to_calibrate_on_changes_nothing(scripted_reader) -> None:
    everything_right = [asked("Кто?", "Построен Орловым.", answers=("Орлов",))]
    assert calibrated(reads(scripted_reader, {"Орловым": 9.0}, everything_right), SETTINGS) == SETTINGS
    assert calibrated([], SETTINGS) == SETTINGS
