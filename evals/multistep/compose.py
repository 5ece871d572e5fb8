"""Joins facts into questions: which pairs, and what each becomes before a person has read it.

Everything follows the files' order and the questions' own ids, so that the same files make the same questions, and a
new fact leaves the wording of the others as it was read.
"""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from evals.dataset import Hop, Question, Turn
from evals.multistep.facts import Break, Entities, Entity, Fact, Gap, Split, answers_of, page_of
from evals.multistep.templates import Construction, Relation, Templates
from evals.multistep.wording import Phrase, Pronoun, describe, sentence
from retrievers.errors import InputError

MOST_USES = 2  # of one fact on one side of a join: no fact may dominate the set
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Draft:
    """A composed question that nobody has read yet.

    Args:
        question: as the templates word it.
        kind: what it was composed as, for the counts: a construction, a kind of follow-up, what is broken.
        relations: those it goes through, in order.
        secrets: entities that the question must not name.
        facts: ``(subject, relation)`` of those it rests on, hop by hop.
        gap: ``(subject, name)`` of what the pages do not hold.
    """

    question: Question
    kind: str
    relations: tuple[str, ...]
    secrets: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    gap: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """A fact with all that belongs to it."""

    subject: str
    relation: str
    entity: Entity
    fact: Fact
    wording: Relation

    @property
    def path(self) -> str:
        return f"{self.subject}.{self.relation}"

    @property
    def key(self) -> tuple[str, str]:
        return self.subject, self.relation

    @property
    def page(self) -> str:
        return page_of(self.fact, self.entity)


