"""Answer questions from an index: ``python -m rag.ask "вопрос"``."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rag.ask.arguments import build_parser, metadata_filter, profile_overrides
from rag.command import EXIT_BAD_INPUT, report, run_command
from retrievers.errors import InputError

if TYPE_CHECKING:
    from rag.answer import Answer
    from rag.chain import RagChain


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and answer; see ``--help``."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: Namespace) -> int:
    where = metadata_filter(arguments.filter)
    interactive = arguments.question is None and sys.stdin.isatty()
    if arguments.question is not None:
        from rag.question import check_question

        check_question(arguments.question)  # before anything is loaded or built
    session = _Session(arguments, where)
    if arguments.question is not None:
        session.answer(arguments.question)
        return 0
    return session.prompt() if interactive else session.answer_lines()


class _Session:
    """One loaded chain and the way its answers are printed."""

    def __init__(self, arguments: Namespace, where: dict[str, Any] | None) -> None:
        from rich.console import Console

        self._arguments = arguments
        self._where = where
        self._chain = _open_chain(arguments)
        self._console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    def answer(self, question: str) -> None:
        """Answer one question on stdout."""
        if self._arguments.json:
            answer = self._chain.invoke(question, filter=self._where)
            self._print_json(answer.to_dict())
            return
        from rag.ask.render import print_answer

        answer = (
            self._streamed(question) if self._arguments.stream else self._chain.invoke(question, filter=self._where)
        )
        print_answer(answer, self._console, contexts=self._arguments.show_contexts, text_shown=self._arguments.stream)

    def prompt(self) -> int:
        """Ask until the input ends or an empty line comes."""
        sys.stderr.write("Задайте вопрос; пустая строка завершает работу.\n")
        while True:
            try:
                question = input("> ")
            except EOFError:
                return 0
            if not question.strip():
                return 0
            try:
                self.answer(question)
            except InputError as error:
                report(error)
            self._console.print()

    def answer_lines(self) -> int:
        """Answer one question a line; a bad line is reported and the rest goes on."""
        code = 0
        for number, line in enumerate(sys.stdin.buffer, start=1):
            try:
                question = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if question:
                    self.answer(question)
                    if not self._arguments.json:
                        self._console.print()
            except (InputError, UnicodeDecodeError) as error:
                code = EXIT_BAD_INPUT
                message = f"line {number} of standard input: {error}"
                report(InputError(message))
                if self._arguments.json:
                    self._print_json({"question": line.decode("utf-8", "replace").strip(), "error": message})
        return code

    def _streamed(self, question: str) -> Answer:
        whole: Answer | None = None
        for part in self._chain.stream(question, filter=self._where):
            whole = part if whole is None else whole + part
            sys.stdout.write(part.answer)
            sys.stdout.flush()
        sys.stdout.write("\n")
        if whole is None:
            raise RuntimeError("the chain streamed nothing")
        return whole

    def _print_json(self, value: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _open_chain(arguments: Namespace) -> RagChain:
    from rag.chain import build_chain
    from rag.demo import open_named_or_demo

    return build_chain(*open_named_or_demo(arguments.index, arguments.profile, profile_overrides(arguments)))


if __name__ == "__main__":
    sys.exit(main())
