"""Two things compared: «Кто из них старше?», «А кто умер раньше?» and «А короче?» after «…: X или Y?»."""

from __future__ import annotations

from collections.abc import Sequence

from rag.agent.conversation.mention import Mention
from rag.agent.conversation.mentions import mentions, question_mentions
from rag.agent.conversation.references import references
from rag.agent.conversation.sentence import LONGEST, Sentence, Word, parse
from rag.agent.conversation.turns import Turn
from rag.agent.conversation.vocabulary import vocabulary
from retrievers.analysis import morph

Pair = tuple[Mention, Mention]

_JOINTS = ("или", "и")
_LONGEST = 6  # words of a question that compares what the last one did
_ASKING = frozenset({"кто", "что", "какой", "который"})
_ENDS = " \t?!.…"


def is_among(sentence: Sentence, index: int) -> bool:
    """«кто из них»."""
    words = sentence.words
    return index == 2 and words[index].folded == "них" and words[index - 1].folded == "из"


def last_pair(turns: Sequence[Turn]) -> Pair | None:
    """The two that «из них» means: joined by «или» or «и» in one question, or the whole of one answer."""
    known = mentions(turns)
    for age, turn in enumerate(reversed(turns), start=1):
        said = [one for one in known if one.age == age]
        if (pair := _joined(turn.question, said) or _answered(said)) is not None:
            return pair
    return None


def compare(sentence: Sentence, pair: Pair) -> str:
    """«Кто из них старше?» as «Кто старше: Пушкин или Гоголь?»."""
    return _with_pair(sentence.rebuilt({1: "", 2: ""}, {}), pair)


def compare_again(rest: str, turns: Sequence[Turn]) -> tuple[str, Pair] | None:
    """The two of «Кто родился раньше: X или Y?» compared by something else: «А кто умер раньше?», «А позже?».

    Args:
        rest: the question without its opening particle.
        turns: said before, the last turn the one that compared.

    Returns:
        The standalone question and what it compares; None where nothing is compared or the question names something.
    """
    last = turns[-1].question
    before, colon, _ = last.partition(":")
    if not colon or len(last) > LONGEST:
        return None
    sentence = parse(rest.rstrip(_ENDS))
    words = sentence.words
    compared = [word for word in words if _is_comparative(word)]
    if not words or len(words) > _LONGEST or len(compared) != 1:
        return None
    asked = words[0].lemma in _ASKING
    if not (asked or len(words) == 1) or references(sentence) or question_mentions(sentence.text):
        return None
    named = [one for one in mentions(turns) if one.age == 1]
    pair = _joined(last, named, _JOINTS[:1])
    if pair is None:
        return None
    if asked:
        return _with_pair(sentence.text, pair), pair
    earlier = parse(before)
    places = [at for at, word in enumerate(earlier.words) if _is_comparative(word)]
    if len(places) != 1 or not earlier.words or earlier.words[0].lemma not in vocabulary().interrogatives:
        return None
    return _with_pair(earlier.rebuilt({places[0]: words[0].text.lower()}, {}), pair), pair


def _joined(question: str, named: Sequence[Mention], joints: Sequence[str] = _JOINTS) -> Pair | None:
    words = parse(question).words
    said = [one for one in named if not one.from_answer]
    for joint in joints:
        for at in (index for index, word in enumerate(words) if word.folded == joint):
            left = next((one for one in said if one.stop == at), None)
            right = next((one for one in said if one.start == at + 1), None)
            if left is None or right is None or (left.start and words[left.start - 1].text == ","):
                continue  # «X, Y или Z»: three
            return left, right
    return None


def _answered(named: Sequence[Mention]) -> Pair | None:
    """«Фаддей Беллинсгаузен и Михаил Лазарев»."""
    answers = [one for one in named if one.from_answer]
    if len(answers) == 3 and answers[0].plural and answers[0].text == f"{answers[1].text} и {answers[2].text}":
        return answers[1], answers[2]
    return None


def _with_pair(text: str, pair: Pair) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip(_ENDS)}: {pair[0].text} или {pair[1].text}?"


def _is_comparative(word: Word) -> bool:
    return word.pos in ("ADJ", "ADV") and any(str(one.tag.POS) == "COMP" for one in morph().parse(word.folded))
