"""TF-IDF with cosine similarity, the baseline of the field, fitted by scikit-learn on our own terms."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, SkipValidation, ValidationError

from retrievers.analysis import Analyzer
from retrievers.documents import search_text
from retrievers.errors import InputError
from retrievers.files import load_json
from retrievers.lexical import LexicalRetriever, Postings, unique_columns
from retrievers.selection import Rows, Scores, best_rows


class TfidfOptions(BaseModel):
    """Weights of TF-IDF.

    Args:
        sublinear_tf: count a term that stands n times as 1 + ln n.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sublinear_tf: bool = True


_MATRIX = "tfidf.npz"
_VOCABULARY = "tfidf.json"


@dataclass(frozen=True, slots=True)
class TfidfIndex:
    """Unit vectors of a collection of term lists, as an inverted file.

    A score is the cosine of question and row in [0, 1], the question's terms outside of the vocabulary left out.

    Args:
        options: how the weights were computed.
        vocabulary: column of every term.
        postings: weights of the unit vectors.
        idf: smooth inverse document frequencies (scikit-learn's), array of shape (n_terms,).
    """

    options: TfidfOptions
    vocabulary: dict[str, int] = field(repr=False)
    postings: Postings = field(repr=False)
    idf: NDArray[np.float64] = field(repr=False)

    @classmethod
    def build(cls, terms: Iterable[Iterable[str]], options: TfidfOptions | None = None) -> TfidfIndex:
        """Index one term list a row; ``terms`` is read once."""
        from scipy.sparse import csr_matrix
        from sklearn.feature_extraction.text import TfidfTransformer

        options = options or TfidfOptions()
        vocabulary: dict[str, int] = {}
        columns: list[int] = []
        values: list[int] = []
        ends = [0]
        for row in terms:
            counts = Counter(vocabulary.setdefault(term, len(vocabulary)) for term in row)
            columns.extend(counts)
            values.extend(counts.values())
            ends.append(len(columns))
        n_rows = len(ends) - 1
        if not vocabulary:  # scikit-learn refuses an empty matrix
            postings = Postings(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(1, np.int64), n_rows)
            return cls(options, vocabulary, postings, np.zeros(0))
        counted = csr_matrix((np.asarray(values, np.float64), columns, ends), shape=(n_rows, len(vocabulary)))
        transformer = TfidfTransformer(sublinear_tf=options.sublinear_tf)
        matrix = transformer.fit_transform(counted).tocsc()
        matrix.sort_indices()
        postings = Postings(
            weights=matrix.data.astype(np.float32),
            rows=matrix.indices.astype(np.int32),
            starts=matrix.indptr.astype(np.int64),
            n_rows=n_rows,
        )
        return cls(options, vocabulary, postings, np.asarray(transformer.idf_, np.float64))

    def __len__(self) -> int:
        """Number of rows."""
        return self.postings.n_rows

    def scores(self, terms: Sequence[str]) -> Scores:
        """Cosines of all rows with the query, array of shape (n_rows,)."""
        columns = unique_columns(terms, self.vocabulary)
        if not columns:
            return np.zeros(len(self), np.float32)
        counts = np.fromiter(columns.values(), np.float64)
        frequencies = 1 + np.log(counts) if self.options.sublinear_tf else counts
        weights = frequencies * self.idf[list(columns)]
        weights /= np.linalg.norm(weights)
        return self.postings.accumulate(list(zip(columns, weights.tolist(), strict=True)))

    def top(self, terms: Sequence[str], k: int) -> tuple[Rows, Scores]:
        """Rows of the ``k`` best cosines and the cosines, best first; equal ones in row order, zeros left out."""
        scores = self.scores(terms)
        rows = best_rows(scores, k)
        return rows, scores[rows]

    def save(self, folder: Path) -> None:
        """Write the index into ``folder`` as one npz of arrays and one JSON file. No pickle."""
        folder.mkdir(parents=True, exist_ok=True)
        postings = self.postings
        np.savez(folder / _MATRIX, weights=postings.weights, rows=postings.rows, starts=postings.starts, idf=self.idf)
        values = {"options": self.options.model_dump(), "n_rows": len(self), "vocabulary": self.vocabulary}
        (folder / _VOCABULARY).write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> TfidfIndex:
        """Open a saved index.

        Raises:
            InputError: a file is missing, damaged or does not fit the other.
        """
        values = load_json(folder / _VOCABULARY)
        try:
            # np.load leaves a damaged archive open when it opens the file itself
            with (folder / _MATRIX).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                postings = Postings(arrays["weights"], arrays["rows"], arrays["starts"], int(values["n_rows"]))
                index = cls(TfidfOptions(**values["options"]), values["vocabulary"], postings, arrays["idf"])
        except (OSError, EOFError, KeyError, TypeError, ValueError, ValidationError, zipfile.BadZipFile) as error:
            raise InputError(f"expected a TF-IDF index in {folder}, got: {error}") from error
        if not len(index.vocabulary) == len(index.idf) == len(index.postings.starts) - 1:
            raise InputError(
                f"TF-IDF index in {folder} is damaged: {len(index.vocabulary)} terms, {len(index.idf)} idfs"
            )
        return index


class TfidfRetriever(LexicalRetriever):
    """Chunks whose TF-IDF vectors have the highest cosine with the question's.

    Options, filters and what is returned are those of :class:`~retrievers.bm25.BM25Retriever`.

    Args:
        index: built from the terms of ``search_text`` of every chunk, in the order of ``chunks``.
        chunks: the chunk store.
        analyzer: text to terms, the one the index was built with.
        k: how many chunks.
        filter: only chunks whose metadata match it; a call's own filter replaces it.
        component: key of this retriever's score and rank in the metadata.
    """

    index: SkipValidation[TfidfIndex] = Field(repr=False)
    component: str = "tfidf"

    @classmethod
    def from_documents(
        cls,
        documents: Sequence[Document],
        *,
        analyzer: Callable[[str], list[str]] | None = None,
        options: TfidfOptions | None = None,
        k: int = 10,
    ) -> TfidfRetriever:
        """Index ``documents`` by their :func:`~retrievers.documents.search_text`."""
        analyzer = analyzer or Analyzer()
        index = TfidfIndex.build((analyzer(search_text(document)) for document in documents), options)
        return cls(index=index, chunks=documents, analyzer=analyzer, k=k)

    def _index(self) -> TfidfIndex:
        return self.index
