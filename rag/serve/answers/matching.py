"""Which words of a passage a question has, in whatever grammatical form."""

from __future__ import annotations

from retrievers.analysis import Analyzer, lemma, tokenize

_ANALYZER = Analyzer()


def matched_words(question: str, text: str) -> list[tuple[int, int]]:
    """Offsets of the words of ``text`` whose lemma a word of ``question`` has.

    Function words count only in a question that has no others.

    >>> matched_words("Какова глубина Байкала?", "Глубина озера Байкал велика.")
    [(0, 7), (14, 20)]
    """
    asked = frozenset(_ANALYZER(question))
    return [(token.start, token.stop) for token in tokenize(text) if lemma(token.text) in asked]
