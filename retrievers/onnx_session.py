"""Exported models: ONNX Runtime and tokenizers, without torch or transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrievers.checkpoints import find_checkpoint, read_json
from retrievers.errors import ModelUnavailableError

_PLACES = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx")
_PAD_TOKENS = ("[PAD]", "<pad>", "<|endoftext|>")


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A loaded export.

    Args:
        session: the ``onnxruntime.InferenceSession``.
        tokenizer: the ``tokenizers.Tokenizer``, without padding or truncation of its own.
        inputs: names of the graph's inputs.
        pad_id: token a batch is padded with.
        max_length: tokens of a text or pair.
    """

    session: Any
    tokenizer: Any
    inputs: frozenset[str]
    pad_id: int
    max_length: int

    def run(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """First output of the graph for one batch, and the attention mask of shape (batch, tokens)."""
        encodings = self.tokenizer.encode_batch(list(texts))
        width = max(len(encoding.ids) for encoding in encodings)
        shape = (len(encodings), max(width, 1))
        ids, mask = np.full(shape, self.pad_id, np.int64), np.zeros(shape, np.int64)
        types = np.zeros(shape, np.int64)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
            types[row, : len(encoding.ids)] = encoding.type_ids
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        output = self.session.run(None, {name: feed[name] for name in self.inputs})[0]
        return np.asarray(output, dtype=np.float32), mask


def find_export(model: str, revision: str | None = None, *, feature: str) -> tuple[Path, Path]:
    """Folder and graph of an exported model.

    Args:
        model: the folder with ``model.onnx`` (or ``onnx/model.onnx``), the graph itself, or the hub name of a model
            that was downloaded before.
        revision: of a hub model.
        feature: what needs it, for the message.

    Raises:
        ModelUnavailableError: there is no such folder, or no graph in it.
    """
    path = Path(model).expanduser()
    if path.is_file():
        folder = path.parent
        return (folder if (folder / "tokenizer.json").is_file() else folder.parent), path
    folder = find_checkpoint(model, revision, feature=feature)
    for place in _PLACES:
        if (folder / place).is_file():
            return folder, folder / place
    raise ModelUnavailableError(
        f"{feature}: no {_PLACES[0]} and no {_PLACES[1]} in {folder}; export the model first: python -m training.export"
    )


def load_export(folder: Path, graph: Path, *, max_length: int, threads: int | None = None) -> ExportedModel:
    """Open an export; texts beyond ``max_length`` tokens are cut, of a pair the longer part first.

    Raises:
        ModelUnavailableError: the graph or the tokeniser is missing, damaged or takes other inputs.
    """
    import onnxruntime
    from tokenizers import Tokenizer

    source = folder / "tokenizer.json"
    if not source.is_file():
        raise ModelUnavailableError(f"no tokenizer.json in {folder}; copy it from the model that was exported")
    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        tokenizer = Tokenizer.from_file(str(source))
        session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # both libraries raise bare exceptions of their own
        raise ModelUnavailableError(f"the exported model {graph} does not load: {error}") from error
    inputs = frozenset(entry.name for entry in session.get_inputs())
    if unknown := inputs - {"input_ids", "attention_mask", "token_type_ids"}:
        raise ModelUnavailableError(
            f"the exported model {graph} wants inputs unknown here: {', '.join(sorted(unknown))}"
        )
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=max_length, strategy="longest_first")
    return ExportedModel(session, tokenizer, inputs, _pad_id(folder, tokenizer), max_length)


def _pad_id(folder: Path, tokenizer: Any) -> int:
    named = read_json(folder / "config.json").get("pad_token_id")
    if isinstance(named, int):
        return named
    for token in _PAD_TOKENS:
        if (known := tokenizer.token_to_id(token)) is not None:
            return int(known)
    return 0
