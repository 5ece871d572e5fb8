"""Make a small encoder from nothing but text: ``python -m training.scratch --help``.

The result is a BERT of a few layers with word pieces of its own, learnt from the texts: a base for
``training.biencoder``, ``training.crossencoder`` and ``training.reader`` where no pretrained model is at hand, as on a
closed network. Its word vectors can start from navec's, and it can be trained to guess masked words before that.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from rich.console import Console

from rag.command import run_command
from rag.documents.readers import read_sources
from retrievers.analysis import words
from retrievers.checkpoints import require_packages
from retrievers.errors import InputError
from retrievers.word_vectors import word_vectors
from training.finetune.card import DataFile, Metrics, Task, TrainingRecord, package_versions, toolkit_commit, write_card
from training.finetune.options import Precision, TrainingOptions, add_option_flags, options_from
from training.finetune.running import quiet, require_precision
from training.finetune.workspace import Workspace
from training.pretraining.first_vectors import count_words, first_embeddings, piece_vectors
from training.pretraining.masked import Learnt, Masking, learn_masked, token_blocks
from training.pretraining.word_pieces import (
    FIRST,
    MASK,
    PAD,
    SEPARATOR,
    SPECIAL,
    for_transformers,
    learn_word_pieces,
)

_FEATURE = "training an encoder from nothing"
_SPREAD = 0.02  # standard deviation of BERT's first weights
_BLOCK = 128  # tokens, where nothing else is said
_LOSS = "masked loss"


class Start(StrEnum):
    """Where the vectors of word pieces come from."""

    RANDOM = "random"
    NAVEC = "navec"


class ScratchOptions(BaseModel):
    """Shape of the model and how it is trained; each field is a flag."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: int = Field(default=2, ge=1, description="transformer layers")
    dim: int = Field(default=128, ge=8, description="numbers of a vector")
    heads: int = Field(default=2, ge=1, description="attention heads of a layer; they divide --dim")
    vocabulary: int = Field(default=8000, ge=100, description="word pieces at most")
    positions: int = Field(default=512, ge=16, description="tokens of a text at most")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="of the layers")
    keep_case: bool = Field(default=False, description="tell upper case from lower")
    keep_yo: bool = Field(default=False, description="tell ё from е, which most texts write for it")
    init: Start = Field(default=Start.RANDOM, description="where the vectors of word pieces come from")
    mlm_steps: int = Field(default=0, ge=0, description="updates of learning to guess masked words; 0: none")
    mlm_share: float = Field(default=0.15, gt=0, lt=1, description="share of word pieces that are masked")
    block: int | None = Field(default=None, ge=16, description="tokens of a text that masked words are guessed in; "
                              "unset: 128, or --positions where these are fewer")  # fmt: skip
    batch_size: int = Field(default=32, ge=1, description="such texts of a forward pass")
    accumulation: int = Field(default=1, ge=1, description="forward passes whose gradients make one update")
    learning_rate: float = Field(default=5e-4, gt=0, description="highest learning rate")
    warmup: float = Field(default=0.1, ge=0, lt=1, description="share of the updates that warm up")
    weight_decay: float = Field(default=0.01, ge=0, description="weight decay of AdamW")
    precision: Precision = Field(default=Precision.FP32, description="numbers to compute in; fp16 needs a GPU")
    seed: int = Field(default=0, ge=0, lt=2**32, description="of new weights, masks and the order of texts")
    fresh: bool = Field(default=False, description="throw away what an interrupted run of the same --out left")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.dim % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a dim of {self.dim}")
        if self.block is not None and self.block > self.positions:
            raise ValueError(f"blocks of {self.block} tokens are longer than the {self.positions} positions")
        return self

    @property
    def block_length(self) -> int:
        """Tokens of a text that masked words are guessed in."""
        return self.block or min(_BLOCK, self.positions)

    def training(self) -> TrainingOptions:
        """Options of the trainer that learns to guess masked words."""
        return TrainingOptions(
            steps=self.mlm_steps,
            batch_size=self.batch_size,
            accumulation=self.accumulation,
            learning_rate=self.learning_rate,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            precision=self.precision,
            seed=self.seed,
            patience=0,
            metric="loss",
        )


def build_parser() -> argparse.ArgumentParser:
    """Parser of the command's flags."""
    parser = argparse.ArgumentParser(prog="python -m training.scratch", description=__doc__)
    parser.add_argument(
        "--texts", nargs="+", type=Path, required=True, metavar="FILE_OR_DIR",
        help="documents as python -m rag.index reads them: folders, .md, .txt, .jsonl, .jsonl.gz, …",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the model, new")
    parser.add_argument("--name", default=None, help="of the model, for its card (default: that of the folder)")
    parser.add_argument("--licence", default=None, help="of the weights, for the card, as hubs name it: apache-2.0, …")
    add_option_flags(parser, ScratchOptions)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and make the model."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def build_network(options: ScratchOptions, pieces: int, padding: int) -> Any:
    """A BERT with random weights.

    Args:
        options: its shape.
        pieces: size of the vocabulary.
        padding: row of the padding piece.
    """
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=pieces,
        hidden_size=options.dim,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        intermediate_size=4 * options.dim,
        max_position_embeddings=options.positions,
        hidden_dropout_prob=options.dropout,
        attention_probs_dropout_prob=options.dropout,
        initializer_range=_SPREAD,
        pad_token_id=padding,
    )
    return BertModel(config)


