"""Cross-encoders of Hugging Face through sentence-transformers (extra ``hf``)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.cross_encoders import BaseCrossEncoder

from retrievers.checkpoints import find_checkpoint, loading, read_json, require_packages, require_safetensors
from retrievers.encoders.huggingface import best_device
from retrievers.encoders.recipes import own_limit
from retrievers.errors import InputError
from retrievers.scorers.logits import labels_of, relevance

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_FEATURE = "a Hugging Face cross-encoder"


class HuggingFaceScorer(BaseCrossEncoder):
    """Relevance of (question, passage) pairs by a sequence classifier.

    Scores are raw logits: any real number, higher is better, comparable between questions of one model. A classifier of
    two labels scores by how far the logit of the second, "relevant", exceeds that of the first. The model loads on
    first use, from safetensors, and runs none of the code that comes with it.

    Args:
        model: hub name of a downloaded model, or a folder.
        revision: commit, tag or branch of a hub model.
        device: ``"cpu"``, ``"cuda"``, … or None for the best one at hand.
        max_length: tokens of question and passage together, the longer is cut first; at most what the model takes.
        batch_size: pairs scored at once; they are sorted by length.
        probabilities: give the sigmoid of the logit instead, in [0, 1].
    """

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        device: str | None = None,
        max_length: int = 512,
        batch_size: int = 32,
        probabilities: bool = False,
    ) -> None:
        if max_length < 8:
            raise InputError(f"expected max_length ≥ 8, got {max_length}")
        self.name = model
        self._revision = revision
        self._device = device
        self._max_length = max_length
        self._batch_size = batch_size
        self._probabilities = probabilities

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """One score a pair, in the order of the pairs.

        Raises:
            MissingExtraError: the extra ``hf`` is not installed.
            ModelUnavailableError: the model is not on this machine, is pickled, or is no scorer of pairs.
        """
        if not text_pairs:
            return []
        model = self._model
        import torch

        logits = model.predict(
            [(question, passage) for question, passage in text_pairs],
            batch_size=self._batch_size,
            activation_fn=torch.nn.Identity(),
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return relevance(np.asarray(logits, dtype=np.float32), probabilities=self._probabilities)

    @functools.cached_property
    def _model(self) -> CrossEncoder:
        require_packages(_FEATURE, "torch", "sentence_transformers")
        folder = find_checkpoint(self.name, self._revision, feature=_FEATURE)
        require_safetensors(folder, self.name)
        labels_of(self.name, read_json(folder / "config.json"))
        with loading(self.name, _FEATURE):
            import torch
            from sentence_transformers import CrossEncoder

            device = self._device or best_device()
            dtype: Any = torch.float32 if device == "cpu" else "auto"
            model: CrossEncoder = CrossEncoder(
                str(folder),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                max_length=min(self._max_length, own_limit(folder) or self._max_length),
                model_kwargs={"use_safetensors": True, "dtype": dtype},
            )
        model.eval()
        return model
