"""How relations are worded: data in a TOML file, one table a relation."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.multistep.facts import read_toml
from rag.errors import first_mistake
from retrievers.errors import InputError


class Construction(StrEnum):
    """Syntax by which a question stands for an entity it does not name."""

    GENITIVE = "genitive"  # «автор романа „Три товарища“»
    RELATIVE = "relative"  # «писатель, который создал …», «страна, чья столица — …»
    PARTICIPLE = "participle"  # «художник, написавший картину …»
    WHOSE = "whose"  # «поэт, чьему перу принадлежит …»
    APPOSITION = "apposition"  # «тот самый город на Неве, родина …»
    COMPARISON = "comparison"  # of two facts


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Description(_Strict):
    """A noun phrase that stands for the answer of a relation."""

    construction: Construction
    phrase: str = Field(min_length=1)


class FollowUp(_Strict):
    """A question on its own, and as it is asked in a conversation.

    Args:
        ask: with the subject's name.
        follow: with a pronoun for it; in an ellipsis, what is left when the same is asked of another subject.
    """

    ask: str = Field(min_length=1)
    follow: str = Field(min_length=1)


class Relation(_Strict):
    """Wordings of a relation. In all of them ``s`` is the subject; in descriptions ``o`` is the answer's role.

    Args:
        asks: questions of one step.
        describes: phrases that stand for the answer.
        follows: the same, asked after a question that has named the subject.
        ellipsis: the same, asked of a second subject.
        least, most: questions that compare the values of ``a`` and ``b``.
    """

    asks: tuple[str, ...] = Field(min_length=1)
    describes: tuple[Description, ...] = ()
    follows: tuple[FollowUp, ...] = ()
    ellipsis: FollowUp | None = None
    least: tuple[str, ...] = ()
    most: tuple[str, ...] = ()


Templates = dict[str, Relation]


def read_templates(path: Path) -> Templates:
    """Read a file of relations.

    Raises:
        InputError: naming the file, the relation and the field.
    """
    templates: Templates = {}
    for name, table in read_toml(path).items():
        try:
            templates[name] = Relation.model_validate(table)
        except ValidationError as error:
            raise InputError(f"{path}: {name}: {first_mistake(error)}") from error
    return templates
