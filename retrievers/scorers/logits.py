"""What a sequence classifier's logits say about relevance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrievers.errors import ModelUnavailableError


def labels_of(model: str, config: dict[str, Any]) -> int:
    """Labels of a classifier by its configuration, as ``transformers`` reads it.

    Raises:
        ModelUnavailableError: it is no scorer of pairs: more than two labels, or no classifier at all.
    """
    if "reader" in config:
        raise ModelUnavailableError(
            f"{model} reads as well as it ranks: name it as the model of a compressor, or take a SpanReaderScorer"
        )
    architectures = [str(name) for name in config.get("architectures") or []]
    if architectures and not any(name.endswith("ForSequenceClassification") for name in architectures):
        raise ModelUnavailableError(
            f"{model} is a {architectures[0]} and has no head that scores pairs; take a cross-encoder, for example "
            "cross-encoder/mmarco-mMiniLMv2-L12-H384-v1"
        )
    labels = len(config["id2label"]) if config.get("id2label") else int(config.get("num_labels", 2))
    if labels not in {1, 2}:
        raise ModelUnavailableError(f"{model} tells {labels} labels apart; a scorer of relevance has one or two")
    return labels


def relevance(logits: NDArray[np.float32], *, probabilities: bool = False) -> list[float]:
    """One number a pair: the logit, or the difference of the logits of "relevant" (label 1) and "not" (label 0).

    Args:
        logits: shape (n_pairs,), (n_pairs, 1) or (n_pairs, 2).
        probabilities: give the sigmoid of it, in [0, 1].
    """
    scores = logits if logits.ndim == 1 else logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
    if probabilities:
        scores = 1.0 / (1.0 + np.exp(-np.clip(scores.astype(np.float64), -60.0, 60.0)))
    return [float(score) for score in scores]
