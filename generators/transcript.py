"""What a model writes, made into an answer: thoughts dropped, citation markers taken out, refusals recognised.

Everything works on a stream: pieces of any size go in, text that can no longer change comes out, and the sum does not
depend on where the pieces were cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from generators.base import NO_ANSWER
from generators.refusals import WINDOW, is_refusal

_THINK = re.compile(r"<(think|thinking|reasoning)>", re.IGNORECASE | re.ASCII)
_THINK_TAGS = ("<think>", "<thinking>", "<reasoning>")
_LONGEST_TAG = max(map(len, _THINK_TAGS))
_CLOSING = {tag: re.compile(f"</{tag}>", re.IGNORECASE | re.ASCII) for tag in ("think", "thinking", "reasoning")}
_LABEL = re.compile(r"\s*(?:\*\*)?(?:короткий\s+)?ответ(?:\*\*)?\s*:(?:\*\*)?\s*", re.IGNORECASE)
_LABEL_LIMIT = 24

_SOURCE = r"(?:(?:документ|док|источник|фрагмент|отрывок|текст|пассаж|document|doc|source|passage)\w*\.?\s*)?(?:№\s*)?"
_NUMBER = rf"{_SOURCE}[1-9]\d{{0,2}}(?!\d)"
_MARKER = re.compile(rf"[\[【]\s*{_NUMBER}(?:\s*(?:[,;]|и|[-–—])\s*{_NUMBER})*\s*[\]】]", re.IGNORECASE)
_ITEM = re.compile(r"(\d+)\s*[-–—]\s*\D{0,12}?(\d+)|(\d+)")
_MARKER_CHARACTER = re.compile(r"[\w\s.,;№–—-]")
_MARKER_LIMIT = 60
_UNFINISHED = re.compile(rf"[\[【]\s*(?:{_NUMBER}[\s,;–—-]*)*", re.IGNORECASE)
_CLOSES_UP = frozenset(".,;:!?)»…”")


def cited_numbers(marker: str) -> list[int]:
    """Numbers a marker names: ``cited_numbers("[1, 3-5]") == [1, 3, 4, 5]``. A range of more than 50 is its ends."""
    found: list[int] = []
    for match in _ITEM.finditer(marker):
        if match.group(3):
            found.append(int(match.group(3)))
            continue
        first, last = int(match.group(1)), int(match.group(2))
        found += range(first, last + 1) if 0 <= last - first <= 50 else [first, last]
    return found


@dataclass(slots=True)
class _Thoughts:
    """Drops ``<think>…</think>`` blocks; one that never closes hides the rest."""

    _held: str = ""
    _inside: str = ""  # name of the tag that is waited for to close

    def feed(self, piece: str) -> str:
        held, at = self._held + piece, 0
        out: list[str] = []
        while at < len(held):
            if self._inside:
                closing = _CLOSING[self._inside].search(held, at)
                if closing is None:
                    at = max(at, len(held) - len(f"</{self._inside}>") + 1)  # its beginning may be here already
                    break
                at, self._inside = closing.end(), ""
                continue
            start = held.find("<", at)
            start = len(held) if start < 0 else start
            out.append(held[at:start])
            at = start
            if match := _THINK.match(held, at):
                self._inside, at = match.group(1).lower(), match.end()
            elif len(held) - at <= _LONGEST_TAG and any(tag.startswith(held[at:].lower()) for tag in _THINK_TAGS):
                break
            else:
                out.append(held[at : at + 1])
                at += 1
        self._held = held[at:]
        return "".join(out)

    def close(self) -> str:
        out, self._held = ("" if self._inside else self._held), ""
        return out


def without_thoughts(text: str) -> str:
    """A whole reply without its ``<think>…</think>`` blocks: ``without_thoughts("<think>так…</think>Да") == "Да"``."""
    thoughts = _Thoughts()
    return thoughts.feed(text) + thoughts.close()


@dataclass(slots=True)
class _Markers:
    """Takes ``[1]``, ``[1, 2]``, ``[1-3]`` and ``[документ 1]`` out and closes up the gap before punctuation."""

    cited: list[int] = field(default_factory=list)
    _open: str = ""  # what may become a marker
    _gap: list[str] = field(default_factory=list)  # spaces not yet written
    _removed: bool = False  # a marker was taken out of the gap

    def feed(self, piece: str) -> str:
        return "".join(part for character in piece for part in self._take(character))

    def close(self) -> str:
        out = ""
        if self._open and not _UNFINISHED.fullmatch(self._open):
            out = "".join(part for character in self._open for part in self._write(character))
        self._open = ""
        return out  # spaces at the end are dropped

    def _take(self, character: str) -> Iterator[str]:
        if self._open:
            if character in "]】":
                marker, self._open = self._open + character, ""
                if _MARKER.fullmatch(marker):
                    self.cited += cited_numbers(marker)
                    self._removed = True
                else:
                    yield from self._plain(marker)
                return
            if len(self._open) < _MARKER_LIMIT and _MARKER_CHARACTER.match(character):
                self._open += character
                return
            held, self._open = self._open, ""
            yield from self._plain(held)
        if character in "[【":
            self._open = character
        else:
            yield from self._write(character)

    def _plain(self, text: str) -> Iterator[str]:
        for character in text:
            yield from self._write(character)

    def _write(self, character: str) -> Iterator[str]:
        if character.isspace():
            if not (self._removed and self._gap):
                self._gap.append(character)
            return
        if not (self._removed and character in _CLOSES_UP):
            yield from self._gap
        self._gap.clear()
        self._removed = False
        yield character


@dataclass(slots=True)
class _Opening:
    """Drops leading spaces and an "Ответ:" in front."""

    _held: str = ""
    _decided: bool = False

    def feed(self, piece: str) -> str:
        for index, character in enumerate(piece):
            if self._decided:
                return piece[index:]
            if not self._held and character.isspace():
                continue
            self._held += character
            if out := self._decide():
                return out + piece[index + 1 :]
        return ""

    def _decide(self) -> str:
        if match := _LABEL.match(self._held):
            rest = self._held[match.end() :]
            if rest in {"", "*"}:  # bold type may close behind the colon
                label = match.group()
                self._held = label[: len(label.rstrip()) + 1] + rest  # of the spaces behind it one is enough
                return ""
        else:
            rest = self._held.lstrip()
            if not rest or (len(rest) < _LABEL_LIMIT and _may_become_label(rest)):
                return ""
        self._decided, self._held = True, ""
        return rest

    def close(self) -> str:
        text, self._held, self._decided = self._held, "", True
        match = _LABEL.match(text)
        return text[match.end() :] if match else text.lstrip()


def _may_become_label(text: str) -> bool:
    bare = " ".join(text.lower().replace("*", " ").split())
    return any(label.startswith(bare) for label in ("ответ :", "ответ:", "короткий ответ :", "короткий ответ:"))


@dataclass(slots=True)
class Transcript:
    """A model's text on its way to an answer. ``feed`` pieces, ``close`` at the end; the parts add up to ``text``."""

    _parts: list[str] = field(default_factory=list)
    _thoughts: _Thoughts = field(default_factory=_Thoughts)
    _markers: _Markers = field(default_factory=_Markers)
    _opening: _Opening = field(default_factory=_Opening)
    _held: str = ""  # until it is clear whether this is a refusal
    _decided: bool = False
    _refused: bool = False

    @property
    def text(self) -> str:
        """The answer so far; :data:`~generators.base.NO_ANSWER` where the model says that there is none."""
        return "".join(self._parts)

    @property
    def cited(self) -> list[int]:
        """Numbers of the passages named so far, in order, each once, out-of-range ones too."""
        return [] if self._refused else list(dict.fromkeys(self._markers.cited))

    @property
    def refused(self) -> bool:
        """Whether the model said that there is no answer."""
        return self._refused

    def feed(self, piece: str) -> str:
        """Take a piece in; what is now certain comes back."""
        return self._release(self._opening.feed(self._markers.feed(self._thoughts.feed(piece))), last=False)

    def close(self) -> str:
        """The model has finished; the rest comes back."""
        rest = self._markers.feed(self._thoughts.close()) + self._markers.close()
        return self._release(self._opening.feed(rest) + self._opening.close(), last=True)

    def _release(self, piece: str, *, last: bool) -> str:
        if self._refused:
            return ""
        if not self._decided:
            self._held += piece
            if len(self._held) < WINDOW and not last:
                return ""
            piece, self._held, self._decided = self._held, "", True
            if is_refusal(piece):
                self._refused, piece = True, NO_ANSWER
        self._parts.append(piece)
        return piece
