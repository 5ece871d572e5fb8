"""Language models of Hugging Face as LangChain LLMs (extra ``hf``): seq2seq (T5 and kin) and causal (GPT and kin).

Weights are safetensors or GGUF; code that comes with a model is never run. Decoding is greedy, so the same prompt gives
the same text, unless a temperature is set; then a seed makes it repeatable. Every generation says in its
``generation_info`` how sure the model was: ``mean_logprob`` (natural logarithm, ≤ 0, mean over the tokens of the text),
``tokens`` (how many) and ``finish_reason`` ("stop" or "length").
"""

from __future__ import annotations

import functools
import queue
import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from pydantic import ConfigDict, Field
from typing_extensions import override

from generators.options import GeneratorKind, GeneratorOptions
from retrievers.checkpoints import find_checkpoint, loading, require_packages, require_safetensors
from retrievers.errors import InputError, ModelUnavailableError

if TYPE_CHECKING:
    import torch

Dtype = Literal["auto", "fp32", "bf16", "fp16", "int8"]

_FEATURE = "a Hugging Face language model"
_STOP_WINDOW = 24  # tokens decoded to look for a stop string that has just been completed
_NO_LIMIT = 100_000  # a tokeniser without a limit of its own names a number far above this


@dataclass(frozen=True, slots=True)
class _Decoding:
    """One call's settings."""

    stop: tuple[str, ...]
    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int


