"""What questions are composed of: entities, what is known of each, and where on its page that stands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rag.errors import first_mistake
from retrievers.errors import InputError
from retrievers.toml import parse_toml

Gender = Literal["masc", "femn", "neut", "plur"]
Split = Literal["dev", "test"]
MOST_EVIDENCE_WORDS = 5


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(_Strict):
    """One thing that a page says of an entity.

    Args:
        object: id of the entity that is the answer; "" where the answer is no entity of the file.
        answers: accepted answers, best first; empty where ``object`` is given, whose answers they are.
        evidence: at most five words as they stand in the paragraph that says it, which holds an answer too.
        page: doc_id of that page; "" for the entity's own.
        value: the answer as a number, where it is to be compared: a year, a length in the relation's unit.
    """

    object: str = ""
    answers: tuple[str, ...] = ()
    evidence: str = Field(min_length=1)
    page: str = ""
    value: float | None = None

    @field_validator("evidence")
    @classmethod
    def _short(cls, evidence: str) -> str:
        if len(evidence.split()) > MOST_EVIDENCE_WORDS:
            raise ValueError(
                f"must have at most {MOST_EVIDENCE_WORDS} words: it points at the text and is no copy of it"
            )
        return evidence


class Break(StrEnum):
    """What of an unanswerable question the pages do not hold."""

    SINGLE = "single"  # the answer to a question of one step
    FIRST = "first"  # who or what is meant: the answer to the first step
    SECOND = "second"  # the answer to the second step; the first one's is there


class Gap(_Strict):
    """One thing that could be asked of an entity and that no page says.

    Args:
        kind: what question it makes.
        ask: the question about the entity, as templates are written.
        describe: of FIRST, the phrase that stands for the unknown entity.
        then: of FIRST, the relation asked of it.
        stems: beginnings of words, in lower case; a paragraph with all words of one of these strings could hold the
            answer, so that none may stand on the entity's page, nor beside its name on any other.
    """

    kind: Break
    ask: str = Field(min_length=1)
    describe: str = ""
    then: str = ""
    stems: tuple[str, ...] = Field(min_length=1)


class Entity(_Strict):
    """Something that questions are about.

    Args:
        name: as templates take it: words in square brackets are inflected.
        kind: what it is; only what is of one kind is compared.
        gender: what verbs and pronouns agree with.
        role: noun phrase for relative clauses, like ``"[поэт]"``.
        page: doc_id of its own page; "" where it has none.
        mentions: beginnings of its name's words, in lower case without ё; any of them gives the entity away.
        answers: how it may be named in an answer, best first.
        split: part of the set that questions about it, and by way of it, belong to.
        facts: by relation.
        gaps: by a name of their own.
    """

    name: str = Field(min_length=1)
    kind: str = Field(min_length=1)
    gender: Gender
    role: str = ""
    page: str = ""
    mentions: tuple[str, ...] = Field(min_length=1)
    answers: tuple[str, ...] = ()
    split: Split = "test"
    facts: dict[str, Fact] = Field(default_factory=dict)
    gaps: dict[str, Gap] = Field(default_factory=dict)


Entities = dict[str, Entity]


def read_entities(path: Path) -> Entities:
    """Read a file of entities and facts.

    Raises:
        InputError: naming the file and the field; facts about unknown entities are wrong too.
    """
    entities = {name: _entity(path, name, table) for name, table in read_toml(path).items()}
    for name, entity in entities.items():
        for relation, fact in entity.facts.items():
            where = f"{path}: {name}.facts.{relation}"
            if fact.object and fact.object not in entities:
                raise InputError(f"{where}: object {fact.object!r} is no entity of this file")
            if not answers_of(fact, entities):
                raise InputError(f"{where}: no answers; name them, or an object that has some")
            if not page_of(fact, entity):
                raise InputError(f"{where}: no page; name it here, or the entity's own")
    return entities


def answers_of(fact: Fact, entities: Entities) -> tuple[str, ...]:
    """Accepted answers of a fact, its own before its object's."""
    return fact.answers or (entities[fact.object].answers if fact.object else ())


def page_of(fact: Fact, subject: Entity) -> str:
    """The doc_id of the page that says it."""
    return fact.page or subject.page


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return parse_toml(text, str(path))


def _entity(path: Path, name: str, table: object) -> Entity:
    try:
        return Entity.model_validate(table)
    except ValidationError as error:
        raise InputError(f"{path}: {name}: {first_mistake(error)}") from error
