from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from retrievers.analysis import words
from retrievers.bm25.vocabulary import Vocabulary
from retrievers.errors import InputError

# Any code point, half characters too: a question may hold what no document does.
terms = st.text(st.characters(exclude_categories=()), max_size=4)


@given(st.sets(terms, max_size=80), st.lists(terms, max_size=20))
def test_every_term_is_found_and_no_other(known: set[str], asked: list[str]) -> None:
    ordered = sorted(known)
    vocabulary = Vocabulary.of(ordered)
    assert len(vocabulary) == len(ordered)
    assert [vocabulary.find(term) for term in ordered] == list(range(len(ordered)))
    assert [vocabulary.find(term) for term in asked] == [ordered.index(t) if t in known else None for t in asked]


def test_words_of_a_real_text(demo_chunks: list[Document]) -> None:
    ordered = sorted({word for chunk in demo_chunks for word in words(chunk.page_content)})
    vocabulary = Vocabulary.of(ordered)
    assert [vocabulary.find(term) for term in ordered] == list(range(len(ordered)))
    assert vocabulary.find(ordered[40] + "ъ") is None


@pytest.mark.parametrize("ends", [[], [1, 3], [0, 2], [0, 4]])
def test_ends_of_another_text_are_refused(ends: list[int]) -> None:
    with pytest.raises(InputError, match="the number of bytes"):
        Vocabulary(np.frombuffer(b"abc", np.uint8), np.array(ends, np.int64))
