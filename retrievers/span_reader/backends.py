"""What runs a span reader's forward pass: torch, or ONNX Runtime without torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrievers.errors import ModelUnavailableError
from retrievers.onnx_session import ExportedModel
from retrievers.span_reader.settings import OUTPUTS
from retrievers.span_reader.windows import Window, pad

Floats = NDArray[np.float32]


class Backend(Protocol):
    """A forward pass."""

    def run(self, windows: Sequence[Window]) -> tuple[Floats, Floats, Floats]:
        """Start and end logits of shape (batch, tokens), and relevance logits of shape (batch,), of one batch."""
        ...


class OnnxBackend:
    """An exported graph.

    Raises:
        ModelUnavailableError: the graph has other outputs than a span reader's.
    """

    def __init__(self, export: ExportedModel, model: str) -> None:
        self._export = export
        found = {output.name for output in export.session.get_outputs()}
        if missing := [name for name in OUTPUTS if name not in found]:
            raise ModelUnavailableError(
                f"{model}: its graph gives {', '.join(sorted(found))} and lacks {', '.join(missing)}; "
                "export the reader again with: python -m training.export"
            )

    def run(self, windows: Sequence[Window]) -> tuple[Floats, Floats, Floats]:
        """See :class:`Backend`."""
        batch = pad(windows, self._export.pad_id)
        feed = {name: batch[name] for name in self._export.inputs}
        start, end, relevance = self._export.session.run(list(OUTPUTS), feed)
        return (
            np.asarray(start, np.float32),
            np.asarray(end, np.float32),
            np.asarray(relevance, np.float32).reshape(len(windows)),
        )


class TorchBackend:
    """A network of :func:`retrievers.span_reader.network.network_class`, run as it stands and where it stands."""

    def __init__(self, network: Any, pad_id: int) -> None:
        self._network = network
        self._pad_id = pad_id

    def run(self, windows: Sequence[Window]) -> tuple[Floats, Floats, Floats]:
        """See :class:`Backend`."""
        import torch

        device = next(self._network.parameters()).device
        batch = {name: torch.from_numpy(value).to(device) for name, value in pad(windows, self._pad_id).items()}
        with torch.inference_mode():
            start, end, relevance = (output.float().cpu().numpy() for output in self._network(**batch))
        return start, end, relevance
