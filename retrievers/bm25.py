"""BM25 over an inverted file built by bm25s: a pure index and the LangChain retriever around it.

BM25 is a sum over query terms of a weight that depends on the term and the document alone, so bm25s computes all
weights while indexing ("eager" scoring; Lù 2024, "BM25S: Orders of magnitude faster lexical search via eager sparse
scoring", arXiv:2407.03618) and a query adds up a few columns of a sparse matrix. A saved index is a bm25s index
(``bm25s.BM25.load`` opens it); answering from it needs numpy alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, SkipValidation, ValidationError

from retrievers.analysis import Analyzer
from retrievers.documents import search_text
from retrievers.errors import InputError
from retrievers.filters import Where
from retrievers.lexical import (
    LexicalRetriever,
    Postings,
    Rows,
    Scores,
    best_rows,
    load_array,
    load_json,
    unique_columns,
)


class BM25Method(StrEnum):
    """Variants of BM25 by the names of Kamphuis et al. 2020, "Which BM25 do you mean?" (ECIR), as bm25s has them.

    LUCENE: every term counts, the most frequent least. ATIRE: a term of every document counts nothing. ROBERTSON: nor
    does a term of half of the documents or more; on a few dozen documents that can leave a question without hits.
    BM25L and BM25PLUS raise the weight of long documents by ``delta``.
    """

    LUCENE = "lucene"
    ATIRE = "atire"
    ROBERTSON = "robertson"
    BM25L = "bm25l"
    BM25PLUS = "bm25+"


class BM25Options(BaseModel):
    """Scoring of BM25.

    Args:
        method: the variant.
        k1: how slowly repetitions of a term saturate; 0 counts only presence.
        b: how much a document's length divides its term counts, from 0 (not at all) to 1 (fully).
        delta: lower bound of a present term's weight, read by ``bm25l`` and ``bm25+``.

    The defaults stand on a plateau: on 555 questions over 841 Wikipedia pages cut to 600 characters, Lucene, ATIRE and
    BM25L with k1 from 1.2 to 3 and b from .5 to .85 put a right page first for 87 to 92 in a hundred; the weaker length
    normalisation (b = .5) finds the paragraph itself more often.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: BM25Method = BM25Method.LUCENE
    k1: float = Field(default=1.2, ge=0.0)
    b: float = Field(default=0.5, ge=0.0, le=1.0)
    delta: float = Field(default=0.5, ge=0.0)


# Names of bm25s, so that it can open what is saved here.
_WEIGHTS = "data.csc.index.npy"
_ROWS = "indices.csc.index.npy"
_STARTS = "indptr.csc.index.npy"
_ABSENT = "nonoccurrence_array.index.npy"
_VOCABULARY = "vocab.index.json"
_PARAMETERS = "params.index.json"


