"""A recipe: the steps of an experiment, what it needs, and the figures published for it. One TOML file each."""

from __future__ import annotations

import string
from collections.abc import Mapping
from importlib import resources
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rag.errors import first_mistake
from retrievers.errors import InputError
from retrievers.toml import parse_toml

# Placeholders that every recipe has.
OUT, CORPUS, QUESTIONS = "out", "corpus", "questions"
_SUFFIX = ".toml"


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Options):
    """A command of a recipe.

    Args:
        name: of the step; later steps name its output by it: ``{name}``.
        command: module that is run: ``training.biencoder``.
        arguments: of the command, with placeholders.
        makes: file or folder that the step writes, inside the output folder.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    command: str = Field(pattern=r"^(training|evals|rag)(\.[a-z_]+)+$")
    arguments: tuple[str, ...]
    makes: str

    @field_validator("makes")
    @classmethod
    def _inside(cls, makes: str) -> str:
        path = PurePosixPath(makes)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError("must be a path inside the output folder")
        return makes

    @property
    def placeholders(self) -> set[str]:
        """Names in braces in the arguments."""
        formatter = string.Formatter()
        return {name for argument in self.arguments for _, name, _, _ in formatter.parse(argument) if name is not None}


class Published(_Options):
    """A figure published for the experiment."""

    what: str
    metric: str
    value: float


class Recipe(_Options):
    """An experiment.

    Args:
        title: one line.
        about: what is compared, and what to look at, Markdown.
        source: where the published figures come from.
        needs: what must be there and is not shipped: models and data of the hub, hours.
        inputs: files that the user names with ``--input``: name to what it is.
        metrics: of the table of results, in order.
        steps: in order.
        published: figures to compare with.
        small: name of the twin that runs on what is shipped.
    """

    title: str
    about: str
    source: str = ""
    needs: tuple[str, ...] = ()
    inputs: Mapping[str, str] = Field(default_factory=dict)
    metrics: tuple[str, ...] = Field(min_length=1)
    steps: tuple[Step, ...] = Field(min_length=1)
    published: tuple[Published, ...] = ()
    small: str | None = None

    @model_validator(mode="after")
    def _steps_follow_from_one_another(self) -> Recipe:
        known = {OUT, CORPUS, QUESTIONS, *self.inputs}
        for step in self.steps:
            if unknown := sorted(step.placeholders - known):
                raise ValueError(f"step {step.name}: unknown {{{unknown[0]}}}; known: {', '.join(sorted(known))}")
            if step.name in known:
                raise ValueError(f"step {step.name}: the name stands for something else already")
            known.add(step.name)
        return self


def recipe_names() -> list[str]:
    """Names of the shipped recipes, a small twin behind its recipe."""
    return sorted(
        entry.name.removesuffix(_SUFFIX)
        for entry in resources.files("training.recipes").iterdir()
        if entry.name.endswith(_SUFFIX)
    )


def load_recipe(name: str) -> Recipe:
    """A shipped recipe by its name, or one's own by the path of its file.

    Raises:
        InputError: there is none, or it is wrong; names the field.
    """
    own = Path(name)
    if own.suffix == _SUFFIX:
        try:
            return parse_recipe(own.read_text(encoding="utf-8"), name)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{name} cannot be read: {error}") from error
    if name not in recipe_names():
        raise InputError(f"unknown recipe {name!r}; known: {', '.join(recipe_names())}, or the path of a .toml file")
    return parse_recipe(resources.files("training.recipes").joinpath(name + _SUFFIX).read_text("utf-8"), name)


def parse_recipe(text: str, name: str) -> Recipe:
    """A recipe of the text of its file.

    Raises:
        InputError: it is no TOML, or a field is wrong.
    """
    try:
        return Recipe.model_validate(parse_toml(text, name))
    except ValidationError as error:
        raise InputError(f"{name}: {first_mistake(error)}") from error
