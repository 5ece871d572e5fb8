"""What the light scorer looks at: how well a passage answers a question, as numbers.

All features are functions of the question, the passages and the corpus' idf; none depends on the order in which the
passages come, so the scorer can rerank the hits of any retriever.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from langchain_core.documents import Document

from retrievers.analysis import Analyzer, fold, lemma, words
from retrievers.documents import doc_id_of
from retrievers.word_vectors import WordVectors

FEATURES = (
    "bm25",  # BM25 of title, headings and body together
    "bm25_body",  # BM25 of the body alone
    "coverage",  # share of the question's terms, weighted by idf, anywhere in the passage
    "coverage_body",  # … in the body
    "coverage_title",  # … in the title
    "coverage_headings",  # … in the heading path
    "title_precision",  # share of the title's terms that the question names
    "names",  # share of the question's capitalised and numeric terms that the passage has
    "window",  # coverage by the best stretch of _WINDOW terms, a term of the title counted wherever it stands
    "soft",  # coverage where a term may be matched by the nearest word of the body, by cosine
    "soft_window",  # the same within the best stretch
    "cosine",  # cosine of the idf-weighted mean vectors of question and body
    "bigrams",  # share of the question's term pairs that stand side by side in the body
    "verbs",  # share of the question's verbs in the body
    "document_best",  # the best bm25 of the candidates from the same document, over the best of all
    "document_total",  # their sum, over the best of all
    "document_rank",  # rank of the document among the candidates' documents, from 0, logarithm of 1 + it
    "lead",  # 1 for the first chunk of its document
    "position",  # logarithm of 1 + chunk index
    "length",  # logarithm of 1 + characters of the body
    "definition",  # share of the title's terms among the first words of the body: «X — это …»
    "dates",  # dates in the body where the question asks for a time, at most _ENOUGH
    "numbers",  # numbers, where it asks for a quantity
    "persons",  # capitalised words, where it asks for a person
    "places",  # capitalised words, where it asks for a place
)

_WINDOW = 18  # terms, about one sentence
_SIMILAR = 0.35  # below this cosine two words of news text are not related
_ENOUGH = 5
_K1, _B = 1.2, 0.5

# What a question asks for, by its folded text, and what the passage must then show.
_ASKED = {
    "dates": re.compile(r"\b(когда|год[ауе]?|дат[аеуы]|век[ае]?|день|числа)\b"),
    "numbers": re.compile(
        r"\b(сколько|насколько|каков\w*|количеств\w+|процент\w*|высот\w|длин\w|ширин\w|глубин\w|площад\w+|температур\w"
        r"|возраст\w*|вес|масс\w|скорост\w+|населени\w)\b"
    ),
    "persons": re.compile(r"\b(кто|кого|кому|кем|чей|чья|чье|чьи|звали|зовут|имя|автор\w*|фамили\w)\b"),
    "places": re.compile(
        r"\b(где|куда|откуда|город\w*|стран\w*|столиц\w|област\w+|остров\w*|рек[аеиу]|мест[аео]|государств\w+)\b"
    ),
}
_SHOWN = {
    "dates": re.compile(r"\b(?:1\d{3}|20\d\d)\b|\bвек"),
    "numbers": re.compile(r"\d+"),
    "persons": re.compile(r"(?<=[а-яё,«(—–\-] )[А-ЯЁ][а-яё]+"),
    "places": re.compile(r"(?<=[а-яё,«(—–\-] )[А-ЯЁ][а-яё]+"),
}
_NAME = re.compile(r"(?<!^)\b[А-ЯЁA-Z][\w-]*|\d+")
_VERB_ENDINGS = ("ть", "ться", "ти", "тись", "чь")


@dataclass(slots=True)
class _Question:
    """A question's terms with their weights, shapes as stated."""

    terms: list[str]  # (n_terms,), each once
    weights: np.ndarray  # (n_terms,), idf over their sum
    idf: np.ndarray  # (n_terms,)
    units: np.ndarray  # (n_terms, dimension)
    mean: np.ndarray  # (dimension,), unit length or 0
    is_name: np.ndarray  # (n_terms,), bool
    is_verb: np.ndarray  # (n_terms,), bool
    bigrams: set[tuple[str, str]]
    asked: dict[str, bool]


@dataclass(slots=True)
class _Passage:
    document: Document
    body: list[str]
    title: set[str]
    headings: set[str]
    all_terms: Counter[str] = field(default_factory=Counter)


def passage_features(
    question: str,
    documents: Sequence[Document],
    *,
    analyzer: Analyzer,
    idf: Callable[[str], float],
    vectors: WordVectors,
) -> np.ndarray:
    """Features of every passage for one question.

    Args:
        question: as asked.
        documents: candidate chunks, in any order.
        analyzer: question and passage to terms.
        idf: inverse document frequency of a term in the corpus, at least 0.
        vectors: meaning of words.

    Returns:
        Array of shape (len(documents), len(FEATURES)), float64, finite.
    """
    asked = _analyze_question(question, analyzer, idf, vectors)
    passages = [_analyze_passage(document, analyzer) for document in documents]
    if not passages:
        return np.zeros((0, len(FEATURES)))
    vocabulary = {term: column for column, term in enumerate(dict.fromkeys(t for p in passages for t in p.body))}
    units = vectors.units(list(vocabulary))  # (vocabulary, dimension)
    similar = asked.units @ units.T if len(vocabulary) else np.zeros((len(asked.terms), 0))  # (n_terms, vocabulary)
    similar[similar < _SIMILAR] = 0.0
    for row, term in enumerate(asked.terms):
        if (column := vocabulary.get(term)) is not None:
            similar[row, column] = 1.0
    idfs = np.array([idf(term) for term in vocabulary])
    average = np.mean([len(p.body) for p in passages]) or 1.0
    values = np.zeros((len(passages), len(FEATURES)))
    for row, passage in enumerate(passages):
        columns = np.array([vocabulary[term] for term in passage.body], dtype=np.intp)
        values[row] = _one(asked, passage, similar[:, columns], units[columns], idfs[columns], float(average))
    _add_document_features(values, documents)
    return values


