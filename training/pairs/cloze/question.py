"""A clause and a question phrase become a question: agreement, order, and what a question must not look like."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from generators.reading.parsing import Word
from retrievers.analysis import lemmas
from training.pairs.cloze.answers import AnswerKind, Span
from training.pairs.cloze.asking import Asked, Asker
from training.pairs.cloze.clause import Clause, Part, Tree
from training.pairs.cloze.definitions import definition_of
from training.pairs.cloze.forms import gender_of, in_number, spaced
from training.pairs.cloze.grounding import Topic
from training.pairs.cloze.phrases import phrases_of
from training.pairs.cloze.rules import rules
from training.pairs.cloze.shortening import is_named, shortened, text_of, without_ties

_SHORTEST, _LONGEST = 3, 14  # words of a question
_SHORTEST_FOR_PHRASE = 5  # «Что было у Броза?» asks for nothing in particular
_LONGEST_UNIT = 3  # words
_SPACE_BEFORE = re.compile(r"\s+([,;:.!?%»”)])")
# Another clause that came along, a list, a bracket, an abbreviation cut in two, a dash between two clauses.
_BROKEN = re.compile(r", (?:а|но|и) |[()\[\]{}=|…;:]|\.\.|\s[-–—]\s|\b[а-яё]{2,4}\. |\bг (?=[а-яё])|,\?")


@dataclass(frozen=True, slots=True)
class Made:
    """A question.

    Args:
        text: with its question mark.
        kind: of the answer.
        start, stop: offsets of the answer into the passage.
    """

    text: str
    kind: AnswerKind
    start: int
    stop: int


def questions_of(
    tree: Tree, spans: Sequence[Span], asker: Asker, topic: Topic, randomness: random.Random
) -> Iterator[Made]:
    """All questions the rules can make of one sentence, some of them more than once.

    Args:
        tree: of the sentence.
        spans: names, times and numbers in it.
        asker: makes the question phrases.
        topic: what the passage is about at this sentence.
        randomness: of lengths and wordings.
    """
    if defined := definition_of(tree, topic.title):
        first, last, text = defined
        yield Made(text, AnswerKind.DEFINITION, tree.words[first].start, tree.words[last - 1].stop)
    asked_of: list[tuple[AnswerKind, Clause, Asked]] = []
    seen: set[int] = set()
    for span in spans:
        clause = topic.grounded(tree, tree.clause(span.head))
        if clause is not None and (asked := asker.ask(tree, clause, span)):
            asked_of.append((span.kind, clause, asked))
    for index in range(len(tree.words)):
        clause = topic.grounded(tree, tree.clause(index)) if tree.is_predicate(index) else None
        if clause is not None and clause.predicate not in seen:
            seen.add(clause.predicate)
            asked_of += [(kind, clause, asked) for kind, asked in phrases_of(tree, clause, spans)]
    for span in spans:
        clause = topic.grounded(tree, tree.clause(span.head)) if span.kind is AnswerKind.NUMBER else None
        if clause is not None and (made := _measured(tree, clause, span, topic, randomness)):
            yield made
    for kind, clause, asked in asked_of:
        if made := _make(tree, clause, asked, kind, topic, randomness):
            yield made


def _make(
    tree: Tree, clause: Clause, asked: Asked, kind: AnswerKind, topic: Topic, randomness: random.Random
) -> Made | None:
    parts = without_ties(tree, [part for part in clause.parts if part is not asked.part])
    core = _core_text(tree, clause, asked.agreement)
    if not parts or core is None:
        return None
    parts = _owned(tree, parts, topic)
    parts = shortened(tree, parts, len(asked.phrase.split()) + len(core.split()), randomness)
    text = _finish(_ordered(tree, clause, asked, parts, core))
    answer = tree.words[asked.first : asked.last]
    shortest = _SHORTEST_FOR_PHRASE if kind is AnswerKind.PHRASE else _SHORTEST
    named = any(is_named(tree, part) for part in parts) or any(char.isupper() for char in asked.phrase)
    if not (named or topic.title.is_named_in(text)) or not shortest <= len(text.split()) <= _LONGEST:
        return None
    return Made(text, kind, answer[0].start, answer[-1].stop) if _is_whole(text, answer, asked.phrase) else None


def _measured(tree: Tree, clause: Clause, span: Span, topic: Topic, randomness: random.Random) -> Made | None:
    """«Площадь озера составляет 326 км²» asks «Какова площадь озера?»: the answer has its unit."""
    words = tree.words
    subject, measured = clause.subject, clause.part_of(span.head)
    if subject is None or measured is None or measured is subject or subject.text is not None:
        return None
    noun = words[subject.head]
    if words[clause.predicate].lemma not in rules().measure_verbs or noun.lemma not in rules().measure_nouns:
        return None
    unit = [at for at in measured.words if at >= span.last]
    if unit != list(range(span.last, span.last + len(unit))) or len(unit) > _LONGEST_UNIT:
        return None
    parts = without_ties(tree, [part for part in clause.parts if part is not measured])
    if parts is None:
        return None
    parts = shortened(tree, _owned(tree, parts, topic), 1, randomness)
    what = sorted(parts, key=lambda part: not part.is_subject)
    text = _finish(" ".join([rules().what_like[gender_of(noun)], *(text_of(tree, part) for part in what)]))
    answer = words[span.first : span.last + len(unit)]
    if not (any(is_named(tree, part) for part in what) or topic.title.is_named_in(text)):
        return None
    return Made(text, AnswerKind.MEASURE, answer[0].start, answer[-1].stop) if _is_whole(text, answer, "") else None


def _core_text(tree: Tree, clause: Clause, agreement: str | None) -> str | None:
    """The predicate, agreeing with the question word; None where it points out of the clause or was misread."""
    forms: list[tuple[Word, str]] = []
    for at in clause.core:
        word = tree.words[at]
        if word.lemma in rules().pointing and word.pos in ("PRON", "DET"):
            return None
        text = tree.lowered(at)
        if agreement is not None and (word.feats.get("VerbForm") == "Fin" or word.feats.get("Variant") == "Short"):
            text = in_number(dataclasses.replace(word, text=text), agreement)
        forms.append((word, text))
    said = [word.folded for word, _ in forms]
    return spaced(forms) if forms and len(set(said)) == len(said) else None


def _owned(tree: Tree, parts: Sequence[Part], topic: Topic) -> list[Part]:
    """The parts, with «население» alone made «население Владивостока»."""
    genitive = topic.title.genitive()
    result = []
    for part in parts:
        lone = part.text is None and part.is_subject and len(part.words) == 1
        if genitive and lone and tree.words[part.head].lemma in rules().relational:
            part = dataclasses.replace(part, text=f"{tree.lowered(part.head)} {genitive}")
        result.append(part)
    return result


def _ordered(tree: Tree, clause: Clause, asked: Asked, parts: Sequence[Part], core: str) -> str:
    """The question phrase, then predicate and subject, then the rest as it stood, what came first last."""
    words, at = tree.words, clause.predicate
    subject = next((part for part in parts if part.is_subject), None)
    adverbs = [part for part in parts if words[part.head].pos == "ADV" and len(part.words) == 1 and part.head < at]
    others = [part for part in parts if part is not subject and part not in adverbs]
    # What stood before the predicate goes to the end; objects stay beside the verb.
    in_order = sorted(others, key=lambda part: (part.relation != "obj", part.words[0] < at))
    said = [text_of(tree, subject)] if subject is not None else []
    predicate = [*(text_of(tree, part) for part in adverbs), core]
    rest = [text_of(tree, part) for part in in_order]
    nominal = words[at].pos not in ("VERB", "AUX") and not words[at].feats.get("Variant")
    transitive = any(part.relation == "obj" for part in others)
    short_subject = len(said) == 1 and len(said[0].split()) == 1 and rest
    linking = words[at].lemma in rules().role_verbs and any(words[part.head].case == "Ins" for part in others)
    subject_first = nominal or transitive or linking or short_subject
    return " ".join([asked.phrase, *(said + predicate if subject_first else predicate + said), *rest])


def _finish(text: str) -> str:
    text = _SPACE_BEFORE.sub(r"\1", " ".join(text.split())).strip(" ,;:—–-.")
    return f"{text[:1].upper()}{text[1:]}?"


def _is_whole(text: str, answer: Sequence[Word], phrase: str) -> bool:
    """Nothing was torn off, and the answer is not given away."""
    if _BROKEN.search(text) or text[:-1].endswith(rules().dangling):
        return False
    if text.count("«") != text.count("»") or text.count("„") != text.count("“") or text.count('"') % 2:
        return False
    own = set(lemmas(text)) - set(lemmas(phrase))
    return not any(word.lemma in own for word in answer if word.text[:1].isalnum() and len(word.text) > 3)
