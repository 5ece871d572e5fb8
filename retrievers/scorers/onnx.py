"""Exported cross-encoders by ONNX Runtime and tokenizers: no torch, no transformers."""

from __future__ import annotations

import functools

from langchain_core.cross_encoders import BaseCrossEncoder

from retrievers.checkpoints import read_json
from retrievers.encoders.recipes import own_limit
from retrievers.errors import InputError
from retrievers.onnx_session import ExportedModel, find_export, load_export
from retrievers.scorers.logits import labels_of, relevance

_FEATURE = "an exported cross-encoder"


class OnnxScorer(BaseCrossEncoder):
    """Relevance of (question, passage) pairs by an exported sequence classifier.

    Scores are raw logits: any real number, higher is better, comparable between questions of one model; those of two
    labels become the difference of "relevant" and "not". The folder holds ``model.onnx`` (or ``onnx/model.onnx``),
    ``tokenizer.json`` and ``config.json``; the graph's first output has shape (batch, labels).

    Args:
        model: the folder, the graph in it, or the hub name of a downloaded model with an export in it.
        revision: of a hub model.
        max_length: tokens of question and passage together, the longer is cut first; at most what the model takes.
        batch_size: pairs scored at once; they are sorted by length.
        probabilities: give the sigmoid of the logit instead, in [0, 1].
        threads: of ONNX Runtime; None lets it choose.
    """

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        max_length: int = 512,
        batch_size: int = 32,
        probabilities: bool = False,
        threads: int | None = None,
    ) -> None:
        if max_length < 8:
            raise InputError(f"expected max_length ≥ 8, got {max_length}")
        self.name = model
        self._revision = revision
        self._max_length = max_length
        self._batch_size = batch_size
        self._probabilities = probabilities
        self._threads = threads

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """One score a pair, in the order of the pairs.

        Raises:
            ModelUnavailableError: the export is missing, damaged, or no scorer of pairs.
        """
        export = self._export
        order = sorted(range(len(text_pairs)), key=lambda index: -sum(map(len, text_pairs[index])))
        scores = [0.0] * len(text_pairs)
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            logits, _ = export.run([text_pairs[index] for index in batch])
            for index, score in zip(batch, relevance(logits, probabilities=self._probabilities), strict=True):
                scores[index] = score
        return scores

    @functools.cached_property
    def _export(self) -> ExportedModel:
        folder, graph = find_export(self.name, self._revision, feature=_FEATURE)
        labels_of(self.name, read_json(folder / "config.json"))
        length = min(self._max_length, own_limit(folder) or self._max_length)
        return load_export(folder, graph, max_length=length, threads=self._threads)
