"""Serve an index over HTTP: ``python -m rag.serve --index DIR``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.command import available_cores, run_command
from rag.serve.listening import listen, port_number
from retrievers.checkpoints import require_packages
from retrievers.errors import InputError

if TYPE_CHECKING:
    from rag.index import Index
    from rag.profile import Profile
    from rag.serve.options import ServeOptions

TOKEN_VARIABLE = "RAG_SERVE_TOKEN"
_SHORTEST_TOKEN = 16
_NEEDS_TOKEN = (
    "other machines reach this address, and whoever reaches it reads the index; give the service a token"
    f" ({TOKEN_VARIABLE} or --token-file), or take a loopback address (127.0.0.1)"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted.

    Returns:
        0 after a clean shutdown; 2 for foreseeable mistakes; 130 after Ctrl-C.
    """
    # Requests have threads already, and the readers' matrices are small: with more of NumPy's own for each product an
    # answer took 510 ms of two cores' time, without them 300. It reads this when it is first imported: the parser's
    # options bring it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = _parser().parse_args(argv)
    return run_command(lambda: _serve(arguments))


def _serve(arguments: argparse.Namespace) -> int:
    require_packages("Serving over HTTP", "fastapi", "uvicorn", "prometheus_client", "python_multipart", extra="serve")
    from rag.index import open_index
    from rag.serve.running import serve
    from rag.serve.service import Service
    from rag.serve.snapshots import Snapshot, Snapshots

    token = _token(arguments.token_file)
    with listen(arguments.host, arguments.port, refusal=None if token else _NEEDS_TOKEN) as listening:
        index, profile = _open(arguments)
        options = _options(arguments, index, token)
        first = Snapshot(index, profile)
        first.warm_up()  # what is missing is told now
        serve(Service(Snapshots(first, lambda: open_index(index.directory)), options), listening)
    return 0


def _open(arguments: argparse.Namespace) -> tuple[Index, Profile]:
    from rag.demo import open_demo_index, open_named_or_demo, served_demo_directory
    from rag.profile import DEFAULT_PROFILE, load_profile, parse_assignments, set_option

    overrides: dict[str, Any] = parse_assignments(arguments.set)
    if arguments.retriever is not None:
        set_option(overrides, "retrieval.retriever", arguments.retriever)
    if arguments.index is not None:
        return open_named_or_demo(arguments.index, arguments.profile, overrides)
    profile = load_profile(arguments.profile or DEFAULT_PROFILE, overrides)
    return open_demo_index(profile, served_demo_directory(profile)), profile


def _options(arguments: argparse.Namespace, index: Index, token: str | None) -> ServeOptions:
    from rag.serve.options import ServeOptions

    beside = index.directory.with_name(f"{index.directory.name}.feedback.jsonl")
    return ServeOptions(
        token=token,
        read_only=arguments.read_only,
        feedback=None if arguments.read_only else (arguments.feedback or beside),
        log_questions=arguments.log_questions,
        workers=arguments.workers,
        waiting=arguments.waiting,
        timeout=arguments.timeout,
        topk=arguments.topk,
    )


def _token(path: Path | None) -> str | None:
    """What clients must show: the file's first line, or the environment's variable; it never stands in a flag."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if path is not None:
        try:
            token = path.read_text(encoding="utf-8").strip().partition("\n")[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--token-file {path} cannot be read: {error}") from error
        if not token:
            raise InputError(f"--token-file {path} is empty; write the token on its first line")
    if token and (len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token):
        raise InputError(
            f"the token must have at least {_SHORTEST_TOKEN} printable ASCII characters without spaces; make one with:"
            ' python -c "import secrets; print(secrets.token_urlsafe())"'
        )
    return token or None


def _passages(text: str) -> int:
    from rag.serve.routes.retrieve import MAX_TOPK

    return _number(text, 1, MAX_TOPK)


def _count(text: str) -> int:
    return _number(text, 1, 1024)


def _waiting(text: str) -> int:
    return _number(text, 0, 100_000)


def _number(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"expected a number from {least} to {most}, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"expected seconds, more than 0 and at most a day, got {text!r}")
    return seconds


def _parser() -> argparse.ArgumentParser:
    from rag.profile import RetrieverKind
    from rag.serve.options import ServeOptions

    default = ServeOptions()
    parser = argparse.ArgumentParser(
        prog="python -m rag.serve",
        description="Serve an index over HTTP: a page to ask and choose contexts on, a JSON API, OpenAI's chat API,"
        " and POST /retrieve as Search-R1 asks.",
    )
    parser.add_argument("--index", type=Path, metavar="DIR", help="index directory (default: a demo index)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=port_number, default=8000, help="default: 8000; 0 takes a free one and names it")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE",
        help=f"file whose first line clients must show as a bearer token (default: the variable {TOKEN_VARIABLE});"
        " without a token only loopback addresses are served",
    )  # fmt: skip
    parser.add_argument("--profile", metavar="NAME", help="pipeline to answer with (default: the index's own)")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="set a profile option")
    parser.add_argument("--retriever", metavar="NAME", help=f"one of {', '.join(RetrieverKind)}")
    parser.add_argument("--read-only", action="store_true", help="refuse uploads, deletions and feedback")
    parser.add_argument(
        "--feedback", type=Path, metavar="FILE",
        help="JSON Lines file that feedback is appended to (default: beside the index)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=_count, default=available_cores(), metavar="N",
        help="threads that search and read (default: one for each core)",
    )  # fmt: skip
    parser.add_argument(
        "--waiting", type=_waiting, default=default.waiting, metavar="N",
        help=f"requests that may wait for a thread (default: {default.waiting}); further ones get 429",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=_seconds, default=default.timeout, metavar="SECONDS",
        help=f"longest that a request may take (default: {default.timeout:g})",
    )  # fmt: skip
    parser.add_argument("--log-questions", action="store_true", help="write what was asked into the log")
    parser.add_argument(
        "--topk", type=_passages, default=default.topk, metavar="N",
        help=f"passages for a query of /retrieve that names no number (default: {default.topk})",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
