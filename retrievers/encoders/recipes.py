"""How a model wants its texts: prefixes, pooling, length. Read from the checkpoint and from a table by model name."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any

from retrievers.checkpoints import names_of, read_json
from retrievers.errors import InputError, ModelUnavailableError

# Names that models give to the two prompts in `config_sentence_transformers.json`.
_QUERY_PROMPTS = ("query", "search_query", "s2p_query", "retrieval.query")
_PASSAGE_PROMPTS = ("document", "passage", "search_document", "corpus", "retrieval.passage")
# Key of that file: the prompts in it are the model's, empty ones too. Ours; `training.export` writes it.
PROMPTS_KNOWN = "prompts_known"
_NO_LIMIT = 100_000  # a tokeniser without a limit of its own names a number far above this


class PoolingMode(StrEnum):
    """How the vectors of a text's tokens become one."""

    MEAN = "mean"
    CLS = "cls"
    LAST_TOKEN = "lasttoken"


# The keys of a sentence-transformers pooling module, before and since its version 5.
_POOLING_KEYS = {
    "pooling_mode_mean_tokens": PoolingMode.MEAN,
    "pooling_mode_cls_token": PoolingMode.CLS,
    "pooling_mode_lasttoken": PoolingMode.LAST_TOKEN,
}


@dataclass(frozen=True, slots=True)
class Family:
    """An entry of ``data/prefixes.toml``; see there."""

    patterns: tuple[str, ...]
    query: str
    passage: str
    pooling: PoolingMode
    source: str
    unsupported: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to encode with one model.

    Args:
        query: put before a question.
        passage: put before a document.
        pooling: of the tokens' vectors.
        include_prompt: whether the prefix takes part in the pooling.
        max_length: tokens of a text; None where nobody says.
        origin: where the prefixes come from, for people to read.
    """

    query: str
    passage: str
    pooling: PoolingMode
    include_prompt: bool = True
    max_length: int | None = None
    origin: str = ""


@functools.cache
def families() -> tuple[Family, ...]:
    """The table of known models, in order of precedence."""
    text = resources.files("retrievers").joinpath("encoders/data/prefixes.toml").read_text(encoding="utf-8")
    return tuple(
        Family(
            patterns=tuple(entry["patterns"]),
            query=entry["query"],
            passage=entry["passage"],
            pooling=PoolingMode(entry["pooling"]),
            source=entry["source"],
            unsupported=entry.get("unsupported"),
        )
        for entry in tomllib.loads(text)["family"]
    )


def family_of(names: list[str]) -> Family | None:
    """The first family that one of a model's names belongs to, the most certain name first.

    >>> family_of(["intfloat/multilingual-e5-small"]).query
    'query: '
    """
    for name in names:
        folded = name.replace("\\", "/").lower()
        for family in families():
            if any(fnmatchcase(folded, pattern.lower()) for pattern in family.patterns):
                return family
    return None


def read_recipe(
    model: str, folder: Path, *, query: str | None = None, passage: str | None = None, max_length: int | None = None
) -> Recipe:
    """The recipe of a checkpoint; what the caller gives wins over the model's own files, those over the table.

    Args:
        model: name or path it was asked for by.
        folder: where it lies.
        query: prefix of questions.
        passage: prefix of documents.
        max_length: tokens of a text; above the model's own limit it has no effect.

    Raises:
        InputError: only one of the prefixes is given.
        ModelUnavailableError: the model is known not to load here, or pools in a way unknown here.
    """
    if (query is None) != (passage is None):
        raise InputError(f"{model}: give both prefixes, of queries and of passages, or none; an empty one is ''")
    family = family_of(names_of(model, folder))
    if family is not None and family.unsupported:
        raise ModelUnavailableError(
            f"{model} cannot be loaded: {family.unsupported}; known models are listed in "
            f"retrievers/encoders/data/prefixes.toml"
        )
    pooling, include_prompt = _pooling(model, folder, family)
    limits = [limit for limit in (max_length, own_limit(folder)) if limit is not None]
    length = min(limits) if limits else None
    own = _own_prompts(folder)
    if query is not None and passage is not None:
        chosen = (query, passage, "given by the caller")
    elif own is not None:
        chosen = (*own, "the model's own configuration")
    elif family is not None:
        chosen = (family.query, family.passage, family.source)
    else:
        chosen = ("", "", "an unknown model: none")
    return Recipe(chosen[0], chosen[1], pooling, include_prompt, length, chosen[2])


def _own_prompts(folder: Path) -> tuple[str, str] | None:
    config: dict[str, Any] = read_json(folder / "config_sentence_transformers.json")
    prompts: dict[str, Any] = config.get("prompts") or {}
    query = next((str(prompts[name]) for name in _QUERY_PROMPTS if prompts.get(name)), "")
    passage = next((str(prompts[name]) for name in _PASSAGE_PROMPTS if prompts.get(name)), "")
    # Saving a model writes empty prompts into its configuration whether it wants some or not: they say nothing, unless
    # the folder says that they were found out.
    return (query, passage) if query or passage or config.get(PROMPTS_KNOWN) else None


def _pooling(model: str, folder: Path, family: Family | None) -> tuple[PoolingMode, bool]:
    for module in read_json(folder / "modules.json", default=[]):
        if str(module.get("type", "")).endswith(".Pooling"):
            return _read_pooling(model, read_json(folder / str(module["path"]) / "config.json"))
    return (family.pooling if family is not None else PoolingMode.MEAN), True


def _read_pooling(model: str, config: dict[str, Any]) -> tuple[PoolingMode, bool]:
    named = config.get("pooling_mode")
    if named is None:
        named = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    modes = [named] if isinstance(named, str) else list(named)
    known = [_POOLING_KEYS.get(mode) or (PoolingMode(mode) if mode in set(PoolingMode) else None) for mode in modes]
    if len(known) != 1 or known[0] is None:
        raise ModelUnavailableError(
            f"{model} pools its tokens by {', '.join(map(str, modes)) or 'nothing'}; known: {', '.join(PoolingMode)}"
        )
    return known[0], bool(config.get("include_prompt", True))


def own_limit(folder: Path) -> int | None:
    """Tokens that the checkpoint in ``folder`` takes at once, as far as its files say."""
    limits = [
        read_json(folder / "sentence_bert_config.json").get("max_seq_length"),
        read_json(folder / "tokenizer_config.json").get("model_max_length"),
        _positions(read_json(folder / "config.json")),
    ]
    known = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _NO_LIMIT]
    return min(known) if known else None


def _positions(config: dict[str, Any]) -> int | None:
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int):
        return None
    # RoBERTa numbers positions from its padding index + 1, so two of them are never used.
    roberta = str(config.get("model_type", "")) in {"roberta", "xlm-roberta", "camembert", "xlm-roberta-xl"}
    return positions - 2 if roberta else positions
