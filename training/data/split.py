"""Training, development and test sets that share no document, and no question."""

from __future__ import annotations

import enum
import hashlib
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from retrievers.errors import InputError
from training.data.near_duplicates import normal_form
from training.examples import Example

TRAIN = "train"
SPLITS = (TRAIN, "dev", "test")
_ROUNDING = 1e-6  # of shares that must add up to 1


class Grouping(enum.StrEnum):
    """Which examples are never separated.

    ``document``: those of one document, or of the same passage. A question that several documents answer would tie
    these together, and a heading like «История» all documents there are; so it stays with the first set that has it,
    and is left out of the others. An example without a document counts as one of its two texts, which is what pairs of
    questions need: no question of the test set was seen in training.
    ``question``: those of one question too, for judged collections, where many passages answer each.
    """

    DOCUMENT = "document"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Split:
    """A set of examples cut apart.

    Args:
        parts: examples by the name of their set, in their order.
        groups: how many groups each set has: what could not be separated further.
        largest: examples in the largest group.
        repeated: examples left out of a later set because their question stands in an earlier one.
    """

    parts: Mapping[str, list[Example]]
    groups: Mapping[str, int]
    largest: int
    repeated: Mapping[str, int]


def split_examples(
    examples: Sequence[Example], shares: Sequence[float], *, seed: int, by: Grouping = Grouping.DOCUMENT
) -> Split:
    """Cut examples into sets of about these shares.

    Which set a group comes to depends on the seed and on the texts and ids of its examples, not on their order.

    Args:
        examples: to be cut.
        shares: of the training, development and (where there are three) test set; above 0, together 1.
        seed: of the cut.
        by: what is never separated.

    Raises:
        InputError: the shares are none, or a set would be empty.
    """
    names = _check_shares(shares)
    groups = sorted(_groups(examples, by), key=lambda group: _order(examples, group, seed))
    chosen = _assign([len(group) for group in groups], [share * len(examples) for share in shares])
    parts: dict[str, list[Example]] = {}
    repeated: dict[str, int] = {}
    asked: set[str] = set()
    for at, name in enumerate(names):
        own = sorted(index for group, part in zip(groups, chosen, strict=True) if part == at for index in group)
        kept = [examples[index] for index in own if _question(examples[index]) not in asked]
        repeated[name] = len(own) - len(kept)
        asked |= {_question(example) for example in kept}
        parts[name] = kept
    largest = max(map(len, groups), default=0)
    if empty := next((name for name, part in parts.items() if not part), None):
        raise InputError(
            f"--split: the {empty} set would be empty: {len(examples)} examples come in {len(groups)} groups of what "
            f"must not be separated, the largest of {largest}"
        )
    return Split(
        parts,
        {name: chosen.count(at) for at, name in enumerate(names)},
        largest,
        {name: count for name, count in repeated.items() if count},
    )


def unsplit(examples: Sequence[Example], *, by: Grouping = Grouping.DOCUMENT) -> Split:
    """All examples as training data, with the facts of a split."""
    sizes = [len(group) for group in _groups(examples, by)]
    return Split({TRAIN: list(examples)}, {TRAIN: len(sizes)}, max(sizes, default=0), {})


def _check_shares(shares: Sequence[float]) -> Sequence[str]:
    if len(shares) not in {2, 3}:
        raise InputError(f"--split: expected two shares (train, dev) or three (train, dev, test), got {len(shares)}")
    if not all(share > 0 for share in shares) or not math.isclose(sum(shares), 1, abs_tol=_ROUNDING):
        given = " ".join(f"{share:g}" for share in shares)
        raise InputError(f"--split: expected shares above 0 that add up to 1, got {given}")
    return SPLITS[: len(shares)]


def _groups(examples: Sequence[Example], by: Grouping) -> list[list[int]]:
    """Indexes of the examples that hang together."""
    parents: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        parents.setdefault(key, key)
        while parents[key] != key:
            parents[key] = parents[parents[key]]  # halves the way for the next one
            key = parents[key]
        return key

    keys = [_keys(example, by) for example in examples]
    for first, *others in keys:
        for other in others:
            parents[root(other)] = root(first)
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index, (first, *_) in enumerate(keys):
        groups[root(first)].append(index)
    return list(groups.values())


def _keys(example: Example, by: Grouping) -> list[tuple[str, str]]:
    """What an example is known by: two with a key in common are not separated."""
    passage, question = ("text", _form(example.passage)), ("text", _form(example.question))
    if not example.doc_id:
        return [passage, question]
    keys = [("document", example.doc_id), passage]
    return [*keys, question] if by is Grouping.QUESTION else keys


def _form(text: str) -> str:
    return normal_form(text) or text


def _question(example: Example) -> str:
    return _form(example.question)


def _order(examples: Sequence[Example], group: Iterable[int], seed: int) -> bytes:
    """A number drawn for the group from what is in it."""
    name = min(
        "\n".join((examples[index].doc_id, examples[index].question, examples[index].passage)) for index in group
    )
    return hashlib.sha256(f"{seed}\n{name}".encode()).digest()


def _assign(sizes: Sequence[int], wanted: Sequence[float]) -> list[int]:
    """The part each group comes to: the one that lacks most, and the first among equals."""
    lacking = list(wanted)
    chosen: list[int] = []
    for size in sizes:
        part = max(range(len(lacking)), key=lambda at: (lacking[at], -at))
        lacking[part] -= size
        chosen.append(part)
    return chosen
