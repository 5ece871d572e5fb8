"""The offline encoder: a text is the weighted mean of its lemmas' vectors, seen through a trained projection.

Four steps, each measured on questions over Russian Wikipedia (``benchmarks/retrieval.py``):

1. Every lemma has the unit navec vector; a small random part of its own is added, so that a word is nearest to itself.
   A word that navec lacks (a rare name, most of all) has the random part alone: it still meets its own occurrences.
2. A text is the sum over its lemmas, weighted by idf in the corpus, and by what training found each word to be worth.
3. The corpus mean is taken out.
4. The result is projected and has length 1. The projection was trained so that questions meet the passages that answer
   them (``training/static_encoder.py``); its leading columns are an encoder of fewer dimensions. In its place the
   corpus's own principal directions can be taken, scaled by ``variance ** (-dampening / 2)``: the few that all texts
   share count less (the idea of "all-but-the-top", Mu and Viswanath 2018, arXiv:1702.01417, and of whitening, Su et al.
   2021, arXiv:2103.15316, in between the two).
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from retrievers.analysis import Analyzer
from retrievers.errors import InputError
from retrievers.word_vectors import WordVectors, word_vectors

Array = NDArray[np.float32]
Item = TypeVar("Item")

_INT8 = 127
_STATE = "static.npz"
_TERMS = "terms.json"
_BATCH = 4096  # texts encoded at once; bounds memory, not results
_LEAST_VARIANCE = 1e-3  # of the largest: directions a small corpus hardly varies in are not blown up by the scaling


class Projection(StrEnum):
    """Where the directions of a text's vector come from."""

    TRAINED = "trained"  # on questions with their passages; ships with the package
    CORPUS = "corpus"  # principal directions of the corpus itself


