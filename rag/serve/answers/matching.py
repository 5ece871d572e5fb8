"""Which words of a passage a question has, in whatever grammatical form."""

from __future__ import annotations

from retrievers.analysis import Token, lemma, stop_words, tokenize


def matched_words(question: str, text: str) -> list[tuple[int, int]]:
    """Offsets of the words of ``text`` whose lemma a word of ``question`` has.

    Function words count only in a question that has no others.

    >>> matched_words("Какова глубина Байкала?", "Глубина озера Байкал велика.")
    [(0, 7), (14, 20)]
    """
    asked = question_lemmas(question)
    return [(token.start, token.stop) for token in tokenize(text) if lemma(token.text) in asked]


def question_lemmas(question: str) -> frozenset[str]:
    """Lemmas of the words that a question is about."""
    tokens = tokenize(question)
    kept = [token for token in tokens if not _is_function_word(token)]
    return frozenset(lemma(token.text) for token in kept or tokens)


def _is_function_word(token: Token) -> bool:
    return token.text in stop_words() or lemma(token.text) in stop_words()
