"""From passages to examples: ask, keep the replies, let through what is fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from evals.files import LineAppender
from training.examples import Example
from training.pairs.corpus import Passage
from training.pairs.written.asking import WriterOptions, ask_all
from training.pairs.written.filters import Reader, Refusal, example_of, round_trip_f1
from training.pairs.written.replies import Reply, read_replies, replies_path
from training.pairs.written.requests import About, Request, requests_for


class Writer:
    """Has questions written, and counts what was refused.

    Args:
        options: of the model.
        about: who chooses the answers.
        seed: of the choice of spans.
        reader: must find the answer again; None asks nobody.
        min_f1: F1 of lemmas that the reader must reach.
    """

    def __init__(
        self, options: WriterOptions, about: About, *, seed: int, reader: Reader | None, min_f1: float
    ) -> None:
        self._options = options
        self._about = about
        self._seed = seed
        self._reader = reader
        self._min_f1 = min_f1
        self.refused: Counter[str] = Counter()

    def write(self, passages: Sequence[Passage], out: Path) -> Iterator[Example]:
        """Examples over the passages, in the order the replies come; what an earlier run has asked is not asked again.

        Args:
            passages: one question is written for each.
            out: file of examples; the replies are kept beside it.
        """
        file = replies_path(out)
        known = read_replies(file)
        asked: dict[str, Request] = {}
        answered: list[tuple[Request, Reply]] = []

        def waiting() -> Iterator[Request]:
            for request in requests_for(passages, self._about, seed=self._seed):
                if request.key in known:
                    answered.append((request, known[request.key]))
                else:
                    asked[request.key] = request
                    yield request

        with (
            LineAppender(file) as kept,
            closing(ask_all(waiting(), self._options, keep=lambda reply: kept.append(reply.line()))) as replies,
        ):
            for reply in replies:
                answered.append((asked.pop(reply.key), reply))
                yield from self._fit(answered)
            yield from self._fit(answered)

    def _fit(self, answered: list[tuple[Request, Reply]]) -> Iterator[Example]:
        """Examples of what was answered, which is taken out of the list."""
        while answered:
            made = example_of(*answered.pop(0))
            if isinstance(made, Refusal):
                self.refused[made] += 1
            elif self._reader is not None and round_trip_f1(made, self._reader) < self._min_f1:
                self.refused[Refusal.ROUND_TRIP] += 1
            else:
                yield made


def reader_of(profile: str) -> Reader:
    """The reader of a profile, for one passage at a time.

    Raises:
        InputError: there is no such profile.
        MissingExtraError, ModelUnavailableError: its packages or weights are missing.
    """
    from langchain_core.documents import Document

    from generators.base import ReadingTask
    from rag.components import build_generator
    from rag.profile import load_profile

    generator = build_generator(load_profile(profile).generator)

    def read(question: str, text: str, title: str) -> str:
        document = Document(text, id="passage_0", metadata={"title": title, "chunk_id": "passage_0"})
        return generator.invoke(ReadingTask(question, (document,))).text

    return read
