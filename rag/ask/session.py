"""Answering on a terminal, from lines of standard input or as JSON: what is printed, whoever answers."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from rag.ask.arguments import profile_overrides
from rag.command import EXIT_BAD_INPUT, report
from retrievers.errors import InputError, ModelUnavailableError

if TYPE_CHECKING:
    from rag.answer import Answer
    from rag.index import Index
    from rag.profile import Profile


class Session(ABC):
    """One loaded pipeline and the way its answers are printed.

    Args:
        arguments: of the command.
        where: filter of every search.
    """

    def __init__(self, arguments: Namespace, where: dict[str, Any] | None) -> None:
        from rich.console import Console

        self.arguments = arguments
        self.where = where
        self.console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    @property
    def planned_question(self) -> str | None:
        """The question of the plan that the session was given."""
        return None

    @abstractmethod
    def answer(self, question: str) -> None:
        """Answer one question on stdout."""

    def converse(self, question: str) -> None:
        """Answer a question that may follow others."""
        self.answer(question)

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
                self.converse(question)
            except (InputError, ModelUnavailableError) as error:
                report(error)
            self.console.print()

    def answer_lines(self) -> int:
        """Answer one question a line; a bad line is reported and the rest goes on."""
        code = 0
        for number, line in enumerate(sys.stdin.buffer, start=1):
            try:
                question = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if question:
                    self.answer(question)
                    if not self.arguments.json:
                        self.console.print()
            except (InputError, ModelUnavailableError, UnicodeDecodeError) as error:
                code = EXIT_BAD_INPUT
                message = f"line {number} of standard input: {error}"
                report(InputError(message))
                if self.arguments.json:
                    print_json({"question": line.decode("utf-8", "replace").strip(), "error": message})
        return code


class ChainSession(Session):
    """Answers by the chain: one search a question."""

    def __init__(self, arguments: Namespace, where: dict[str, Any] | None) -> None:
        from rag.chain import build_chain

        super().__init__(arguments, where)
        self._chain = build_chain(*open_pipeline(arguments))

    def answer(self, question: str) -> None:
        """Answer one question on stdout."""
        if self.arguments.json:
            print_json(self._chain.invoke(question, filter=self.where).to_dict())
            return
        from rag.ask.render import print_answer

        streamed = self.arguments.stream
        answer = self._streamed(question) if streamed else self._chain.invoke(question, filter=self.where)
        print_answer(answer, self.console, contexts=self.arguments.show_contexts, text_shown=streamed)

    def _streamed(self, question: str) -> Answer:
        whole: Answer | None = None
        for part in self._chain.stream(question, filter=self.where):
            whole = part if whole is None else whole + part
            sys.stdout.write(part.answer)
            sys.stdout.flush()
        sys.stdout.write("\n")
        if whole is None:
            raise RuntimeError("the chain streamed nothing")
        return whole


def open_pipeline(arguments: Namespace) -> tuple[Index, Profile]:
    """The index and the profile that the flags name."""
    from rag.demo import open_named_or_demo

    return open_named_or_demo(arguments.index, arguments.profile, profile_overrides(arguments))


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on a line of stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
