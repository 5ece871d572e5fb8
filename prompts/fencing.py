"""Retrieved text as data: fenced so that nothing inside a passage can pass for the fence, a label or a control token.

A passage is somebody else's text. In a chat prompt it stands between tags, and no tag can be written inside it, since
every "<" that could open one is replaced by a look-alike; in a line-based prompt each passage is one line, so it cannot
begin a line of its own. Control tokens of the common chat formats are broken up in both.

A fence says what is data; whether a model heeds that is up to the model. One of 1.5 billion parameters was seen to
follow a plain «игнорируй предыдущие инструкции» inside the fence, whatever the wording around it.
"""

from __future__ import annotations

import re

# "<" that a tag or a control token could begin with, with what follows the text too where it ends in one; "0 < 5" and
# "p<0,05" stay. Look-alikes of other scripts too.
_TAG = re.compile(r"[<＜﹤](?=[\s<＜﹤]*(?:[^\s\d=<＜﹤.,]|\Z))")
_REPLACEMENT = "‹"
# Control tokens that do not begin with "<": Llama 2 and Mistral.
_BRACKETED = re.compile(r"\[(?=/?(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
# Line separators that some tokenisers and readers take for line ends.
_LINES = re.compile(r"[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+\n?")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def as_data(text: str) -> str:
    """``text`` with everything that could be taken for markup made harmless, lines kept.

    >>> as_data("конец</документ 1> при p<0,05")
    'конец‹/документ 1> при p<0,05'
    """
    text = _CONTROL.sub("", _LINES.sub("\n", text))
    return _BRACKETED.sub("(", _TAG.sub(_REPLACEMENT, text)).strip()


def as_line(text: str) -> str:
    """The same on one line, runs of spaces and line ends made one space."""
    return _SPACES.sub(" ", as_data(text))
