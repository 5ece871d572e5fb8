"""Each kind of model in the form that the exporter takes, and the files that its runtime reads beside the graph."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrievers.checkpoints import loading, read_json
from retrievers.encoders.huggingface import load_sentence_transformer
from retrievers.encoders.recipes import PROMPTS_KNOWN, Recipe, own_limit, read_recipe
from retrievers.errors import ModelUnavailableError
from retrievers.scorers.logits import labels_of
from training.export.graph import Traceable
from training.export.options import ExportTask
from training.export.source import FEATURE, Source

if TYPE_CHECKING:
    import torch

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# Plain attention: the exporter writes it in half the operators of torch's fused one, and it runs as fast.
_ATTENTION = "eager"
_UNLIMITED = 99_999  # tokens; what retrievers.encoders.recipes still takes for a limit
_TEXTS = ("Байкал — самое глубокое озеро на Земле, его глубина 1642 метра.", "Где находится Байкал?")
_PAIRS = (("Где находится Байкал?", _TEXTS[0]), ("Кто?", "Роман «Обломов» написал Иван Гончаров."))


def prepare(source: Source, folder: Path) -> Traceable:
    """Load a model, write tokeniser and configuration into ``folder``, and give what is left: the model to trace.

    Raises:
        ModelUnavailableError: the model does not load, or does something that the runtime cannot do.
    """
    with loading(source.model, FEATURE, extra="train"):
        match source.task:
            case ExportTask.CROSSENCODER:
                return _crossencoder(source, folder)
            case ExportTask.READER:
                return _reader(source, folder)
            case _:
                return _static(source, folder) if source.static else _biencoder(source, folder)


def _biencoder(source: Source, folder: Path) -> Traceable:
    """Sentence vectors: everything from the transformer to the last module is in the graph."""
    import torch

    recipe = read_recipe(source.model, source.folder)
    if not recipe.include_prompt:
        raise ModelUnavailableError(f"{source.model} leaves its prefix out of the pooling, which exports cannot do")
    model: Any = load_sentence_transformer(source.model, source.folder, recipe, "cpu")
    model[0].auto_model.set_attn_implementation(_ATTENTION)
    tokenizer = model.tokenizer
    _copy(source.folder, folder, "config.json", "modules.json", *_module_configs(source.folder))
    _write_tokenizer(tokenizer, folder)
    _write_recipe(recipe, folder)

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
        ) -> torch.Tensor:
            features = _given(input_ids, attention_mask, token_type_ids)
            vectors: torch.Tensor = self.model(features)["sentence_embedding"]
            return vectors  # (batch, dim)

    inputs = _inputs_of(tokenizer)
    return Traceable(Graph(), inputs, ("sentence_embedding",), _example(tokenizer, inputs, _TEXTS))


def _static(source: Source, folder: Path) -> Traceable:
    """Mean of token vectors; the padding that a batch brings is masked out."""
    import torch

    recipe = read_recipe(source.model, source.folder)
    model: Any = load_sentence_transformer(source.model, source.folder, recipe, "cpu")
    tokenizer = model[0].tokenizer  # of the package tokenizers
    limit = int((tokenizer.truncation or {}).get("max_length", _UNLIMITED))
    content = json.loads(tokenizer.to_str())
    content["post_processor"] = None  # the model sees no [CLS] and [SEP]; the runtime would add them
    (folder / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"model_type": "static", "pad_token_id": 0}) + "\n")
    _write_recipe(recipe, folder, limit)

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            weights: torch.Tensor = model[0].embedding.weight.detach().float()  # (vocabulary, dim)
            self.vectors = torch.nn.Parameter(weights, requires_grad=False)
            self.rest = torch.nn.ModuleList(list(model)[1:])

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            mask = attention_mask[:, :, None].to(torch.float32)  # (batch, tokens, 1)
            sums = (torch.nn.functional.embedding(input_ids, self.vectors) * mask).sum(dim=1)  # (batch, dim)
            features = {"sentence_embedding": sums / mask.sum(dim=1).clamp(min=1.0)}
            for module in self.rest:
                features = module(features)
            vectors: torch.Tensor = features["sentence_embedding"]
            return vectors

    ids = [encoding.ids for encoding in tokenizer.encode_batch(list(_TEXTS), add_special_tokens=False)]
    width = max(map(len, ids))
    batch = torch.tensor([row + [0] * (width - len(row)) for row in ids])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids])
    return Traceable(Graph(), _INPUTS[:2], ("sentence_embedding",), (batch, mask))


def _crossencoder(source: Source, folder: Path) -> Traceable:
    """Raw logits; what they say about relevance is the runtime's business."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    labels_of(source.model, read_json(source.folder / "config.json"))
    if len(read_json(source.folder / "modules.json", default=[])) > 1:
        raise ModelUnavailableError(f"{source.model} has modules behind its classifier, which exports cannot do")
    model: Any = AutoModelForSequenceClassification.from_pretrained(
        str(source.folder),
        trust_remote_code=False,
        local_files_only=True,
        use_safetensors=True,
        dtype=torch.float32,
        attn_implementation=_ATTENTION,
    )
    tokenizer = AutoTokenizer.from_pretrained(str(source.folder), trust_remote_code=False, local_files_only=True)
    _copy(source.folder, folder, "config.json")
    _write_tokenizer(tokenizer, folder)
    _write_limit(folder, own_limit(source.folder))

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
        ) -> torch.Tensor:
            logits: torch.Tensor = self.model(**_given(input_ids, attention_mask, token_type_ids)).logits
            return logits  # (batch, labels)

    inputs = _inputs_of(tokenizer)
    return Traceable(Graph(), inputs, ("logits",), _example(tokenizer, inputs, _PAIRS))


