from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.documents import Document

from generators.base import ReadingTask
from generators.span_reader import SpanReader
from rag.components import build_compressor, build_generator
from retrievers.cross_encoder import CrossEncoderCompressor, DocumentScorer
from retrievers.errors import ModelUnavailableError
from retrievers.scorers.options import CompressorOptions
from retrievers.scorers.span_reader import SpanReaderScorer
from retrievers.span_reader.model import load_span_reader

DOCUMENTS = [
    Document("Байкал — самое глубокое озеро.", id="a_0", metadata={"chunk_id": "a_0", "title": "Байкал"}),
    Document("Волга впадает в Каспийское море. " * 4, id="b_0", metadata={"chunk_id": "b_0", "title": "Волга"}),
    Document("Роман написал Иван Гончаров.", id="c_0", metadata={"chunk_id": "c_0"}),
]
QUESTION = "Куда впадает Волга?"


@pytest.fixture
def folder(span_reader_folder) -> Path:
    return span_reader_folder


def test_scores_are_the_relevance_in_the_order_given(folder) -> None:
    scorer = SpanReaderScorer(str(folder))
    assert isinstance(scorer, DocumentScorer)
    scores = scorer.score_documents(QUESTION, DOCUMENTS)
    assert len(set(scores)) == 3
    assert scorer.score_documents(QUESTION, DOCUMENTS[::-1]) == scores[::-1]


def test_pairs_of_several_questions_are_scored_each_for_itself(folder) -> None:
    scorer = SpanReaderScorer(str(folder))
    pairs = [("Что?", "Рига"), ("Где?", "Рига"), ("Что?", "Тула")]
    scores = scorer.score(pairs)
    assert scores == pytest.approx([scorer.score([pair])[0] for pair in pairs], abs=1e-4)
    assert scores[0] != scores[1]
    assert scorer.score([]) == []


@pytest.mark.parametrize("kind", ["onnx", "huggingface"])
def test_the_compressor_takes_a_reader_by_its_folder(folder, kind) -> None:
    options = CompressorOptions(kind=kind, model=str(folder), device="cpu" if kind == "huggingface" else None)
    compressor = build_compressor(None, options)
    assert isinstance(compressor, CrossEncoderCompressor)
    ranked = compressor.compress_documents(DOCUMENTS, QUESTION)
    expected = SpanReaderScorer(str(folder)).score_documents(QUESTION, DOCUMENTS)
    assert [one.metadata["scores"]["cross_encoder"] for one in ranked] == pytest.approx(
        sorted(expected, reverse=True), abs=1e-4
    )


def test_what_the_compressor_computed_the_generator_does_not(folder, monkeypatch) -> None:
    from generators.options import GeneratorOptions

    model = load_span_reader(str(folder))
    compressor = build_compressor(None, CompressorOptions(kind="onnx", model=str(folder)))
    generator = build_generator(GeneratorOptions(kind="span", model=str(folder)))
    assert isinstance(generator, SpanReader)
    assert compressor is not None
    question = "Что осталось посчитать?"
    ranked = compressor.compress_documents(DOCUMENTS, question)

    def fail(*_: object) -> None:
        raise AssertionError("a pair was computed a second time")

    monkeypatch.setattr(model, "_compute", fail)
    assert generator.invoke(ReadingTask(question, tuple(ranked))).evidence
    with pytest.raises(AssertionError):
        generator.invoke(ReadingTask("Другой вопрос?", tuple(ranked)))


def test_a_missing_model_is_an_error_at_the_first_question(tmp_path) -> None:
    scorer = SpanReaderScorer(str(tmp_path / "none"))
    with pytest.raises(ModelUnavailableError, match="there is no folder"):
        scorer.score([("Что?", "Рига")])
