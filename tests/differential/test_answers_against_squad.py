"""Our surface metrics equal the official SQuAD 2.0 script on English; docs/metrics.md says what it makes of Russian.

The script is restated below from its definition (Rajpurkar et al., 2018), for ASCII texts: lower case, ASCII
punctuation removed, the words a, an and the removed, words compared in order for exact match and as multisets for F1,
an answer without words equal only to another one.
"""

from __future__ import annotations

import html
import string
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evals.answers import exact_match, score_answer, token_f1
from evals.normalization import detect_language

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def reference_words(text: str) -> list[str]:
    kept = "".join(" " if char.isspace() else char for char in text.lower() if char not in string.punctuation)
    return [word for word in kept.split(" ") if word not in ("", "a", "an", "the")]


def reference_em(prediction: str, answers: list[str]) -> float:
    return float(any(reference_words(prediction) == reference_words(answer) for answer in answers))


def reference_f1(prediction: str, answers: list[str]) -> float:
    return max(_reference_f1(reference_words(prediction), reference_words(answer)) for answer in answers)


def _reference_f1(predicted: list[str], gold: list[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    shared = (Counter(predicted) & Counter(gold)).total()
    return 2 * shared / (len(predicted) + len(gold))


@pytest.mark.parametrize(
    ("prediction", "answers"),
    [
        ("Denver Broncos", ["Denver Broncos", "The Denver Broncos"]),
        ("the Broncos of Denver", ["Denver Broncos"]),
        ("a gold-plated trophy", ["gold plated trophy", "an award"]),
        ("U.S.A.", ["USA"]),
        ("Levi's Stadium", ["levis stadium"]),
        ("$1,642 million", ["1642 million"]),
        ("12 April 1961", ["April 12, 1961"]),
        ("XIX century", ["19 century"]),
        ("the", ["a word"]),
        ("", ["London"]),
        ("café", ["Café"]),
        ("Saint Bernadette Soubirous", ["Bernadette", "Soubirous, Saint Bernadette"]),
    ],
)
def test_english_answers(prediction: str, answers: list[str]) -> None:
    assert detect_language([prediction, *answers]) == "en"
    assert exact_match(prediction, answers) == reference_em(prediction, answers)
    assert token_f1(prediction, answers) == pytest.approx(reference_f1(prediction, answers), abs=1e-12)


ASCII = st.characters(max_codepoint=127)
ENGLISH = st.text(ASCII) | st.lists(
    st.sampled_from(
        ["a", "an", "the", "The", "then", "U.S.", "50%", "1,642", "XIX", "and", "Paris,", "it's", "_", "\t"]
    )
).map(" ".join)


@given(ENGLISH, st.lists(ENGLISH, min_size=1, max_size=3))
def test_ascii_text_with_a_word(prediction: str, answers: list[str]) -> None:
    assume(detect_language([prediction, *answers]) == "en")
    assert exact_match(prediction, answers) == reference_em(prediction, answers)
    assert token_f1(prediction, answers) == pytest.approx(reference_f1(prediction, answers), abs=1e-12)


@given(ENGLISH, st.lists(ENGLISH, min_size=1, max_size=3))
def test_any_ascii_text_when_english_is_named(prediction: str, answers: list[str]) -> None:
    assert exact_match(prediction, answers, language="en") == reference_em(prediction, answers)
    f1 = token_f1(prediction, answers, language="en")
    assert f1 == pytest.approx(reference_f1(prediction, answers), abs=1e-12)


def documented_cases() -> list[tuple[str, str, list[float]]]:
    """Rows of the document's table: prediction, gold, and the exact match of the script, our surface and our lemmas."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| Prediction"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        prediction, gold, *scores = (cell.strip() for cell in line.strip("|").split("|"))
        rows.append((html.unescape(prediction), html.unescape(gold), [float(score) for score in scores]))
    return rows


@pytest.mark.parametrize(("prediction", "gold", "documented"), documented_cases())
def test_the_documented_table(prediction: str, gold: str, documented: list[float]) -> None:
    scores = score_answer(prediction, [gold])
    assert [reference_em(prediction, [gold]), scores.em, scores.em_lemma] == documented


def test_the_table_shows_both_kinds_of_error() -> None:
    rows = documented_cases()
    assert sum(official < ours for _, _, (official, ours, _) in rows) > 20
    assert any(official > ours for _, _, (official, ours, _) in rows)
