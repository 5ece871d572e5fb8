from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence

import pytest
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document
from pydantic import ValidationError

from retrievers.cross_encoder import CrossEncoderCompressor, DocumentScorer
from retrievers.errors import ToolkitError


class Scoring(BaseCrossEncoder):
    """Scores pairs by a function of the passage and remembers the batches."""

    def __init__(self, score: Callable[[str], float]) -> None:
        self.function = score
        self.batches: list[list[tuple[str, str]]] = []
        self.threads: set[threading.Thread] = set()

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        self.batches.append(text_pairs)
        self.threads.add(threading.current_thread())
        return [self.function(passage) for _, passage in text_pairs]


class ByBatch(BaseCrossEncoder):
    """A broken model: returns what it was built with."""

    model_name = "сломанная"

    def __init__(self, scores: list[float]) -> None:
        self.scores = scores

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        return self.scores


class ByMetadata:
    """A scorer that needs whole documents."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, list[Document]]] = []

    def score_documents(self, question: str, documents: Sequence[Document]) -> list[float]:
        self.seen.append((question, list(documents)))
        return [float(document.metadata["scores"]["bm25"]) for document in documents]


def chunk(text: str, **metadata: object) -> Document:
    name = str(metadata.pop("name", text))
    return Document(id=name, page_content=text, metadata={"chunk_id": name, **metadata})


CHUNKS = [chunk("река"), chunk("море и озеро"), chunk("лес"), chunk("поле")]


def texts(documents: Sequence[Document]) -> list[str]:
    return [document.page_content for document in documents]


def test_orders_by_score_and_keeps_it() -> None:
    found = CrossEncoderCompressor(model=Scoring(len)).compress_documents(CHUNKS, "вопрос")
    assert texts(found) == ["море и озеро", "река", "поле", "лес"]  # equal ones in the order given
    assert [document.metadata["scores"]["cross_encoder"] for document in found] == [12, 4, 4, 3]
    assert [document.metadata["ranks"]["cross_encoder"] for document in found] == [1, 2, 3, 4]


def test_pairs_are_question_and_search_text() -> None:
    model = Scoring(len)
    document = chunk("Глубина 1642 м.", title="Байкал", headings="География")
    CrossEncoderCompressor(model=model).compress_documents([document], "Какова глубина?")
    assert model.batches == [[("Какова глубина?", "Байкал\nГеография\nГлубина 1642 м.")]]


def test_batches_hold_passages_of_like_length_and_give_the_same_scores() -> None:
    chunks = [chunk("слово " * (1 + row * 7 % 11), name=str(row)) for row in range(11)]
    batched, whole = Scoring(lambda passage: math.sin(len(passage))), Scoring(lambda passage: math.sin(len(passage)))
    first = CrossEncoderCompressor(model=batched, batch_size=3).compress_documents(chunks, "?")
    second = CrossEncoderCompressor(model=whole, batch_size=100).compress_documents(chunks, "?")
    assert first == second
    assert [len(batch) for batch in batched.batches] == [3, 3, 3, 2]
    lengths = [len(passage) for batch in batched.batches for _, passage in batch]
    assert lengths == sorted(lengths, reverse=True)
    for document in first:
        assert document.metadata["scores"]["cross_encoder"] == math.sin(len(document.page_content))


@pytest.mark.parametrize(
    ("top_n", "threshold", "expected"),
    [
        (2, None, ["море и озеро", "река"]),
        (None, 4, ["море и озеро", "река", "поле"]),
        (2, 4, ["море и озеро", "река"]),
        (3, 12, ["море и озеро"]),
        (1, 13, []),
        (9, None, ["море и озеро", "река", "поле", "лес"]),
    ],
)
def test_threshold_drops_first_then_top_n_cuts(top_n: int | None, threshold: float | None, expected: list[str]) -> None:
    compressor = CrossEncoderCompressor(model=Scoring(len), top_n=top_n, threshold=threshold)
    assert texts(compressor.compress_documents(CHUNKS, "?")) == expected


def test_max_length_cuts_at_white_space() -> None:
    model = Scoring(len)
    compressor = CrossEncoderCompressor(model=model, max_length=8)
    compressor.compress_documents([chunk("море и озеро"), chunk("нескончаемое"), chunk("в озере!")], "?")
    assert sorted(passage for _, passage in model.batches[0]) == ["в озере!", "море и", "нескончае"[:8]]


def test_nothing_in_nothing_out_without_asking_the_model() -> None:
    model = Scoring(len)
    assert CrossEncoderCompressor(model=model).compress_documents([], "?") == []
    assert model.batches == []


def test_documents_given_are_left_as_they_are() -> None:
    before = [document.model_copy(deep=True) for document in CHUNKS]
    found = CrossEncoderCompressor(model=Scoring(len), component="light").compress_documents(CHUNKS, "?")
    assert before == CHUNKS
    assert all("light" in document.metadata["scores"] for document in found)


def test_a_document_scorer_gets_whole_documents_in_their_order() -> None:
    model = ByMetadata()
    chunks = [chunk(text, scores={"bm25": score}, ranks={"bm25": 1}) for text, score in (("а", 1.0), ("б" * 9, 7.0))]
    assert isinstance(model, DocumentScorer)
    found = CrossEncoderCompressor(model=model, batch_size=1).compress_documents(chunks, "вопрос")
    assert model.seen == [("вопрос", chunks)]
    assert found[0].metadata["scores"] == {"bm25": 7.0, "cross_encoder": 7.0}
    assert found[0].metadata["ranks"] == {"bm25": 1, "cross_encoder": 1}


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0, math.nan, 1.0, 1.0], r"сломанная gave 1 scores of 4 that are not finite \(nan\)"),
        ([1.0, math.inf, 1.0, -math.inf], "2 scores of 4"),
        ([1.0], "сломанная gave 1 scores for 4 documents"),
    ],
)
def test_broken_scores_are_named(scores: list[float], message: str) -> None:
    with pytest.raises(ToolkitError, match=message):
        CrossEncoderCompressor(model=ByBatch(scores)).compress_documents(CHUNKS, "?")


def test_array_scores_become_python_floats() -> None:
    import numpy as np

    model = Scoring(lambda passage: np.float32(len(passage)))  # type: ignore[arg-type, return-value]
    found = CrossEncoderCompressor(model=model).compress_documents(CHUNKS, "?")
    assert all(type(document.metadata["scores"]["cross_encoder"]) is float for document in found)


@pytest.mark.parametrize("options", [{"top_n": 0}, {"batch_size": 0}, {"threshold": math.nan}, {"topn": 3}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        CrossEncoderCompressor(model=Scoring(len), **options)


def test_something_else_than_a_model_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected a BaseCrossEncoder or a DocumentScorer"):
        CrossEncoderCompressor(model=len)


async def test_async_scores_off_the_loop_and_finds_the_same() -> None:
    model = Scoring(len)
    compressor = CrossEncoderCompressor(model=model, top_n=2)
    found = await compressor.acompress_documents(CHUNKS, "?", callbacks=[])
    assert threading.current_thread() not in model.threads
    assert found == compressor.compress_documents(CHUNKS, "?", callbacks=[])


def test_works_in_a_contextual_compression_retriever() -> None:
    from langchain_classic.retrievers import ContextualCompressionRetriever

    from retrievers.bm25 import BM25Retriever

    chain = ContextualCompressionRetriever(
        base_compressor=CrossEncoderCompressor(model=Scoring(lambda passage: -len(passage)), top_n=1),
        base_retriever=BM25Retriever.from_documents([chunk("река и море"), chunk("река")]),
    )
    (hit,) = chain.invoke("река")
    assert hit.page_content == "река"
    assert set(hit.metadata["scores"]) == {"bm25", "cross_encoder"}
