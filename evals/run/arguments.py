"""Flags of ``evals.run``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evals.flags import add_flags, known_names
from evals.run.options import DEFAULT_CUTOFFS, DEFAULT_RETRIEVERS, RunOptions
from rag.index.engine_flags import add_engine_flags
from rag.profile import RetrieverKind, parse_assignments
from retrievers.errors import InputError

_ON_OFF = {"on": True, "off": False}
_EPILOG = """Files in the output directory: summary.json, questions.jsonl (a record per question and variant),
passages.jsonl, report.html, trec/ (qrels and runs). Records are written as they are measured: after a kill the same
command goes on where it stopped."""


def build_parser() -> argparse.ArgumentParser:
    """Parser of the command's flags."""
    parser = argparse.ArgumentParser(
        prog="python -m evals.run",
        description="Measure retrieval and answers of several pipelines on an evaluation file.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = ", ".join(RetrieverKind)
    cutoffs = ",".join(map(str, DEFAULT_CUTOFFS))
    flags: dict[str, dict[str, Any]] = {
        "--index": {"type": Path, "metavar": "DIR", "help": "index (default: the demo index, built on first use)"},
        "--profile": {"metavar": "NAME", "help": "pipeline whose parts are varied (default: the index's own)"},
        "--retrievers": {"metavar": "LIST", "default": ",".join(DEFAULT_RETRIEVERS), "help": f"some of {known}"},
        "--compressor": {"metavar": "LIST", "default": "off,on", "help": "without and with reranking"},
        "--agent": {"metavar": "LIST", "default": "off", "help": "off, on or off,on: in as many steps as needed"},
        "--answers": {"action": "store_true", "help": "also answer the questions and measure the answers"},
        "--k": {"metavar": "LIST", "default": cutoffs, "help": "ranks of the metrics"},
        "--depth": {"type": int, "metavar": "N", "help": "candidates for a question (default: the profile's pool)"},
        "--limit": {"type": int, "metavar": "N", "help": "only the first N questions"},
        "--set": {"action": "append", "default": [], "metavar": "OPTION=VALUE", "help": "set a profile option"},
        "--seed": {"type": int, "metavar": "N", "default": 0, "help": "of the resampling"},
        "--jobs": {
            "type": int, "metavar": "N",
            "help": "processes (default: one a core, or 1 where a part loads a model); latency is cleanest with 1",
        },
        "--out": {"type": Path, "metavar": "DIR", "help": "output directory (default: runs/NAME-DIGEST)"},
    }  # fmt: skip
    parser.add_argument("file", type=Path, metavar="FILE", help="questions in JSON Lines")
    add_flags(parser, flags)
    add_engine_flags(parser)
    return parser


def run_options(arguments: argparse.Namespace, profile: str) -> RunOptions:
    """Options that the flags set.

    Raises:
        InputError: a value that is not one of the known ones, or out of range.
    """
    values: dict[str, Any] = {
        "profile": profile,
        "overrides": parse_assignments(arguments.set),
        "retrievers": known_names(arguments.retrievers, list(RetrieverKind), "--retrievers"),
        "rerank": [_ON_OFF[name] for name in known_names(arguments.compressor, _ON_OFF, "--compressor")],
        "agent": [_ON_OFF[name] for name in known_names(arguments.agent, _ON_OFF, "--agent")],
        "answers": arguments.answers,
        "cutoffs": _numbers(arguments.k),
        "depth": arguments.depth,
        "limit": arguments.limit,
        "seed": arguments.seed,
    }
    try:
        return RunOptions(**values)
    except ValidationError as error:
        first = error.errors()[0]
        flag = {"cutoffs": "k"}.get(str(first["loc"][0]), first["loc"][0])
        raise InputError(f"--{flag}: {first['msg']} (got {first['input']!r})") from error


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"--k {text!r}: expected whole numbers with commas between, like 1,5,10") from error
