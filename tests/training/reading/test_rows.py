from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrievers.span_reader.settings import fitting_settings
from retrievers.span_reader.windows import Framing, Passage
from training.examples import Example
from training.reading.rows import Asked, as_asked, as_feature

BRIDGE = Example(
    question="Кто построил мост?", passage="Мост построил Орлов.", title="Мост", answers=("Орлов",), doc_id="bridge"
)
OTHERS = [
    Example(question="Где маяк?", passage="Маяк стоит на острове.", answers=("на острове",), doc_id="light"),
    Example(question="Чей дом?", passage="Дом построил тоже Орлов.", title="Дом", answers=("Орлов",), doc_id="house"),
    Example(question="Какой длины мост?", passage="Длина 108 метров.", answers=("108",), doc_id="bridge"),
]


@pytest.fixture
def framing(scripted_reader) -> Framing:
    return Framing(scripted_reader.letter_tokenizer(), fitting_settings(48))


def target_words(feature, asked: Asked) -> list[str]:
    """What the targets of each window mark, read off as text."""
    words = []
    for one in feature.windows:
        for first, last in zip(one.starts.nonzero()[0], one.stops.nonzero()[0], strict=True):
            text = asked.passages[one.passage].text
            words.append(text[one.window.offsets[first, 0] : one.window.offsets[last, 1]])
    return words


def test_a_row_keeps_its_own_negatives_and_gets_the_rest_from_other_documents() -> None:
    row = BRIDGE.model_copy(update={"negatives": ("Река узкая.",)})
    asked, _ = as_asked([row, *OTHERS], 3, seed=0)
    texts = [passage.text for passage in asked[0].passages]
    assert texts[:2] == ["Мост\nМост построил Орлов.", "Река узкая."]
    assert texts[2:] == ["Маяк стоит на острове."]  # not the house, which words the answer, nor the same document


def test_the_draw_is_the_same_each_time() -> None:
    rows = [BRIDGE, *OTHERS]
    assert as_asked(rows, 2, seed=1) == as_asked(rows, 2, seed=1)


def test_answers_are_marked_behind_the_title() -> None:
    asked, found = as_asked([BRIDGE], 0, seed=0)
    (span,) = asked[0].spans
    assert asked[0].passages[0].text[slice(*span)] == "Орлов"
    assert asked[0].passages[0].body == 5
    assert found == {"exact": 1}


def test_rows_without_an_answer_are_counted_apart() -> None:
    lost = BRIDGE.model_copy(update={"answers": ("Волков",)})
    plain = BRIDGE.model_copy(update={"answers": ()})
    wrong = BRIDGE.model_copy(update={"label": 0.0})
    asked, found = as_asked([lost, plain, wrong], 0, seed=0)
    assert found == {"none": 1, "no answer": 2}
    assert [one.relevant for one in asked] == [True, True, False]
    assert not any(one.spans for one in asked)


def test_the_targets_are_the_answers_tokens(framing) -> None:
    asked, _ = as_asked([BRIDGE, *OTHERS], 1, seed=0)
    feature = as_feature(asked[0], framing, 3)
    assert target_words(feature, asked[0]) == ["Орлов"]
    assert feature.answerable
    assert {one.passage for one in feature.windows} == {0, 1}


def test_windows_with_the_answer_are_kept_first(framing) -> None:
    row = Example(question="Кто?", passage="Слова и слова. " * 12 + "Мост построил Орлов.", answers=("Орлов",))
    asked = as_asked([row], 0, seed=0)[0][0]
    assert len(as_feature(asked, framing, 100).windows) > 4
    feature = as_feature(asked, framing, 2)
    assert len(feature.windows) == 2
    assert set(target_words(feature, asked)) == {"Орлов"}


def test_an_answer_that_no_window_holds_whole_marks_nothing(framing) -> None:
    words = "очень длинный ответ который не входит ни в одно окно целиком"
    asked = Asked("Что?", (Passage(words),), relevant=True, spans=((0, len(words)),), answers=(words,))
    assert not as_feature(asked, framing, 9).answerable


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["мост", "Орлов", "в", "1874", "—", "«Заря»", "году."]), min_size=1, max_size=25),
    st.data(),
)
def test_marked_tokens_read_off_as_the_answer(scripted_reader, words, data) -> None:
    framing = Framing(scripted_reader.letter_tokenizer(), fitting_settings(40))
    passage = " ".join(words)
    first = data.draw(st.integers(0, len(words) - 1))
    start = len(" ".join([*words[:first], ""]))
    answer = words[first]
    row = Example(question="Что?", passage=passage, title="Т", answers=(answer,), answer_start=start)
    asked = as_asked([row], 0, seed=0)[0][0]
    found = target_words(as_feature(asked, framing, 50), asked)
    assert found
    assert set(found) == {answer}