@dataclass(frozen=True, slots=True)
class BM25Index:
    """BM25 weights of a collection of term lists; a row is the number of a list.

    Build with :meth:`build`, open with :meth:`load`. A score is a sum of non-negative weights, higher is better, not
    comparable between questions. A term that stands twice in the question counts twice.

    Args:
        options: scoring the weights were computed with.
        vocabulary: column of every term in ``postings``.
        postings: BM25 weights; for ``bm25l`` and ``bm25+`` what is over the weight of an absent term.
        absent: for those two the weight of every absent term, array of shape (n_terms,).
    """

    options: BM25Options
    vocabulary: dict[str, int] = field(repr=False)
    postings: Postings = field(repr=False)
    absent: NDArray[np.float32] | None = field(default=None, repr=False)

    @classmethod
    def build(cls, terms: Iterable[Iterable[str]], options: BM25Options | None = None) -> BM25Index:
        """Index one term list a row.

        Args:
            terms: term lists; read once, not kept.
            options: scoring.
        """
        import bm25s

        options = options or BM25Options()
        vocabulary: dict[str, int] = {}
        rows = [[vocabulary.setdefault(term, len(vocabulary)) for term in row] for row in terms]
        if not vocabulary:  # bm25s divides by the mean length
            empty = Postings(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(1, np.int64), n_rows=len(rows))
            return cls(options, vocabulary, empty)
        engine = bm25s.BM25(method=options.method.value, k1=options.k1, b=options.b, delta=options.delta)
        built = engine.build_index_from_ids(range(len(vocabulary)), rows, show_progress=False)
        postings = Postings(
            weights=np.asarray(built["data"], np.float32),
            rows=np.asarray(built["indices"], np.int32),
            starts=np.asarray(built["indptr"], np.int64),
            n_rows=len(rows),
        )
        return cls(options, vocabulary, postings, engine.nonoccurrence_array)

    def __len__(self) -> int:
        """Number of rows."""
        return self.postings.n_rows

    def document_frequency(self, term: str) -> int:
        """Number of rows that hold ``term``."""
        column = self.vocabulary.get(term)
        return 0 if column is None else self.postings.frequency(column)

    def idf(self, term: str) -> float:
        """Inverse document frequency in Lucene's form, whatever the method: positive, highest for unknown terms."""
        frequency = self.document_frequency(term)
        return math.log1p((len(self) - frequency + 0.5) / (frequency + 0.5))

    def scores(self, terms: Sequence[str]) -> Scores:
        """Scores of all rows, array of shape (n_rows,); 0 for rows that hold none of ``terms``."""
        return self._accumulated(unique_columns(terms, self.vocabulary))

    def weighted_scores(self, weights: Mapping[str, float]) -> Scores:
        """Scores of all rows for terms that count ``weights`` times each, array of shape (n_rows,)."""
        known = {self.vocabulary[term]: weight for term, weight in weights.items() if term in self.vocabulary}
        return self._accumulated(known)

    def _accumulated(self, columns: Mapping[int, float]) -> Scores:
        scores = self.postings.accumulate(list(columns.items()))
        if self.absent is not None:
            scores[scores > 0] += sum(float(self.absent[column]) * weight for column, weight in columns.items())
        return scores

    def top(self, terms: Sequence[str], k: int) -> tuple[Rows, Scores]:
        """Rows of the ``k`` best scores and the scores, best first; equal scores in row order, zeros left out."""
        scores = self.scores(terms)
        rows = best_rows(scores, k)
        return rows, scores[rows]

    def save(self, folder: Path) -> None:
        """Write the index into ``folder``, which is made where it is missing. No pickle."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, NDArray[Any]] = {
            _WEIGHTS: self.postings.weights,
            _ROWS: self.postings.rows,
            _STARTS: self.postings.starts,
        }
        if self.absent is not None:
            arrays[_ABSENT] = self.absent
        for name, array in arrays.items():
            np.save(folder / name, array, allow_pickle=False)
        options: dict[str, Any] = self.options.model_dump(mode="json")
        engine = {"idf_method": options["method"], "dtype": "float32", "int_dtype": "int32", "backend": "numpy"}
        for name, values in {
            _VOCABULARY: self.vocabulary,
            _PARAMETERS: {**options, **engine, "num_docs": len(self)},
        }.items():
            (folder / name).write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, mmap: bool = True) -> BM25Index:
        """Open a saved index.

        Args:
            folder: where :meth:`save` wrote it.
            mmap: map the arrays into memory, so that only the postings of asked terms are read.

        Raises:
            InputError: a file is missing, damaged or does not fit the others.
        """
        parameters = load_json(folder / _PARAMETERS)
        try:
            options = BM25Options(**{name: parameters[name] for name in BM25Options.model_fields})
            n_rows = int(parameters["num_docs"])
        except (KeyError, TypeError, ValidationError) as error:
            raise InputError(f"expected parameters of a BM25 index in {folder / _PARAMETERS}, got: {error}") from error
        vocabulary = load_json(folder / _VOCABULARY)
        postings = Postings(
            load_array(folder / _WEIGHTS, mmap=mmap),
            load_array(folder / _ROWS, mmap=mmap),
            load_array(folder / _STARTS),
            n_rows,
        )
        lifted = options.method in {BM25Method.BM25L, BM25Method.BM25PLUS} and vocabulary
        absent = load_array(folder / _ABSENT) if lifted else None
        n_terms = len(vocabulary)
        if len(postings.starts) != n_terms + 1 or (absent is not None and len(absent) != n_terms):
            raise InputError(f"BM25 index in {folder} is damaged: {n_terms} terms, {len(postings.starts) - 1} postings")
        return cls(options, vocabulary, postings, absent)


class BM25Retriever(LexicalRetriever):
    """Chunks that BM25 ranks highest for a question.

    Scores are those of :class:`BM25Index`. A chunk that shares no term with the question is never returned, so fewer
    than ``k`` may come back. Options of one call: ``invoke(question, k=3, filter={"topic": "спорт"})``.

    Args:
        index: built from the terms of ``search_text`` of every chunk, in the order of ``chunks``.
        chunks: the chunk store; only chunks that are returned (or excluded by a filter) are read from it.
        analyzer: text to terms, the one the index was built with.
        k: how many chunks.
        filter: only chunks whose metadata match it (see :mod:`retrievers.filters`); a call's own filter replaces it.
        component: key of this retriever's score and rank in the metadata.
    """

    index: SkipValidation[BM25Index] = Field(repr=False)
    component: str = "bm25"

    @classmethod
    def from_documents(
        cls,
        documents: Sequence[Document],
        *,
        analyzer: Callable[[str], list[str]] | None = None,
        options: BM25Options | None = None,
        k: int = 10,
    ) -> BM25Retriever:
        """Index ``documents`` by their :func:`~retrievers.documents.search_text`.

        >>> pages = [Document(page_content="Глубина Байкала 1642 м."), Document(page_content="Волга впадает в Каспий.")]
        >>> BM25Retriever.from_documents(pages).invoke("Какова глубина Байкала?")[0].page_content
        'Глубина Байкала 1642 м.'
        """
        analyzer = analyzer or Analyzer()
        index = BM25Index.build((analyzer(search_text(document)) for document in documents), options)
        return cls(index=index, chunks=documents, analyzer=analyzer, k=k)

    def search_weighted(self, weights: Mapping[str, float], k: int, where: Where | None = None) -> list[Document]:
        """The best ``k`` chunks for index terms that count ``weights`` times each, with scores and ranks."""
        return self.documents(self.best(self.index.weighted_scores(weights), k, where))

    def _index(self) -> BM25Index:
        return self.index
