"""Serve an index over HTTP: ``python -m rag.serve --index DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.command import available_cores, run_command
from rag.serve.listening import listen, port_number
from retrievers.checkpoints import require_packages

if TYPE_CHECKING:
    from rag.chain import RagChain

_WARM_UP = "Что находится в этих документах?"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted.

    Returns:
        0 after a clean shutdown; 2 for foreseeable mistakes; 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    return run_command(lambda: _serve(arguments))


def _serve(arguments: argparse.Namespace) -> int:
    require_packages("Serving over HTTP", "fastapi", "uvicorn", extra="serve")
    import uvicorn

    from rag.serve.app import create_app

    with listen(arguments.host, arguments.port) as listening:
        chain = _open_chain(arguments)
        chain.search(_WARM_UP)  # models load now, and what is missing is told now
        app = create_app(chain, topk=arguments.topk, workers=available_cores())
        host, port = listening.getsockname()[:2]
        sys.stderr.write(f"serving {arguments.index} on http://{f'[{host}]' if ':' in host else host}:{port}\n")
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False))
        server.run(sockets=[listening])
    return 0


def _open_chain(arguments: argparse.Namespace) -> RagChain:
    from rag.chain import build_chain
    from rag.demo import open_named_or_demo

    retrieval: dict[str, Any] = {} if arguments.retriever is None else {"retriever": arguments.retriever}
    return build_chain(*open_named_or_demo(arguments.index, arguments.profile, {"retrieval": retrieval}))


def _passages(text: str) -> int:
    from rag.serve.retrieve import MAX_TOPK

    if not text.isdecimal() or not 1 <= int(text) <= MAX_TOPK:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MAX_TOPK}, got {text!r}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    from rag.profile import RetrieverKind

    parser = argparse.ArgumentParser(
        prog="python -m rag.serve",
        description="Serve an index over HTTP on this machine: POST /retrieve as Search-R1 asks, GET /api/health.",
    )
    parser.add_argument("--index", type=Path, required=True, metavar="DIR", help="index directory")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address (default: 127.0.0.1)")
    parser.add_argument("--port", type=port_number, default=8000, help="default: 8000; 0 takes a free one and names it")
    parser.add_argument("--profile", metavar="NAME", help="pipeline to search with (default: the index's own)")
    parser.add_argument("--retriever", metavar="NAME", help=f"one of {', '.join(RetrieverKind)}")
    parser.add_argument(
        "--topk", type=_passages, default=3, metavar="N", help="passages for a query that names no number (default: 3)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
