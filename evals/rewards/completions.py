"""What a policy wrote, read as an answer: out of messages, tags, thoughts and citation markers.

A completion is a text, or a list of messages as conversational trainers have them. Its answer is what stands in the
last ``<answer>`` tag; a completion without search tags is an answer as a whole. What came back from a search
(``<information>``) is somebody else's text and what stands in ``<think>`` is no answer yet: neither is read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generators.base import NO_ANSWER
from generators.transcript import Transcript
from retrievers.analysis import words

Completion = str | Sequence[Mapping[str, Any]]

# A short answer has at most so many words: of RuBQ's gold answers 99 in 100 have no more than 16, and what is much
# longer explains instead of answering.
MAX_ANSWER_WORDS = 20

_INFORMATION = re.compile(r"<information>.*?(?:</information>|\Z)", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_THOUGHT_OPENED_BEFORE = re.compile(r"\A.*</think>", re.DOTALL)  # the prompt ended in <think>
_ANSWER = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL)
_TAGGED = re.compile(r"</?(?:answer|search|information)>")

_TAG = re.compile(r"<(/?)(think|search|information|answer)>")
# Blocks of a well-formed rollout, a letter each: thoughts anywhere, every search answered, one answer at the end.
_ROLLOUT = re.compile(r"(?:t|si)*a")

# What belongs to a prompt or a chat format and never to an answer.
_LEFTOVER = re.compile(
    r"<\|?\s{0,9}/?\s{0,9}[a-zа-яё_]"  # tags and control tokens
    r"|\|>|\[/?(?:INST|SYS)\]"
    r"|^[^\S\n]*+(?:вопрос|документы?|текст \d+|контекст|user|assistant|system)\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_OWN_SCRIPTS = ("CYRILLIC", "LATIN", "GREEK")


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """The answer of a completion.

    Args:
        text: without thoughts, tags and citation markers; ``""`` where the policy gave none or declined to answer.
        cited: numbers of the passages named in it, from 1, in order, each once.
    """

    text: str
    cited: tuple[int, ...] = ()

    @property
    def abstained(self) -> bool:
        """Whether the policy gave no answer."""
        return not self.text


def completion_text(completion: Completion) -> str:
    """A completion as one text: the last assistant message of a conversation, a text as it is."""
    if isinstance(completion, str):
        return completion
    return next((_content(message) for message in reversed(completion) if message.get("role") == "assistant"), "")


def tool_texts(completion: Completion) -> list[str]:
    """What tools brought into a conversation, in order; a text has no tool messages, whatever is written in it."""
    if isinstance(completion, str):
        return []
    return [_content(message) for message in completion if message.get("role") == "tool"]


def read_answer(completion: Completion) -> ReadAnswer:
    """The answer that a completion gives.

    >>> read_answer("<think>Байкал?</think><answer>1642 м [2]</answer>")
    ReadAnswer(text='1642 м', cited=(2,))
    >>> read_answer("В документах нет ответа.").abstained
    True
    """
    text = _own_words(completion_text(completion))
    if _TAGGED.search(text):
        text = tagged_answer(text) or ""
    transcript = Transcript()
    transcript.feed(text)
    transcript.close()
    answer = transcript.text.strip()
    if transcript.refused or answer in {"", NO_ANSWER}:
        return ReadAnswer("")
    return ReadAnswer(answer, tuple(transcript.cited))


def tagged_answer(text: str) -> str | None:
    """What stands in the last ``<answer>`` tag that the policy wrote; None where there is none.

    A tag without words explains the format, it does not answer.
    """
    return next((body for body in reversed(_ANSWER.findall(_own_words(text))) if words(body)), None)


def is_plain_answer(answer: str, question: str = "") -> bool:
    """Whether an answer is a short answer and nothing else.

    It has words, at most :data:`MAX_ANSWER_WORDS`; no tag, control token or label of a prompt is left in it; and no
    letter of a script other than Cyrillic, Latin and Greek, unless the question has it: small multilingual models slip
    into another language.
    """
    count = len(words(answer))
    foreign = {character for character in answer if _is_foreign(character)} - set(question)
    return 0 < count <= MAX_ANSWER_WORDS and not _LEFTOVER.search(answer) and not foreign


def is_well_formed(rollout: str) -> bool:
    """Whether a tagged rollout keeps to its format.

    Nothing but white space stands outside ``<think>``, ``<search>``, ``<information>`` and ``<answer>``; every tag
    closes before the next opens; each ``<search>`` is followed by its ``<information>`` and neither is without words;
    one ``<answer>`` stands at the end. Tags inside ``<information>`` count as tags: the search service takes them out.

    >>> is_well_formed("<think>…</think><search>Байкал</search><information>…</information><answer>1642 м</answer>")
    True
    """
    blocks, position, opened = "", 0, ""
    for tag in _TAG.finditer(rollout):
        closing, name = bool(tag.group(1)), tag.group(2)
        between = rollout[position : tag.start()]
        position = tag.end()
        if closing != bool(opened) or (closing and name != opened):
            return False
        if not opened and between.strip():
            return False
        if closing and name in {"search", "answer"} and not words(between):
            return False
        opened = "" if closing else name
        blocks += "" if closing else name[0]
    return not opened and not rollout[position:].strip() and bool(_ROLLOUT.fullmatch(blocks))


def _own_words(text: str) -> str:
    """Without what a search brought and without thoughts."""
    return _THOUGHT_OPENED_BEFORE.sub("", _THOUGHT.sub("", _INFORMATION.sub("", text)))


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content)  # parts, as multimodal conversations have them


def _is_foreign(character: str) -> bool:
    return character.isalpha() and not unicodedata.name(character, "").startswith(_OWN_SCRIPTS)
