"""The network of a span reader: any encoder of transformers with two small heads (extra ``hf``).

The span head is that of Devlin et al. (2019, BERT, section 4.2): a start and an end logit for each token, those of the
first token standing for "no answer" (section 4.3). The relevance head is a classifier on the first token: one dense
layer with tanh, and one logit.
"""

from __future__ import annotations

import copy
import functools
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrievers.checkpoints import loading, require_safetensors

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_FEATURE = "a span reader"
_ANSWERING = {"qa_outputs.weight": "weight", "qa_outputs.bias": "bias"}  # of BERT and most of its kin


@functools.cache
def network_class() -> Any:
    """The class ``SpanReaderNetwork``, made on first use: this module imports without torch.

    ``forward(input_ids, attention_mask, token_type_ids=None)`` gives ``start_logits`` and ``end_logits`` of shape
    (batch, tokens) and ``relevance`` of shape (batch,).
    """
    import torch
    from transformers import AutoModel, PreTrainedModel

    any_encoder: Any = AutoModel
    base: Any = PreTrainedModel

    class SpanReaderNetwork(base):  # type: ignore[misc]
        """An encoder with a span head and a relevance head."""

        base_model_prefix = "encoder"
        supports_gradient_checkpointing = True
        # The encoder decides what attention it has; by then it has decided, and the heads have none.
        _supports_sdpa = _supports_flash_attn = _supports_flex_attn = _supports_attention_backend = True

        def __init__(self, config: Any, encoder: Any = None) -> None:
            if encoder is None:
                encoder = any_encoder.from_config(copy.deepcopy(config), trust_remote_code=False)
            super().__init__(encoder.config)
            self.encoder = encoder
            if getattr(self.encoder, "pooler", None) is not None:
                self.encoder.pooler = None  # its output is not used; ours is trained
            self.span = torch.nn.Linear(config.hidden_size, 2)
            self.pool = torch.nn.Linear(config.hidden_size, config.hidden_size)
            self.relevance = torch.nn.Linear(config.hidden_size, 1)
            self.takes_types = "token_type_ids" in inspect.signature(self.encoder.forward).parameters
            self.post_init()

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
        ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            types = {"token_type_ids": token_type_ids} if self.takes_types and token_type_ids is not None else {}
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **types)[0]
            start, end = self.span(hidden).unbind(dim=-1)  # (batch, tokens) each
            pooled = torch.tanh(self.pool(hidden[:, 0]))  # (batch, hidden)
            return start, end, self.relevance(pooled)[:, 0]

    return SpanReaderNetwork


def network_of_base(folder: Path, model: str) -> PreTrainedModel:
    """A reader with new heads on the pretrained encoder in ``folder``, or the reader that is there already.

    The span head of a model for question answering is taken over: it has the same form.

    Raises:
        ModelUnavailableError: the checkpoint is damaged, pickled, or no encoder.
    """
    from retrievers.span_reader.settings import is_span_reader

    if is_span_reader(str(folder)):
        return load_network(folder, model)
    require_safetensors(folder, model)
    with loading(model, "an encoder", extra="train"):
        import torch
        from transformers import AutoModel

        encoder = AutoModel.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, trust_remote_code=False, dtype=torch.float32
        )
        network: Any = network_class()(encoder.config, encoder)
        for name, value in _answering_head(folder).items():
            getattr(network.span, name).data.copy_(value)
        made: PreTrainedModel = network
        return made


def _answering_head(folder: Path) -> dict[str, Any]:
    """``weight`` and ``bias`` of the two span logits in the weights of a ``…ForQuestionAnswering``; else nothing."""
    from safetensors import safe_open

    found = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            for name in set(tensors.keys()) & set(_ANSWERING):
                found[_ANSWERING[name]] = tensors.get_tensor(name)
    return found if found.keys() == {"weight", "bias"} and found["bias"].shape == (2,) else {}


def load_network(folder: Path, model: str, dtype: str = "fp32") -> PreTrainedModel:
    """The span reader saved in ``folder``, on the CPU.

    Args:
        folder: where it lies.
        model: as it was asked for, for messages.
        dtype: ``fp32``, ``bf16`` or ``fp16``.

    Raises:
        ModelUnavailableError: the checkpoint is damaged or pickled.
    """
    require_safetensors(folder, model)
    with loading(model, _FEATURE):
        import torch
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
        network: Any = network_class().from_pretrained(
            folder, config=config, use_safetensors=True, local_files_only=True, dtype=dtypes[dtype]
        )
        made: PreTrainedModel = network.eval()
        return made
