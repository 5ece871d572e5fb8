from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.pretraining.word_pieces import SPECIAL, learn_word_pieces

TEXTS = ["Ёлка у ЗАМКА. Замок на двери, замок за рекой.", "Байкал глубже Каспия.", "йод и ёж"] * 5


@pytest.fixture(scope="module")
def tokenizer():
    return learn_word_pieces(TEXTS, 200)


def tokens(tokenizer, text: str) -> list[str]:
    return tokenizer.encode(text, add_special_tokens=False).tokens


def test_case_yo_and_stress_make_no_difference_but_short_i_does(tokenizer) -> None:
    assert tokens(tokenizer, "ЁЛКА") == tokens(tokenizer, "елка")
    assert tokens(tokenizer, "за́мок") == tokens(tokenizer, "замок")
    assert tokens(tokenizer, "и\u0306од") == tokens(tokenizer, "йод") != tokens(tokenizer, "иод")
    assert "[UNK]" not in tokens(tokenizer, "ёж за рекой")


def test_case_and_yo_can_be_kept() -> None:
    tokenizer = learn_word_pieces(TEXTS, 200, keep_case=True, keep_yo=True)
    assert tokens(tokenizer, "Замок") != tokens(tokenizer, "замок")
    assert tokens(tokenizer, "ёж") != tokens(tokenizer, "еж")


def test_special_pieces_come_first_and_stand_around_texts(tokenizer) -> None:
    assert [tokenizer.token_to_id(piece) for piece in SPECIAL] == list(range(5))
    encoding = tokenizer.encode("замок", "Байкал")
    assert encoding.tokens[0] == "[CLS]"
    assert encoding.tokens.count("[SEP]") == 2
    assert encoding.type_ids[0] == 0
    assert encoding.type_ids[-1] == 1


def test_equal_texts_make_equal_pieces() -> None:
    # Every pair of letters is as frequent as any other, so that all pieces but the letters are matters of choice.
    texts = ["абвгд", "бвгда", "вгдаб", "гдабв", "дабвг"] * 3
    first = learn_word_pieces(texts, 30)
    assert all(learn_word_pieces(texts, 30).to_str() == first.to_str() for _ in range(5))
    assert (
        first.get_vocab_size() > len(SPECIAL) + 10
    )  # there are pieces beside the letters, inside words and at their start


def test_only_the_special_pieces_are_special(tokenizer) -> None:
    assert {piece.content for piece in tokenizer.get_added_tokens_decoder().values()} == set(SPECIAL)
    assert tokens(tokenizer, "##а") == ["#", "#", "а"] or "[UNK]" in tokens(tokenizer, "##а")
    assert tokenizer.decode(tokenizer.encode("замок за рекой").ids) == "замок за рекой"


def test_the_size_is_a_limit_and_frequent_words_are_whole(tokenizer) -> None:
    assert tokenizer.get_vocab_size() <= 200
    assert tokens(tokenizer, "замок") == ["замок"]


@given(st.text(alphabet="Ёёе́йи̂ Ж-«»1.\u00ad", max_size=20))
def test_offsets_point_into_the_text_as_it_was(text: str) -> None:
    encoding = _CACHED.encode(text, add_special_tokens=False)
    end = 0
    for start, stop in encoding.offsets:
        assert 0 <= start <= stop <= len(text)
        assert stop >= end
        end = stop


_CACHED = learn_word_pieces(TEXTS, 200)