def _analyze_question(
    question: str, analyzer: Analyzer, idf: Callable[[str], float], vectors: WordVectors
) -> _Question:
    sequence = analyzer(question)
    terms = list(dict.fromkeys(sequence))
    idfs = np.array([idf(term) for term in terms])
    rarest = idfs.max(initial=0.0) or 1.0
    idfs = np.where(idfs > 0, idfs, rarest)  # a term the corpus lacks matters as much as the rarest it has
    units = vectors.units(terms)
    names = {lemma(word) for name in _NAME.findall(question) for word in words(name)}
    folded = fold(question)
    return _Question(
        terms=terms,
        weights=idfs / idfs.sum() if terms else idfs,
        idf=idfs,
        units=units,
        mean=_unit((units * idfs[:, None]).sum(axis=0)),
        is_name=np.array([term in names for term in terms], dtype=bool),
        is_verb=np.array([term.endswith(_VERB_ENDINGS) for term in terms], dtype=bool),
        bigrams=set(itertools.pairwise(sequence)),
        asked={kind: bool(pattern.search(folded)) for kind, pattern in _ASKED.items()},
    )


def _analyze_passage(document: Document, analyzer: Analyzer) -> _Passage:
    body = analyzer(document.page_content)
    title = analyzer(str(document.metadata.get("title", "")))
    headings = analyzer(str(document.metadata.get("headings", "")))
    return _Passage(document, body, set(title), set(headings), Counter(body) + Counter(title) + Counter(headings))


def _one(
    asked: _Question,
    passage: _Passage,
    similar: np.ndarray,  # (n_terms, body terms), 1 where equal
    units: np.ndarray,  # (body terms, dimension)
    idfs: np.ndarray,  # (body terms,)
    average: float,
) -> list[float]:
    body = Counter(passage.body)
    in_body = np.array([term in body for term in asked.terms], dtype=bool)
    in_title = np.array([term in passage.title for term in asked.terms], dtype=bool)
    in_headings = np.array([term in passage.headings for term in asked.terms], dtype=bool)
    anywhere = in_body | in_title | in_headings
    window, soft_window = _best_window(asked.weights, similar, in_title)
    text = passage.document.page_content
    index = int(passage.document.metadata.get("chunk_index", 1))
    return [
        _bm25(asked, passage.all_terms, average),
        _bm25(asked, body, average),
        float(asked.weights @ anywhere),
        float(asked.weights @ in_body),
        float(asked.weights @ in_title),
        float(asked.weights @ in_headings),
        _share(len(passage.title & set(asked.terms)), len(passage.title)),
        _share(float(asked.idf @ (anywhere & asked.is_name)), float(asked.idf @ asked.is_name)),
        window,
        float(asked.weights @ similar.max(axis=1, initial=0.0)),
        soft_window,
        float(asked.mean @ _unit((units * idfs[:, None]).sum(axis=0))),
        _share(len(asked.bigrams & set(itertools.pairwise(passage.body))), len(asked.bigrams)),
        _share(int((in_body & asked.is_verb).sum()), int(asked.is_verb.sum())),
        0.0,  # the three features of the document are filled in over all candidates
        0.0,
        0.0,
        float(index == 0),
        float(np.log1p(index)),
        float(np.log1p(len(text))),
        _share(len(passage.title & set(passage.body[: 2 * len(passage.title) + 2])), len(passage.title)),
        *(
            float(min(_ENOUGH, len(pattern.findall(text)))) if asked.asked[kind] else 0.0
            for kind, pattern in _SHOWN.items()
        ),
    ]


def _best_window(weights: np.ndarray, similar: np.ndarray, in_title: np.ndarray) -> tuple[float, float]:
    """Exact and soft coverage of the best stretch of :data:`_WINDOW` terms; both in [0, 1]."""
    n_terms, length = similar.shape
    if not n_terms or not length:
        return 0.0, 0.0
    starts = range(0, max(1, length - _WINDOW // 2), _WINDOW // 3)
    best = np.stack([similar[:, start : start + _WINDOW].max(axis=1) for start in starts])  # (windows, n_terms)
    exact = (best >= 1.0) | in_title
    soft = np.where(in_title, np.maximum(best, 0.5), best)
    return float((exact @ weights).max()), float((soft @ weights).max())


def _add_document_features(values: np.ndarray, documents: Sequence[Document]) -> None:
    scores: dict[str, list[float]] = {}
    for document, score in zip(documents, values[:, FEATURES.index("bm25")], strict=True):
        scores.setdefault(doc_id_of(document), []).append(float(score))
    top = max(max(own) for own in scores.values()) or 1.0
    bests = sorted((max(own) for own in scores.values()), reverse=True)
    at = FEATURES.index("document_best")
    for row, document in enumerate(documents):
        own = scores[doc_id_of(document)]
        values[row, at : at + 3] = max(own) / top, sum(own) / top, np.log1p(bests.index(max(own)))


def _bm25(asked: _Question, counts: Counter[str], average: float) -> float:
    frequency = np.array([counts[term] for term in asked.terms], dtype=float)
    norm = _K1 * (1 - _B + _B * counts.total() / average)
    return float(asked.idf @ (frequency * (_K1 + 1) / (frequency + norm)))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _unit(vector: np.ndarray) -> np.ndarray:
    norm = float(np.linalg.norm(vector))
    return vector / norm if norm else vector
