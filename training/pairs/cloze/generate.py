"""Questions of a whole corpus: names first, which tell what kinds of things there are, then sentence by sentence."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from generators.reading.parsing import Name, ParsedText, Sentence, find_names, parse_many
from training.examples import Example
from training.pairs.cloze.answers import AnswerKind, named_words, spans_of
from training.pairs.cloze.asking import Asker
from training.pairs.cloze.clause import Tree
from training.pairs.cloze.grounding import Topic
from training.pairs.cloze.kinds import PlaceKinds
from training.pairs.cloze.question import Made, questions_of
from training.pairs.cloze.titles import Title
from training.pairs.cloze.wording import reworded
from training.pairs.corpus import Passage

_WORDS = range(5, 41)  # of a sentence that is looked at
_FINITE = re.compile(r"[а-яё]{3,}", re.IGNORECASE)
_ROUND = 4096  # passages whose names are learnt from before questions are made of them
_BATCH = 64  # passages parsed together


@dataclass(frozen=True, slots=True)
class ClozeOptions:
    """How questions are made.

    Args:
        seed: of all choices between wordings.
        per_sentence: at most so many questions of one sentence.
        reworded: share of the words with a synonym that are replaced by one, in [0, 1].
        phrases: share of the questions for noun phrases that is kept, in [0, 1]: they would be half of all.
    """

    seed: int = 0
    per_sentence: int = 3
    reworded: float = 0.5
    phrases: float = 0.4


def cloze_pairs(passages: Iterable[Passage], options: ClozeOptions | None = None) -> Iterator[Example]:
    """Questions of all passages, in their order; the same ones for the same passages and options."""
    options = options or ClozeOptions()
    kinds = PlaceKinds()
    titles: dict[str, Title] = {}
    for batch in _batches(passages, _ROUND):
        names = find_names([passage.text for passage in batch])
        for passage, found in zip(batch, names, strict=True):
            kinds.learn(passage.text, found)
        for at in range(0, len(batch), _BATCH):
            part = batch[at : at + _BATCH]
            parsed = parse_many(
                [passage.text for passage in part],
                names=names[at : at + _BATCH],
                wanted=is_plain_sentence,
                brackets=False,
            )
            for passage, text in zip(part, parsed, strict=True):
                yield from _examples(passage, text, kinds, titles, options)


def _batches(passages: Iterable[Passage], size: int) -> Iterator[list[Passage]]:
    remaining = iter(passages)
    while batch := list(itertools.islice(remaining, size)):
        yield batch


def _examples(
    passage: Passage, parsed: ParsedText, kinds: PlaceKinds, titles: dict[str, Title], options: ClozeOptions
) -> Iterator[Example]:
    randomness = random.Random(f"{options.seed}:{passage.doc_id}:{passage.text}")
    if passage.doc_id not in titles:
        titles[passage.doc_id] = Title(passage.title, random.Random(f"{options.seed}:{passage.doc_id}"))
    topic = Topic(titles[passage.doc_id])
    for sentence in parsed.sentences:
        names = [name for name in parsed.names if name.start < sentence.stop and name.stop > sentence.start]
        for made in _chosen(sentence, names, kinds, topic, randomness, options):
            yield Example(
                question=made.text,
                passage=passage.text,
                title=passage.title,
                answers=(passage.text[made.start : made.stop],),
                answer_start=made.start,
                doc_id=passage.doc_id,
                source=f"cloze:{made.kind}",
            )


def _chosen(
    sentence: Sentence,
    names: Sequence[Name],
    kinds: PlaceKinds,
    topic: Topic,
    randomness: random.Random,
    options: ClozeOptions,
) -> list[Made]:
    spans = spans_of(sentence, names)
    tree = Tree(sentence.words, named_words(spans))
    tree = tree.reworded(reworded(sentence.words, tree.named, randomness, share=options.reworded))
    made = {one.text: one for one in questions_of(tree, spans, Asker(kinds, randomness), topic, randomness)}
    topic.follow(tree)
    kept = [one for one in made.values() if one.kind is not AnswerKind.PHRASE or randomness.random() < options.phrases]
    return randomness.sample(kept, options.per_sentence) if len(kept) > options.per_sentence else kept


def is_plain_sentence(text: str) -> bool:
    """Whether a sentence is prose of a usual length, not a heading, an item of a list or a formula."""
    count = text.count(" ") + 1
    if count not in _WORDS or text[-1] not in ".!" or not (text[0].isupper() or text[0] in "«„"):
        return False
    letters = sum(char.isalpha() for char in text)
    return letters > 0.65 * len(text) and "=" not in text and len(_FINITE.findall(text)) >= 3