class Composer:
    """Composes the three sets of entities and templates.

    Args:
        entities: with their facts and gaps.
        templates: of every relation that a fact names.

    Raises:
        InputError: a relation has no templates.
    """

    def __init__(self, entities: Entities, templates: Templates) -> None:
        self._entities = entities
        self._templates = templates
        self._facts = [
            _Known(name, relation, entity, fact, self._relation(relation, f"{name}.facts.{relation}"))
            for name, entity in entities.items()
            for relation, fact in entity.facts.items()
        ]

    def two_step(self) -> list[Draft]:
        """Questions over two facts: those that share an entity, then those that are compared."""
        joins = (pair for pair in self._joins() if pair[0].wording.describes)
        return [*map(self._bridge, self._capped(joins)), *self._comparisons()]

    def follow_ups(self) -> list[Draft]:
        """Second questions of a conversation: about the answer, about the same subject, and the same of another."""
        return [*self._about_answers(), *self._about_subjects(), *self._ellipses()]

    def unanswerable(self) -> list[Draft]:
        """Questions whose answer, or whose first step's answer, no page holds."""
        return [
            self._unanswerable(name, entity, label, gap)
            for name, entity in self._entities.items()
            for label, gap in entity.gaps.items()
        ]

    def _relation(self, name: str, where: str) -> Relation:
        if name not in self._templates:
            raise InputError(f"{where}: no templates for the relation {name!r}")
        return self._templates[name]

    def _joins(self) -> Iterator[tuple[_Known, _Known]]:
        """Facts whose answer is the other's subject, on different pages, that do not lead back."""
        for first, second in itertools.product(self._facts, self._facts):
            leads_back = second.fact.object == first.subject
            if first.fact.object == second.subject and first.page != second.page and not leads_back:
                yield first, second

    @staticmethod
    def _capped(pairs: Iterable[tuple[_Known, _Known]], most: int = MOST_USES) -> list[tuple[_Known, _Known]]:
        """Pairs in which no fact is used more than ``most`` times on its side, the least used ones first."""
        by_first: dict[str, list[tuple[_Known, _Known]]] = {}
        for pair in pairs:
            by_first.setdefault(pair[0].path, []).append(pair)
        uses: Counter[str] = Counter()
        chosen: list[tuple[_Known, _Known]] = []
        for _, choices in itertools.product(range(most), by_first.values()):
            least = min(choices, key=lambda one: uses[one[1].path], default=None)
            if least is not None and uses[least[1].path] < most:
                uses[least[1].path] += 1
                choices.remove(least)
                chosen.append(least)
        return chosen

    def _bridge(self, pair: tuple[_Known, _Known]) -> Draft:
        first, second = pair
        qid = f"ts-{second.entity.split}-{first.path}.{second.relation}"
        phrase, construction = self._description(first, qid)
        question = Question(
            qid=qid,
            question=sentence(_pick(second.wording.asks, qid), {"s": phrase}),
            answers=answers_of(second.fact, self._entities),
            gold_doc_ids=(first.page, second.page),
            hops=(self._hop(first), self._hop(second)),
        )
        return Draft(
            question, construction, (first.relation, second.relation), (second.subject,), (first.key, second.key)
        )

    def _description(self, known: _Known, qid: str) -> tuple[Phrase, Construction]:
        chosen = _pick(known.wording.describes, qid)
        bridge = self._entities[known.fact.object]
        role = Phrase(bridge.role or "[человек]", bridge.gender)
        phrase = describe(chosen.phrase.replace("{o}", role.text), {"s": name_of(known.entity), "o": role})
        return phrase, chosen.construction

    def _comparisons(self) -> Iterator[Draft]:
        comparable = [one for one in self._facts if one.fact.value is not None and one.wording.least]
        for first, second in _neighbours(comparable):
            if first.fact.value == second.fact.value:
                continue
            split, wording = first.entity.split, first.wording
            qid = f"ts-{split}-{first.path}~{second.path}"
            least = bool(_checksum(qid) % 2) or not wording.most
            winner = (min if least else max)((first, second), key=lambda one: one.fact.value or 0)
            question = Question(
                qid=qid,
                question=sentence(
                    _pick(wording.least if least else wording.most, qid),
                    {"a": name_of(first.entity), "b": name_of(second.entity)},
                ),
                answers=winner.entity.answers,
                gold_doc_ids=tuple(dict.fromkeys((first.page, second.page))),
                hops=(self._hop(first), self._hop(second)),
            )
            yield Draft(question, Construction.COMPARISON, (first.relation,), (), (first.key, second.key))

    def _hop(self, known: _Known) -> Hop:
        return Hop(
            question=self._ask(known),
            answer=answers_of(known.fact, self._entities)[0],
            gold_doc_ids=(known.page,),
        )

    def _ask(self, known: _Known) -> str:
        return sentence(_pick(known.wording.asks, known.path), {"s": name_of(known.entity)})

    def _about_answers(self) -> Iterator[Draft]:
        pairs = [pair for pair in self._joins() if pair[1].wording.follows]
        for first, second in self._capped(pairs, most=1):
            yield self._follow_up(first, second, "answer")

    def _about_subjects(self) -> Iterator[Draft]:
        """Every second fact of an entity after the one before it."""
        for _, group in itertools.groupby(self._facts, key=lambda one: one.subject):
            facts = list(group)
            for first, second in zip(facts[::2], facts[1::2], strict=False):
                if second.wording.follows:
                    yield self._follow_up(first, second, "subject")

    def _follow_up(self, first: _Known, second: _Known, kind: str) -> Draft:
        path = f"{first.path}.{second.relation}" if kind == "answer" else f"{first.path}+{second.relation}"
        qid = f"fu-{second.entity.split}-{path}"
        wording = _pick(second.wording.follows, qid)
        text = sentence(wording.follow, {"s": Pronoun(second.entity.gender)})
        standalone = sentence(wording.ask, {"s": name_of(second.entity)})
        return self._turn(qid, text, self._ask(first), standalone, (first, second), kind)

    def _ellipses(self) -> Iterator[Draft]:
        elliptic = [one for one in self._facts if one.wording.ellipsis is not None]
        for first, second in _neighbours(elliptic):
            wording = first.wording.ellipsis
            if wording is None:  # for the type checker: those without were left out above
                continue
            qid = f"fu-{first.entity.split}-{first.path}~{second.path}"
            one, other = {"s": name_of(first.entity)}, {"s": name_of(second.entity)}
            standalone = sentence(wording.ask, other)
            text = sentence(wording.follow, other)
            yield self._turn(qid, text, sentence(wording.ask, one), standalone, (first, second), "ellipsis")

    def _turn(
        self, qid: str, text: str, before: str, standalone: str, facts: tuple[_Known, _Known], kind: str
    ) -> Draft:
        first, second = facts
        question = Question(
            qid=qid,
            question=text,
            answers=answers_of(second.fact, self._entities),
            gold_doc_ids=(second.page,),
            history=(Turn(question=before, answer=answers_of(first.fact, self._entities)[0]),),
            standalone=standalone,
        )
        secrets = () if kind == "ellipsis" else (second.subject,)
        return Draft(question, kind, (first.relation, second.relation), secrets, (first.key, second.key))

    def _unanswerable(self, name: str, entity: Entity, label: str, gap: Gap) -> Draft:
        asked = sentence(gap.ask, {"s": name_of(entity)})
        qid = f"un-{entity.split}-{name}.{label}"
        match gap.kind:
            case Break.SINGLE:
                question = Question(qid=qid, question=asked, answerable=False)
                return Draft(question, gap.kind, (label,), gap=(name, label))
            case Break.FIRST:
                return self._first_broken(qid, name, entity, label, gap, asked)
            case Break.SECOND:
                return self._second_broken(name, label, gap, asked)

    def _first_broken(self, qid: str, name: str, entity: Entity, label: str, gap: Gap, asked: str) -> Draft:
        then = self._relation(gap.then, f"{name}.gaps.{label}")
        phrase = describe(gap.describe, {"s": name_of(entity)})
        text = sentence(_pick(then.asks, qid), {"s": phrase})
        question = Question(qid=f"{qid}.{gap.then}", question=text, answerable=False, hops=(Hop(question=asked),))
        return Draft(question, gap.kind, (label, gap.then), gap=(name, label))

    def _second_broken(self, name: str, label: str, gap: Gap, asked: str) -> Draft:
        leading = [one for one in self._facts if one.fact.object == name and one.wording.describes]
        if not leading:
            raise InputError(f"{name}.gaps.{label}: no fact leads to {name!r}, so that no second step can ask of it")
        first = _pick(leading, f"{name}.{label}")
        qid = f"un-{self._entities[name].split}-{first.path}.{label}"
        phrase, _ = self._description(first, qid)
        question = Question(
            qid=qid,
            question=sentence(gap.ask, {"s": phrase}),
            answerable=False,
            hops=(self._hop(first), Hop(question=asked)),
        )
        return Draft(question, gap.kind, (first.relation, label), (name,), (first.key,), (name, label))


def name_of(entity: Entity) -> Phrase:
    """An entity's name as it fills a slot."""
    return Phrase(entity.name, entity.gender)


def _neighbours(facts: Sequence[_Known]) -> Iterator[tuple[_Known, _Known]]:
    """Disjoint pairs of one relation, kind of entity and split, in the order of the file."""
    groups: dict[tuple[str, str, Split], list[_Known]] = {}
    for one in facts:
        groups.setdefault((one.relation, one.entity.kind, one.entity.split), []).append(one)
    for group in groups.values():
        yield from zip(group[::2], group[1::2], strict=False)


def _pick(choices: Sequence[_T], key: str) -> _T:
    """One of the choices: always the same for the same key."""
    return choices[_checksum(key) % len(choices)]


def _checksum(key: str) -> int:
    return zlib.crc32(key.encode("utf-8"))
