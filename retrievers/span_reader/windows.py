"""A question and a passage as a model takes them: windows of tokens that know where they stand in the passage."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray

from retrievers.documents import search_text
from retrievers.errors import ModelUnavailableError
from retrievers.span_reader.settings import ReaderSettings

_LEAST_ROOM = 4  # tokens of a passage in a window


@dataclass(frozen=True, slots=True)
class Passage:
    """A text as models see it; answers stand from character ``body`` on, before it are title and headings."""

    text: str
    body: int = 0

    @classmethod
    def of(cls, document: Document) -> Passage:
        """A chunk as :func:`retrievers.documents.search_text` shows it."""
        text = search_text(document)
        return cls(text, len(text) - len(document.page_content))


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One sequence for the model: question and a stretch of the passage.

    Args:
        ids: tokens, shape (n_tokens,); the first stands for "no answer".
        types: segment of each token, shape (n_tokens,).
        first: index of the first token that belongs to the passage's body.
        offsets: characters of the passage's text that each body token covers, shape (n_body, 2).
        starts: body tokens that an answer may start with, bool, shape (n_body,).
        stops: body tokens that an answer may end with, bool, shape (n_body,).
    """

    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    first: int
    offsets: NDArray[np.int64]
    starts: NDArray[np.bool_]
    stops: NDArray[np.bool_]

    @property
    def last(self) -> int:
        """Index after the last body token."""
        return self.first + len(self.offsets)


class Framing:
    """Cuts passages into windows, in training and in use alike.

    A long question is cut at its end. A passage that does not fit is read in windows that share ``settings.stride``
    tokens. Answers start and end between words, whatever pieces the tokeniser makes of them.

    Args:
        tokenizer: a ``tokenizers.Tokenizer`` without truncation and padding of its own.
        settings: lengths.

    Raises:
        ModelUnavailableError: the tokeniser puts no token of its own before a pair.
    """

    def __init__(self, tokenizer: Any, settings: ReaderSettings) -> None:
        self._tokenizer = tokenizer
        self._settings = settings
        probe = tokenizer.encode("а", "б")
        if not probe.special_tokens_mask or probe.special_tokens_mask[0] != 1:
            raise ModelUnavailableError(
                "the tokeniser puts no token like [CLS] before a pair, and a span reader points there for «no answer»; "
                "take an encoder such as BERT, RoBERTa or ELECTRA"
            )

    def windows(self, question: str, passages: Sequence[Passage]) -> list[list[Window]]:
        """Windows of each passage, at least one each, in reading order."""
        asked = self._tokenizer.encode(question, add_special_tokens=False)
        asked.truncate(self._settings.max_question)
        added = self._tokenizer.num_special_tokens_to_add(True)
        room = max(self._settings.max_length - len(asked) - added, _LEAST_ROOM)
        stride = min(self._settings.stride, room // 2)
        encodings = self._tokenizer.encode_batch([one.text for one in passages], add_special_tokens=False)
        cut = []
        for passage, encoding in zip(passages, encodings, strict=True):
            encoding.truncate(room, stride=stride)
            pieces = [encoding, *encoding.overflowing]
            cut.append([self._window(passage, self._tokenizer.post_process(asked, piece)) for piece in pieces])
        return cut

    def _window(self, passage: Passage, pair: Any) -> Window:
        inside = [
            index
            for index, (sequence, (_, stop)) in enumerate(zip(pair.sequence_ids, pair.offsets, strict=True))
            if sequence == 1 and stop > passage.body
        ]
        first = inside[0] if inside else len(pair.ids)
        offsets = np.array([pair.offsets[index] for index in inside], np.int64).reshape(-1, 2)
        for row in offsets:  # pieces of some tokenisers hold the space before a word
            row[0] = max(row[0], passage.body)
            while row[0] < row[1] and passage.text[row[0]].isspace():
                row[0] += 1
        filled = offsets[:, 0] < offsets[:, 1]
        return Window(
            ids=np.array(pair.ids, np.int64),
            types=np.array(pair.type_ids, np.int64),
            first=first,
            offsets=offsets,
            starts=filled & np.array([not splits_word(passage.text, start) for start, _ in offsets], bool),
            stops=filled & np.array([not splits_word(passage.text, stop) for _, stop in offsets], bool),
        )


def splits_word(text: str, at: int) -> bool:
    """Whether a cut before character ``at`` goes through a word: ``splits_word("в Москве", 4)``."""
    return 0 < at < len(text) and _in_word(text[at - 1]) and _in_word(text[at])


def whole_words(text: str, start: int, stop: int) -> tuple[int, int]:
    """The stretch, widened until it splits no word: ``whole_words("в Москве", 2, 6) == (2, 8)``."""
    while splits_word(text, start):
        start -= 1
    while splits_word(text, stop):
        stop += 1
    return start, stop


def _in_word(char: str) -> bool:
    return char.isalnum() or unicodedata.combining(char) > 0


def pad(windows: Sequence[Window], pad_id: int) -> dict[str, NDArray[np.int64]]:
    """One batch: ``input_ids``, ``attention_mask`` and ``token_type_ids``, each of shape (batch, tokens)."""
    shape = (len(windows), max(len(window.ids) for window in windows))
    ids, mask, types = np.full(shape, pad_id, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for row, window in enumerate(windows):
        ids[row, : len(window.ids)] = window.ids
        mask[row, : len(window.ids)] = 1
        types[row, : len(window.ids)] = window.types
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
