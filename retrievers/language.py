"""Whether a text is Russian, by its letters: for texts that a language model wrote and may have written in another."""

from __future__ import annotations

import re

from retrievers.analysis import visible_with_offsets

# As long as a quoted name may be: marks that open and never close are not followed to the end of the text each.
_QUOTED = re.compile(r"«[^»]{0,500}»|„[^“]{0,500}“|“[^”]{0,500}”|\"[^\"]{0,500}\"")
_WORD = re.compile(r"[^\W\d_]+")
_RUSSIAN = re.compile(r"[А-Яа-яЁё]+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_MIXED = re.compile(r"[A-Za-z\u00c0-\u024fА-Яа-яЁё]+")
_IDEOGRAPHS = "\u2e80"  # from here on a letter alone is a word


def is_russian(text: str) -> bool:
    """Whether ``text`` is Russian, names in other letters aside: ``is_russian("Кто основал Apple Computer?")``.

    Words in quotes and capitalised words inside the text may be names and are not counted; of the others at least half
    are Russian. A word in letters of neither Russian nor Latin makes it another language: «Де народився Гоголь і хто
    він?», «Кто 写了 этот роман?». Languages that write with Russian letters alone (Bulgarian) are not told apart.
    """
    visible = visible_with_offsets(text)[0]
    found = _WORD.findall(_QUOTED.sub(" ", visible)) or _WORD.findall(visible)
    if not found or any(_is_foreign(word) for word in found):
        return False
    counted = [found[0], *(word for word in found[1:] if word.islower())]
    russian = sum(_RUSSIAN.fullmatch(word) is not None for word in counted)
    latin = sum(_LATIN.fullmatch(word) is not None for word in counted)
    return russian > 0 and russian >= latin


def _is_foreign(word: str) -> bool:
    if _MIXED.fullmatch(word):
        return False
    return len(word) > 1 or word >= _IDEOGRAPHS or "\u0400" <= word <= "\u052f"
