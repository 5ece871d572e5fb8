"""Bi-encoders of Hugging Face through sentence-transformers (extra ``hf``)."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from typing_extensions import override

from retrievers.checkpoints import find_checkpoint, loading, require_packages, require_safetensors, weights_fingerprint
from retrievers.encoders.recipes import Recipe, read_recipe
from retrievers.errors import InputError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger(__name__)

_FEATURE = "a Hugging Face encoder"


class HuggingFaceEncoder(Embeddings):
    """Vectors of a Hugging Face bi-encoder, of length 1: their dot product is the cosine.

    Questions and documents get the prefixes that the model was trained with; see
    :func:`~retrievers.encoders.recipes.read_recipe` for where they come from. The model loads on first use, from
    safetensors, and runs none of the code that comes with it. Batches hold texts of similar length.

    Args:
        model: hub name of a downloaded model, or a folder; with sentence-transformers modules or without.
        revision: commit, tag or branch of a hub model.
        device: ``"cpu"``, ``"cuda"``, … or None for the best one at hand.
        batch_size: texts encoded at once.
        max_length: tokens of a text, the rest is cut off; at most what the model takes.
        query_prefix: put before questions in place of what is known about the model; together with the next.
        passage_prefix: put before documents.

    Example:
        >>> encoder = HuggingFaceEncoder("intfloat/multilingual-e5-small")  # doctest: +SKIP
        >>> len(encoder.embed_query("Где находится Байкал?"))  # doctest: +SKIP
        384
    """

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        device: str | None = None,
        batch_size: int = 32,
        max_length: int | None = None,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"expected batch_size ≥ 1, got {batch_size}")
        self.name = model
        self._revision = revision
        self._device = device
        self._batch_size = batch_size
        self._max_length = max_length
        self._query_prefix = query_prefix
        self._passage_prefix = passage_prefix

    @functools.cached_property
    def folder(self) -> Path:
        """Where the checkpoint lies.

        Raises:
            ModelUnavailableError: it is not on this machine, or its weights are no safetensors.
        """
        require_packages(_FEATURE, "torch", "sentence_transformers")
        folder = find_checkpoint(self.name, self._revision, feature=_FEATURE)
        require_safetensors(folder, self.name)
        return folder

    @functools.cached_property
    def recipe(self) -> Recipe:
        """Prefixes, pooling and length of this model."""
        return read_recipe(
            self.name,
            self.folder,
            query=self._query_prefix,
            passage=self._passage_prefix,
            max_length=self._max_length,
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """Digest of the weights and of everything else that shapes a vector."""
        recipe, weights = self.recipe, sorted(self.folder.rglob("*.safetensors"))
        settings = (recipe.query, recipe.passage, recipe.pooling, str(recipe.include_prompt), str(recipe.max_length))
        return weights_fingerprint(weights, *settings)

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

    def _encode(self, texts: list[str], prefix: str) -> NDArray[np.float32]:
        model = self._model
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        vectors = model.encode(
            texts,
            prompt=prefix,  # an empty one too: it keeps a model's default prompt out
            batch_size=self._batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(vectors, dtype=np.float32)

    @functools.cached_property
    def _model(self) -> SentenceTransformer:
        recipe = self.recipe
        model = load_sentence_transformer(self.name, self.folder, recipe, self._device)
        logger.info("%s: prefixes %r and %r (%s)", self.name, recipe.query, recipe.passage, recipe.origin)
        model.eval()
        return model


def load_sentence_transformer(
    name: str, folder: Path, recipe: Recipe, device: str | None = None
) -> SentenceTransformer:
    """A bi-encoder from its safetensors, pooling and cutting texts off by its recipe.

    Args:
        name: that it was asked for by, for messages.
        folder: where it lies.
        recipe: of :func:`~retrievers.encoders.recipes.read_recipe`.
        device: ``"cpu"``, ``"cuda"``, … or None for the best one at hand.

    Raises:
        ModelUnavailableError: it is damaged, or no bi-encoder.
    """
    with loading(name, _FEATURE):
        import torch
        from sentence_transformers import SentenceTransformer

        device = device or best_device()
        # Half-precision checkpoints are slow and inexact on a CPU.
        dtype: Any = torch.float32 if device == "cpu" else "auto"
        model: SentenceTransformer = SentenceTransformer(
            str(folder),
            device=device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True, "dtype": dtype},
        )
    if not (folder / "modules.json").is_file():
        transformer: Any = model[0]
        pooling: Any = model[1]
        width = int(transformer.auto_model.config.hidden_size)
        model[1] = type(pooling)(width, pooling_mode=str(recipe.pooling))
    limit = getattr(type(model[0]), "max_seq_length", None)
    whole = isinstance(limit, property) and limit.fset is None  # static embeddings read texts of any length
    if recipe.max_length is not None and not whole:
        model.max_seq_length = recipe.max_length
    return model


def best_device() -> str:
    """The fastest device torch sees: ``"cuda"``, ``"mps"`` or ``"cpu"``."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
