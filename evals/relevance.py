"""Which chunks hold what a question needs, where the gold is a paragraph of text and not a chunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from langchain_core.documents import Document

from evals.dataset import Question
from retrievers.analysis import lemmas, words
from retrievers.documents import chunk_id_of, doc_id_of

# A chunk holds a paragraph when it has more than this share of the paragraph's words.
PARAGRAPH_SHARE = 0.5


def paragraph_share(text: str, paragraph: str) -> float:
    """Share of the paragraph's words, as a multiset, that ``text`` has; in [0, 1]."""
    wanted = Counter(words(paragraph))
    if not wanted:
        raise ValueError("expected a paragraph with words")
    return (wanted & Counter(words(text))).total() / wanted.total()


def holds_answer(text: str, answers: Iterable[str]) -> bool:
    """Whether one of the answers stands in ``text``, in any grammatical form."""
    padded = f" {' '.join(lemmas(text))} "
    return any(f" {' '.join(found)} " in padded for answer in answers if (found := lemmas(answer)))


def find_relevant(question: Question, chunks_of: Callable[[str], Iterable[Document]]) -> set[str]:
    """Ids of the chunks that answer: those the question names, else :func:`relevant_chunks` of its gold documents.

    Args:
        question: with its gold.
        chunks_of: chunks of a document of the index, by its id; not asked where nothing could be looked for in them.
    """
    if question.gold_chunk_ids:
        return set(question.gold_chunk_ids)
    if not question.paragraph and not question.answers:
        return set()
    return relevant_chunks(question, (chunk for doc_id in question.gold_doc_ids for chunk in chunks_of(doc_id)))


def relevant_chunks(question: Question, chunks: Iterable[Document]) -> set[str]:
    """Ids of the chunks that hold the gold paragraph, or where none is known, an answer; of gold documents only."""
    own = (chunk for chunk in chunks if doc_id_of(chunk) in question.gold_doc_ids)
    if question.paragraph:
        return {
            chunk_id_of(chunk)
            for chunk in own
            if paragraph_share(chunk.page_content, question.paragraph) > PARAGRAPH_SHARE
        }
    return {chunk_id_of(chunk) for chunk in own if holds_answer(chunk.page_content, question.answers)}
