"""The weights file and the sum it makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.rewards.components import PENALTIES, QuestionComponent
from evals.rewards.weights import load_weights, weighted_sum
from retrievers.errors import InputError

VALID = """
k = 3
[question]
answer_f1 = 1.0
cost_searches = 0.1
[step]
new_gold = 1.0
[budgets]
searches = 4
passages = 20
tokens = 8000
seconds = 30
"""
shares = st.floats(0.0, 1.0)


@pytest.fixture
def weights_file(tmp_path):
    def write(text: str):
        path = tmp_path / "weights.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_shipped_weights_are_valid():
    weights = load_weights()
    assert weights.question[QuestionComponent.ANSWER_F1_LEMMA] == 1.0
    assert weights.budgets.searches > 0


def test_an_own_file_replaces_them(weights_file):
    weights = load_weights(weights_file(VALID))
    assert weights.k == 3
    assert set(weights.question) == {"answer_f1", "cost_searches"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("answer_f1 =", "answer_f2 ="),
            r"field question.answer_f2: unknown component 'answer_f2'; known: retrieval_recall",
        ),
        (
            ("new_gold =", "gold ="),
            r"field step.gold: unknown component 'gold'; known: new_gold, sub_answer",
        ),
        (("= 0.1", "= -0.1"), r"field question.cost_searches: Input should be greater than or equal to 0"),
        (("answer_f1 = 1.0", "answer_f1 = inf"), r"field question.answer_f1: Input should be a finite number"),
        (("answer_f1 = 1.0", ""), r"table question needs a component above zero that is no penalty"),
        (("searches = 4", "searches = 0"), r"field budgets.searches"),
        (("k = 3", "k = 3\nbonus = 1"), r"field bonus: Extra inputs are not permitted"),
        (("k = 3", "k ="), r"not TOML"),
    ],
)
def test_mistakes_are_named(weights_file, change, message):
    with pytest.raises(InputError, match=rf"weights.toml: .*{message}"):
        load_weights(weights_file(VALID.replace(*change)))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.toml: cannot be read"):
        load_weights(tmp_path / "none.toml")


def test_the_sum_is_over_what_is_defined():
    weights = {"answer_f1": 1.0, "retrieval_recall": 0.5, "cost_searches": 0.1, "answered_unanswerable": 1.0}
    assert weighted_sum({"answer_f1": 1.0, "retrieval_recall": 1.0, "cost_searches": 0.0}, weights) == 1.0
    assert weighted_sum({"answer_f1": 0.0, "retrieval_recall": 1.0}, weights) == pytest.approx(0.5 / 1.5)
    assert weighted_sum({"answer_f1": 1.0, "cost_searches": 0.5}, weights) == pytest.approx(0.95)
    assert weighted_sum({"answer_f1": 0.0, "answered_unanswerable": 1.0}, weights) == -1.0
    assert weighted_sum({"cost_searches": 1.0, "answer_em": 1.0}, weights) is None


@given(
    st.dictionaries(st.sampled_from(list(QuestionComponent)), shares),
    st.dictionaries(st.sampled_from(list(QuestionComponent)), st.floats(0.0, 10.0)),
)
def test_a_reward_is_at_most_one_and_penalties_only_lower_it(components, weights):
    reward = weighted_sum(components, weights)
    if reward is None:
        return
    assert reward <= 1.0 + 1e-9
    gains = {name: value for name, value in components.items() if name not in PENALTIES}
    without = weighted_sum(gains, weights)
    assert without is not None
    assert reward <= without
    assert without >= 0.0
