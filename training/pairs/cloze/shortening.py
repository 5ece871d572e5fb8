"""What a question leaves out of its clause: ties to other sentences, and more where it would be too long."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

from training.pairs.cloze.clause import Part, Tree, is_linking
from training.pairs.cloze.forms import spaced
from training.pairs.cloze.rules import rules

USUAL = (5, 11)  # words: the range that the length to aim at is drawn from; people's questions are mostly in it
_OPTIONAL = ("obl", "advmod", "nmod", "amod", "appos")
_NEVER_APART = (
    "case", "punct", "flat", "flat:name", "flat:foreign", "nummod", "nummod:gov", "nummod:entity", "fixed", "compound",
    "cop", "aux", "aux:pass",
)  # fmt: skip
_WITH_HEAD = ("conj", "cc", "det", "advmod")
_DEEPEST = 3  # genitives below one another that are kept


def text_of(tree: Tree, part: Part) -> str:
    """A part as it reads inside a sentence."""
    return part.text if part.text is not None else spaced([(tree.words[at], tree.lowered(at)) for at in part.words])


def without_ties(tree: Tree, parts: Sequence[Part]) -> list[Part] | None:
    """The parts without what makes sense beside other sentences only; None where subject or object are such."""
    kept: list[Part] = []
    for part in parts:
        if part.text is not None:
            kept.append(part)
        elif points_out(tree, part):
            if part.is_subject or part.relation in ("obj", "iobj"):
                return None
        elif not (len(part.words) == 1 and is_linking(tree.words[part.head])):
            words = tuple(at for at in part.words if at == part.head or not _is_tie(tree, part, at))
            kept.append(dataclasses.replace(part, words=words))
    return kept


def points_out(tree: Tree, part: Part) -> bool:
    """A part that needs the text around it to be understood: «в *этом* городе»."""
    for at in part.words:
        word = tree.words[at]
        if word.lemma not in rules().pointing and word.folded not in rules().pointing:
            continue
        beside_noun = word.lemma in rules().allowed and word.head in part.words and word.head != at
        if not beside_noun and word.pos not in ("NOUN", "PROPN", "ADP", "VERB"):
            return True
    return False


def _is_tie(tree: Tree, part: Part, at: int) -> bool:
    word = tree.words[at]
    if word.pos == "CCONJ":
        return at == part.words[0] and is_linking(word)
    return word.pos in ("ADV", "PART") and is_linking(word)


def shortened(tree: Tree, parts: Sequence[Part], spent: int, randomness: random.Random) -> list[Part]:
    """Modifiers and adverbials left out until the question has about the length that people ask in.

    Args:
        tree: of the sentence.
        parts: of the clause, without the one asked for.
        spent: words of the question phrase and the predicate.
        randomness: draws the length to aim at.
    """
    target = randomness.randint(*USUAL)
    kept = list(parts)
    if _length(tree, kept) + spent > target:
        kept = [_without_modifiers(tree, part) if part.text is None else part for part in kept]
    while _length(tree, kept) + spent > target:
        optional = [part for part in kept if part.relation in _OPTIONAL and part.text is None]
        if not optional or len(kept) < 3:
            break
        # What names nothing goes first, then what stands last.
        kept.remove(min(optional, key=lambda part: (names_something(tree, part), -part.words[0])))
    return kept


def _length(tree: Tree, parts: Sequence[Part]) -> int:
    return sum(len(text_of(tree, part).split()) for part in parts)


def _without_modifiers(tree: Tree, part: Part) -> Part:
    """The part with its head, names, what the head needs in the genitive, and nothing else."""
    kept: set[int] = set()
    _keep(tree, part, part.head, 0, kept)
    indices = [at for at in part.words if at in kept]
    while indices and tree.words[indices[-1]].is_punctuation and tree.words[indices[-1]].text not in '»”“"%':
        indices.pop()
    return dataclasses.replace(part, words=tuple(indices)) if indices else part


def _keep(tree: Tree, part: Part, at: int, depth: int, kept: set[int]) -> None:
    words = tree.words
    kept.add(at)
    for child in tree.children[at]:
        if child not in part.words:
            continue
        word = words[child]
        name = word.pos in ("PROPN", "X") or child in tree.named or (child > 0 and word.text[:1].isupper())
        if word.relation in _NEVER_APART or (
            word.relation == "amod" and (word.pos != "ADJ" or name or child == at - 1)
        ):
            _keep(tree, part, child, depth, kept)
        elif word.relation in _WITH_HEAD:
            _keep(tree, part, child, depth + 1, kept)
        elif word.relation in ("appos", "nmod") and depth < _DEEPEST:
            bare = not any(words[grandchild].pos == "ADP" for grandchild in tree.children[child])
            if bare or name or word.case == "Gen":
                _keep(tree, part, child, depth + 1, kept)


def names_something(tree: Tree, part: Part) -> bool:
    """A proper name or a number stands in the part."""
    return is_named(tree, part) or any(tree.words[at].text.isdigit() for at in part.words)


def is_named(tree: Tree, part: Part) -> bool:
    """A proper name stands in the part."""
    return part.text is not None or any(
        tree.words[at].pos == "PROPN" or at in tree.named or (at > 0 and tree.words[at].text[:1].isupper())
        for at in part.words
    )