def _reader(source: Source, folder: Path) -> Traceable:
    """Logits of start and end, and the relevance: the network gives them as the runtime wants them."""
    import torch

    from retrievers.span_reader.model import load_tokenizer, pad_id_of
    from retrievers.span_reader.network import load_network
    from retrievers.span_reader.settings import OUTPUTS, read_settings
    from retrievers.span_reader.windows import Framing, Passage, pad

    settings = read_settings(source.folder, source.model)
    network: Any = load_network(source.folder, source.model)
    network.encoder.set_attn_implementation(_ATTENTION)
    tokenizer = load_tokenizer(source.folder)
    _copy(source.folder, folder, "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
    _write_limit(folder, own_limit(source.folder))
    framing = Framing(tokenizer, settings)
    windows = [framing.windows(question, [Passage(passage)])[0][0] for question, passage in _PAIRS]
    batch = pad(windows, pad_id_of(source.folder))
    inputs = _INPUTS if network.takes_types else _INPUTS[:2]

    return Traceable(network, inputs, OUTPUTS, tuple(torch.from_numpy(batch[name]) for name in inputs))


def _given(ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor | None) -> dict[str, torch.Tensor]:
    features = {"input_ids": ids, "attention_mask": mask}
    return features if types is None else features | {"token_type_ids": types}


def _inputs_of(tokenizer: Any) -> tuple[str, ...]:
    return tuple(name for name in _INPUTS if name in tokenizer.model_input_names)


def _example(
    tokenizer: Any, inputs: Sequence[str], texts: Sequence[str] | Sequence[tuple[str, str]]
) -> tuple[torch.Tensor, ...]:
    tokenizer.padding_side = "right"  # as the runtime pads
    batch = tokenizer(list(texts), padding=True, truncation=True, max_length=24, return_tensors="pt")
    return tuple(batch[name] for name in inputs)


def _write_tokenizer(tokenizer: Any, folder: Path) -> None:
    tokenizer.save_pretrained(str(folder))
    if not (folder / "tokenizer.json").is_file():
        raise ModelUnavailableError(
            f"the tokeniser {type(tokenizer).__name__} has no tokenizer.json, which exports are read with"
        )


def _write_recipe(recipe: Recipe, folder: Path, limit: int | None = None) -> None:
    """Prefixes and length as they are now: the table they may come from goes by a name that the export has not."""
    prompts = {"query": recipe.query, "document": recipe.passage}
    content = {"prompts": prompts, PROMPTS_KNOWN: True, "default_prompt_name": None}
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (folder / "config_sentence_transformers.json").write_text(text + "\n", encoding="utf-8")
    _write_limit(folder, limit or recipe.max_length)


def _write_limit(folder: Path, limit: int | None) -> None:
    if limit is not None:
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": limit}) + "\n")


def _module_configs(folder: Path) -> list[str]:
    """Configurations of the modules behind the transformer: the runtime reads the pooling from them."""
    modules = read_json(folder / "modules.json", default=[])
    return [f"{module['path']}/config.json" for module in modules if module.get("path")]


def _copy(source: Path, target: Path, *names: str) -> None:
    for name in names:
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((source / name).read_bytes())
