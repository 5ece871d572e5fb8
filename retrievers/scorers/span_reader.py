"""The relevance that a span reader gives with its answers, as the scorer of a compressor."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document

from retrievers.span_reader.model import Runtime, SpanReaderModel, load_span_reader
from retrievers.span_reader.windows import Passage


class SpanReaderScorer(BaseCrossEncoder):
    """Relevance of passages by a model that reads them, too.

    Scores are raw logits: any real number, higher is better. A long passage counts as its most relevant window. What
    the model says about the spans of a passage is kept with it: a generator over the same model
    (:class:`generators.span_reader.SpanReader`) finds the passages that were reranked already read.

    Args:
        model: hub name of a downloaded model, or a folder.
        revision: commit, tag or branch of a hub model.
        runtime: what runs it.
        device: of torch: ``"cpu"``, ``"cuda"``, … or None for the best one at hand.
        max_length: tokens of question and passage together; at most what the model was trained with.
        batch_size: windows computed at once.
        threads: of ONNX Runtime; None lets it choose.
    """

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        runtime: Runtime = Runtime.AUTO,
        device: str | None = None,
        max_length: int | None = None,
        batch_size: int = 16,
        threads: int | None = None,
    ) -> None:
        self.name = model
        self._batch_size = batch_size
        self._load = functools.partial(
            load_span_reader,
            model,
            revision=revision,
            runtime=runtime,
            device=device,
            max_length=max_length,
            threads=threads,
        )

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """One score a pair, in the order of the pairs.

        Raises:
            MissingExtraError: the model needs torch, and the extra ``hf`` is not installed.
            ModelUnavailableError: the model is not on this machine, damaged, or no span reader.
        """
        scores = [0.0] * len(text_pairs)
        for question in dict.fromkeys(question for question, _ in text_pairs):
            rows = [row for row, (asked, _) in enumerate(text_pairs) if asked == question]
            passages = [Passage(text_pairs[row][1]) for row in rows]
            for row, score in zip(rows, self._scores(question, passages), strict=True):
                scores[row] = score
        return scores

    def score_documents(self, question: str, documents: Sequence[Document]) -> list[float]:
        """One score a document, in the order given; raises as :meth:`score` does."""
        return self._scores(question, [Passage.of(document) for document in documents])

    def _scores(self, question: str, passages: list[Passage]) -> list[float]:
        return [logits.relevance for logits in self._model.read(question, passages, batch_size=self._batch_size)]

    @functools.cached_property
    def _model(self) -> SpanReaderModel:
        return self._load()
