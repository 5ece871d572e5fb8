"""Serve an index to MCP clients: ``python -m rag.mcp --index DIR``."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.command import available_cores, run_command
from rag.serve.listening import listen, port_number
from retrievers.checkpoints import require_packages

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

    from rag.answer import Answer
    from rag.index import Index
    from rag.profile import Profile

_LOOPBACK_ONLY = (
    "only loopback addresses (127.0.0.1, ::1, localhost) are served, since there is no access control; put a server"
    " that checks access in front"
)
_EPILOG = """A client starts the server itself, by a configuration like this one:

  {"mcpServers": {"documents": {"command": "python", "args": ["-m", "rag.mcp", "--index", "/path/to/index"]}}}

With --transport http the server runs by itself, and clients are given the address that it prints.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the client leaves or a signal comes.

    Returns:
        0 after a clean shutdown; 2 for foreseeable mistakes; 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    return run_command(lambda: _serve(arguments))


def _serve(arguments: argparse.Namespace) -> int:
    require_packages("The MCP server", "mcp", extra="mcp")
    from rag.mcp.serving import serve_http, serve_stdio

    if arguments.transport == "http":
        with listen(arguments.host, arguments.port, refusal=_LOOPBACK_ONLY) as listening:
            serve_http(_open_server(arguments), listening)
        return 0
    with contextlib.redirect_stdout(sys.stderr):  # standard output belongs to the protocol
        server = _open_server(arguments)
    serve_stdio(server)
    return 0


def _open_server(arguments: argparse.Namespace) -> Server[Any]:
    from rag.chain import build_chain
    from rag.demo import open_named_or_demo
    from rag.mcp.server import create_server
    from rag.profile import parse_assignments
    from rag.question import WARM_UP
    from rag.tools.library import Library

    index, profile = open_named_or_demo(arguments.index, arguments.profile, parse_assignments(arguments.set))
    chain = build_chain(index, profile)
    chain.search(WARM_UP)  # models load now, and what is missing is told now
    answer = _agent_answers(index, profile) if arguments.agent else chain.invoke
    return create_server(Library(chain, index.chunks), answer, workers=available_cores())


def _agent_answers(index: Index, profile: Profile) -> Callable[[str], Answer]:
    from rag.agent.building import build_agent

    agent = build_agent(index, profile)
    return lambda question: agent.invoke(question).answer


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rag.mcp",
        description="Serve an index to clients of the Model Context Protocol: search, read and ask.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--index", type=Path, required=True, metavar="DIR", help="index directory")
    parser.add_argument(
        "--transport", choices=("stdio", "http"), default="stdio",
        help="standard input and output, for one client that starts the server (default), or HTTP on this machine",
    )  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="with http: loopback address (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=port_number, default=8000, help="with http: default 8000; 0 takes a free one and names it"
    )
    parser.add_argument("--agent", action="store_true", help="ask: answer in as many steps as the question needs")
    parser.add_argument("--profile", metavar="NAME", help="pipeline to work with (default: the index's own)")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="set a profile option")
    return parser


if __name__ == "__main__":
    sys.exit(main())