class TransformersLLM(BaseLLM):
    """What both families share. The model loads on first use.

    Args:
        model: hub name of a downloaded model, or a folder.
        revision: commit, tag or branch of a hub model.
        gguf_file: name of the GGUF file in the model's folder; its weights stay quantised where transformers has
            kernels for that, else they are unpacked to ``dtype``.
        device: ``"cpu"``, ``"cuda"``, … or None for the best one at hand.
        dtype: number format of the weights. ``auto``: 32 bit on a CPU, the checkpoint's own elsewhere; ``int8`` needs
            the package bitsandbytes and hardware it supports.
        max_new_tokens: longest answer.
        batch_size: prompts decoded at once; they are sorted by length.
        temperature: 0 decodes greedily, above it samples.
        top_p: when sampling, only the likeliest tokens whose probabilities reach this sum.
        seed: of the sampling, for each call anew.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, ignored_types=(functools.cached_property,))

    model: str
    revision: str | None = None
    gguf_file: str | None = None
    device: str | None = None
    dtype: Dtype = "auto"
    max_new_tokens: int = Field(default=128, ge=1)
    batch_size: int = Field(default=8, ge=1)
    temperature: float = Field(default=0.0, ge=0.0)
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    seed: int = 0

    @property
    @override
    def _identifying_params(self) -> Mapping[str, Any]:
        return {
            "model": self.model,
            "revision": self.revision,
            "gguf_file": self.gguf_file,
            "dtype": self.dtype,
            "max_new_tokens": self.max_new_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
        }

    # What differs between the families.

    @abstractmethod
    def _auto_model(self) -> Any:
        """The transformers class that loads the weights."""

    @abstractmethod
    def _answer_start(self, prompt_tokens: int) -> int:
        """Where the generated tokens begin in a row of the output."""

    # What is asked of a model beside text.

    @override
    def get_token_ids(self, text: str) -> list[int]:
        """Tokens of ``text`` as the model sees it, special ones included."""
        return [int(token) for token in self._tokens([text])["input_ids"][0]]

    @property
    def context_limit(self) -> int | None:
        """Tokens of prompt and answer that the model was made for; None where it does not say."""
        config = self._network.config
        limits = [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions")]
        limits.append(getattr(self._tokenizer, "model_max_length", None))
        known = [int(limit) for limit in limits if isinstance(limit, int) and 0 < limit < _NO_LIMIT]
        return min(known) if known else None

    @property
    def has_chat_template(self) -> bool:
        """Whether the model was tuned on conversations and says how they are written."""
        return bool(getattr(self._tokenizer, "chat_template", None))

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        """A conversation as this model wants it, ready for its answer.

        Args:
            messages: each with ``role`` ("system", "user", "assistant") and ``content``. The model's control tokens
                inside a content are broken up, so that a text cannot end its own message.
        """
        plain = [{"role": message["role"], "content": self.defuse(message["content"])} for message in messages]
        options = {"tokenize": False, "add_generation_prompt": True}
        try:
            return str(self._tokenizer.apply_chat_template(plain, **options))
        except Exception as error:  # jinja2 errors: some templates know no system message and say so by raising
            if plain[0]["role"] != "system" or len(plain) < 2:
                raise ModelUnavailableError(f"{self.model}: its chat template fails: {error}") from error
        joined = {"role": "user", "content": f"{plain[0]['content']}\n\n{plain[1]['content']}"}
        return str(self._tokenizer.apply_chat_template([joined, *plain[2:]], **options))

    def defuse(self, text: str) -> str:
        """``text`` with the model's control tokens broken up by a space, so that they are read as plain text."""
        for token in self._control_tokens:
            if token in text:
                text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    @functools.cached_property
    def _control_tokens(self) -> tuple[str, ...]:
        added = {str(token) for token in self._tokenizer.get_added_vocab()}
        special = added | {str(token) for token in self._tokenizer.all_special_tokens}
        return tuple(sorted((token for token in special if len(token) > 1 and token.strip()), key=len, reverse=True))

    # Generation.

    @override
    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        decoding = self._decoding(stop, kwargs)
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        found: list[Generation | None] = [None] * len(prompts)
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            for index, generation in zip(batch, self._run([prompts[at] for at in batch], decoding), strict=True):
                found[index] = generation
        generations = [[generation] for generation in found if generation is not None]
        return LLMResult(generations=generations, llm_output={"model": self.model})

    @override
    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        """Yield text as it is decided; the last chunk carries the ``generation_info``."""
        decoding = self._decoding(stop, kwargs)
        flow: queue.SimpleQueue[int | Generation | BaseException] = queue.SimpleQueue()
        cancelled = threading.Event()

        def work() -> None:
            try:
                flow.put(self._run([prompt], decoding, tokens=flow, cancelled=cancelled)[0])
            except BaseException as error:  # noqa: BLE001 - raised again where the text is read
                flow.put(error)

        self._network  # noqa: B018 - loads here, so that a missing model is raised in the caller's thread
        worker = threading.Thread(target=work, name="generate", daemon=True)
        worker.start()
        seen: list[int] = []
        sent = ""
        try:
            while True:
                item = flow.get()
                if isinstance(item, BaseException):
                    raise item
                if isinstance(item, Generation):
                    chunk = GenerationChunk(text=item.text[len(sent) :], generation_info=item.generation_info)
                    if run_manager and chunk.text:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
                    return
                seen.append(item)
                ready = _releasable(self._decode(seen), decoding.stop)
                if len(ready) > len(sent) and ready.startswith(sent):
                    chunk = GenerationChunk(text=ready[len(sent) :])
                    sent = ready
                    if run_manager:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
        finally:
            cancelled.set()
            worker.join()

    def _decoding(self, stop: list[str] | None, options: dict[str, Any]) -> _Decoding:
        known = {"max_new_tokens", "temperature", "top_p", "seed"}
        if unknown := set(options) - known:
            raise InputError(f"unknown options {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}, stop")
        if any(not text for text in stop or []):
            raise InputError("an empty stop string would end every answer at once")
        chosen = {name: options.get(name, getattr(self, name)) for name in known}
        return _Decoding(stop=tuple(stop or ()), **chosen)

    def _run(
        self,
        prompts: list[str],
        decoding: _Decoding,
        tokens: queue.SimpleQueue[Any] | None = None,
        cancelled: threading.Event | None = None,
    ) -> list[Generation]:
        network, batch = self._network, self._tokens(prompts)  # first: it tells what is not installed
        import torch
        import transformers

        width = int(batch["input_ids"].shape[1])
        start = self._answer_start(width)
        self._check_room(width, decoding.max_new_tokens)
        recorder = _LogProbabilities()
        sampling: dict[str, Any] = {"do_sample": False}
        if decoding.temperature > 0:
            sampling = {"do_sample": True, "temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": 0}
        own = network.generation_config
        make_config: Any = transformers.GenerationConfig
        config = make_config(
            max_new_tokens=decoding.max_new_tokens,
            num_beams=1,
            pad_token_id=self._pad_id,
            eos_token_id=own.eos_token_id if own.eos_token_id is not None else self._tokenizer.eos_token_id,
            bos_token_id=own.bos_token_id,
            decoder_start_token_id=own.decoder_start_token_id,
            use_cache=True,
            **sampling,
        )
        criteria = transformers.StoppingCriteriaList([_StopText(self, decoding.stop, start, cancelled)])
        # The generator of torch is process-wide: a seeded call leaves it as it found it.
        devices = [network.device] if network.device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices=devices, enabled=decoding.temperature > 0):
            if decoding.temperature > 0:
                torch.manual_seed(decoding.seed)
            rows = network.generate(
                **batch,
                generation_config=config,
                logits_processor=transformers.LogitsProcessorList([recorder]),
                stopping_criteria=criteria,
                streamer=None if tokens is None else _Feed(tokens, skip=start),
            )
        recorder.finish(rows)
        return [
            self._finished(row[start:].tolist(), recorder.of(index), decoding) for index, row in enumerate(rows.cpu())
        ]

    def _finished(self, ids: list[int], logprobs: list[float], decoding: _Decoding) -> Generation:
        ends = self._silent_ids
        length = next((at for at, token in enumerate(ids) if token in ends), len(ids))
        ended = length < len(ids)
        whole = self._decode(ids[:length])
        text = _cut(whole, decoding.stop)
        counted = logprobs[: length + ended]
        return Generation(
            text=text,
            generation_info={
                "mean_logprob": sum(counted) / len(counted) if counted else 0.0,
                "tokens": length,
                "finish_reason": "stop" if ended or text != whole else "length",
            },
        )

    def _decode(self, ids: list[int]) -> str:
        plain = [token for token in ids if token not in self._silent_ids]
        # Tidying up spaces would make the text of a part differ from that part of the text.
        return str(self._tokenizer.decode(plain, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _tokens(self, prompts: list[str]) -> Any:
        tokenizer, bos = self._tokenizer, self._tokenizer.bos_token
        # A rendered conversation brings its own opening token.
        opened = bool(bos) and all(prompt.startswith(bos) for prompt in prompts)
        batch = tokenizer(prompts, padding=True, return_tensors="pt", add_special_tokens=not opened)
        batch.pop("token_type_ids", None)
        return batch.to(self._network.device)

    def _check_room(self, prompt_tokens: int, new_tokens: int) -> None:
        """Models with absolute positions break beyond their last one."""

    # Loading.

    @functools.cached_property
    def _folder(self) -> Path:
        require_packages(_FEATURE, "torch", "transformers")
        if self.gguf_file is None:
            folder = find_checkpoint(self.model, self.revision, feature=_FEATURE)
            require_safetensors(folder, self.model)
            return folder
        folder = find_checkpoint(self.model, self.revision, feature=_FEATURE)
        if not (folder / self.gguf_file).is_file():
            there = ", ".join(sorted(path.name for path in folder.glob("*.gguf"))) or "none"
            raise ModelUnavailableError(
                f"no {self.gguf_file} in {folder} (GGUF files there: {there}); bring it with: "
                f"hf download {self.model} {self.gguf_file}"
            )
        return folder

    @functools.cached_property
    def _tokenizer(self) -> Any:
        folder = self._folder
        with loading(self.model, _FEATURE):
            from transformers import AutoTokenizer

            source = {} if self.gguf_file is None else {"gguf_file": self.gguf_file}
            tokenizer = AutoTokenizer.from_pretrained(
                str(folder), trust_remote_code=False, local_files_only=True, **source
            )
        tokenizer.padding_side = "left"  # the next token stands right behind the prompt
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        return tokenizer

    @functools.cached_property
    def _network(self) -> Any:
        folder = self._folder
        with loading(self.model, _FEATURE):
            import torch
            import transformers  # noqa: F401 - its absence is told before torch is asked for devices

            device = self.device or _best_device()
            options = {**self._weights_options(torch, device), "trust_remote_code": False, "local_files_only": True}
            if self.gguf_file is None:
                options["use_safetensors"] = True
            else:
                options["gguf_file"] = self.gguf_file
            network = self._auto_model().from_pretrained(str(folder), **options)
            return (network if self.dtype == "int8" else network.to(device)).eval()

    def _weights_options(self, torch: Any, device: str) -> dict[str, Any]:
        if self.dtype == "int8":
            return _int8_options(device)
        if self.dtype == "bf16" and device.startswith("cuda") and not torch.cuda.is_bf16_supported():
            raise InputError("this GPU has no bf16; take dtype fp16 or fp32")
        named = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
        # Half-precision checkpoints are slow and inexact on a CPU.
        automatic = torch.float32 if device == "cpu" else "auto"
        return {"dtype": named.get(self.dtype, automatic)}

    @functools.cached_property
    def _pad_id(self) -> int:
        pad = self._tokenizer.pad_token_id
        return int(pad if pad is not None else next(iter(self._end_ids), 0))

    @functools.cached_property
    def _end_ids(self) -> frozenset[int]:
        own = self._network.generation_config.eos_token_id
        ids = own if isinstance(own, list) else [own]
        return frozenset(int(token) for token in [*ids, self._tokenizer.eos_token_id] if token is not None)

    @functools.cached_property
    def _silent_ids(self) -> frozenset[int]:
        return self._end_ids | {self._pad_id}


class CausalLLM(TransformersLLM):
    """A decoder-only model, such as ruGPT or any instruct model, by name or path; GGUF checkpoints too."""

    @property
    @override
    def _llm_type(self) -> str:
        return "russian-rag-causal"

    @override
    def _auto_model(self) -> Any:
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM

    @override
    def _answer_start(self, prompt_tokens: int) -> int:
        return prompt_tokens

    @override
    def _check_room(self, prompt_tokens: int, new_tokens: int) -> None:
        limit = self.context_limit
        if limit is not None and prompt_tokens + new_tokens > limit:
            raise InputError(
                f"{self.model} takes {limit} tokens of prompt and answer; the prompt has {prompt_tokens} and "
                f"{new_tokens} are kept for the answer: shorten the prompt or lower max_new_tokens"
            )


class Seq2SeqLLM(TransformersLLM):
    """An encoder-decoder model, such as RuT5 or FRED-T5, by name or path."""

    @property
    @override
    def _llm_type(self) -> str:
        return "russian-rag-seq2seq"

    @override
    def _auto_model(self) -> Any:
        from transformers import AutoModelForSeq2SeqLM

        return AutoModelForSeq2SeqLM

    @override
    def _answer_start(self, prompt_tokens: int) -> int:
        return 1  # the token that starts the decoder


def load_language_model(options: GeneratorOptions) -> TransformersLLM:
    """The model that ``options`` of kind seq2seq or causal name. It is looked for at once and loads on first use.

    Raises:
        InputError: the options fit no such model.
        MissingExtraError: the extra ``hf`` is not installed.
        ModelUnavailableError: the model is not on this machine; the message says which command brings it.
    """
    if options.kind is GeneratorKind.SEQ2SEQ and options.gguf_file is not None:
        raise InputError("GGUF files hold causal models: take the generator kind 'causal'")
    family = Seq2SeqLLM if options.kind is GeneratorKind.SEQ2SEQ else CausalLLM
    model = family(
        model=str(options.model),
        revision=options.revision,
        gguf_file=options.gguf_file,
        device=options.device,
        dtype=options.dtype,
        max_new_tokens=options.max_new_tokens,
        temperature=options.temperature,
        seed=options.seed,
    )
    model._folder  # noqa: B018 - a missing model is better told before a question is asked
    return model


class _LogProbabilities:
    """Logits processor that changes nothing and notes how likely each chosen token was."""

    def __init__(self) -> None:
        self._last: torch.Tensor | None = None  # (batch, vocabulary)
        self._steps: list[torch.Tensor] = []  # (batch,) each

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._take(input_ids)
        self._last = scores.float().log_softmax(dim=-1)
        return scores

    def _take(self, rows: torch.Tensor) -> None:
        if self._last is not None:
            self._steps.append(self._last.gather(1, rows[:, -1:].to(self._last.device)).squeeze(1))
            self._last = None

    def finish(self, rows: torch.Tensor) -> None:
        """Note the last token of every row."""
        self._take(rows)

    def of(self, row: int) -> list[float]:
        """Natural logarithms of the probabilities of a row's tokens, in order."""
        return [float(step[row]) for step in self._steps]


class _StopText:
    """Stopping criterion: a stop string has just been completed, or nobody listens any more."""

    def __init__(
        self, llm: TransformersLLM, stop: tuple[str, ...], start: int, cancelled: threading.Event | None
    ) -> None:
        self._llm = llm
        self._stop = stop
        self._start = start
        self._cancelled = cancelled

    def __call__(self, input_ids: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        import torch

        if self._cancelled is not None and self._cancelled.is_set():
            return torch.ones(len(input_ids), dtype=torch.bool, device=input_ids.device)
        done = [bool(self._stop) and self._stopped(row) for row in input_ids]
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)

    def _stopped(self, row: torch.Tensor) -> bool:
        tail = self._llm._decode(row[self._start :][-_STOP_WINDOW:].tolist())
        return any(text in tail for text in self._stop)


class _Feed:
    """Streamer that hands token ids on, without the prompt's."""

    def __init__(self, tokens: queue.SimpleQueue[Any], skip: int) -> None:
        self._tokens = tokens
        self._skip = skip

    def put(self, value: torch.Tensor) -> None:
        for token in value.reshape(-1).tolist():
            if self._skip > 0:
                self._skip -= 1
            else:
                self._tokens.put(int(token))

    def end(self) -> None:
        """The text is finished elsewhere."""


def _cut(text: str, stop: tuple[str, ...]) -> str:
    """``text`` up to the first stop string."""
    ends = [at for at in (text.find(each) for each in stop) if at >= 0]
    return text[: min(ends)] if ends else text


def _releasable(text: str, stop: tuple[str, ...]) -> str:
    """The part of a text in progress that stays: without what may open a stop string, without half a letter."""
    text = _cut(text, stop)
    text = text.rstrip("\N{REPLACEMENT CHARACTER}")
    held = max((size for each in stop for size in range(1, len(each)) if text.endswith(each[:size])), default=0)
    return text[: len(text) - held]


def _best_device() -> str:
    from retrievers.encoders.huggingface import best_device

    return best_device()


def _int8_options(device: str) -> dict[str, Any]:
    import importlib.util

    missing = [name for name in ("bitsandbytes", "accelerate") if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"dtype int8 needs the packages {' and '.join(missing)}: pip install {' '.join(missing)}; or take bf16, "
            "fp16 or fp32"
        )
    import transformers

    make_config: Any = transformers.BitsAndBytesConfig
    return {"quantization_config": make_config(load_in_8bit=True), "device_map": device}
