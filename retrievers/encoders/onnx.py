"""Exported bi-encoders by ONNX Runtime and tokenizers: no torch, no transformers."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from typing_extensions import override

from retrievers.checkpoints import read_json, weights_fingerprint
from retrievers.encoders.recipes import PoolingMode, Recipe, read_recipe
from retrievers.errors import InputError, ModelUnavailableError
from retrievers.onnx_session import ExportedModel, find_export, load_export

_DEFAULT_LENGTH = 512
_FEATURE = "an exported encoder"


class OnnxEncoder(Embeddings):
    """Vectors of an exported bi-encoder, of length 1.

    The folder holds ``model.onnx`` (or ``onnx/model.onnx``), ``tokenizer.json`` and the configuration files of the
    model it was exported from, which name its prefixes and pooling. The graph gives token vectors, shape (batch,
    tokens, dim), that are pooled here, or sentence vectors, shape (batch, dim). Batches hold texts of similar length.

    Args:
        model: the folder, the graph in it, or the hub name of a downloaded model with an export in it.
        revision: of a hub model.
        batch_size: texts encoded at once.
        max_length: tokens of a text, the rest is cut off; at most what the model takes.
        query_prefix: put before questions in place of what is known about the model; together with the next.
        passage_prefix: put before documents.
        threads: of ONNX Runtime; None lets it choose.
    """

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        batch_size: int = 32,
        max_length: int | None = None,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
        threads: int | None = None,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"expected batch_size ≥ 1, got {batch_size}")
        self.name = model
        self._revision = revision
        self._batch_size = batch_size
        self._max_length = max_length
        self._query_prefix = query_prefix
        self._passage_prefix = passage_prefix
        self._threads = threads

    @functools.cached_property
    def _files(self) -> tuple[Path, Path]:
        return find_export(self.name, self._revision, feature=_FEATURE)

    @functools.cached_property
    def recipe(self) -> Recipe:
        """Prefixes, pooling and length of this model.

        Raises:
            ModelUnavailableError: the model has parts beside transformer and pooling, which the graph must then hold.
        """
        recipe = read_recipe(
            self.name,
            self._files[0],
            query=self._query_prefix,
            passage=self._passage_prefix,
            max_length=self._max_length,
        )
        if not recipe.include_prompt:
            raise ModelUnavailableError(f"{self.name} leaves its prefix out of the pooling, which exports cannot do")
        return recipe

    @functools.cached_property
    def fingerprint(self) -> str:
        """Digest of the graph, its weights and of everything else that shapes a vector."""
        graph, recipe = self._files[1], self.recipe
        weights = [graph, *graph.parent.glob(f"{graph.name}*data")]
        return weights_fingerprint(weights, recipe.query, recipe.passage, recipe.pooling, str(recipe.max_length))

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.encode([""]).shape[1])

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Vectors of documents, shape (n_texts, dimension); the prefix is added here."""
        return self._encode(texts, self.recipe.passage)

    def encode_queries(self, texts: list[str]) -> NDArray[np.float32]:
        """Vectors of questions, shape (n_texts, dimension)."""
        return self._encode(texts, self.recipe.query)

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(number) for number in vector] for vector in self.encode(texts)] if texts else []

    @override
    def embed_query(self, text: str) -> list[float]:
        return [float(number) for number in self.encode_queries([text])[0]]

    @functools.cached_property
    def _export(self) -> ExportedModel:
        folder, graph = self._files
        extra = [module for module in read_json(folder / "modules.json", default=[]) if _changes_the_vector(module)]
        export = load_export(folder, graph, max_length=self.recipe.max_length or _DEFAULT_LENGTH, threads=self._threads)
        if extra and len(export.session.get_outputs()[0].shape) > 2:
            raise ModelUnavailableError(
                f"{self.name} has a module {extra[0]['type']} behind its pooling and an export of the transformer "
                "alone; export the whole model"
            )
        return export

    def _encode(self, texts: list[str], prefix: str) -> NDArray[np.float32]:
        export = self._export
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        found: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(texts)
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            output, mask = export.run([prefix + texts[index] for index in batch])
            vectors = output if output.ndim == 2 else pool(output, mask, self.recipe.pooling)
            for index, vector in zip(batch, vectors, strict=True):
                found[index] = vector
        return normalize(np.stack(found))


def pool(tokens: NDArray[np.float32], mask: NDArray[np.int64], mode: PoolingMode) -> NDArray[np.float32]:
    """One vector a text.

    Args:
        tokens: shape (batch, tokens, dim), padded on the right.
        mask: shape (batch, tokens), 1 where a token stands.
        mode: which tokens count.
    """
    match mode:
        case PoolingMode.CLS:
            chosen: NDArray[np.float32] = tokens[:, 0]
        case PoolingMode.LAST_TOKEN:
            chosen = tokens[np.arange(len(tokens)), np.maximum(mask.sum(axis=1) - 1, 0)]
        case PoolingMode.MEAN:
            weights = mask[:, :, None].astype(np.float32)
            chosen = (tokens * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1.0)
    return chosen


def normalize(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


def _changes_the_vector(module: dict[str, str]) -> bool:
    return str(module.get("type", "")).rpartition(".")[2] not in {"Transformer", "Pooling", "Normalize"}
