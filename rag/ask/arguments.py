"""Flags of ``rag.ask`` and how they override a profile."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.profile import DEFAULT_PROFILE, RetrieverKind, parse_assignments, set_option
from retrievers.errors import InputError

_EPILOG = """Without a question: an interactive prompt on a terminal, else one question a line from standard input.
Any profile option can be set: by flag, --set retrieval.neighbours=1, or environment, RAG_RETRIEVAL__NEIGHBOURS=1.
"""


def build_parser() -> argparse.ArgumentParser:
    """Parser of the command's flags."""
    parser = argparse.ArgumentParser(
        prog="python -m rag.ask",
        description="Answer a question in Russian from an index of documents, with citations.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("question", nargs="?", help="the question")
    parser.add_argument(
        "--index", type=Path, metavar="DIR", help="index directory (default: a demo index, built on first use)"
    )
    parser.add_argument(
        "--profile", metavar="NAME", help=f"pipeline to answer with (default: the index's own, else {DEFAULT_PROFILE})"
    )
    parser.add_argument("--retriever", metavar="NAME", help=f"one of {', '.join(RetrieverKind)}")
    parser.add_argument("--k", type=int, metavar="N", help="passages the answer is read from")
    parser.add_argument(
        "--min-confidence", type=float, metavar="X", help="withhold answers of a lower confidence, 0 to 1"
    )
    parser.add_argument(
        "--filter", action="append", default=[], metavar="FIELD=VALUE",
        help='only documents with this metadata; repeat to narrow, or give JSON: \'{"year": {"$gte": 1900}}\'',
    )  # fmt: skip
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="set a profile option")
    parser.add_argument("--json", action="store_true", help="print one JSON object a question")
    parser.add_argument("--show-contexts", action="store_true", help="print the passages the answer was read from")
    parser.add_argument("--stream", action="store_true", help="print the answer as it is written")
    agent = parser.add_argument_group("several steps")
    agent.add_argument("--agent", action="store_true", help="plan the question and search step by step")
    agent.add_argument("--explain", action="store_true", help="print the plan and every step as a tree")
    agent.add_argument("--plan", type=Path, metavar="FILE", help="follow this plan; the question may be left out")
    agent.add_argument("--save-plan", type=Path, metavar="FILE", help="write the plan that was followed, to be edited")
    agent.add_argument("--trace", type=Path, metavar="FILE", help="append what was done, one JSON object a question")
    return parser


def check_agent_flags(arguments: argparse.Namespace) -> None:
    """Refuse flags that have nothing to say together.

    Raises:
        InputError: naming them.
    """
    if not arguments.agent:
        given = [flag for flag in ("explain", "plan", "save_plan", "trace") if getattr(arguments, flag)]
        if given:
            raise InputError(f"--{given[0].replace('_', '-')} is about the agent: give --agent with it")
    elif arguments.stream:
        raise InputError("--stream prints the words of one reading; with --agent, take --explain to see the steps")
    if arguments.save_plan and arguments.question is None and not arguments.plan:
        raise InputError("--save-plan keeps the plan of one question: give the question with it")


def profile_overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    """Nested profile options that the flags set."""
    overrides = parse_assignments(arguments.set)
    shortcuts = {
        "retrieval.retriever": arguments.retriever,
        "retrieval.k": arguments.k,
        "abstention.min_confidence": arguments.min_confidence,
    }
    for option, value in shortcuts.items():
        if value is not None:
            set_option(overrides, option, value)
    return overrides


def metadata_filter(expressions: Sequence[str]) -> dict[str, Any] | None:
    """Chroma ``where`` dict of the ``--filter`` flags; several are joined by ``$and``."""
    clauses = [_clause(expression) for expression in expressions]
    if not clauses:
        return None
    return clauses[0] if len(clauses) == 1 else {"$and": clauses}


def _clause(expression: str) -> dict[str, Any]:
    if expression.lstrip().startswith("{"):
        try:
            clause = json.loads(expression)
        except json.JSONDecodeError as error:
            raise InputError(f"--filter {expression!r} is not JSON: {error.msg} at column {error.colno}") from error
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in brackets
            raise InputError(f"--filter: JSON that cannot be read: {error}") from error
        return dict(clause)
    field, separator, value = expression.partition("=")
    if not separator or not field:
        raise InputError(f"--filter {expression!r}: expected FIELD=VALUE or a JSON object")
    return {field: _scalar(value)}


def _scalar(text: str) -> str | int | float | bool:
    """Number or truth value where the text is one in JSON, else the text itself."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str | int | float | bool) else text