def start_from_navec(network: Any, tokenizer: Any, texts: Sequence[str], options: ScratchOptions) -> int:
    """Put navec's meaning into the vectors of word pieces. Returns how many pieces have some.

    Raises:
        InputError: the texts hold no word that navec knows.
    """
    import torch

    def pieces_of(block: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in tokenizer.encode_batch(block, add_special_tokens=False)]

    size = tokenizer.get_vocab_size()
    vectors, found = piece_vectors(count_words(texts, words), pieces_of, word_vectors(), size)
    if found < 2:
        raise InputError("--init navec: the texts hold no Russian words that navec knows")
    embeddings = first_embeddings(vectors, options.dim, _SPREAD, np.random.default_rng(options.seed))
    with torch.no_grad():
        network.embeddings.word_embeddings.weight.copy_(torch.from_numpy(embeddings))
        network.embeddings.word_embeddings.weight[tokenizer.token_to_id(PAD)] = 0.0
    return found


def _run(arguments: argparse.Namespace) -> int:
    options = options_from(arguments, ScratchOptions)
    workspace = Workspace(arguments.out)
    workspace.require_free()
    require_packages(_FEATURE, "torch", "transformers", "accelerate", extra="train")
    require_precision(options.training() if options.mlm_steps else TrainingOptions())
    files = [_read(path) for path in arguments.texts]
    texts = [text for _, rows in files for text in rows]
    configuration = {
        "options": options.model_dump(mode="json", exclude={"fresh"}),
        "texts": [file.sha256 for file, _ in files],
    }
    with workspace.open(configuration, fresh=options.fresh) as folder, quiet():
        network, tokenizer, metrics, facts = _make(texts, options, folder)
        workspace.model.mkdir()
        network.save_pretrained(str(workspace.model))
        tokenizer.save_pretrained(str(workspace.model))
        record = TrainingRecord(
            task=Task.ENCODER,
            name=arguments.name or arguments.out.resolve().name,
            data=tuple(file for file, _ in files),
            options=configuration["options"],
            metrics=metrics,
            run=facts,
            licence=arguments.licence,
            commit=toolkit_commit(),
            versions=package_versions(),
        )
        write_card(workspace.model, record)
        workspace.publish()
    _print(arguments.out, facts, metrics)
    return 0


def _make(texts: Sequence[str], options: ScratchOptions, folder: Path) -> tuple[Any, Any, Metrics, dict[str, Any]]:
    """Network, its tokeniser, and what there is to say about them."""
    from transformers import set_seed

    paragraphs = [paragraph for text in texts for paragraph in text.split("\n")]
    pieces = learn_word_pieces(paragraphs, options.vocabulary, keep_case=options.keep_case, keep_yo=options.keep_yo)
    tokenizer = for_transformers(pieces, options.positions)
    set_seed(options.seed)
    network = build_network(options, pieces.get_vocab_size(), tokenizer.pad_token_id)
    facts: dict[str, Any] = {
        "documents": len(texts),
        "word pieces": pieces.get_vocab_size(),
        "weights": sum(int(parameter.numel()) for parameter in network.parameters()),
    }
    if options.init is Start.NAVEC:
        facts["word pieces with a vector of navec"] = start_from_navec(network, pieces, texts, options)
    if not options.mlm_steps:
        return network, tokenizer, Metrics(), facts
    learnt = _pretrain(network, pieces, texts, options, folder)
    metrics = Metrics(before={_LOSS: round(learnt.before, 5)}, after={_LOSS: round(learnt.after, 5)})
    return network, tokenizer, metrics, facts | learnt.course.facts


def _pretrain(network: Any, pieces: Any, texts: Sequence[str], options: ScratchOptions, folder: Path) -> Learnt:
    """Let the network guess hidden pieces; it has the best weights afterwards."""
    from transformers import BertForMaskedLM

    special = [pieces.token_to_id(piece) for piece in SPECIAL]
    encodings = pieces.encode_batch(list(texts), add_special_tokens=False)
    blocks = token_blocks(
        [encoding.ids for encoding in encodings],
        options.block_length,
        pieces.token_to_id(FIRST),
        pieces.token_to_id(SEPARATOR),
    )
    if len(blocks) < 2:
        raise InputError(f"--mlm-steps: the texts make {len(blocks)} blocks of {options.block_length} tokens, too few")
    guessing: Any = BertForMaskedLM(network.config)
    guessing.bert.load_state_dict(network.state_dict(), strict=False)  # it has no pooler
    masking = Masking(
        share=options.mlm_share,
        mask=pieces.token_to_id(MASK),
        special=tuple(special),
        pieces=pieces.get_vocab_size(),
        seed=options.seed,
    )
    learnt = learn_masked(guessing, masking, blocks, options.training(), folder)
    network.load_state_dict(guessing.bert.state_dict(), strict=False)
    return learnt


def _read(path: Path) -> tuple[DataFile, list[str]]:
    """Texts of a file or folder, and its facts; the digest is of what was read, so that a folder has one, too."""
    digest = hashlib.sha256()
    texts = []
    for source in read_sources([path]):
        digest.update(f"{source.doc_id}\0{source.text}\0".encode())
        texts.append(source.text)
    if not texts:
        raise InputError(f"--texts {path}: holds no text")
    return DataFile(role="text", name=path.resolve().name, rows=len(texts), sha256=digest.hexdigest()), texts


def _print(out: Path, facts: dict[str, Any], metrics: Metrics) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for name, value in facts.items():
        console.print(f"{name}: {value}")
    if metrics.after:
        console.print(f"{_LOSS}: {metrics.before[_LOSS]:.3f} -> {metrics.after[_LOSS]:.3f} nats a masked piece")
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"The model is in {out}")


if __name__ == "__main__":
    sys.exit(main())
