"""Recognising that a model says it has no answer, whatever words it takes for that."""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import resources

from retrievers.analysis import fold

# Characters of an answer within which a refusal shows itself.
WINDOW = 160

_LEADING = re.compile(r"^[\s\"'*_.,:;—-]+")


@functools.cache
def _openings() -> re.Pattern[str]:
    text = resources.files("generators").joinpath("data/refusals.toml").read_text(encoding="utf-8")
    return re.compile("|".join(f"(?:{pattern})" for pattern in tomllib.loads(text)["openings"]))


def is_refusal(answer: str) -> bool:
    """Whether ``answer`` opens by saying that there is none.

    >>> is_refusal("Нет ответа в документах."), is_refusal("Нет, в 1812 году")
    (True, False)
    """
    return bool(_openings().match(_LEADING.sub("", fold(answer[:WINDOW]))))
