"""Where an answer stands in the passages: found by lemmas, since a model changes the grammatical form."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from retrievers.analysis import Token, lemma, morph, stop_words, tokenize
from retrievers.sentences import sentence_spans

# Share of an answer's words that a sentence must hold to be taken for its source, when the model names none.
MIN_OVERLAP = 0.6

Span = tuple[int, int]


@functools.lru_cache(maxsize=200_000)
def _forms(word: str) -> frozenset[str]:
    """Every dictionary form a folded word may have: «толстого» is of «толстой» and of «толстый»."""
    if not "а" <= word[0] <= "я":
        return frozenset([word])
    return frozenset({lemma(word)} | {parse.normal_form.replace("ё", "е") for parse in morph().parse(word)})


def find_phrase(phrase: str, text: str) -> Span | None:
    """The first place where the words of ``phrase`` stand one after another in ``text``, in any grammatical form.

    >>> text = "Роман написан Львом Толстым."
    >>> start, end = find_phrase("Лев Толстой", text)
    >>> text[start:end]
    'Львом Толстым'
    """
    return next(phrase_places(phrase, text), None)


def phrase_places(phrase: str, text: str) -> Iterator[Span]:
    """All places of a phrase in any grammatical form, in reading order; :func:`find_phrase` gives the first."""
    wanted = [_forms(token.text) for token in tokenize(phrase)]
    tokens = tokenize(text)
    if not wanted:
        return
    for first in range(len(tokens) - len(wanted) + 1):
        window = tokens[first : first + len(wanted)]
        if all(not forms.isdisjoint(_forms(token.text)) for forms, token in zip(wanted, window, strict=True)):
            yield window[0].start, window[-1].stop


def closest_sentence(answer: str, text: str) -> tuple[Span, float] | None:
    """The sentence of ``text`` that shares most words with the answer, and their share in [0, 1]; None if blank."""
    wanted = [_forms(token.text) for token in _content(tokenize(answer))]
    best: tuple[Span, float] | None = None
    for start, stop in sentence_spans(text):
        present = [_forms(token.text) for token in tokenize(text[start:stop])]
        shared = sum(any(not forms.isdisjoint(other) for other in present) for forms in wanted)
        share = shared / len(wanted) if wanted else 0.0
        if best is None or share > best[1]:
            best = (start, stop), share
    return best


def supports(answer: str, passages: Sequence[str], cited: Sequence[int]) -> list[tuple[int, Span]]:
    """Where ``passages`` support ``answer``, strongest first: each passage at most once.

    The cited passages are looked at first: the place of the answer itself, else the sentence that holds most of its
    words. A small model often names a wrong number, so when no cited passage holds the answer, those that do are taken;
    when there is none either, the closest sentence of each cited one is what is left.

    Args:
        answer: without markers.
        passages: in the order they were numbered in the prompt.
        cited: indices into ``passages`` that the model named; may be empty.

    Returns:
        Pairs of an index into ``passages`` and character offsets into that passage.
    """
    named = list(dict.fromkeys(cited))
    exact, near = _places(answer, passages, named)
    if found := exact + [place for share, place in near if share >= MIN_OVERLAP]:
        return found
    others = [index for index in range(len(passages)) if index not in set(named)]
    exact, elsewhere = _places(answer, passages, others)
    if exact:
        return exact
    return [place for _, place in near] or [place for share, place in elsewhere[:1] if share >= MIN_OVERLAP]


def _places(
    answer: str, passages: Sequence[str], indices: Sequence[int]
) -> tuple[list[tuple[int, Span]], list[tuple[float, tuple[int, Span]]]]:
    """Places of the answer itself, and closest sentences of the other passages with their share, best first."""
    exact: list[tuple[int, Span]] = []
    near: list[tuple[float, tuple[int, Span]]] = []
    for index in indices:
        if (span := find_phrase(answer, passages[index])) is not None:
            exact.append((index, span))
        elif (sentence := closest_sentence(answer, passages[index])) is not None:
            near.append((sentence[1], (index, sentence[0])))
    return exact, sorted(near, key=lambda place: -place[0])


def _content(tokens: list[Token]) -> list[Token]:
    return [token for token in tokens if token.text not in stop_words()] or tokens
