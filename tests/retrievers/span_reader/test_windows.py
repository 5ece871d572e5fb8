from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from retrievers.errors import ModelUnavailableError
from retrievers.span_reader.settings import fitting_settings
from retrievers.span_reader.windows import Framing, Passage, pad, splits_word, whole_words

TEXTS = st.text(alphabet="абвё Яz09 .,«»—-\n\u0301🙂", max_size=160)


@pytest.fixture(scope="module")
def framing(scripted_reader) -> Framing:
    return Framing(scripted_reader.letter_tokenizer(), fitting_settings(32))


def piece_tokenizer() -> Tokenizer:
    """As XLM-R has it: a word's piece holds the space before it, and there are no segments."""
    words = ["▁в", "▁Москве", "▁1842", "▁году", "▁", ".", "▁Где", "?", "▁стоит", "▁маяк"]
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), *((word, -1.0) for word in words)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def read_off(window, passage: Passage) -> list[str]:
    return [passage.text[start:stop] for start, stop in window.offsets]


def test_a_window_knows_where_its_tokens_stand(framing) -> None:
    passage = Passage("Рига и Тула")
    (window,) = framing.windows("Где?", [passage])[0]
    assert "".join(read_off(window, passage)) == "РигаиТула"
    assert [at for at, opens in enumerate(window.starts) if opens] == [0, 4, 5]
    assert [at for at, closes in enumerate(window.stops) if closes] == [3, 4, 8]
    assert window.ids[0] == 2
    assert set(window.types[window.first : window.last]) == {1}


def test_spaces_inside_pieces_are_no_part_of_an_answer() -> None:
    passage = Passage("маяк стоит в Москве.")
    (window,) = Framing(piece_tokenizer(), fitting_settings(32)).windows("Где стоит маяк?", [passage])[0]
    assert read_off(window, passage) == ["маяк", "стоит", "в", "Москве", "."]
    assert window.starts.tolist() == [True] * 5
    assert window.stops.tolist() == [True] * 5


def test_answers_stand_in_the_body_only(framing) -> None:
    document = Document("Рига", metadata={"title": "Тула", "headings": "Орёл"})
    passage = Passage.of(document)
    assert passage == Passage("Тула\nОрёл\nРига", 10)
    (window,) = framing.windows("Где?", [passage])[0]
    assert read_off(window, passage) == list("Рига")
    assert window.last == len(window.ids) - 1


def test_a_blank_passage_and_a_blank_question_make_one_window(framing) -> None:
    for question, text in (("Где?", ""), ("Где?", "  \n"), ("", "Рига"), ("", "")):
        (window,) = framing.windows(question, [Passage(text)])[0]
        assert len(window.offsets) == len(window.starts) == len(window.stops) == len(text.strip())


def test_the_batch_is_padded_on_the_right(framing) -> None:
    (short,), (long,) = framing.windows("а", [Passage("б"), Passage("в г д")])
    batch = pad([short, long], 7)
    assert batch["input_ids"][0].tolist() == [*short.ids.tolist(), 7, 7]
    assert batch["attention_mask"].sum(axis=1).tolist() == [len(short.ids), len(long.ids)]


def test_a_tokeniser_without_a_first_token_is_refused() -> None:
    tokenizer = piece_tokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)]
    )
    with pytest.raises(ModelUnavailableError, match="no token like"):
        Framing(tokenizer, fitting_settings(32))


@settings(deadline=None)
@given(question=TEXTS, title=TEXTS, body=TEXTS)
def test_windows_cover_the_body_and_never_exceed_the_length(scripted_reader, question, title, body) -> None:
    shape = fitting_settings(32)
    framing = Framing(scripted_reader.letter_tokenizer(), shape)
    passage = Passage(f"{title}\n{body}", len(title) + 1)
    windows = framing.windows(question, [passage])[0]
    whole = Framing(scripted_reader.letter_tokenizer(), fitting_settings(4096)).windows(question[:1], [passage])[0]
    covered = {tuple(row) for window in windows for row in window.offsets.tolist()}
    assert covered == {tuple(row) for row in whole[0].offsets.tolist()}
    for window in windows:
        assert len(window.ids) == len(window.types) <= shape.max_length
        assert window.last <= len(window.ids)
        for (start, stop), opens, closes in zip(window.offsets, window.starts, window.stops, strict=True):
            assert passage.body <= start <= stop <= len(passage.text)
            assert not opens or not (splits_word(passage.text, start) or passage.text[start].isspace())
            assert not closes or not (splits_word(passage.text, stop) or passage.text[stop - 1].isspace())


@settings(deadline=None)
@given(TEXTS)
def test_neighbouring_windows_overlap(scripted_reader, body) -> None:
    framing = Framing(scripted_reader.letter_tokenizer(), fitting_settings(32, stride=8))
    windows = framing.windows("Где?", [Passage(body)])[0]
    for left, right in itertools.pairwise(windows):
        assert left.offsets[-8:].tolist() == right.offsets[:8].tolist()


@settings(deadline=None)
@given(TEXTS, st.data())
def test_whole_words_split_nothing(text, data) -> None:
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    left, right = whole_words(text, start, stop)
    assert left <= start <= stop <= right
    assert not splits_word(text, left)
    assert not splits_word(text, right)


def test_stress_marks_are_inside_words() -> None:
    assert splits_word("Кале\u0301", 4)
    assert whole_words("у Кале\u0301ва", 2, 4) == (2, 9)
