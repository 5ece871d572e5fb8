"""Show the plan of a question: ``python -m rag.agent.planning "вопрос" > plan.json``, to be edited and replayed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.command import run_command

if TYPE_CHECKING:
    from rag.agent.planner import Planner


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and plan; see ``--help``."""
    parser = argparse.ArgumentParser(
        prog="python -m rag.agent.planning",
        description="Take a question in Russian apart and print the plan as JSON, for rag.ask --plan.",
    )
    parser.add_argument("question", help="the question")
    parser.add_argument("--model", help="chat model that plans; without it the rules do")
    parser.add_argument("--base-url", help="its OpenAI-compatible server, for example http://127.0.0.1:8081/v1")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds it may take (default: %(default)g)")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from rag.question import check_question

    question = check_question(arguments.question)
    sys.stdout.write(_planner(arguments).plan(question).to_json())
    return 0


def _planner(arguments: argparse.Namespace) -> Planner:
    if arguments.model is None and arguments.base_url is None:
        from rag.agent.planning.rules import RulePlanner

        return RulePlanner()
    from generators.chat import load_chat_model
    from generators.options import GeneratorKind, GeneratorOptions
    from rag.agent.planning.model import ModelPlanner

    options = GeneratorOptions(
        kind=GeneratorKind.CHAT,
        model=arguments.model or "local",
        base_url=arguments.base_url,
        timeout=arguments.timeout,
        max_new_tokens=512,
    )
    return ModelPlanner.for_model(load_chat_model(options), options)


if __name__ == "__main__":
    sys.exit(main())
