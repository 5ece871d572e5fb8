"""Words, lemmas and terms of a text: offsets true, folding stable."""

from __future__ import annotations

from benchmarks.fuzzing.material import ARTICLE, SENTENCES, STRANGE, TEXT
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, foreseen, text_of
from rag.question import check_question
from retrievers.analysis import Analyzer, TermForm, fold, fold_with_offsets, tokenize, visible_with_offsets, words
from retrievers.language import is_russian

_ANALYZERS = tuple(Analyzer(form) for form in TermForm)


def open_target(name: str, scratch: Scratch) -> Target:  # noqa: ARG001 - there is one, and it needs no files
    """The analyser of documents and questions."""
    seeds = bytes_of(SENTENCES, STRANGE, ARTICLE, "ЁЖ ёжик Ёлка-палка", "1 642 000 10 000,5")
    return Target(_check, seeds, bytes_of(*TEXT), Budget(seconds=0.15, seconds_per_megabyte=30, memory_per_byte=1_000))


def _check(data: bytes) -> None:
    text = text_of(data)
    folded, offsets = fold_with_offsets(text)
    assert folded == fold(text)
    assert len(offsets) == len(folded) + 1
    visible, places = visible_with_offsets(text)
    assert len(places) == len(visible) + 1
    tokens = tokenize(text)
    assert [token.text for token in tokens] == words(text)
    at = 0
    for token in tokens:
        assert at <= token.start < token.stop <= len(text)
        assert words(text[token.start : token.stop]) == [token.text], "a word is not what stands in its place"
        at = token.stop
    for analyzer in _ANALYZERS:
        terms = analyzer(text)
        assert all(terms), "an empty term"
        assert bool(terms) == bool(tokens), "a text with words has no terms"
    assert is_russian(text) in {True, False}
    with foreseen():
        check_question(text)
