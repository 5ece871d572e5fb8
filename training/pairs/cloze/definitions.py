"""«X — город в России» asks «Что такое X?», and of a person «Кто такой X?»."""

from __future__ import annotations

from training.pairs.cloze.clause import Tree
from training.pairs.cloze.titles import Title

_WORDS = range(2, 13)  # of what the thing is said to be
_DASHES = frozenset("—–-")


def definition_of(tree: Tree, title: Title) -> tuple[int, int, str] | None:
    """First and last (excluded) word of what a sentence says the document's subject is, and the question for it."""
    words = tree.words
    dash = next((at for at, word in enumerate(words) if word.text in _DASHES), None)
    root = next((at for at, word in enumerate(words) if word.head < 0), None)
    if dash is None or root is None or root <= dash or words[root].pos != "NOUN" or words[root].case != "Nom":
        return None
    subject = next((child for child in tree.children[root] if words[child].relation == "nsubj"), None)
    if subject is None or subject >= dash:
        return None
    if not title.is_named_in(" ".join(word.text for word in words[:dash])):
        return None
    stop = dash + 1
    while stop < len(words) and words[stop].text not in (",", ".", ";", ":"):
        stop += 1
    if stop - dash - 1 not in _WORDS or not dash < root < stop:
        return None
    if stop < len(words) and words[stop].text == "," and _is_list(tree, root, stop):
        return None
    return dash + 1, stop, title.what_is_it()


def _is_list(tree: Tree, root: int, comma: int) -> bool:
    """Another thing it is follows the comma: the answer would be a part of a list."""
    return any(tree.words[child].relation == "conj" and child > comma for child in tree.children[root])
