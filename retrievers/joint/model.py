"""The joint network at work, by ONNX Runtime: relevance of passages and scores of their spans, computed once a pair."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray

from retrievers.errors import ModelUnavailableError, ToolkitError
from retrievers.joint.inputs import MAX_PASSAGE, MAX_QUESTION, MAX_TITLE, pair_inputs, side, stack
from retrievers.joint.tokens import Tokens, tokenize
from retrievers.word_vectors import word_vectors

_BATCH = 8  # pairs of similar length; larger batches gain nothing on a few cores and pad more
_KEPT = 256  # pairs whose results are kept: the reranked pools of a few questions
_INPUTS = frozenset({"vectors", "matches", "categories", "segments", "mask"})
_OUTPUTS = ("relevance", "spans")


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage under its title; spans are of ``text``."""

    title: str
    text: str

    @classmethod
    def of(cls, document: Document) -> Passage:
        """A chunk under the title and headings it is found by."""
        parts = (document.metadata.get("title"), document.metadata.get("headings"))
        return cls(" ".join(str(part) for part in parts if part), document.page_content)


@dataclass(frozen=True, slots=True, eq=False)
class JointReading:
    """What the network says about one passage.

    Args:
        relevance: raw logit, higher is better.
        spans: raw scores, shape (n_tokens, longest): ``spans[i, l]`` of the ``l + 1`` tokens from ``i``; comparable
            over the passages of a question.
        tokens: of the passage, as many as ``spans`` has rows.
    """

    relevance: float
    spans: NDArray[np.float32]
    tokens: Tokens


class JointModel:
    """Runs the network; the results of the last pairs are kept, so that reranking and reading share them.

    Safe to call from several threads.

    Args:
        graph: ONNX file of the network.
        threads: of ONNX Runtime; None lets it choose.

    Raises:
        ModelUnavailableError: the file is missing, damaged, or another network's.
    """

    def __init__(self, graph: Path, *, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Threads that spin while they wait for the next batch take a third of the processor from everybody else who
        # reads at the same time, and an answer is no sooner there for it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library raises bare exceptions of its own
            raise ModelUnavailableError(f"the joint network {graph} does not load: {error}") from error
        if {entry.name for entry in self._session.get_inputs()} != _INPUTS:
            raise ModelUnavailableError(f"{graph} is no joint network: its inputs are others")
        self._kept: OrderedDict[tuple[str, Passage], JointReading] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, question: str, passages: Sequence[Passage]) -> list[JointReading]:
        """What the network says about each passage, in the order given."""
        with self._lock:
            known = {one: self._kept[question, one] for one in passages if (question, one) in self._kept}
        new = [one for one in dict.fromkeys(passages) if one not in known]
        known |= dict(zip(new, self._compute(question, new), strict=True))
        with self._lock:
            for one in dict.fromkeys(passages):
                self._kept[question, one] = known[one]
                self._kept.move_to_end((question, one))
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return [known[one] for one in passages]

    def _compute(self, question: str, passages: Sequence[Passage]) -> list[JointReading]:
        vectors = word_vectors()
        asked = side(tokenize(question, MAX_QUESTION), vectors)
        titles = {title: side(tokenize(title, MAX_TITLE), vectors) for title in {one.title for one in passages}}
        texts = [side(tokenize(one.text, MAX_PASSAGE), vectors) for one in passages]
        pairs = [pair_inputs(asked, titles[one.title], text) for one, text in zip(passages, texts, strict=True)]
        order = sorted(range(len(pairs)), key=lambda at: len(pairs[at].lemmas))
        found: dict[int, JointReading] = {}
        for begin in range(0, len(order), _BATCH):
            places = order[begin : begin + _BATCH]
            feed: Any = stack([pairs[at] for at in places], vectors)
            relevance, spans = self._session.run(list(_OUTPUTS), feed)
            if not (np.isfinite(relevance).all() and np.isfinite(spans).all()):
                raise ToolkitError("the joint network gave scores that are not finite; its weights may be damaged")
            for row, at in enumerate(places):
                own = slice(pairs[at].offset, len(pairs[at].lemmas))
                found[at] = JointReading(float(relevance[row]), spans[row, own], texts[at].tokens)
        return [found[at] for at in range(len(passages))]


def default_graph() -> Path:
    """The network shipped with the package."""
    return Path(str(resources.files("retrievers").joinpath("joint/data/joint_reader.onnx")))


@functools.lru_cache(maxsize=4)
def load_joint_model(graph: Path | None = None) -> JointModel:
    """The network of a file, or the shipped one; the same object for the same file, so that its results are shared.

    Raises:
        ModelUnavailableError: the file is missing, damaged, or another network's.
    """
    return JointModel(graph or default_graph())
