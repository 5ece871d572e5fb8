"""A question with one passage as arrays: what the joint network takes.

The sequence is the question, the title and the passage, one after the other. Beside the words themselves every token
carries how it meets the other side: the question's words in the passage, the passage's in the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrievers.joint.tokens import COLUMNS, Tokens
from retrievers.word_vectors import WordVectors

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

QUESTION, TITLE, PASSAGE = 0, 1, 2
MAX_QUESTION, MAX_TITLE, MAX_PASSAGE = 40, 12, 320  # tokens; longer texts are cut
_WINDOW = 8  # tokens to each side
_FAR = 12.0  # tokens; the reach of the nearness to a met word
_RARITY = 10.0  # nats; brings rarities near one
_FUZZY = 4  # letters that two forms of a name must share

MATCHES = (
    "same_word",  # the very form is on the other side
    "same_lemma",
    "fuzzy",  # a name in another form that the dictionary does not know
    "cosine",  # to the nearest word of the other side, by word vectors; 0 below none
    "cosine_rarity",  # the same times the rarity of that word
    "rarity",
    "met_rarity",  # rarity where the lemma is met
    "in_title",
    "pair",  # this and the previous token are neighbours on the other side, too
    "near_before",  # 1 just after a met word, 0 from 12 tokens on
    "near_after",
    "window",  # share of the question's rarity met within 8 tokens
    "sentence",  # share met in the sentence
    "passage",  # share met in the passage and its title
    "title",  # share met in the title
    "first_sentence",
    "starts_sentence",
)


@dataclass(frozen=True, slots=True, eq=False)
class PairInputs:
    """One question with one passage: ``n`` tokens.

    Args:
        categories: shape (n, len(COLUMNS)).
        segments: QUESTION, TITLE or PASSAGE, shape (n,).
        matches: shape (n, len(MATCHES)), float32.
        lemmas: of the tokens, for their vectors.
        offset: where the passage's tokens begin in the sequence.
    """

    categories: Ints
    segments: Ints
    matches: Floats
    lemmas: tuple[str, ...]
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A text with the vectors of its words, prepared once for all that it meets.

    Args:
        tokens: of the text.
        vectors: unit word vectors of the lemmas, shape (n, dim); 0 for unknown words and marks.
        rows: tokens by lemma, content words alone; ``surfaces`` their folded forms.
    """

    tokens: Tokens
    vectors: Floats
    content: NDArray[np.bool_]
    lemmas: tuple[str, ...]


def side(tokens: Tokens, vectors: WordVectors) -> Side:
    """Prepare a text."""
    lemmas = tuple(one.lemma for one in tokens.words)
    return Side(tokens, vectors.units(lemmas), tokens.rarity > 0, lemmas)


def pair_inputs(question: Side, title: Side, passage: Side) -> PairInputs:
    """Lay a question, a title and a passage side by side.

    Args:
        question: what is asked; each text is cut to its limit by the caller (``MAX_QUESTION``, …).
        title: of the passage's document, with its heading path; may be empty.
        passage: to read.
    """
    asked = _terms(question)
    weights = np.array([question.tokens.rarity[at] for at in asked.values()], np.float32)  # (terms,)
    total = float(weights.sum()) or 1.0
    term_vectors = (
        question.vectors[list(asked.values())] if asked else np.zeros((0, passage.vectors.shape[1]), np.float32)
    )
    forms = frozenset(
        one.folded for one, content in zip(question.tokens.words, question.content, strict=True) if content
    )
    neighbours = frozenset(zip(question.lemmas, question.lemmas[1:], strict=False))
    titled = frozenset(title.lemmas)
    of_title, met_title = _met(title, asked, weights, term_vectors, forms, neighbours, titled)
    of_passage, met = _met(passage, asked, weights, term_vectors, forms, neighbours, titled)
    in_title = met_title.any(axis=0) if len(met_title) else np.zeros(len(asked), bool)
    in_passage = met.any(axis=0) if len(met) else np.zeros(len(asked), bool)
    share_title = float(weights[in_title].sum()) / total
    share_passage = float(weights[in_title | in_passage].sum()) / total
    _place(of_passage, passage.tokens, met, weights, total)
    of_question = _of_question(question, asked, passage, title, np.asarray(in_passage | in_title))
    for block in (of_question, of_title, of_passage):
        block[:, _AT["passage"]] = share_passage
        block[:, _AT["title"]] = share_title
    lengths = (len(question.lemmas), len(title.lemmas), len(passage.lemmas))
    return PairInputs(
        np.concatenate([question.tokens.categories, title.tokens.categories, passage.tokens.categories]),
        np.repeat(np.array((QUESTION, TITLE, PASSAGE), np.int64), lengths),
        np.concatenate([of_question, of_title, of_passage]),
        (*question.lemmas, *title.lemmas, *passage.lemmas),
        lengths[0] + lengths[1],
    )


