"""A span reader at work: logits of passages for a question, computed once however many parts of a chain want them."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrievers.checkpoints import find_checkpoint, read_json, require_packages
from retrievers.encoders.recipes import own_limit
from retrievers.errors import ModelUnavailableError, ToolkitError
from retrievers.onnx_session import find_export, load_export
from retrievers.span_reader.backends import Backend, OnnxBackend, TorchBackend
from retrievers.span_reader.settings import ReaderSettings, read_settings
from retrievers.span_reader.windows import Framing, Passage, Window

_FEATURE = "a span reader"
_BATCH = 16  # windows; more gain nothing on a few cores
_KEPT = 512  # pairs whose logits are kept: a reranked pool for each of a few questions at a time, a few megabytes


class Runtime(StrEnum):
    """What runs the model."""

    AUTO = "auto"  # ONNX where there is a graph, else torch
    ONNX = "onnx"
    TORCH = "torch"


@dataclass(frozen=True, slots=True, eq=False)
class WindowLogits:
    """What the model says about one window.

    Args:
        start: logit that an answer starts at each body token, -inf where none may; shape (n_body,).
        end: logit that it ends there, alike.
        null: start and end logit of "no answer" together.
        relevance: logit that the passage is relevant, by this window.
        offsets: characters of the passage's text that each body token covers, shape (n_body, 2).
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    null: float
    relevance: float
    offsets: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PassageLogits:
    """What the model says about one passage, window by window."""

    windows: tuple[WindowLogits, ...]

    @property
    def relevance(self) -> float:
        """Raw logit, higher is better: that of the most relevant window."""
        return max(window.relevance for window in self.windows)


class SpanReaderModel:
    """Runs a span reader over passages.

    The logits of the last pairs are kept, so that a compressor and a generator that share a model
    (:func:`load_span_reader` gives both the same one) compute each pair once. Safe to call from several threads.

    Args:
        backend: the forward pass.
        tokenizer: its ``tokenizers.Tokenizer``, without truncation and padding.
        settings: of the model.
        kept: pairs whose logits are kept.
    """

    def __init__(self, backend: Backend, tokenizer: Any, settings: ReaderSettings, *, kept: int = _KEPT) -> None:
        self.settings = settings
        self._backend = backend
        self._framing = Framing(tokenizer, settings)
        self._kept = kept
        self._cache: OrderedDict[tuple[str, Passage], PassageLogits] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, question: str, passages: Sequence[Passage], *, batch_size: int = _BATCH) -> list[PassageLogits]:
        """Logits of each passage, in the order given; ``batch_size`` windows are computed at once."""
        with self._lock:
            known = {one: self._cache[question, one] for one in passages if (question, one) in self._cache}
        new = [one for one in dict.fromkeys(passages) if one not in known]
        if new:
            known |= dict(zip(new, self._compute(question, new, batch_size), strict=True))
        with self._lock:
            for one in dict.fromkeys(passages):
                self._cache[question, one] = known[one]
                self._cache.move_to_end((question, one))
            while len(self._cache) > self._kept:
                self._cache.popitem(last=False)
        return [known[one] for one in passages]

    def _compute(self, question: str, passages: Sequence[Passage], batch_size: int) -> list[PassageLogits]:
        cut = self._framing.windows(question, passages)
        flat = [(passage, window) for passage, windows in enumerate(cut) for window in windows]
        order = sorted(range(len(flat)), key=lambda at: -len(flat[at][1].ids))  # batches of about equal length
        found: dict[int, WindowLogits] = {}
        for begin in range(0, len(order), batch_size):
            places = order[begin : begin + batch_size]
            outputs = self._backend.run([flat[at][1] for at in places])
            for at, start, end, relevance in zip(places, *outputs, strict=True):
                found[at] = _logits(flat[at][1], start, end, float(relevance))
        grouped: list[list[WindowLogits]] = [[] for _ in passages]
        for at, (passage, _) in enumerate(flat):
            grouped[passage].append(found[at])
        return [PassageLogits(tuple(windows)) for windows in grouped]


def _logits(window: Window, start: NDArray[np.float32], end: NDArray[np.float32], relevance: float) -> WindowLogits:
    body = slice(window.first, window.last)
    if not (np.isfinite(start[: window.last]).all() and np.isfinite(end[: window.last]).all()):
        raise ToolkitError("a span reader gave logits that are not finite; its weights may be damaged or overflow")
    return WindowLogits(
        start=np.where(window.starts, start[body].astype(np.float64), -np.inf),
        end=np.where(window.stops, end[body].astype(np.float64), -np.inf),
        null=float(start[0]) + float(end[0]),
        relevance=relevance,
        offsets=window.offsets,
    )


