"""Which generator answers, and with what options."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class GeneratorKind(StrEnum):
    """Families of generators."""

    READER = "reader"
    SPAN = "span"
    SEQ2SEQ = "seq2seq"
    CAUSAL = "causal"
    CHAT = "chat"


class Wording(StrEnum):
    """How an extractive reader words an answer."""

    NOMINATIVE = "nominative"  # names, phrases and dates as a dictionary has them
    SURFACE = "surface"  # as it stands in the passage


class GeneratorOptions(BaseModel):
    """Options of a generator; those after ``model`` concern language models.

    Args:
        kind: the offline reader, a trained span reader, a Hugging Face seq2seq or causal model, or a chat model.
        model: hub name or path; for ``chat`` a model name, with its provider as ``"provider:name"`` where no
            ``base_url`` is given (as ``langchain.chat_models.init_chat_model`` takes it); for the reader a weights file
            in place of the shipped one; for ``span`` a model of ``python -m training.reader``, exported or not.
        wording: how a span reader words what it found: in the nominative, or as it stands in the passage.
        revision: commit, tag or branch of a hub model.
        gguf_file: name of the GGUF file inside the model's folder, for quantised causal checkpoints.
        base_url: an OpenAI-compatible server (vLLM, Ollama, llama.cpp); its key comes from ``OPENAI_API_KEY``.
        device: ``"cpu"``, ``"cuda"``, … or None for the best one at hand.
        dtype: number format of the weights; ``int8`` and ``bf16`` where the hardware has them.
        max_input_tokens: budget of the prompt; the weakest passages are dropped first, the question never.
        max_new_tokens: longest answer.
        temperature: 0 answers the same each time; above it answers vary with the seed.
        seed: of the sampling, for models loaded here.
        timeout: seconds a server may take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: GeneratorKind = GeneratorKind.READER
    model: str | None = None
    wording: Wording = Wording.NOMINATIVE
    revision: str | None = None
    gguf_file: str | None = None
    base_url: str | None = None
    device: str | None = None
    dtype: Literal["auto", "fp32", "bf16", "fp16", "int8"] = "auto"
    max_input_tokens: int = Field(default=2048, ge=64)
    max_new_tokens: int = Field(default=128, ge=1)
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    seed: int = 0
    timeout: float = Field(default=120.0, gt=0)

    @model_validator(mode="after")
    def _model_is_named(self) -> GeneratorOptions:
        if self.kind is not GeneratorKind.READER and not self.model:
            raise ValueError(f"kind {self.kind.value!r} needs a model: a name or a path")
        return self
