"""Sentences, words with morphology and dependencies, and named entities of a passage, with offsets into its text.

slovnet (razdel tokens, taggers and parser on navec vectors) does the work; a text of 600 characters takes about 15 ms.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retrievers.analysis import fold, lemma
from retrievers.models import load_morph, load_navec, load_ner, load_syntax
from retrievers.sentences import sentence_spans

# Marks that split words for a tokenizer but mean nothing to a reader: stress, soft hyphens, zero-width characters.
_INVISIBLE = re.compile("[\u0300-\u0305\u0307-\u036f\u00ad\u200b-\u200f\u2060\ufeff]|(?<![иИ])\u0306")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\t]")
_LINES = re.compile(r"[^\n]+")
_BATCH = 16  # sentences a tagger sees together; sorted by length, larger batches bring nothing on one core
_MAX_WORDS = 200  # longer "sentences" are tables or lists without punctuation; cut so that attention to them is bounded
_UNSEEN_COUNT = 20.0  # news frequency given to words outside the 250 000 of navec


@dataclass(frozen=True, slots=True)
class Word:
    """A token of a sentence.

    Args:
        text: as written, without stress marks.
        start, stop: offsets into the passage's text.
        folded: comparable form; ``lemma`` is its dictionary form.
        pos, feats: Universal Dependencies part of speech and features, tagged in context.
        head: index of the governing word in the same sentence, -1 for the root.
        relation: Universal Dependencies relation to it.
    """

    text: str
    start: int
    stop: int
    folded: str
    lemma: str
    pos: str
    feats: dict[str, str] = field(hash=False)
    head: int
    relation: str

    @property
    def case(self) -> str:
        """``"Nom"``, ``"Gen"`` … or ``""``."""
        return self.feats.get("Case", "")

    @property
    def is_punctuation(self) -> bool:
        """Neither letters nor digits in it."""
        return not any(char.isalnum() for char in self.text)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words of a sentence in order; ``start`` and ``stop`` are offsets into the passage's text."""

    start: int
    stop: int
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A named entity (PER, LOC or ORG) with offsets into the passage's text."""

    start: int
    stop: int
    type: str


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A passage taken apart; every offset points into ``text``."""

    text: str
    sentences: tuple[Sentence, ...]
    names: tuple[Name, ...]


def clean(text: str) -> tuple[str, list[int]]:
    """``text`` without invisible marks and, for each character left, its index in ``text`` (plus the end).

    ``clean("Кале\u0301!")[0] == "Кале!"``
    """
    kept: list[int] = []
    position = 0
    for mark in _INVISIBLE.finditer(text):
        kept.extend(range(position, mark.start()))
        position = mark.end()
    kept.extend(range(position, len(text)))
    visible = "".join(text[index] for index in kept) if len(kept) < len(text) else text
    return _SPACES.sub(" ", visible), [*kept, len(text)]


@functools.lru_cache(maxsize=256)
def parse(text: str) -> ParsedText:
    """Sentences, words and names of ``text``. The last results are kept: neighbouring questions share passages."""
    return parse_many([text])[0]


def parse_many(
    texts: Sequence[str],
    *,
    names: Sequence[tuple[Name, ...]] | None = None,
    wanted: Callable[[str], bool] | None = None,
    brackets: bool = True,
) -> list[ParsedText]:
    """Several texts taken apart together, which is faster than one by one.

    Args:
        texts: to parse.
        names: of each text, where :func:`find_names` has found them already.
        wanted: which sentences, by their text, to tag and keep; all where not given.
        brackets: keep words in round brackets, which the parser often hangs in the wrong place.
    """
    cleaned = [clean(text) for text in texts]
    spans: list[tuple[int, list[tuple[int, int, str]]]] = []  # row, and tokens: start, stop, text in the cleaned text
    for row, (visible, _) in enumerate(cleaned):
        spans.extend((row, tokens) for tokens in _tokens_of_sentences(visible, wanted, brackets=brackets))
    tags = _tagged([[token for _, _, token in tokens] for _, tokens in spans])
    sentences: list[list[Sentence]] = [[] for _ in texts]
    for (row, tokens), tagged in zip(spans, tags, strict=True):
        sentences[row].append(_sentence(tokens, tagged, cleaned[row][1], texts[row]))
    found = names if names is not None else find_names(texts)
    return [ParsedText(*row) for row in zip(texts, map(tuple, sentences), found, strict=True)]


def find_names(texts: Sequence[str]) -> list[tuple[Name, ...]]:
    """Names of every text, without parsing its sentences; texts of like length are looked at together."""
    cleaned = [clean(text) for text in texts]
    order = sorted((at for at, (visible, _) in enumerate(cleaned) if visible.strip()), key=lambda at: len(texts[at]))
    found: list[tuple[Name, ...]] = [() for _ in texts]
    for at, markup in zip(order, load_ner().map([cleaned[at][0] for at in order]), strict=True):
        found[at] = _placed(markup.spans, cleaned[at][1], texts[at])
    return found


def _tokens_of_sentences(
    cleaned: str, wanted: Callable[[str], bool] | None, *, brackets: bool
) -> Iterator[list[tuple[int, int, str]]]:
    import razdel

    for line in _LINES.finditer(cleaned):
        for start, stop in sentence_spans(cleaned, *line.span()):
            sentence = cleaned[start:stop]
            if wanted is not None and not wanted(sentence):
                continue
            tokens = [(start + t.start, start + t.stop, t.text) for t in razdel.tokenize(sentence)]
            if not brackets:
                tokens = _without_brackets(tokens)
            yield from (tokens[at : at + _MAX_WORDS] for at in range(0, len(tokens), _MAX_WORDS))


def _without_brackets(tokens: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    kept: list[tuple[int, int, str]] = []
    depth = 0
    for token in tokens:
        depth += token[2] == "("
        if not depth:
            kept.append(token)
        depth = max(0, depth - (token[2] == ")"))
    return kept if depth == 0 else tokens  # never closed: it is no bracket


def _end(offsets: list[int], stop: int, text: str) -> int:
    """Offset in the source after the character before ``stop``, with the stress mark that may follow it."""
    end = offsets[stop - 1] + 1
    while end < len(text) and _INVISIBLE.match(text, end):
        end += 1
    return end


def _tagged(sentences: Sequence[list[str]]) -> list[list[tuple[str, dict[str, str], int, str]]]:
    """Part of speech, features, head and relation of every word, sentences tagged in batches of like length."""
    order = sorted(range(len(sentences)), key=lambda index: len(sentences[index]))
    result: list[list[tuple[str, dict[str, str], int, str]]] = [[] for _ in sentences]
    for at in range(0, len(order), _BATCH):
        batch = order[at : at + _BATCH]
        rows = [sentences[index] for index in batch]
        for index, morph, syntax in zip(batch, load_morph().map(rows), load_syntax().map(rows), strict=True):
            result[index] = [
                (m.pos, dict(m.feats), int(s.head_id) - 1, s.rel)
                for m, s in zip(morph.tokens, syntax.tokens, strict=True)
            ]
    return result


def _sentence(
    tokens: list[tuple[int, int, str]],
    tagged: list[tuple[str, dict[str, str], int, str]],
    offsets: list[int],
    text: str,
) -> Sentence:
    words = []
    heads = acyclic([head for _, _, head, _ in tagged])
    for (start, stop, token), (pos, feats, _, relation), head in zip(tokens, tagged, heads, strict=True):
        folded = fold(token)
        words.append(
            Word(token, offsets[start], _end(offsets, stop, text), folded, lemma(folded), pos, feats, head, relation)
        )
    return Sentence(words[0].start, words[-1].stop, tuple(words))


def acyclic(heads: Sequence[int]) -> list[int]:
    """Heads with every cycle cut, -1 for roots: the parser picks each word's head apart, so it may close a circle.

    ``acyclic([1, 2, 0]) == [1, 2, -1]``
    """
    result = [head if 0 <= head < len(heads) and head != index else -1 for index, head in enumerate(heads)]
    settled: set[int] = set()
    for start in range(len(result)):
        path: set[int] = set()
        at, before = start, -1
        while at >= 0 and at not in settled and at not in path:
            path.add(at)
            at, before = result[at], at
        if at in path:
            result[before] = -1
        settled |= path
    return result


def _placed(spans: Iterable[Any], offsets: list[int], text: str) -> tuple[Name, ...]:
    return tuple(Name(offsets[span.start], _end(offsets, span.stop, text), str(span.type)) for span in spans)


@functools.lru_cache(maxsize=100_000)
def rarity(word: str) -> float:
    """Inverse document frequency in news of a folded word or lemma, in nats: about 3 for «год», 11 for unseen words."""
    vocabulary = load_navec().vocab
    row = vocabulary.word_ids.get(word)
    count = float(vocabulary.counts[row]) if row is not None else 0.0
    return math.log(_total_count() / max(count, _UNSEEN_COUNT)) - 4.0


@functools.cache
def _total_count() -> float:
    return float(np.sum(load_navec().vocab.counts))


@functools.lru_cache(maxsize=20_000)
def vector(word: str) -> np.ndarray | None:
    """Unit navec vector of a folded word, shape (300,), or None where navec does not know it."""
    found = load_navec().get(word)
    if found is None:
        return None
    norm = float(np.linalg.norm(found))
    return (found / norm).astype(np.float32) if norm else None


def similarity(left: str, right: str) -> float:
    """Cosine of two folded words in [-1, 1]; 1.0 for equal ones, 0.0 where one is unknown."""
    if left == right:
        return 1.0
    a, b = vector(left), vector(right)
    return float(a @ b) if a is not None and b is not None else 0.0
