"""Flags of ``python -m training.negatives``."""

from __future__ import annotations

import argparse
from enum import StrEnum
from pathlib import Path
from typing import Any

from evals.flags import add_flags
from retrievers.errors import InputError
from retrievers.scorers.options import ScorerKind

_EPILOG = """Never taken: a positive of the same question, a near-duplicate of the positive, a passage that holds an
answer in any grammatical form and, unless --same-document is given, one of the positive's document.

  python -m training.negatives pairs.jsonl --index DIR --kind bm25 --count 4 --out mined.jsonl
  python -m training.negatives pairs.jsonl --index DIR --kind hybrid --filter cross-encoder --margin 1 --out mined.jsonl
  python -m training.negatives pairs.jsonl --kind random --count 4 --out mined.jsonl"""


class Kind(StrEnum):
    """Where candidates come from."""

    BM25 = "bm25"
    DENSE = "dense"
    HYBRID = "hybrid"
    RANDOM = "random"


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        prog="python -m training.negatives",
        description="Add negatives to training examples, and tell what was dropped and why.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("examples", type=Path, metavar="EXAMPLES", help="file of examples")
    add_flags(parser, _FLAGS)
    add_flags(parser.add_argument_group("likely false negatives"), _FILTER)
    return parser


_FLAGS: dict[str, dict[str, Any]] = {
    "--kind": {
        "choices": [kind.value for kind in Kind], "required": True,
        "help": "retriever of the index, or random: passages of other examples",
    },
    "--index": {"type": Path, "metavar": "DIR", "help": "built index to take negatives from; random needs none"},
    "--count": {"type": int, "default": 4, "metavar": "N", "help": "negatives an example gets"},
    "--depth": {"type": int, "default": 50, "metavar": "N", "help": "candidates asked of the retriever"},
    "--same-document": {
        "action": "store_true", "help": "let other passages of the positive's document be negatives"
    },
    "--keep-answers": {
        "action": "store_true", "help": "do not drop passages that hold an answer, where answers are common words"
    },
    "--out": {"type": Path, "required": True, "metavar": "FILE", "help": "examples to write (.jsonl)"},
    "--seed": {"type": int, "default": 0, "metavar": "N", "help": "of the random draw"},
}  # fmt: skip

_FILTER: dict[str, dict[str, Any]] = {
    "--rank-window": {
        "type": int, "nargs": 2, "metavar": ("A", "B"), "help": "only candidates of these ranks, counted from 1"
    },
    "--filter": {
        "choices": ["none", "cross-encoder"], "default": "none",
        "help": "score candidates and the positive; the hardest by that score are kept",
    },
    "--scorer": {
        "choices": [kind.value for kind in ScorerKind if kind is not ScorerKind.NONE], "default": "light",
        "help": "what scores",
    },
    "--model": {"metavar": "NAME", "help": "its name or path (light: a weights file in place of the shipped one)"},
    "--margin": {
        "type": float, "metavar": "X",
        "help": "drop what scores above the positive's score less X, in the scorer's unit (TopK-MarginPos)",
    },
    "--max-share": {
        "type": float, "metavar": "X",
        "help": "drop what has more than this share of the positive's probability, from 0 to 1 (TopK-PercPos)",
    },
    "--max-score": {"type": float, "metavar": "X", "help": "drop what scores above X, in the scorer's unit (TopK-Abs)"},
    "--keep-scores": {
        "action": "store_true", "help": "keep the scores of positive and negatives, for training with margin-mse"
    },
}  # fmt: skip


def check_arguments(arguments: argparse.Namespace) -> None:
    """Refuse values out of range, and flags that go without one another.

    Raises:
        InputError: names the flag and what it takes.
    """
    for name in ("count", "depth"):
        if (value := getattr(arguments, name)) < 1:
            raise InputError(f"--{name}: expected at least 1, got {value}")
    if arguments.kind != Kind.RANDOM and arguments.index is None:
        raise InputError(f"--kind {arguments.kind} needs an index: name it with --index")
    limits = [name for name in ("margin", "max_share", "max_score") if getattr(arguments, name) is not None]
    scoring = [*limits, *(["keep_scores"] if arguments.keep_scores else [])]
    if scoring and arguments.filter == "none":
        raise InputError(f"--{scoring[0].replace('_', '-')} needs scores: add --filter cross-encoder")
    if arguments.kind == Kind.RANDOM and (arguments.filter != "none" or arguments.rank_window):
        raise InputError("--kind random ranks nothing: leave out --filter and --rank-window")
    if arguments.max_share is not None and not 0 < arguments.max_share <= 1:
        raise InputError(f"--max-share: expected a share above 0 and up to 1, got {arguments.max_share:g}")
    if arguments.rank_window is not None:
        first, last = arguments.rank_window
        if not 1 <= first <= last <= arguments.depth:
            raise InputError(f"--rank-window: expected 1 <= A <= B <= --depth ({arguments.depth}), got {first} {last}")