_AT = {name: column for column, name in enumerate(MATCHES)}


def _terms(question: Side) -> dict[str, int]:
    """Content lemmas of the question, each with its first place in it."""
    found: dict[str, int] = {}
    for at, (lemma, content) in enumerate(zip(question.lemmas, question.content, strict=True)):
        if content:
            found.setdefault(lemma, at)
    return found


def _met(
    text: Side,
    asked: dict[str, int],
    weights: Floats,
    vectors: Floats,
    forms: frozenset[str],
    neighbours: frozenset[tuple[str, str]],
    titled: frozenset[str],
) -> tuple[Floats, NDArray[np.bool_]]:
    """Match columns of a text's tokens that look at one token alone, and which terms each meets, (n, terms)."""
    count = len(text.lemmas)
    columns = np.zeros((count, len(MATCHES)), np.float32)
    met = np.zeros((count, len(asked)), bool)
    if not count:
        return columns, met
    order = {lemma: place for place, lemma in enumerate(asked)}
    places = np.array([order.get(lemma, -1) for lemma in text.lemmas])
    rows = np.flatnonzero(places >= 0)
    met[rows, places[rows]] = True
    columns[rows, _AT["same_lemma"]] = 1.0
    for at, one in enumerate(text.tokens.words):
        if one.folded in forms:
            columns[at, _AT["same_word"]] = 1.0
        if one.lemma in titled and text.content[at]:
            columns[at, _AT["in_title"]] = 1.0
    _fuzzy(text, order, columns, met)
    if len(vectors):
        cosines = np.where(text.content[:, None], text.vectors @ vectors.T, 0.0)
        cosines[met] = 1.0
        nearest = cosines.argmax(axis=1)
        best = np.maximum(cosines[np.arange(count), nearest], 0.0)
        columns[:, _AT["cosine"]] = best
        columns[:, _AT["cosine_rarity"]] = best * weights[nearest] / _RARITY
        columns[:, _AT["met_rarity"]] = (met * weights).max(axis=1) / _RARITY
    columns[:, _AT["rarity"]] = text.tokens.rarity / _RARITY
    together = [(a, b) in neighbours for a, b in zip(text.lemmas, text.lemmas[1:], strict=False)]
    columns[1:, _AT["pair"]] = together
    return columns, met


def _fuzzy(text: Side, order: dict[str, int], columns: Floats, met: NDArray[np.bool_]) -> None:
    """Names in a form the dictionary does not know: «Снейпа» and «Снейп»."""
    heads: dict[str, list[str]] = {}
    for term in order:
        if len(term) >= _FUZZY:
            heads.setdefault(term[:_FUZZY], []).append(term)
    for at, one in enumerate(text.tokens.words):
        for term in heads.get(one.lemma[:_FUZZY], ()):
            reach = max(_FUZZY, len(term) - 2, len(one.lemma) - 2)
            if one.lemma != term and one.lemma[:reach] == term[:reach]:
                columns[at, _AT["fuzzy"]] = 1.0
                met[at, order[term]] = True


