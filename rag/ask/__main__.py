"""Answer questions from an index: ``python -m rag.ask "вопрос"``."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rag.ask.arguments import build_parser, check_agent_flags, metadata_filter
from rag.command import run_command

if TYPE_CHECKING:
    from rag.ask.session import Session


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and answer; see ``--help``."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: Namespace) -> int:
    check_agent_flags(arguments)
    where = metadata_filter(arguments.filter)
    if arguments.question is not None:
        from rag.question import check_question

        check_question(arguments.question)  # before anything is loaded or built
    session = _session(arguments, where)
    question = arguments.question or session.planned_question
    if question is not None:
        session.answer(question)
        return 0
    return session.prompt() if sys.stdin.isatty() else session.answer_lines()


def _session(arguments: Namespace, where: dict[str, Any] | None) -> Session:
    if arguments.agent:
        from rag.ask.stepwise import AgentSession

        return AgentSession(arguments, where)
    from rag.ask.session import ChainSession

    return ChainSession(arguments, where)


if __name__ == "__main__":
    sys.exit(main())
