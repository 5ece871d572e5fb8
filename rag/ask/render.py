"""An answer as a person reads it in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from rag.answer import Answer, Citation, Context

# Characters of a passage shown where the documents hold no answer.
_NEAREST = 220
_NEAREST_SHOWN = 3


def print_answer(answer: Answer, console: Console, *, contexts: bool, text_shown: bool = False) -> None:
    """Print an answer with its sources; ``text_shown`` leaves out a text that was streamed already."""
    if not text_shown:
        console.print(Text(answer.answer, style="bold"))
    if answer.abstained:
        _print_nearest(answer, console)
    else:
        _print_sources(answer, console)
    if contexts:
        console.print(Text("\nКонтексты", style="bold"))
        for number, context in enumerate(answer.contexts, start=1):
            _print_context(number, context, context.text, console)


def _print_sources(answer: Answer, console: Console) -> None:
    console.print(Text(f"Уверенность: {decimal(answer.confidence)}", style="dim"))
    if answer.citations:
        console.print(Text("\nИсточники", style="bold"))
    for number, citation in enumerate(answer.citations, start=1):
        heading = f"[{number}] {citation.title} · документ {citation.doc_id} · фрагмент {citation.chunk_id}"
        console.print(Text(f"{heading} · оценка {decimal(citation.score)}"))
        _print_indented(_marked(citation, color=console.is_terminal), console)


def _print_nearest(answer: Answer, console: Console) -> None:
    if not answer.contexts:
        return
    console.print(Text("\nБлижайшие фрагменты", style="bold"))
    for number, context in enumerate(answer.contexts[:_NEAREST_SHOWN], start=1):
        text = " ".join(context.text.split())
        if len(text) > _NEAREST:
            text = text[:_NEAREST].rsplit(" ", 1)[0] + "…"
        _print_context(number, context, text, console)


def _print_context(number: int, context: Context, text: str, console: Console) -> None:
    scores = ", ".join(f"{name} {decimal(score)}" for name, score in context.scores.items())
    console.print(Text(f"[{number}] {context.title} · фрагмент {context.chunk_id} · {scores}"))
    _print_indented(Text(text), console)


def _print_indented(text: Text, console: Console) -> None:
    """Wrapped to the width of a terminal; elsewhere one line, for programs that read lines."""
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, 4)))
    else:
        console.print(Text.assemble("    ", text), soft_wrap=True)


def _marked(citation: Citation, *, color: bool) -> Text:
    """The quote with the answer marked: by colour on a terminal, by asterisks elsewhere."""
    quote = citation.quote
    before, answer, after = (
        quote[: citation.answer_start],
        quote[citation.answer_start : citation.answer_end],
        quote[citation.answer_end :],
    )
    parts = (before, (answer, "bold reverse"), after) if color else (before, f"**{answer}**", after)
    return Text.assemble("«", *parts, "»")


def decimal(value: float) -> str:
    """Three significant digits, with a comma."""
    return f"{value:.3g}".replace(".", ",")