def load_span_reader(
    model: str,
    *,
    revision: str | None = None,
    runtime: Runtime = Runtime.AUTO,
    device: str | None = None,
    dtype: str = "fp32",
    max_length: int | None = None,
    threads: int | None = None,
) -> SpanReaderModel:
    """A span reader by name or path; the same object for the same files and options, as long as they do not change.

    Args:
        model: folder, graph in it, or hub name of a downloaded model.
        revision: of a hub model.
        runtime: what runs it.
        device: of torch: ``"cpu"``, ``"cuda"``, … or None for the best one at hand.
        dtype: of torch: ``fp32``, ``bf16`` or ``fp16``.
        max_length: tokens of question and passage together, where fewer are wanted than the model was trained with.
        threads: of ONNX Runtime; None lets it choose.

    Raises:
        MissingExtraError: it needs torch, and the extra ``hf`` is not installed.
        ModelUnavailableError: there is no such model, it is damaged, or is no span reader.
    """
    folder, weights = _find(model, revision, runtime)
    settings = _shortened(read_settings(folder, model), own_limit(folder), max_length)
    stamp = weights.stat()  # a model that was trained anew in its place is another one
    with _LOADING:  # two parts of a chain that start at once share one model, too
        return _load(folder, weights, (stamp.st_mtime_ns, stamp.st_size), settings, device, dtype, threads)


_LOADING = threading.Lock()


def _find(model: str, revision: str | None, runtime: Runtime) -> tuple[Path, Path]:
    """Folder, and the file that tells the runtime and changes with the weights."""
    if runtime is not Runtime.TORCH:
        try:
            return find_export(model, revision, feature=_FEATURE)
        except ModelUnavailableError:
            if runtime is Runtime.ONNX:
                raise
    folder = find_checkpoint(model, revision, feature=_FEATURE)
    read_settings(folder, model)
    weights = sorted(folder.glob("*.safetensors"))
    return folder, weights[0] if weights else folder / "config.json"


@functools.lru_cache(maxsize=4)
def _load(
    folder: Path,
    weights: Path,
    stamp: tuple[int, int],  # noqa: ARG001 (a part of the key alone)
    settings: ReaderSettings,
    device: str | None,
    dtype: str,
    threads: int | None,
) -> SpanReaderModel:
    if weights.suffix == ".onnx":
        export = load_export(folder, weights, max_length=settings.max_length, threads=threads)
        export.tokenizer.no_truncation()  # windows are cut here
        return SpanReaderModel(OnnxBackend(export, str(folder)), export.tokenizer, settings)
    require_packages(_FEATURE, "torch", "transformers")
    from retrievers.encoders.huggingface import best_device
    from retrievers.span_reader.network import load_network

    tokenizer = load_tokenizer(folder)
    network: Any = load_network(folder, str(folder), dtype)
    network.to(device or best_device())
    return SpanReaderModel(TorchBackend(network, pad_id_of(folder)), tokenizer, settings)


def _shortened(settings: ReaderSettings, *limits: int | None) -> ReaderSettings:
    shortest = min([settings.max_length, *(limit for limit in limits if limit is not None)])
    if shortest >= settings.max_length:
        return settings
    length = max(shortest, 16)
    return settings.model_copy(
        update={
            "max_length": length,
            "stride": min(settings.stride, length // 4),
            "max_question": min(settings.max_question, length // 2),
        }
    )


def pad_id_of(folder: Path) -> int:
    """Token that a checkpoint pads its batches with."""
    return int(read_json(folder / "config.json").get("pad_token_id") or 0)


def load_tokenizer(folder: Path) -> Any:
    """The ``tokenizers.Tokenizer`` of a checkpoint, without truncation and padding.

    Raises:
        ModelUnavailableError: there is no ``tokenizer.json``, or it is damaged.
    """
    from tokenizers import Tokenizer

    source = folder / "tokenizer.json"
    if not source.is_file():
        raise ModelUnavailableError(f"no tokenizer.json in {folder}; save it with a fast tokeniser")
    try:
        tokenizer = Tokenizer.from_file(str(source))
    except Exception as error:  # the library raises bare exceptions
        raise ModelUnavailableError(f"{source} does not load: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
