"""What every kind of pairs goes through: no pair twice, and none that repeats a question of an evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from training.data.leaks import LeakFilter
from training.data.near_duplicates import normal_form
from training.examples import Example


class Sieve:
    """Lets pairs through, and counts what it keeps back.

    Args:
        leaks: knows the questions of the evaluation; None where nothing is held out.
    """

    def __init__(self, leaks: LeakFilter | None) -> None:
        self._leaks = leaks
        self._seen: set[tuple[str, str]] = set()
        self.kept: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    def __call__(self, examples: Iterable[Example]) -> Iterator[Example]:
        """The examples that are fit, in their order."""
        for example in examples:
            reason = self._reason(example)
            if reason is None:
                self.kept[example.source] += 1
                yield example
            else:
                self.dropped[reason] += 1

    def _reason(self, example: Example) -> str | None:
        form = normal_form(example.question)
        if not form:
            return "no words"
        # Of two answers to one question in one passage at most one is right.
        key = (form, normal_form(example.passage))
        if key in self._seen:
            return "duplicate"
        leak = self._leaks.of_question(example.question) if self._leaks is not None else None
        if leak is not None:
            return str(leak.reason)
        self._seen.add(key)
        return None
