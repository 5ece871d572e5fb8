"""Pairs from the structure of documents: title and passage, heading and section, sentence and the passage around it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator

from retrievers.analysis import fold
from retrievers.sentences import sentence_spans
from training.examples import Example
from training.pairs.corpus import Passage

KEPT_SHARE = 0.1  # of the sentences that inverse cloze leaves in their passage (Lee et al. 2019)
_SENTENCE_WORDS = range(5, 61)
_PASSAGE_CHARACTERS = 25  # what is left of a passage says something
_SERVICE = frozenset(  # headings of what is no text about the subject
    {"примечания", "литература", "ссылки", "см. также", "источники", "комментарии", "библиография", "сноски", "галерея",
     "дополнительная литература", "внешние ссылки", "содержание", "оглавление", "приложения", "references", "notes"}
)  # fmt: skip


def title_pairs(passages: Iterable[Passage], *, per_document: int) -> Iterator[Example]:
    """A document's title as the query of its first passages.

    The passage goes without its title: the pair would be known by the title alone.

    Args:
        passages: of the corpus, a document's own in order.
        per_document: at most so many passages of one document.
    """
    taken: defaultdict[str, int] = defaultdict(int)
    for passage in passages:
        if passage.title.strip() and taken[passage.doc_id] < per_document and not _is_service(passage):
            taken[passage.doc_id] += 1
            yield Example(question=passage.title, passage=passage.text, doc_id=passage.doc_id, source="title")


def heading_pairs(passages: Iterable[Passage]) -> Iterator[Example]:
    """A section's headings after the document's title as the query of the section's first passage.

    «Климат» alone asks for nothing, so the title is a part of the query. The passage goes under its title, as an index
    has it: what tells the sections of a document apart is then the heading.
    """
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for passage in passages:
        if not passage.headings or _is_service(passage) or (passage.doc_id, passage.headings) in seen:
            continue
        seen.add((passage.doc_id, passage.headings))
        query = ": ".join(filter(None, [passage.title.strip(), ", ".join(passage.headings)]))
        yield Example(
            question=query, passage=passage.text, title=passage.title, doc_id=passage.doc_id, source="heading"
        )


def inverse_cloze_pairs(passages: Iterable[Passage], *, seed: int, kept_share: float = KEPT_SHARE) -> Iterator[Example]:
    """A random sentence as the query of the passage it was taken out of.

    Source: Lee, Chang and Toutanova 2019, "Latent Retrieval for Weakly Supervised Open Domain Question Answering"
    (ORQA, arXiv:1906.00300): the inverse cloze task. A share of the sentences stays in its passage, so that an encoder
    learns to match words as well as meaning.

    Args:
        passages: of the corpus.
        seed: of the choice of sentences.
        kept_share: share of the sentences that stay, in [0, 1].
    """
    for passage in passages:
        randomness = random.Random(f"{seed}:{passage.doc_id}:{passage.position}:{passage.text}")
        spans = sentence_spans(passage.text)
        fit = [span for span in spans if len(passage.text[span[0] : span[1]].split()) in _SENTENCE_WORDS]
        if len(spans) < 2 or not fit or _is_service(passage):
            continue
        start, stop = randomness.choice(fit)
        rest = passage.text
        if randomness.random() >= kept_share:
            rest = f"{passage.text[:start].rstrip()} {passage.text[stop:].lstrip()}".strip()
        if len(rest) >= _PASSAGE_CHARACTERS:
            yield Example(
                question=passage.text[start:stop],
                passage=rest,
                title=passage.title,
                doc_id=passage.doc_id,
                source="inverse-cloze",
            )


def _is_service(passage: Passage) -> bool:
    return any(fold(heading).strip() in _SERVICE for heading in passage.headings)
