"""What a model is asked: one question a passage, free or for an answer picked by rules."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from generators.reading.parsing import find_names, parse_many
from prompts.questions import question_prompts
from training.pairs.cloze.answers import AnswerKind, spans_of
from training.pairs.corpus import Passage

_SHORTEST = 150  # characters of a passage worth a question
_BATCH = 64
_WORTH_ASKING = frozenset(  # a number alone is asked for by the rules of cloze well enough
    {AnswerKind.PERSON, AnswerKind.PLACE, AnswerKind.ORGANIZATION, AnswerKind.TIME, AnswerKind.YEAR, AnswerKind.NUMBER,
     AnswerKind.TITLE}
)  # fmt: skip


class About(StrEnum):
    """Who chooses the answer."""

    FREE = "free"
    SPAN = "span"


@dataclass(frozen=True, slots=True)
class Request:
    """A question to be written.

    Args:
        passage: to write about.
        answer: words of the passage to ask for, and where they stand; None lets the model choose.
        answer_start: character of the passage; None without an answer.
    """

    passage: Passage
    answer: str | None = None
    answer_start: int | None = None

    @property
    def key(self) -> str:
        """The same for the same request, in any run."""
        parts = [self.passage.doc_id, self.passage.text, self.answer or "", str(self.answer_start)]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:24]

    @property
    def prompt(self) -> str:
        """The whole prompt."""
        task = About.FREE if self.answer is None else About.SPAN
        return question_prompts()[task].render(title=self.passage.title, text=self.passage.text, answer=self.answer)


def requests_for(passages: Iterable[Passage], about: About, *, seed: int) -> Iterator[Request]:
    """One request for each passage that is long enough, and has a span to ask for where one is wanted."""
    batch: list[Passage] = []
    for passage in passages:
        if len(passage.text) < _SHORTEST:
            continue
        if about is About.FREE:
            yield Request(passage)
            continue
        batch.append(passage)
        if len(batch) == _BATCH:
            yield from _about_spans(batch, seed)
            batch = []
    yield from _about_spans(batch, seed)


def _about_spans(passages: list[Passage], seed: int) -> Iterator[Request]:
    texts = [passage.text for passage in passages]
    for passage, parsed in zip(passages, parse_many(texts, names=find_names(texts)), strict=True):
        found: list[tuple[int, int]] = []
        for sentence in parsed.sentences:
            names = [name for name in parsed.names if name.start < sentence.stop and name.stop > sentence.start]
            found += [
                (sentence.words[span.first].start, sentence.words[span.last - 1].stop)
                for span in spans_of(sentence, names)
                if span.kind in _WORTH_ASKING
            ]
        if found:
            start, stop = random.Random(f"{seed}:{passage.doc_id}:{passage.text}").choice(found)
            yield Request(passage, passage.text[start:stop], start)