def _place(columns: Floats, tokens: Tokens, met: NDArray[np.bool_], weights: Floats, total: float) -> None:
    """Columns that tell where in the passage a token stands among the words that are met."""
    count = len(tokens)
    if not count:
        return
    starts = np.concatenate([[True], tokens.sentence[1:] != tokens.sentence[:-1]])
    columns[:, _AT["starts_sentence"]] = starts
    columns[:, _AT["first_sentence"]] = tokens.sentence == 0
    if not len(weights):
        return
    at, any_met = np.arange(count), met.any(axis=1)
    before = np.maximum.accumulate(np.where(any_met, at, -10_000))
    before = np.concatenate([[-10_000], before[:-1]])
    after = np.minimum.accumulate(np.where(any_met, at, 10_000)[::-1])[::-1]
    after = np.concatenate([after[1:], [10_000]])
    columns[:, _AT["near_before"]] = np.maximum(0.0, 1.0 - (at - before - 1) / _FAR)
    columns[:, _AT["near_after"]] = np.maximum(0.0, 1.0 - (after - at - 1) / _FAR)
    sums = np.concatenate([np.zeros((1, met.shape[1]), np.int64), np.cumsum(met, axis=0)])
    around = sums[np.minimum(at + _WINDOW + 1, count)] - sums[np.maximum(at - _WINDOW, 0)]
    columns[:, _AT["window"]] = ((around > 0) * weights).sum(axis=1) / total
    inside = (np.logical_or.reduceat(met, np.flatnonzero(starts), axis=0) * weights).sum(axis=1) / total
    columns[:, _AT["sentence"]] = inside[tokens.sentence - tokens.sentence[0]]


def _of_question(question: Side, asked: dict[str, int], passage: Side, title: Side, found: NDArray[np.bool_]) -> Floats:
    """Match columns of the question's own tokens."""
    columns = np.zeros((len(question.lemmas), len(MATCHES)), np.float32)
    order = {lemma: place for place, lemma in enumerate(asked)}
    forms = frozenset(one.folded for one in passage.tokens.words)
    titled = frozenset(title.lemmas)
    for at, one in enumerate(question.tokens.words):
        if question.content[at]:
            columns[at, _AT["same_lemma"]] = float(found[order[one.lemma]])
            columns[at, _AT["same_word"]] = float(one.folded in forms)
            columns[at, _AT["in_title"]] = float(one.lemma in titled)
    columns[:, _AT["rarity"]] = question.tokens.rarity / _RARITY
    columns[:, _AT["met_rarity"]] = columns[:, _AT["same_lemma"]] * columns[:, _AT["rarity"]]
    if len(passage.lemmas) and passage.content.any():
        cosines = question.vectors @ passage.vectors[passage.content].T
        columns[:, _AT["cosine"]] = np.where(question.content, np.maximum(cosines.max(axis=1), 0.0), 0.0)
        columns[:, _AT["cosine_rarity"]] = columns[:, _AT["cosine"]] * columns[:, _AT["rarity"]]
    return columns


def stack(pairs: Sequence[PairInputs], vectors: WordVectors) -> dict[str, NDArray[np.generic]]:
    """A batch, padded to its longest pair.

    Returns:
        ``vectors`` (batch, n, dim) and ``matches`` (batch, n, len(MATCHES)), float32; ``categories`` (batch, n,
        len(COLUMNS)), ``segments`` (batch, n) and ``mask`` (batch, n), int64; ``mask`` is 1 for tokens, 0 for padding.
    """
    width = max(len(pair.lemmas) for pair in pairs)
    shape = (len(pairs), width)
    batch: dict[str, NDArray[np.generic]] = {
        "vectors": np.zeros((*shape, vectors.dimension), np.float32),
        "matches": np.zeros((*shape, len(MATCHES)), np.float32),
        "categories": np.zeros((*shape, len(COLUMNS)), np.int64),
        "segments": np.full(shape, PASSAGE, np.int64),
        "mask": np.zeros(shape, np.int64),
    }
    for row, pair in enumerate(pairs):
        count = len(pair.lemmas)
        batch["vectors"][row, :count] = vectors.units(pair.lemmas)
        batch["matches"][row, :count] = pair.matches
        batch["categories"][row, :count] = pair.categories
        batch["segments"][row, :count] = pair.segments
        batch["mask"][row, :count] = 1
    return batch
