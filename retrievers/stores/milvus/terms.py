"""Index terms as text that Milvus cuts into the same terms again.

Its ``standard`` tokenizer (the only one that Milvus Lite and a cluster both have) cuts at whatever is no letter or
digit. A term that holds anything else is spelled in hexadecimal, so that the engine counts terms, not pieces of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

ESCAPE = "zz"  # no Russian word begins so, and an English one is spelled out too
_PLAIN = re.compile(f"(?!{ESCAPE})[0-9a-zа-яё]+")


def encode_terms(terms: Iterable[str]) -> str:
    """Terms as one line, in order: ``encode_terms(["байкал", "1-й"]) == "байкал zz312dd0b9"``.

    A list without terms gives a word that no term becomes: an engine may refuse a text without words.
    """
    return " ".join(map(_encoded, terms)) or ESCAPE


def _encoded(term: str) -> str:
    return term if _PLAIN.fullmatch(term) else ESCAPE + term.encode("utf-8", "surrogatepass").hex()
