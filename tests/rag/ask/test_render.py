from __future__ import annotations

import io

from rich.console import Console

from generators.base import NO_ANSWER
from rag.answer import Answer, Citation, Context
from rag.ask.render import print_answer

QUOTE = "Его глубина достигает 1642 м."
CITATION = Citation("baikal_1", "baikal", "Байкал", QUOTE, 10, 39, 22, 28, 2.345)
CONTEXT = Context("baikal_1", "baikal", "Байкал", f"{QUOTE} Вода прозрачна.", {"bm25": 12.0, "cross_encoder": 2.345})
ANSWER = Answer("Глубина?", "1642 м", confidence=0.8312, citations=(CITATION,), contexts=(CONTEXT,))


def printed(answer: Answer, *, contexts: bool = False, text_shown: bool = False, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, highlight=False, soft_wrap=True, force_terminal=terminal, width=200)
    print_answer(answer, console, contexts=contexts, text_shown=text_shown)
    return out.getvalue()


def test_an_answer_with_its_sources() -> None:
    assert printed(ANSWER).splitlines() == [
        "1642 м",
        "Уверенность: 0,831",
        "",
        "Источники",
        "[1] Байкал · документ baikal · фрагмент baikal_1 · оценка 2,35",
        "    «Его глубина достигает **1642 м**.»",
    ]


def test_a_terminal_marks_by_colour() -> None:
    assert "\x1b[1;7m1642 м\x1b[0m" in printed(ANSWER, terminal=True)


def test_a_streamed_text_is_not_repeated() -> None:
    assert printed(ANSWER, text_shown=True).startswith("Уверенность")


def test_contexts_on_demand() -> None:
    lines = printed(ANSWER, contexts=True).splitlines()
    assert lines[-3:] == [
        "Контексты",
        "[1] Байкал · фрагмент baikal_1 · bm25 12, cross_encoder 2,35",
        "    Его глубина достигает 1642 м. Вода прозрачна.",
    ]


def test_an_abstention_shows_the_nearest_passages() -> None:
    long = Context("a_0", "a", "Слово", "слово " * 100, {})
    lines = printed(Answer("?", NO_ANSWER, abstained=True, contexts=(long, CONTEXT))).splitlines()
    assert lines[0] == NO_ANSWER
    assert "Ближайшие фрагменты" in lines
    assert any(line.endswith("слово…") for line in lines)
    assert not any("Уверенность" in line for line in lines)


def test_markup_in_documents_is_text() -> None:
    quote = "[bold]жир[/bold] и [/]"
    citation = Citation("a_0", "a", "[red]Т[/red]", quote, 0, len(quote), 6, 9, 1.0)
    text = printed(Answer("?", "жир", citations=(citation,)))
    assert "[bold]**жир**[/bold] и [/]" in text
    assert "[red]Т[/red]" in text
