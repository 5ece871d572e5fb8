"""Flags of ``python -m training.pairs``."""

from __future__ import annotations

import argparse
from enum import StrEnum
from pathlib import Path
from typing import Any

from evals.flags import add_flags
from retrievers.errors import InputError

_EPILOG = """Kinds of pairs:
  title          a document's title and its first passages
  heading        a document's title with the headings of a section, and the section's first passage
  inverse-cloze  a sentence and the rest of its passage
  cloze          a sentence turned into a question by rules: who, where, when, how many, which, what, why
  written        a question by a chat model behind an OpenAI-compatible server (extra chat); a rerun goes on

Passages are cut as an index cuts them. Beside FILE goes FILE's manifest with what was made, dropped and why."""


class Kind(StrEnum):
    """Where pairs come from."""

    TITLE = "title"
    HEADING = "heading"
    INVERSE_CLOZE = "inverse-cloze"
    CLOZE = "cloze"
    WRITTEN = "written"


def build_parser() -> argparse.ArgumentParser:
    """The command's flags; a group for each kind that has some of its own."""
    parser = argparse.ArgumentParser(
        prog="python -m training.pairs",
        description="Make training pairs of a plain corpus.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sources", type=Path, nargs="*", metavar="SOURCE",
        help="documents: files and folders as an index takes them, and .jsonl.zst",
    )  # fmt: skip
    add_flags(parser, _COMMON)
    for title, flags in _GROUPS.items():
        add_flags(parser.add_argument_group(title), flags)
    return parser


_COMMON: dict[str, dict[str, Any]] = {
    "--kind": {"choices": [kind.value for kind in Kind], "required": True, "help": "where the pairs come from"},
    "--out": {"type": Path, "required": True, "metavar": "FILE", "help": "examples to write (.jsonl)"},
    "--index": {"type": Path, "metavar": "DIR", "help": "take the passages of a built index, too"},
    "--limit": {"type": int, "metavar": "N", "help": "stop after N pairs, of passages in random order"},
    "--seed": {"type": int, "default": 0, "metavar": "N", "help": "of all random choices"},
    "--held-out": {
        "type": Path, "action": "append", "default": [], "metavar": "FILE",
        "help": "evaluation file whose questions, and near-duplicates of them, must not come out; repeat for several",
    },
}  # fmt: skip

_GROUPS: dict[str, dict[str, dict[str, Any]]] = {
    "title": {
        "--per-document": {"type": int, "default": 3, "metavar": "N", "help": "passages of one document"},
    },
    "inverse-cloze": {
        "--kept-share": {
            "type": float, "default": 0.1, "metavar": "X", "help": "share of the sentences left in their passage"
        },
    },
    "cloze": {
        "--per-sentence": {"type": int, "default": 3, "metavar": "N", "help": "questions of one sentence at most"},
        "--reworded": {
            "type": float, "default": 0.5, "metavar": "X", "help": "share of words with a synonym that are replaced"
        },
        "--distant": {
            "choices": ["off", "also", "only"], "default": "off",
            "help": "take another passage that holds the answer and what the question names: never, where there is one"
                    " as a second row, or as the only row",
        },
    },
    "written": {
        "--base-url": {"default": "http://127.0.0.1:8000/v1", "metavar": "URL", "help": "OpenAI-compatible server"},
        "--model": {"default": "default", "metavar": "NAME", "help": "name of the model there"},
        "--about": {
            "choices": ["free", "span"], "default": "free",
            "help": "let the model choose the answer, or name it a span: a name, date or number picked by rules",
        },
        "--temperature": {"type": float, "default": 0.3, "metavar": "T", "help": "of the sampling"},
        "--concurrency": {"type": int, "default": 1, "metavar": "N", "help": "requests at once"},
        "--timeout": {"type": float, "default": 300.0, "metavar": "S", "help": "seconds for one request"},
        "--retries": {"type": int, "default": 3, "metavar": "N", "help": "further attempts at a request that failed"},
        "--reader": {
            "default": "offline", "metavar": "PROFILE",
            "help": "profile whose reader must find the answer again; 'none' asks nobody",
        },
        "--min-f1": {
            "type": float, "default": 0.5, "metavar": "X", "help": "F1 of lemmas with the answer that it must reach"
        },
    },
}  # fmt: skip

_AT_LEAST_ONE = ("limit", "per_document", "per_sentence", "concurrency")
_SHARES = ("kept_share", "reworded", "min_f1")


def check_arguments(arguments: argparse.Namespace) -> None:
    """Refuse values out of range.

    Raises:
        InputError: names the flag and what it takes.
    """
    for name in _AT_LEAST_ONE:
        if (value := getattr(arguments, name)) is not None and value < 1:
            raise InputError(f"--{name.replace('_', '-')}: expected at least 1, got {value}")
    for name in _SHARES:
        if not 0 <= (value := getattr(arguments, name)) <= 1:
            raise InputError(f"--{name.replace('_', '-')}: expected a share from 0 to 1, got {value:g}")
    if arguments.retries < 0:
        raise InputError(f"--retries: expected at least 0, got {arguments.retries}")
    if not arguments.timeout > 0:
        raise InputError(f"--timeout: expected seconds above 0, got {arguments.timeout:g}")
    if not 0 <= arguments.temperature <= 2:
        raise InputError(f"--temperature: expected 0 to 2, got {arguments.temperature:g}")