class StaticOptions(BaseModel):
    """How vectors of texts are made from vectors of words.

    Args:
        projection: trained, or of the corpus.
        dimension: of the text vectors: at most 300, and at most 256 with the trained projection.
        dampening: 0 keeps the variance of the corpus's directions, 1 makes them equal; the trained ones have their own.
        identity: length of the random part of a word's vector beside its unit navec vector.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    projection: Projection = Projection.TRAINED
    dimension: int = Field(default=256, ge=1, le=300)
    dampening: float = Field(default=0.5, ge=0.0, le=1.0)
    identity: float = Field(default=0.3, ge=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class StaticWeights:
    """What training gives the encoder; made by ``python -m training.static_encoder``.

    Args:
        projection: shape (300, dimensions); leading columns first, in the sense of Matryoshka representations.
        importance: log of what a word counts beside its idf, by its row in navec's vocabulary, shape (n_words,).
    """

    projection: Array
    importance: Array

    def save(self, path: Path) -> None:
        """Write as int8: one scale a column of the projection, one for all importances (``.npz``, no pickle)."""
        columns = np.abs(self.projection).max(axis=0) / _INT8
        step = max(float(np.abs(self.importance).max()), 1e-9) / _INT8
        np.savez_compressed(
            path,
            projection=np.rint(self.projection / columns).astype(np.int8),
            columns=columns.astype(np.float32),
            importance=np.rint(self.importance / step).astype(np.int8),
            step=np.float32(step),
            allow_pickle=False,
        )

    @classmethod
    def load(cls, path: Path) -> StaticWeights:
        """Read what :meth:`save` wrote.

        Raises:
            InputError: the file is missing, damaged, or of another vocabulary.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                projection = arrays["projection"].astype(np.float32) * arrays["columns"]
                importance = arrays["importance"].astype(np.float32) * arrays["step"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise InputError(f"weights of the static encoder in {path} do not open: {error}") from error
        vectors = word_vectors()
        if projection.ndim != 2 or len(projection) != vectors.dimension or importance.shape != (len(vectors),):
            raise InputError(f"weights of the static encoder in {path} are not for the word vectors installed")
        return cls(projection.astype(np.float32), importance.astype(np.float32))


def weights_path() -> Path:
    """File of the weights shipped with the package."""
    return Path(str(resources.files("retrievers").joinpath("encoders/data/static_encoder.npz")))


@functools.cache
def trained_weights() -> StaticWeights:
    """The weights shipped with the package."""
    return StaticWeights.load(weights_path())


class StaticEmbeddings(Embeddings):
    """Text vectors without a neural network, fitted to a corpus; build with :meth:`fit`, reopen with :meth:`load`.

    Vectors have length 1, so their dot product is the cosine. A text without any word has the zero vector, whose
    cosine with everything is 0.

    Args:
        options: the vectors were fitted with.
        frequencies: number of corpus texts that hold each lemma.
        texts: number of corpus texts.
        mean: of the corpus texts' sums, shape (300,).
        weights: projection of shape (300, dimension), and importance of words.
    """

    def __init__(
        self, options: StaticOptions, frequencies: dict[str, int], texts: int, mean: Array, weights: StaticWeights
    ) -> None:
        self.options = options
        self._frequencies = frequencies
        self._texts = texts
        self._mean = mean
        self._projection = weights.projection
        self._importance = weights.importance
        self._analyzer = Analyzer()

    @classmethod
    def fit(
        cls, texts: Iterable[str], options: StaticOptions | None = None, *, weights: StaticWeights | None = None
    ) -> StaticEmbeddings:
        """Learn idf and mean from a corpus, and its directions where they are wanted (10 s for 40 000 passages).

        Args:
            texts: of the corpus.
            options: how vectors are made.
            weights: trained ones, in place of those shipped.

        Raises:
            InputError: no text has a word, or ``options`` ask for more dimensions than there are.
        """
        options = options or StaticOptions()
        counted = count_lemmas(texts)
        if not counted:
            raise InputError("the static encoder needs at least one text with words to be fitted to")
        frequencies = dict(Counter(itertools.chain.from_iterable(counted)))
        if options.projection is Projection.CORPUS:
            mean, weights = _corpus_directions(options, counted, frequencies)
            return cls(options, frequencies, len(counted), mean, weights)
        weights = _leading(weights or trained_weights(), options.dimension)
        plain = cls(options, frequencies, len(counted), np.zeros(len(weights.projection), np.float32), weights)
        total = sum(plain._unit_sums(batch).astype(np.float64).sum(axis=0) for batch in _batches(counted, _BATCH))
        return cls(options, frequencies, len(counted), (total / len(counted)).astype(np.float32), weights)

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return int(self._projection.shape[1])

    @property
    def mean(self) -> Array:
        """Of the corpus texts' sums, shape (300,)."""
        return self._mean

    @property
    def projection(self) -> Array:
        """Directions of the vectors, shape (300, dimension)."""
        return self._projection

    @functools.cached_property
    def fingerprint(self) -> str:
        """Digest of everything that makes the vectors; encoders with equal ones are interchangeable."""
        digest = hashlib.sha256(self.options.model_dump_json().encode())
        digest.update(json.dumps([self._texts, sorted(self._frequencies.items())], ensure_ascii=False).encode())
        digest.update(self._mean.tobytes())
        digest.update(self._projection.tobytes())
        digest.update(self._importance.tobytes())
        return digest.hexdigest()

    def encode(self, texts: Sequence[str]) -> Array:
        """Vectors as an array of shape (len(texts), dimension), float32."""
        parts = [
            self._finish(self._unit_sums([Counter(self._analyzer(text)) for text in batch]))
            for batch in _batches(texts, _BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of passages."""
        return [[float(number) for number in vector] for vector in self.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Vector of a question, made as a passage's is."""
        return self.embed_documents([text])[0]

    def save(self, folder: Path) -> None:
        """Write the fitted state into ``folder``, made where it is missing. No pickle."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            folder / _STATE,
            mean=self._mean,
            projection=self._projection,
            importance=self._importance,
            allow_pickle=False,
        )
        state = {"options": self.options.model_dump(), "texts": self._texts, "frequencies": self._frequencies}
        (folder / _TERMS).write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> StaticEmbeddings:
        """Reopen a saved state.

        Raises:
            InputError: a file is missing or damaged.
        """
        try:
            state: dict[str, Any] = json.loads((folder / _TERMS).read_text(encoding="utf-8"))
            options = StaticOptions.model_validate(state["options"])
            with (folder / _STATE).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                # Indexes built before words had an importance have the corpus's own directions, and go on with them.
                importance = arrays["importance"] if "importance" in arrays else no_importance()
                mean, weights = arrays["mean"], StaticWeights(arrays["projection"], importance)
            _check_shapes(options, mean, weights)
            frequencies = {str(term): int(count) for term, count in state["frequencies"].items()}
            return cls(options, frequencies, int(state["texts"]), mean, weights)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile) as error:
            raise InputError(f"the static encoder in {folder} does not open ({error}); build the index anew") from error

    def _idf(self, term: str) -> float:
        frequency = self._frequencies.get(term, 0)
        return math.log1p((self._texts - frequency + 0.5) / (frequency + 0.5))

    def word_matrix(self, terms: Sequence[str]) -> Array:
        """Unit vectors of lemmas, their random parts included, shape (len(terms), 300)."""
        return _word_matrix(terms, self.options.identity, word_vectors())

    def word_weights(self, terms: Sequence[str]) -> Array:
        """What each lemma counts, shape (len(terms),): its idf, times its importance where navec knows it."""
        rows = word_vectors().rows(terms)
        importance = np.where(rows >= 0, self._importance[rows], 0.0)
        return np.asarray(np.array([self._idf(term) for term in terms]) * np.exp(importance), np.float32)

    def _unit_sums(self, counted: Sequence[Counter[str]]) -> Array:
        """Weighted sums of word vectors, of length 1 or 0, shape (len(counted), 300)."""
        columns = {term: column for column, term in enumerate(dict.fromkeys(itertools.chain.from_iterable(counted)))}
        words = self.word_matrix(list(columns))
        words *= self.word_weights(list(columns))[:, None]
        if len(counted) == 1:  # a question: spare it the import of scipy
            sums = np.array(list(counted[0].values()), np.float32)[None, :] @ words
        else:
            sums = _count_matrix(counted, columns) @ words
        return _units(np.asarray(sums, np.float32))

    def _finish(self, sums: Array) -> Array:
        has_words = sums.any(axis=1, keepdims=True)
        return _units(np.where(has_words, (sums - self._mean) @ self._projection, 0.0).astype(np.float32))


def count_lemmas(texts: Iterable[str]) -> list[Counter[str]]:
    """Lemmas of each text with their numbers; texts without a word are left out."""
    analyzer = Analyzer()
    return [counts for text in texts if (counts := Counter(analyzer(text)))]


def no_importance() -> Array:
    """Every word counts its idf alone, shape (n_words,)."""
    return np.zeros(len(word_vectors()), np.float32)


def _corpus_directions(
    options: StaticOptions, counted: Sequence[Counter[str]], frequencies: dict[str, int]
) -> tuple[Array, StaticWeights]:
    """Mean and principal directions of the corpus, the directions dampened."""
    dimension = word_vectors().dimension
    # The encoder so far, with nothing taken out: its sums are what the rest is learned from.
    identity = StaticWeights(np.eye(dimension, dtype=np.float32), no_importance())
    plain = StaticEmbeddings(options, frequencies, len(counted), np.zeros(dimension, np.float32), identity)
    total, moment = np.zeros(dimension), np.zeros((dimension, dimension))
    for batch in _batches(counted, _BATCH):
        sums = plain._unit_sums(batch).astype(np.float64)
        total += sums.sum(axis=0)
        moment += sums.T @ sums
    mean = total / len(counted)
    variances, directions = np.linalg.eigh(moment / len(counted) - np.outer(mean, mean))  # ascending
    variances, directions = variances[::-1][: options.dimension], directions[:, ::-1][:, : options.dimension]
    largest = float(variances[0]) if variances[0] > 0 else 1.0  # one text varies in no direction
    scale = np.maximum(variances / largest, _LEAST_VARIANCE) ** (-options.dampening / 2)
    return mean.astype(np.float32), StaticWeights((directions * scale).astype(np.float32), no_importance())


def _leading(weights: StaticWeights, dimension: int) -> StaticWeights:
    there = weights.projection.shape[1]
    if dimension > there:
        raise InputError(f"dimension {dimension}: the trained projection has {there}; ask for at most that many")
    return StaticWeights(weights.projection[:, :dimension], weights.importance)


def _check_shapes(options: StaticOptions, mean: Array, weights: StaticWeights) -> None:
    vectors = word_vectors()
    expected = (vectors.dimension, options.dimension)
    if mean.shape != expected[:1] or weights.projection.shape != expected:
        raise ValueError(f"expected a projection of shape {expected}, got {weights.projection.shape}")
    if weights.importance.shape != (len(vectors),):
        raise ValueError(f"expected {len(vectors)} importances, got {weights.importance.shape}")


def _word_matrix(terms: Sequence[str], identity: float, vectors: WordVectors) -> Array:
    """Unit vectors of words, shape (len(terms), 300)."""
    known = vectors.units(terms)
    own = np.stack([_own_part(term, vectors.dimension) for term in terms]) if terms else known
    weight = np.where(known.any(axis=1, keepdims=True), identity, 1.0).astype(np.float32)
    return _units(known + weight * own)


@functools.lru_cache(maxsize=50_000)
def _own_part(term: str, dimension: int) -> Array:
    """Random unit vector that depends on the word alone: the signs are bits of its hash, the same everywhere."""
    digest = hashlib.blake2b(term.encode()).digest()  # 512 bits
    bits = np.unpackbits(np.frombuffer(digest, np.uint8))[:dimension]
    return ((2.0 * bits - 1.0) / math.sqrt(dimension)).astype(np.float32)


def _count_matrix(counted: Sequence[Counter[str]], columns: dict[str, int]) -> Any:
    from scipy.sparse import csr_matrix

    rows = np.repeat(np.arange(len(counted)), [len(counts) for counts in counted])
    places = [columns[term] for counts in counted for term in counts]
    values = np.array([count for counts in counted for count in counts.values()], np.float32)
    return csr_matrix((values, (rows, places)), shape=(len(counted), len(columns)))


def _units(vectors: Array) -> Array:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1.0), np.float32)


def _batches(items: Sequence[Item], size: int) -> Iterable[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
